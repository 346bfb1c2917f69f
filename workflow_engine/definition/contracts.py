"""Configs against the contracts of their step types, as far as that can be known before the step runs."""

from dataclasses import dataclass, field, replace

from workflow_engine.definition.annotations import schema_of_written, without_doubt
from workflow_engine.definition.contents import Contents
from workflow_engine.definition.findings import Findings
from workflow_engine.definition.structure import Sketch
from workflow_engine.errors import Problem
from workflow_engine.jsontext import JsonObject, pointer
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.schemas import UNKNOWN_VALUE, InvalidSchema, SchemaLimits, Validator, compile_schema

_ABOUT_ABSENCE = frozenset({"missing-field", "unknown-field"})


@dataclass(slots=True)
class ConfigContracts:
    """The schemas of the step types of one document, each compiled once."""

    limits: SchemaLimits
    _validators: dict[tuple[str, bool], Validator] = field(default_factory=dict)

    def check(self, sketch: Sketch, contents: Contents, findings: Findings) -> None:
        """Refuse unknown and missing fields, wrong types and the like.

        A value that is none of those the type lists is let through: the step then fails with `invalid-config`.
        """
        if sketch.type is None or sketch.type.config_schema is None:
            return
        built = [pointer(*place) for place in contents.built_places]
        try:
            validator = self._validator(sketch.type, sketch.type.config_schema, templated=bool(built))
        except InvalidSchema as error:
            message = f"The config schema of this step type cannot be used: {error}"
            findings.refuse("invalid-schema", message, *sketch.place, "step_type")
            return
        prefix = pointer(*sketch.config_place)
        for problem in validator.problems(sketch.config):
            if problem.code != UNKNOWN_VALUE and not any(_is_unsettled(problem, place) for place in built):
                findings.add(replace(problem, pointer=prefix + problem.pointer))

    def _validator(self, step_type: StepType, schema: JsonObject, *, templated: bool) -> Validator:
        key = (step_type.pin, templated)
        if key not in self._validators:
            written = schema_of_written(schema)
            certain = without_doubt(written) if templated else written
            self._validators[key] = compile_schema(certain, self.limits)
        return self._validators[key]


def _is_unsettled(problem: Problem, built: str) -> bool:
    """Whether the problem may vanish when the value at `built` is known."""
    if _lies_within(problem.pointer, built):
        return True
    return problem.code not in _ABOUT_ABSENCE and _lies_within(built, problem.pointer)


def _lies_within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")
