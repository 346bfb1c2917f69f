"""What a step type is, what a step is handed, and what it may answer: the one page a step author needs.

A step type is a typed contract. Its function receives a `StepRequest` and answers with a verdict, or with plain JSON,
which means `Completed`. It fails by raising `StepFailure`; any other exception fails the step with code
`unexpected-error`, and is retried.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import Json, JsonObject


class Effect(StrEnum):
    """What running a step again does to the world; decides what happens after a crash."""

    PURE = "pure"
    """Reads nothing but its request: may run any number of times, also inside a turn of the engine."""
    IDEMPOTENT = "idempotent"
    """May be started again with the same idempotency key."""
    AT_MOST_ONCE = "at_most_once"
    """Never started twice; when its outcome is unknown the step stops as `outcome-unknown`."""


class ExecutionType(StrEnum):
    """Where the work of a step type is done."""

    LOCAL = "local"
    """A function an installed plugin (or the embedding program) offers."""
    API = "api"
    RPC = "rpc"
    WEBHOOK = "webhook"
    GRPC = "grpc"
    POLL = "poll"

    @property
    def is_by_workers(self) -> bool:
        """Done by a process that comes to the server; everything else is done, or called, by the server's own."""
        return self in _BY_WORKERS


_BY_WORKERS: Final = frozenset({ExecutionType.GRPC, ExecutionType.POLL})


class Simulation(StrEnum):
    """Whether a step that asks a provider may be answered by a simulation."""

    FALLBACK = "fallback"
    NEVER = "never"
    ALWAYS = "always"


class DefaultInput(StrEnum):
    """What a step sees as its input when the document gives it no `input_mapping`."""

    NONE = "none"
    DEPENDENCIES = "dependencies"
    """The outputs of its completed dependencies, keyed by step id, in the order they are declared."""
    EXECUTION = "execution"
    """The input of the execution."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A failure a step type announces. `retryable` is its default; the document's `retry_on` wins."""

    code: str
    retryable: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class StepType:
    """The contract of one version of a step type. Schemas are JSON Schema 2020-12 objects; None accepts anything.

    Strings in `config_schema` may carry one of our formats, which the engine gives meaning before the step runs:
    `condition` (evaluated, the step sees the boolean), `expression` (CEL or template, the step sees the value),
    `step-id` (must name a step, which then runs only when this step routes to it), `literal` (templates are not
    expanded).
    """

    name: str
    version: str = "1.0.0"
    title: str = ""
    description: str = ""
    config_schema: JsonObject | None = None
    input_schema: JsonObject | None = None
    output_schema: JsonObject | None = None
    effect: Effect = Effect.IDEMPOTENT
    execution_type: ExecutionType = ExecutionType.LOCAL
    function_reference: str | None = None
    endpoint: JsonObject | None = None
    default_input: DefaultInput = DefaultInput.NONE
    error_codes: tuple[ErrorCode, ...] = ()
    default_timeout_seconds: float | None = None
    default_max_retries: int = 0
    tags: tuple[str, ...] = ()
    examples: tuple[Json, ...] = ()
    owner: str = "builtin"
    documentation: str = ""
    slot_cost: int = 1
    """How many of a worker's slots one step of this type takes."""
    streams: bool = False
    """Its steps send chunks while they run."""
    estimated_cost_usd: float | None = None
    """What one step costs, as its author reckons; None = unknown."""
    required_permissions: tuple[str, ...] = ()
    requires_approval: bool = False
    inline: bool = False
    """The function is pure, synchronous and quick (well under a millisecond for 10 KiB), so that the engine may run it
    inside its own turn."""

    @property
    def pin(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class UserContext:
    user_id: str | None = None
    session_id: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Resumption:
    """Why a step that was suspended goes on."""

    by: Literal["timer", "signal", "agent"]
    memo: Json = None
    """What the step left behind when it suspended itself, or began to converse."""
    payload: Json = None
    """What came with the signal, or of the conversation."""


@dataclass(frozen=True, slots=True)
class StepRequest:
    """Everything a step may know. `input` and `config` passed the schemas of the type; treat them as read-only."""

    execution_id: str
    workflow_id: str | None
    workflow_name: str
    namespace: str
    path: str
    step_id: str
    step_type: str
    attempt: int
    delivery: int
    idempotency_key: str
    input: JsonObject
    config: JsonObject
    now: float
    """The instant in the event that began this attempt, or by which it goes on: UTC epoch seconds, the same when the
    step is replayed."""
    timeout_seconds: float | None = None
    resumption: Resumption | None = None
    user: UserContext = field(default_factory=UserContext)
    correlation_id: str | None = None
    trace_id: str | None = None
    simulation: Simulation = Simulation.FALLBACK
    """What holds for this step: its own word, or the server's."""
    step_simulation: Simulation | None = None
    """Its own word, where the document says one."""
    dependencies: JsonObject = field(default_factory=dict)
    """The outputs of the completed steps it depends on, by step id; empty where the step runs elsewhere."""
    filled_fields: frozenset[str] = frozenset()
    """The fields of `config` in which a `${...}` put a value: data, which is never expanded again. Empty where the step
    runs elsewhere."""
    checkpoint: bytes | None = None
    """What an earlier attempt left behind with its progress."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The step is done. `simulated` marks an output that no real provider or worker made."""

    output: Json
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """The step is done, and of its dependants only those in `to` go on; the others it could have chosen are skipped."""

    output: Json
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suspended:
    """The step waits, durably, for `seconds` to pass or for a signal named `signal`, whichever comes first.

    Nothing of it runs meanwhile, but it keeps its place in `max_parallel`. It is then called again with a
    `Resumption` that carries `memo`.
    """

    seconds: float | None = None
    signal: str | None = None
    memo: Json = None


@dataclass(frozen=True, slots=True)
class Conversing:
    """The step is an agent: the engine conducts its turns, every call of a model or a tool a step of its own.

    `conversation` says with whom, about what and within which limits (`steps/conversations.py` reads it). When it is
    over, the step is called again with a `Resumption` by `agent` that carries `memo` and what came of it. Only steps
    inside the engine's process may answer so.
    """

    conversation: JsonObject
    memo: Json = None


Verdict: TypeAlias = Completed | Routed | Suspended | Conversing
StepFunction: TypeAlias = Callable[[StepRequest], Any]
"""Answers a `Verdict` or plain JSON, or an awaitable of one. What it answers is checked when it runs: a type could not
say `dict[str, str]` is JSON."""


class StepFailure(WorkflowEngineError):
    """Raised by a step to fail with a code of its own. `retryable=None` leaves it to the type's and the document's
    rules.
    """

    code = "step-failed"

    def __init__(
        self,
        error_code: str,
        message: str,
        *,
        retryable: bool | None = None,
        details: Json = None,
        retry_after: float | None = None,
    ) -> None:
        self.error_code = error_code
        self.message = message
        self.retryable = retryable
        self.details = details
        self.retry_after = retry_after
        super().__init__(message)


class InvalidConfig(StepFailure):
    """The document asks this step type for something it does not do; never retried by default."""

    def __init__(self, message: str, details: Json = None) -> None:
        super().__init__("invalid-config", message, retryable=False, details=details)


@dataclass(frozen=True, slots=True)
class OfferedStep:
    """A step type together with the function that does its work in this process."""

    type: StepType
    function: StepFunction


OfferedFunctions: TypeAlias = Mapping[str, StepFunction]
"""Functions a plugin offers by name to `execution_type: local` registrations."""
