"""Step types as messages. A contract is read as the body of `POST /steps/register`, so that one reader judges both."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from workflow_engine.clock import iso
from workflow_engine.engine.breakages import Breakage
from workflow_engine.engine.steps import Registered
from workflow_engine.engine.workers import Standing, WorkerView
from workflow_engine.errors import InvalidDocument, MalformedRequest, Problem, WorkflowEngineError
from workflow_engine.jsontext import Json, JsonLimits, JsonObject, pointer, read_strict, write
from workflow_engine.rpc.generated import registry_pb2 as pb
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.contract import DefaultInput, Effect, ErrorCode, ExecutionType, StepType
from workflow_engine.steps.wire import write_entry

K = TypeVar("K")
V = TypeVar("V")

EFFECTS: Final = {
    pb.EFFECT_PURE: Effect.PURE,
    pb.EFFECT_IDEMPOTENT: Effect.IDEMPOTENT,
    pb.EFFECT_AT_MOST_ONCE: Effect.AT_MOST_ONCE,
}
DEFAULT_INPUTS: Final = {
    pb.DEFAULT_INPUT_NONE: DefaultInput.NONE,
    pb.DEFAULT_INPUT_DEPENDENCIES: DefaultInput.DEPENDENCIES,
    pb.DEFAULT_INPUT_EXECUTION: DefaultInput.EXECUTION,
}
EXECUTION_TYPES: Final = {
    pb.EXECUTION_TYPE_UNSPECIFIED: ExecutionType.GRPC,
    pb.EXECUTION_TYPE_LOCAL: ExecutionType.LOCAL,
    pb.EXECUTION_TYPE_API: ExecutionType.API,
    pb.EXECUTION_TYPE_RPC: ExecutionType.RPC,
    pb.EXECUTION_TYPE_WEBHOOK: ExecutionType.WEBHOOK,
    pb.EXECUTION_TYPE_GRPC: ExecutionType.GRPC,
    pb.EXECUTION_TYPE_POLL: ExecutionType.POLL,
}
_MESSAGE_NAMES: Final = {"step_type": "name", "name": "title", "parameters_schema": "config_schema"}
"""What the register body calls otherwise than the message: problems point into what was sent."""


def problem_of(problem: Problem) -> pb.Problem:
    return pb.Problem(pointer=problem.pointer, code=problem.code, message=problem.message)


# --- contracts that come in


def register_bodies(contracts: Iterable[pb.StepContract], limits: JsonLimits) -> list[JsonObject]:
    """The contracts as register bodies. Raises `InvalidDocument` for JSON in them that cannot be read."""
    readers = [_Contract(contract, limits) for contract in contracts]
    bodies = [reader.body() for reader in readers]
    found = [
        Problem(each.code, each.message, f"{pointer('steps', place)}{each.pointer}")
        for place, reader in enumerate(readers)
        for each in reader.found
    ]
    if found:
        raise InvalidDocument(found)
    return bodies


def in_message(problem: Problem) -> Problem:
    """A problem of `/steps/<place>` of the bodies, as one of the message. That of a single body says no place."""
    where = problem.pointer
    if not where.startswith(("/steps", "/serves")):
        where = pointer("steps", 0) + where
    match where.split("/", 4):
        case ["", "steps", place, name, *rest] if name in _MESSAGE_NAMES:
            where = "/".join(["", "steps", place, _MESSAGE_NAMES[name], *rest])
    return Problem(problem.code, problem.message, where)


@dataclass(slots=True)
class _Contract:
    """One contract while it is read; goes on behind a problem, so that all of them are found."""

    sent: pb.StepContract
    limits: JsonLimits
    found: list[Problem] = field(default_factory=list)

    def body(self) -> JsonObject:
        """What is empty was not said."""
        return {name: value for name, value in self._fields() if value not in (None, "", [])}

    def _fields(self) -> Iterator[tuple[str, Json]]:
        sent = self.sent
        yield "step_type", sent.name
        yield "name", sent.title or sent.name
        yield "version", sent.version
        yield "description", sent.description
        yield "documentation", sent.documentation
        yield "parameters_schema", self._json("config_schema", sent.config_schema)
        yield "input_schema", self._json("input_schema", sent.input_schema)
        yield "output_schema", self._json("output_schema", sent.output_schema)
        yield "error_codes", [_error_code(each) for each in sent.error_codes]
        yield "effect", EFFECTS.get(sent.effect, str(sent.effect) if sent.effect else None)
        yield "default_timeout_seconds", _if_set(sent, "default_timeout_seconds")
        yield "default_max_retries", sent.default_max_retries
        yield "slot_cost", sent.slot_cost or None
        yield "streams", sent.streams
        yield "tags", list(sent.tags)
        yield "examples", [self._json("examples", each, place) for place, each in enumerate(sent.examples)]
        yield "estimated_cost_usd", _if_set(sent, "estimated_cost_usd")
        yield "required_permissions", list(sent.required_permissions)
        yield "requires_approval", sent.requires_approval
        yield (
            "default_input",
            DEFAULT_INPUTS.get(sent.default_input, str(sent.default_input) if sent.default_input else None),
        )
        yield "execution_type", EXECUTION_TYPES.get(sent.execution_type, str(sent.execution_type))
        yield "endpoint_config", self._json("endpoint_config", sent.endpoint_config)
        yield "function_reference", sent.function_reference

    def _json(self, name: str, text: str, *where: int) -> Json:
        if not text:
            return None
        try:
            return read_strict(text.encode(), self.limits)
        except WorkflowEngineError as unreadable:
            inside = "" if isinstance(unreadable, MalformedRequest) else unreadable.problems()[0].pointer
            self.found.append(Problem(unreadable.code, str(unreadable), pointer(name, *where) + inside))
            return None


def _if_set(sent: pb.StepContract, name: str) -> float | None:
    value: float | None = getattr(sent, name) if name in {each.name for each, _ in sent.ListFields()} else None
    return value


def _error_code(sent: pb.ErrorCode) -> JsonObject:
    retryable = sent.retryable if sent.HasField("retryable") else True
    return {"code": sent.code, "retryable": retryable, "description": sent.description}


# --- contracts that go out


def registered(step: Registered) -> pb.RegisteredStep:
    return pb.RegisteredStep(
        step_id=step.step_id, name=step.name, version=step.version, changed=step.changed, warnings=step.warnings
    )


def breakage(broken: Breakage) -> pb.Breakage:
    return pb.Breakage(
        step_type=broken.step_type,
        workflow_id=broken.workflow_id or "",
        execution_id=broken.execution_id or "",
        problems=map(problem_of, broken.problems),
    )


def worker_details(view: WorkerView) -> pb.WorkerDetails:
    return pb.WorkerDetails(
        worker_id=view.worker_id,
        build_id=view.build_id,
        sdk=view.sdk,
        transport=view.transport,
        status=view.status,
        epoch=view.epoch,
        steps=view.serves,
        slots=view.slots,
        in_flight=view.in_flight,
        connected_at=iso(view.connected_at),
        last_seen_at=iso(view.last_seen_at),
        labels=view.labels,
        principal=view.principal,
        completed=view.completed,
        failed=view.failed,
        ignored_cancels=view.ignored_cancels,
        unknown_frames=view.unknown_frames,
    )


def step_details(entry: CatalogueEntry, standing: Standing) -> pb.StepDetails:
    shown = write_entry(entry, workers=standing.workers, status=standing.status)
    return pb.StepDetails(
        contract=_contract(entry.type, shown["endpoint_config"]),
        step_id=entry.step_id,
        owner=entry.type.owner,
        registered_at=str(shown["registered_at"]),
        workers=standing.workers,
        status=standing.status,
    )


def _contract(step: StepType, endpoint: Json) -> pb.StepContract:
    """`endpoint` without the values of its headers, which may be credentials."""
    return pb.StepContract(
        name=step.name,
        version=step.version,
        title=step.title,
        description=step.description,
        documentation=step.documentation,
        config_schema=_text(step.config_schema),
        input_schema=_text(step.input_schema),
        output_schema=_text(step.output_schema),
        error_codes=map(_written_error_code, step.error_codes),
        effect=_number(EFFECTS, step.effect),
        default_timeout_seconds=step.default_timeout_seconds,
        default_max_retries=step.default_max_retries,
        slot_cost=step.slot_cost,
        streams=step.streams,
        tags=step.tags,
        examples=[write(example).decode() for example in step.examples],
        estimated_cost_usd=step.estimated_cost_usd,
        required_permissions=step.required_permissions,
        requires_approval=step.requires_approval,
        default_input=_number(DEFAULT_INPUTS, step.default_input),
        execution_type=_number(EXECUTION_TYPES, step.execution_type),
        endpoint_config=_text(endpoint),
        function_reference=step.function_reference or "",
    )


def _written_error_code(error: ErrorCode) -> pb.ErrorCode:
    return pb.ErrorCode(code=error.code, retryable=error.retryable, description=error.description)


def _text(value: Json) -> str:
    return "" if value is None else write(value).decode()


def _number(numbers: Mapping[K, V], wanted: V) -> K:
    """The last number that means `wanted`: the one before may only stand for silence."""
    return [number for number, value in numbers.items() if value == wanted][-1]
