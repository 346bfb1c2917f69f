"""What a new version of a step type would break in one document: exactly what the document reads of it or gives to it.

A reference is touched when it resolves to the new version afterwards and to an older one before. It breaks when the
document is not valid any more, when it reads a place of the output that is not what it was, or when it hands in
something that is known only when it runs, where the new version demands more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from workflow_engine.definition.annotations import schema_of_built
from workflow_engine.definition.compiling import Understanding, examine
from workflow_engine.definition.contents import Contents
from workflow_engine.definition.findings import Findings, shown
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.reading import Draft, read_draft
from workflow_engine.definition.structure import Resolve, Sketch
from workflow_engine.definition.yields import (
    Known,
    Place,
    Read,
    Sources,
    fits_as_null,
    input_place,
    known,
    reads_of,
    reads_of_condition,
)
from workflow_engine.errors import Problem
from workflow_engine.expressions import StaticPath
from workflow_engine.jsontext import Json, JsonObject, pointer
from workflow_engine.steps.compatibility import Difference, narrowings, output_losses, told_of_taken
from workflow_engine.steps.contract import DefaultInput, StepType
from workflow_engine.steps.fitting import ANYTHING, Described, lacks, part_at
from workflow_engine.steps.schemas import UNKNOWN_VALUE, InvalidSchema, compile_schema

OUTPUT_CHANGED = "output-changed"
INPUT_NOT_KNOWN = "input-not-known"
MOST_TOLD = 3


def broken_by(
    document: Json, new: StepType, before: Resolve, after: Resolve, limits: DefinitionLimits
) -> tuple[Problem, ...]:
    """Everything in `document` that `new` breaks, with pointers into it; empty when it goes on as it did.

    `before` and `after` resolve step types without the new version and with it; other types stay what they were.
    """

    def with_new(name: str) -> StepType | None:
        return after(name) if name.partition("@")[0] == new.name else before(name)

    then, now = Findings(limits.problems), Findings(limits.problems)
    draft = read_draft(document, limits, then)
    if draft is None:
        return ()
    was = examine(draft, before, limits, then)
    comparison = _Comparison(draft, was, examine(draft, with_new, limits, now), new)
    if not comparison.touched:
        return ()
    known_before = {(problem.code, problem.pointer) for problem in then.problems}
    found = [problem for problem in now.problems if (problem.code, problem.pointer) not in known_before]
    places = {problem.pointer for problem in found}
    for problem in (*comparison.lost_outputs(), *comparison.new_demands()):
        if problem.pointer not in places:
            places.add(problem.pointer)
            found.append(problem)
    return tuple(found)


@dataclass(slots=True)
class _Comparison:
    """One document, understood with the step types before and after."""

    draft: Draft
    was: Understanding
    now: Understanding
    new: StepType

    @property
    def touched(self) -> dict[str, StepType]:
        """Steps whose reference resolves to the new version now, with the type they had."""
        found: dict[str, StepType] = {}
        for step_id, sketch in self.now.structure.by_id.items():
            old = self.was.structure.by_id[step_id].type
            if (
                sketch.type is not None
                and sketch.type.pin == self.new.pin
                and old is not None
                and old.pin != self.new.pin
            ):
                found[step_id] = old
        return found

    # --- what is read

    def lost_outputs(self) -> Iterator[Problem]:
        touched = self.touched
        for place, read in self._reads():
            old = touched.get(read.path.step_id or "")
            if old is None or read.path.segments[:1] not in ((), ("output",)):
                continue
            losses = _losses(old.output_schema, self.new.output_schema, read)
            if losses:
                message = (
                    f"{shown(str(read.path))} is not in {self.new.pin} what it was in {old.pin}: {_joined(losses)}"
                )
                yield Problem(OUTPUT_CHANGED, message, pointer(*place))

    def _reads(self) -> Iterator[tuple[Place, Read]]:
        for step_id, contents in self.was.contents.items():
            sketch = self.was.structure.by_id[step_id]
            yield from _reads_of_step(sketch, contents, self.touched)
        if self.was.output is not None:
            yield from ((("output", *place), read) for place, read in reads_of(known(self.was.output)))

    # --- what is given

    def new_demands(self) -> Iterator[Problem]:
        sources = Sources(self.now.structure.by_id, self.draft.definition.input_schema)
        for step_id, old in self.touched.items():
            sketch, contents = self.now.structure.by_id[step_id], self.now.contents[step_id]
            given, config = known(contents.input), known(contents.config)
            if sketch.mapping or old.default_input is DefaultInput.NONE:
                for place, told in _unsettled(given, old.input_schema, self.new.input_schema, sources):
                    yield self._demanded(input_place(sketch, place), "input", told)
            elif demands := _demands(_input_beneath(self, old), old.input_schema, self.new.input_schema):
                yield self._demanded((*sketch.place, "step_type"), "input", demands)
            older, newer = _built(old.config_schema), _built(self.new.config_schema)
            for place, told in _unsettled(config, older, newer, sources):
                yield self._demanded((*sketch.config_place, *place), "config", told)
            for problem in _values_refused(config, older, newer):
                yield Problem(problem.code, problem.message, pointer(*sketch.config_place) + problem.pointer)

    def _demanded(self, place: Place, part: str, demands: list[Difference]) -> Problem:
        told = _joined([told_of_taken(part, demand) for demand in demands])
        message = f"What stands here is known only when the step runs, and {self.new.pin} takes less: {told}"
        return Problem(INPUT_NOT_KNOWN, message, pointer(*place))


def _reads_of_step(sketch: Sketch, contents: Contents, touched: dict[str, StepType]) -> Iterator[tuple[Place, Read]]:
    if contents.guard is not None:
        yield from (((*sketch.place, "conditions"), read) for read in reads_of_condition(contents.guard))
    yield from ((input_place(sketch, place), read) for place, read in reads_of(known(contents.input)))
    yield from (((*sketch.config_place, *place), read) for place, read in reads_of(known(contents.config)))
    if not sketch.mapping and sketch.type is not None and sketch.type.default_input is DefaultInput.DEPENDENCIES:
        for name in sketch.dependencies:
            if name in touched:
                yield (*sketch.place, "dependencies"), _whole_output(name)


def _whole_output(step_id: str) -> Read:
    return Read(StaticPath(step_id, None, ("output",)), certain=True)


def _losses(old: JsonObject | None, new: JsonObject | None, read: Read) -> list[str]:
    """What is lost at the place that is read. What its author can do without may go, but not become something else."""
    path = read.path.segments[1:]
    was, is_now = Described.of(old), Described.of(new)
    if _is_gone(was, is_now, path):
        return [] if read.optional else ["it was removed"]
    return output_losses(part_at(was, path), part_at(is_now, path))


def _is_gone(was: Described, is_now: Described, path: Place) -> bool:
    """Whether the place, or one around it, was described and is not any more."""
    if lacks(is_now, path) and not lacks(was, path):
        return True
    inner = [path[: depth + 1] for depth in range(len(path))]
    return any(part_at(was, each) is not ANYTHING and part_at(is_now, each) is ANYTHING for each in inner)


def _unsettled(
    value: Known, old: JsonObject | None, new: JsonObject | None, sources: Sources
) -> Iterator[tuple[Place, list[Difference]]]:
    """The places whose value comes from elsewhere, where more is demanded than before and than is known to come."""
    was, is_now = Described.of(old), Described.of(new)
    changed = [each for each in narrowings(old, new) if each.kind in ("changed", "nothing")]
    for place, origin in value.built.items():
        before, after = part_at(was, place), part_at(is_now, place)
        around = [each for each in changed if len(each.path) < len(place) and place[: len(each.path)] == each.path]
        comes = sources.described(origin)
        demands = _demands(comes, before.schema, after.schema)
        if not demands and sources.may_be_null(origin) and fits_as_null(before) and not fits_as_null(after):
            demands = [Difference("type", (), "null")]
        if demands or around:
            yield place, [*demands, *around]


def _demands(comes: Described, old: Json, new: Json) -> list[Difference]:
    """Where the new schema is stricter, unless all that comes is known to fit it."""
    stricter = list(narrowings(_schema(old), _schema(new)))
    return stricter if stricter and any(narrowings(_schema(comes.schema), _schema(new))) else []


def _schema(value: Json) -> JsonObject | bool:
    return value if isinstance(value, dict | bool) else True


def _input_beneath(comparison: _Comparison, old: StepType) -> Described:
    """What a step is given when the document maps nothing."""
    if old.default_input is DefaultInput.EXECUTION:
        return Described.of(comparison.draft.definition.input_schema)
    return ANYTHING


def _built(schema: JsonObject | None) -> JsonObject | None:
    return None if schema is None else schema_of_built(schema)


def _values_refused(config: Known, old: JsonObject | None, new: JsonObject | None) -> Iterator[Problem]:
    """Literal values the new version does not list: validation lets them through, and the step would fail."""
    before = {(problem.code, problem.pointer) for problem in _listed_problems(config, old)}
    built = {pointer(*place) for place in config.built}
    for problem in _listed_problems(config, new):
        if (problem.code, problem.pointer) not in before and problem.pointer not in built:
            yield problem


def _listed_problems(config: Known, schema: JsonObject | None) -> list[Problem]:
    if schema is None:
        return []
    try:
        validator = compile_schema(schema)
    except InvalidSchema:  # A schema that cannot be used is a problem of its own, found by validation.
        return []
    return [problem for problem in validator.problems(config.value) if problem.code == UNKNOWN_VALUE]


def _joined(sentences: list[str]) -> str:
    more = len(sentences) - MOST_TOLD
    return "; ".join(sentences[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
