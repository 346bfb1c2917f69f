"""From a declaration and a function to a step type: the contract that goes to the server."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from workflow_client.errors import InvalidStep
from workflow_client.generated import registry_pb2
from workflow_client.generated.registry_pb2 import StepContract
from workflow_client.json_values import NotJson, write
from workflow_client.signatures import Signature, Unreadable, read_signature
from workflow_client.steps import Effect, ErrorCode, StepType, Suspend

_EFFECTS: Final[Mapping[str, registry_pb2.Effect]] = {
    "pure": registry_pb2.EFFECT_PURE,
    "idempotent": registry_pb2.EFFECT_IDEMPOTENT,
    "at_most_once": registry_pb2.EFFECT_AT_MOST_ONCE,
}


@dataclass(frozen=True)
class Declaration:
    """What the decorator was told; see `Worker.step`."""

    name: str
    version: str = ""
    effect: Effect = "idempotent"
    timeout: float | None = None
    max_retries: int = 0
    errors: tuple[ErrorCode | str, ...] = ()
    blocking: bool = True
    slots: int | None = None
    slot_cost: int = 1
    streams: bool | None = None
    title: str = ""
    description: str | None = None
    documentation: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[object, ...] = ()
    estimated_cost_usd: float | None = None
    required_permissions: tuple[str, ...] = ()
    requires_approval: bool = False
    input_schema: Mapping[str, Any] | None = None
    output_schema: Mapping[str, Any] | None = None


def declare(wanted: Declaration, function: Callable[..., Any]) -> StepType:
    """Raises InvalidStep with what to change."""
    _check(wanted)
    signature = _signature(wanted.name, function)
    return StepType(_contract(wanted, function, signature), function, signature, _place(wanted, function), wanted.slots)


def declare_known(wanted: Declaration, function: Callable[..., Any]) -> StepType:
    """A function for a contract that the server has; only `name`, `version`, `blocking` and `slots` are looked at."""
    _check(wanted)
    known = StepContract(name=wanted.name, version=wanted.version)
    signature = _signature(wanted.name, function)
    return StepType(known, function, signature, _place(wanted, function), wanted.slots, is_known=True)


def _signature(name: str, function: Callable[..., Any]) -> Signature:
    try:
        return read_signature(function, Suspend)
    except Unreadable as failure:
        raise InvalidStep(name, str(failure)) from None


def _check(wanted: Declaration) -> None:
    if wanted.effect not in _EFFECTS:
        raise InvalidStep(wanted.name, f"effect is {wanted.effect!r}; it is one of {', '.join(_EFFECTS)}")
    if wanted.slots is not None and wanted.slots < 1:
        raise InvalidStep(wanted.name, f"slots is {wanted.slots}; leave it out, or give at least 1")
    if wanted.timeout is not None and not wanted.timeout > 0:
        raise InvalidStep(wanted.name, f"timeout is {wanted.timeout}; leave it out, or give seconds above 0")


def _place(wanted: Declaration, function: Callable[..., Any]) -> Literal["loop", "thread", "task"]:
    if inspect.iscoroutinefunction(function):
        return "task"
    return "thread" if wanted.blocking else "loop"


def _contract(wanted: Declaration, function: Callable[..., Any], signature: Signature) -> StepContract:
    return StepContract(
        name=wanted.name,
        version=wanted.version,
        title=wanted.title,
        description=_first_paragraph(function) if wanted.description is None else wanted.description,
        documentation=wanted.documentation,
        config_schema=signature.config_schema,
        input_schema=_schema(wanted.input_schema, signature.input_schema),
        output_schema=_schema(wanted.output_schema, signature.output_schema),
        error_codes=[_error_code(error) for error in wanted.errors],
        effect=_EFFECTS[wanted.effect],
        default_timeout_seconds=wanted.timeout,
        default_max_retries=wanted.max_retries,
        slot_cost=wanted.slot_cost,
        streams=signature.wants_context if wanted.streams is None else wanted.streams,
        tags=wanted.tags,
        examples=[_example(wanted.name, example) for example in wanted.examples],
        estimated_cost_usd=wanted.estimated_cost_usd,
        required_permissions=wanted.required_permissions,
        requires_approval=wanted.requires_approval,
        execution_type=registry_pb2.EXECUTION_TYPE_GRPC,
    )


def _first_paragraph(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")


def _schema(given: Mapping[str, Any] | None, read: str) -> str:
    return read if given is None else json.dumps(given)


def _error_code(error: ErrorCode | str) -> registry_pb2.ErrorCode:
    known = ErrorCode(error) if isinstance(error, str) else error
    return registry_pb2.ErrorCode(code=known.code, retryable=known.retryable, description=known.description)


def _example(name: str, example: object) -> str:
    try:
        return write(example).decode()
    except NotJson as failure:
        raise InvalidStep(name, f"an example is no JSON: {failure}") from None
