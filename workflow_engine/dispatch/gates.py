"""The two gates of a step type at run time: what goes in and what comes out is held against its schemas, every time."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, cast

from workflow_engine.definition.annotations import schema_of_built
from workflow_engine.errors import Problem
from workflow_engine.jsontext import Json, JsonObject, load, write
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    InvalidConfig,
    Routed,
    StepFailure,
    StepType,
    Suspended,
    Verdict,
)
from workflow_engine.steps.schemas import Validator, compile_schema

_VERDICTS: Final = (Completed, Routed, Suspended, Conversing)
MOST_KEPT: Final = 10_000
"""Contracts whose validators are kept; beyond, the oldest are compiled again when they are needed."""


class Gates:
    """Validators of step types, compiled once each. A violation raises `StepFailure` with pointers to what is wrong."""

    def __init__(self, max_result_bytes: int) -> None:
        self._max_result_bytes = max_result_bytes
        self._validators: OrderedDict[int, tuple[StepType, dict[str, Validator]]] = OrderedDict()

    def check_request(self, step_type: StepType, config: JsonObject, given: JsonObject) -> None:
        """Before dispatch. Codes: `invalid-config`, `contract-violation`."""
        validators = self._of(step_type)
        if (wrong := _problems(validators.get("config"), config)) is not None:
            raise InvalidConfig(f"The config of {step_type.name} is not valid: {_sentence(wrong)}", _details(wrong))
        if (wrong := _problems(validators.get("input"), given)) is not None:
            raise _violation(f"The input does not fit step type {step_type.name}", wrong)

    def check_answer(self, step_type: StepType, answer: object) -> Verdict:
        """On result: a verdict whose JSON is plain, small enough, and fits the output schema."""
        verdict = answer if isinstance(answer, _VERDICTS) else Completed(cast(Json, answer))
        if isinstance(verdict, Conversing):
            return Conversing(cast(JsonObject, self._plain(verdict.conversation)), self._plain(verdict.memo))
        if isinstance(verdict, Suspended):
            _check_wait(verdict.seconds, verdict.signal)
            return Suspended(verdict.seconds, verdict.signal, self._plain(verdict.memo))
        output = self._plain(verdict.output)
        if (wrong := _problems(self._of(step_type).get("output"), output)) is not None:
            raise _violation(f"The result does not fit the output schema of step type {step_type.name}", wrong)
        if isinstance(verdict, Routed):
            return Routed(output, _ids(verdict.to))
        return Completed(output, verdict.simulated)

    def check_read(self, step_type: StepType, verdict: Completed) -> Completed:
        """On result, where the output was just read from JSON and was small enough."""
        if (wrong := _problems(self._of(step_type).get("output"), verdict.output)) is not None:
            raise _violation(f"The result does not fit the output schema of step type {step_type.name}", wrong)
        return verdict

    def _of(self, step_type: StepType) -> dict[str, Validator]:
        known = self._validators.get(id(step_type))
        if known is None:
            known = self._validators[id(step_type)] = (step_type, _compiled(step_type))
            if len(self._validators) > MOST_KEPT:  # every agent brings contracts of its own
                self._validators.popitem(last=False)
        return known[1]

    def _plain(self, value: object) -> Json:
        """The value as the journal will give it back: what is not JSON is refused here, not found at recovery."""
        try:
            written = write(value)
        except (TypeError, ValueError) as failure:
            raise StepFailure("contract-violation", f"The result is not JSON: {failure}", retryable=False) from failure
        if len(written) > self._max_result_bytes:
            message = f"The result is {len(written)} bytes long; at most {self._max_result_bytes} are allowed"
            raise StepFailure("payload-too-large", message, retryable=False)
        plain = load(written)
        if plain != value and not _is_finite(value):
            message = "The result holds NaN or Infinity, which JSON does not know"
            raise StepFailure("contract-violation", message, retryable=False)
        return plain


def _check_wait(seconds: object, signal: object) -> None:
    if not isinstance(seconds, int | float | None) or not isinstance(signal, str | None):
        message = "A step suspends itself for a number of seconds, or until a signal that is named by a text"
        raise StepFailure("contract-violation", message, retryable=False)


def _ids(to: object) -> tuple[str, ...]:
    if not isinstance(to, tuple | list) or not all(isinstance(one, str) for one in to):
        raise StepFailure("contract-violation", "A step routes to a tuple of step ids", retryable=False)
    return tuple(to)


def _compiled(step_type: StepType) -> dict[str, Validator]:
    config = None if step_type.config_schema is None else schema_of_built(step_type.config_schema)
    schemas = {"config": config, "input": step_type.input_schema, "output": step_type.output_schema}
    return {name: compile_schema(schema) for name, schema in schemas.items() if schema is not None}


def _problems(validator: Validator | None, value: Json) -> Sequence[Problem] | None:
    if validator is None or validator.is_valid(value):
        return None
    return validator.problems(value)


def _violation(what: str, wrong: Sequence[Problem]) -> StepFailure:
    return StepFailure("contract-violation", f"{what}: {_sentence(wrong)}", retryable=False, details=_details(wrong))


def _sentence(wrong: Sequence[Problem]) -> str:
    return "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in wrong[:5])


def _details(wrong: Sequence[Problem]) -> Json:
    return {"problems": [{"pointer": p.pointer, "code": p.code, "message": p.message} for p in wrong[:50]]}


def _is_finite(value: object) -> bool:
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return True
