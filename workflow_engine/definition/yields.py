"""What the values of a step are before it runs: what stands in the document, and what comes from elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from workflow_engine.definition.annotations import schema_of_built
from workflow_engine.definition.structure import Sketch
from workflow_engine.expressions import Condition, StaticPath, Template
from workflow_engine.expressions.cel import Program
from workflow_engine.expressions.composition import Truth
from workflow_engine.expressions.predicates import (
    AllOf,
    AnyOf,
    Comparison,
    Matches,
    MatchesFound,
    Not,
    Predicate,
    Yields,
)
from workflow_engine.expressions.templates import Computation, Computed, Fixed, ListOf, ObjectOf, Shape, TakenOver, Text
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.fitting import ANYTHING, NULL, Described, lacks, misfits, part_at

Place: TypeAlias = tuple[str | int, ...]
Origin: TypeAlias = StaticPath | Computation

_OF_RESULT: Final[Mapping[str, JsonObject]] = {
    "BOOL": {"type": "boolean"},
    "INT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "STRING": {"type": "string"},
}
_MAY_NOT_RUN: Final = ("?", "|", "&", "(")
"""Without one of these every part of an expression is computed, whatever the data."""


@dataclass(frozen=True, slots=True)
class Known:
    """A value as far as the document tells it: null stands at the places in `built`, which are filled in later."""

    value: Json
    built: Mapping[Place, Origin]
    fixed: Mapping[Place, Json]
    """The literal parts between them, each as a whole."""


def known(template: Template) -> Known:
    """What is known of the value of a template."""
    found = _Found(template.computations)
    return Known(found.value(template.shape, ()), found.built, found.fixed)


@dataclass(frozen=True, slots=True)
class _Found:
    computations: Sequence[Computation]
    built: dict[Place, Origin] = field(default_factory=dict)
    fixed: dict[Place, Json] = field(default_factory=dict)

    def value(self, shape: Shape, place: Place) -> Json:
        match shape:
            case Fixed(value):
                self.fixed[place] = value
                return value
            case ObjectOf(members):
                return {name: self.value(member, (*place, name)) for name, member in members}
            case ListOf(items):
                return [self.value(item, (*place, index)) for index, item in enumerate(items)]
            case TakenOver(path):
                self.built[place] = path
            case Computed(index):
                self.built[place] = self.computations[index]
        return None


@dataclass(frozen=True, slots=True)
class Sources:
    """The contracts behind the names an expression may use."""

    steps: Mapping[str, Sketch]
    input_schema: JsonObject | None
    _described: dict[str, Described] = field(default_factory=dict)
    _lacking: dict[tuple[int, Place], bool] = field(default_factory=dict)

    def whole(self, path: StaticPath) -> tuple[Described, Place] | None:
        """The schema of the output or input that the path leads into, and the rest of the path."""
        if path.root == "input":
            return self._kept("", self.input_schema), path.segments
        producer = self.steps.get(path.step_id) if path.step_id is not None else None
        if producer is None or producer.type is None or path.segments[:1] != ("output",):
            return None
        return self._kept(f"output of {producer.type.pin}", producer.type.output_schema), path.segments[1:]

    def lack(self, path: StaticPath) -> bool:
        """Whether nothing can ever be at this path, by the schema it leads into."""
        found = self.whole(path)
        if found is None:
            return False
        key = (id(found[0]), found[1])  # What is described is kept, so its identity stands for it.
        if key not in self._lacking:
            self._lacking[key] = lacks(*found)
        return self._lacking[key]

    def taken_as_input(self, step_type: StepType) -> Described:
        return self._kept(f"input of {step_type.pin}", step_type.input_schema)

    def taken_as_config(self, step_type: StepType) -> Described:
        """As the step sees it, with its conditions and expressions computed."""
        name = f"config of {step_type.pin}"
        if name not in self._described and step_type.config_schema is not None:
            self._described[name] = Described.of(schema_of_built(step_type.config_schema))
        return self._kept(name, None)

    def _kept(self, name: str, schema: JsonObject | None) -> Described:
        if name not in self._described:
            self._described[name] = Described.of(schema)
        return self._described[name]

    def described(self, origin: Origin) -> Described:
        """The schema of what comes from there; anything, where it is not known."""
        if isinstance(origin, StaticPath):
            found = self.whole(origin)
            return part_at(*found) if found is not None else ANYTHING
        if isinstance(origin, Text):
            return Described({"type": "string"}, {})
        if isinstance(origin, Truth):
            return Described({"type": "boolean"}, {})
        if isinstance(origin, Program) and (schema := _OF_RESULT.get(origin.result_type())) is not None:
            return Described(schema, {})
        return ANYTHING

    def may_be_null(self, origin: Origin) -> bool:
        """A skipped step leaves null behind, whatever its contract says."""
        return isinstance(origin, StaticPath) and origin.step_id is not None


def fits_as_null(target: Described) -> bool:
    return not misfits(Described(NULL, {}), target)


def input_place(sketch: Sketch, place: Place) -> Place:
    """Where in the document the part of the input at `place` is written."""
    if place and place[0] in (sketch.written.input_data or {}):
        return (*sketch.place, "input_data", *place)
    return (*sketch.mapping_place, *place)


# --- which places of outputs are read


@dataclass(frozen=True, slots=True)
class Read:
    """A path that is read.

    `certain`: whenever the step runs, and it must be there then. `optional`: its author says what to do without it.
    """

    path: StaticPath
    certain: bool
    optional: bool = False


def reads_of(value: Known) -> Iterator[tuple[Place, Read]]:
    """Each path that is read, with its place in the value."""
    for place, origin in value.built.items():
        yield from ((place, read) for read in _reads_of(origin))


def reads_of_condition(condition: Condition) -> Iterator[Read]:
    waiting: list[Predicate] = [condition.predicate]
    while waiting:
        match waiting.pop():
            case AllOf(parts) | AnyOf(parts):
                waiting.extend(parts)
            case Not(part):
                waiting.append(part)
            case Yields(_, Program() as program):
                yield from (Read(each.path, certain=False, optional=each.optional) for each in _reads_of(program))
            case Yields(_, StaticPath() as path):
                yield Read(path, certain=False)
            case Comparison(left=left, right=right) | MatchesFound(left=left, right=right):
                yield from (Read(side, certain=False) for side in (left, right) if isinstance(side, StaticPath))
            case Matches(left=StaticPath() as path):
                yield Read(path, certain=False)


def _reads_of(origin: Origin) -> Iterator[Read]:
    if isinstance(origin, StaticPath):
        yield Read(origin, certain=True)
    elif isinstance(origin, Text):
        for part in origin.parts:
            if not isinstance(part, str):
                yield from _reads_of(part)
    elif isinstance(origin, Truth):
        yield from reads_of_condition(origin.condition)
    elif isinstance(origin, Program):
        always = not any(sign in origin.source for sign in _MAY_NOT_RUN)
        asked = {place.path for place in origin.places if place.presence}
        for place in origin.places:
            optional = place.path in asked or place.path not in origin.paths
            yield Read(place.path, certain=always and not optional, optional=optional)
