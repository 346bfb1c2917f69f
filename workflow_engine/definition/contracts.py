"""Configs and inputs against the contracts of their step types, as far as that is known before the step runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from workflow_engine.definition.annotations import schema_of_written, without_doubt
from workflow_engine.definition.contents import Contents
from workflow_engine.definition.findings import Findings
from workflow_engine.definition.structure import Place, Sketch
from workflow_engine.definition.yields import input_place, known
from workflow_engine.errors import Problem
from workflow_engine.jsontext import Json, JsonObject, pointer
from workflow_engine.steps.contract import DefaultInput
from workflow_engine.steps.schemas import UNKNOWN_VALUE, InvalidSchema, SchemaLimits, Validator, compile_schema

_ABOUT_ABSENCE = frozenset({"missing-field", "unknown-field"})


@dataclass(slots=True)
class StepContracts:
    """The schemas of the step types of one document, each compiled once."""

    limits: SchemaLimits
    _validators: dict[tuple[str, str, bool], Validator] = field(default_factory=dict)

    def check_config(self, sketch: Sketch, contents: Contents, findings: Findings) -> None:
        """Refuse unknown and missing fields, wrong types and the like.

        A value that is none of those the type lists is let through: the step then fails with `invalid-config`.
        """
        if sketch.type is None or sketch.type.config_schema is None:
            return
        schema = schema_of_written(sketch.type.config_schema)
        validator = self._usable("config", sketch, schema, findings, templated=bool(contents.built_places))
        for problem in _settled(validator, sketch.config, contents.built_places):
            if problem.code != UNKNOWN_VALUE:
                findings.add(replace(problem, pointer=pointer(*sketch.config_place) + problem.pointer))

    def check_input(self, sketch: Sketch, contents: Contents, findings: Findings) -> None:
        """The same for what is mapped and given as `input_data`, unless something else lies beneath it."""
        if sketch.type is None or sketch.type.input_schema is None:
            return
        if not sketch.mapping and sketch.type.default_input is not DefaultInput.NONE:
            return
        given = known(contents.input)
        validator = self._usable("input", sketch, sketch.type.input_schema, findings, templated=bool(given.built))
        for problem in _settled(validator, given.value, given.built):
            name = problem.pointer[1:].split("/", 1)[0].replace("~1", "/").replace("~0", "~")
            where = input_place(sketch, (name,) if problem.pointer else ())
            prefix = pointer(*where[:-1]) if problem.pointer else pointer(*where)
            findings.add(replace(problem, pointer=prefix + problem.pointer))

    def _usable(
        self, part: str, sketch: Sketch, schema: JsonObject, findings: Findings, *, templated: bool
    ) -> Validator | None:
        key = (sketch.type.pin if sketch.type else "", part, templated)
        try:
            if key not in self._validators:
                certain = without_doubt(schema) if templated else schema
                self._validators[key] = compile_schema(certain, self.limits)
        except InvalidSchema as error:
            message = f"The {part} schema of this step type cannot be used: {error}"
            findings.refuse("invalid-schema", message, *sketch.place, "step_type")
            return None
        return self._validators[key]


def _settled(validator: Validator | None, value: Json, built: Iterable[Place]) -> Iterator[Problem]:
    """What is wrong whatever the values at the `built` places turn out to be."""
    places = [pointer(*place) for place in built]
    for problem in validator.problems(value) if validator is not None else ():
        if not any(_is_unsettled(problem, place) for place in places):
            yield problem


def _is_unsettled(problem: Problem, built: str) -> bool:
    """Whether the problem may vanish when the value at `built` is known."""
    if _lies_within(problem.pointer, built):
        return True
    return problem.code not in _ABOUT_ABSENCE and _lies_within(built, problem.pointer)


def _lies_within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")
