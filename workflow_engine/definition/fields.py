"""What may stand in a single field of the document: the types the model is written with.

A refusal is a `PydanticCustomError`: its type is already the code of the problem, its sentence echoes no value.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from workflow_engine.definition.limits import DefinitionLimits, Range
from workflow_engine.expressions import RESERVED_NAMES

STEP_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
STEP_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}(?:@[0-9A-Za-z^~<>=*.,| +-]{1,64})?")

_DEFAULTS: Final = DefinitionLimits()
_Number = TypeVar("_Number", int, float)


def _limits(info: ValidationInfo) -> DefinitionLimits:
    return info.context if isinstance(info.context, DefinitionLimits) else _DEFAULTS


def _within(limit: str) -> Callable[[_Number, ValidationInfo], _Number]:
    """A check against the range that is called `limit` in `DefinitionLimits`."""

    def check(value: _Number, info: ValidationInfo) -> _Number:
        allowed: Range = getattr(_limits(info), limit)
        if value not in allowed:
            raise PydanticCustomError("out-of-range", "This must be a number {allowed}", {"allowed": str(allowed)})
        return value

    return check


def _number_as_written(value: object) -> object:
    """Integers stay integers, so that `timed out after 1 seconds` shows the number the author wrote."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("wrong-type", "This must be a number")
    return value


def _step_id(value: object) -> object:
    if value is None or value == "":
        raise PydanticCustomError("missing-field", "Step missing 'step_id'")
    if not isinstance(value, str):
        raise PydanticCustomError("wrong-type", "This must be a string")
    if not STEP_ID.fullmatch(value):
        raise PydanticCustomError(
            "invalid-step-id",
            "A step id begins with a letter or '_', goes on with letters, digits, '_' or '-', "
            "and has at most 63 characters",
        )
    if value in RESERVED_NAMES:
        raise PydanticCustomError(
            "reserved-step-id", "'{name}' is a name of the expression scope; give the step another id", {"name": value}
        )
    return value


def _step_type(value: object) -> object:
    if value is None or value == "":
        raise PydanticCustomError("missing-field", "Step missing 'step_type'")
    if not isinstance(value, str):
        raise PydanticCustomError("wrong-type", "This must be a string")
    if not STEP_TYPE.fullmatch(value):
        raise PydanticCustomError(
            "invalid-step-type",
            "A step type begins with a letter, goes on with letters, digits, '_', '.' or '-', "
            "has at most 128 characters, and may end with '@' and a range of versions",
        )
    return value


def _few_tags(tags: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    most = _limits(info).tags
    if len(tags) > most:
        raise PydanticCustomError("out-of-range", "There may be at most {most} tags", {"most": most})
    return tags


def _short_tag(tag: str, info: ValidationInfo) -> str:
    most = _limits(info).tag_length
    if len(tag) > most:
        raise PydanticCustomError("out-of-range", "A tag may have at most {most} characters", {"most": most})
    return tag


def _shown_as(kind: str, allowed: Range) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "minimum": allowed.least, "maximum": allowed.most})


StepId = Annotated[
    str, BeforeValidator(_step_id), WithJsonSchema({"type": "string", "pattern": f"^{STEP_ID.pattern}$"})
]
StepTypeName = Annotated[
    str, BeforeValidator(_step_type), WithJsonSchema({"type": "string", "pattern": f"^{STEP_TYPE.pattern}$"})
]
Timeout = Annotated[
    int | float,
    BeforeValidator(_number_as_written),
    AfterValidator(_within("timeout_seconds")),
    _shown_as("number", _DEFAULTS.timeout_seconds),
]
Delay = Annotated[
    int | float,
    BeforeValidator(_number_as_written),
    AfterValidator(_within("delay_seconds")),
    _shown_as("number", _DEFAULTS.delay_seconds),
]
MaxRetries = Annotated[int, AfterValidator(_within("max_retries")), _shown_as("integer", _DEFAULTS.max_retries)]
MaxParallel = Annotated[int, AfterValidator(_within("max_parallel")), _shown_as("integer", _DEFAULTS.max_parallel)]
Tags = Annotated[tuple[Annotated[str, AfterValidator(_short_tag)], ...], AfterValidator(_few_tags)]
