"""What can happen to an execution. Events are facts: frozen, versioned by `v`, and enough to rebuild all state.

Instants are UTC epoch seconds. `path` names a step inside its scopes (`resize`, `fan[3].resize`). `delivery` is the
fence of a step: it grows with every hand-over, over all attempts, and only a report that carries the latest one
counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from workflow_engine.jsontext import Json, JsonObject


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a step (or an execution) failed, as clients, catch routes and `error.*` expressions see it."""

    code: str
    message: str
    details: Json = None


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """Accepted. Carries whatever the run depends on that is not in its definition."""

    at: float
    input: JsonObject
    definition: str
    """Digest of the definition; the document itself is kept once beside the history."""
    pins: dict[str, str]
    """Step type as written in the definition -> exact `name@version` this execution uses to its end."""
    seed: int
    """Source of every random draw (retry jitter), so that decisions can be replayed."""
    options: JsonObject = field(default_factory=dict)
    deadline: float | None = None
    kind: str = "execution_started"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionPaused:
    at: float
    reason: str
    kind: str = "execution_paused"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionResumed:
    at: float
    kind: str = "execution_resumed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionCompensating:
    """The forward way is over; compensations run, then the execution ends as `outcome` says."""

    at: float
    outcome: str
    """`failed` or `cancelled`."""
    error: StepError
    kind: str = "execution_compensating"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionCompleted:
    at: float
    output: Json = None
    kind: str = "execution_completed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionFailed:
    at: float
    error: StepError
    kind: str = "execution_failed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class ExecutionCancelled:
    at: float
    reason: str
    kind: str = "execution_cancelled"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepScheduled:
    """An attempt begins: committed before the step is handed to anybody."""

    at: float
    path: str
    attempt: int
    delivery: int
    computed: tuple[Json, ...] = ()
    """What the expressions of input and config yielded, once; plain references are not copied here."""
    deadline: float | None = None
    caught: StepError | None = None
    """The failure that was routed here, for the target of a `catch`."""
    caught_from: str | None = None
    """The id of the step that failed so."""
    kind: str = "step_scheduled"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A worker has the step. Steps inside the server begin when they are scheduled, and have no such event."""

    at: float
    path: str
    delivery: int
    worker: str
    since: float
    """When the worker took it, by the server's clock; the event may be written with the result."""
    kind: str = "step_started"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepProgressed:
    """What a worker says of a step while it runs. A part that is None is not mentioned."""

    at: float
    path: str
    fraction: float | None = None
    note: str | None = None
    checkpoint: str | None = None
    """What the next attempt receives, in base64."""
    kind: str = "step_progress"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepChunked:
    """Pieces of what a step says while it runs, from number `first` of this attempt on."""

    at: float
    path: str
    first: int
    chunks: tuple[JsonObject, ...]
    """Each `{"channel", "data"}`."""
    kind: str = "step_chunk"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AttemptReset:
    """The chunks so far belong to a hand-over that came to nothing: forget them, they are numbered from 0 again."""

    at: float
    path: str
    kind: str = "attempt_reset"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepRescheduled:
    """The same attempt is handed over again, because whoever held it is gone. It gets its time anew."""

    at: float
    path: str
    delivery: int
    reason: str
    deadline: float | None = None
    kind: str = "step_rescheduled"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepRetrying:
    """An attempt failed and another follows at `due_at`; its jitter is drawn, so the instant is final."""

    at: float
    path: str
    attempt: int
    """The attempt that failed, from 1."""
    error: StepError
    due_at: float
    kind: str = "step_retrying"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """A step gave up its slot until a timer or a signal; `memo` is handed back to it when it goes on."""

    at: float
    path: str
    due_at: float | None = None
    signal: str | None = None
    memo: Json = None
    reason: str | None = None
    """`outcome-unknown` when only a person can tell what became of the step."""
    kind: str = "step_waiting"
    v: int = 1


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The timer of a waiting step is over, and the step goes on."""

    at: float
    path: str
    delivery: int
    kind: str = "timer_fired"
    v: int = 1


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """Kept until a step waits for it; signals of one name are taken in the order they came."""

    at: float
    name: str
    payload: Json = None
    kind: str = "signal_received"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepResumed:
    """A waiting step takes the oldest signal of that name and goes on."""

    at: float
    path: str
    delivery: int
    signal: str
    kind: str = "step_resumed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepCompleted:
    at: float
    path: str
    attempt: int
    output: Json
    duration_ms: float
    route: tuple[str, ...] | None = None
    """The dependants a routing step chose; None for every other step."""
    simulated: bool = False
    kind: str = "step_completed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepFailed:
    at: float
    path: str
    attempt: int
    error: StepError
    duration_ms: float
    handled_by: str | None = None
    """The catch target this failure was routed to."""
    kind: str = "step_failed"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepSkipped:
    at: float
    path: str
    reason: str
    upstream_failed: bool = False
    """Skipped because something before it failed; counts as failed for the trigger rules of its dependants."""
    kind: str = "step_skipped"
    v: int = 1


@dataclass(frozen=True, slots=True)
class StepCancelled:
    at: float
    path: str
    reason: str
    kind: str = "step_cancelled"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """A step converses: from here on the engine conducts its turns, and it is asked again when they are over."""

    at: float
    path: str
    name: str
    model: str
    tools: tuple[str, ...]
    conversation: JsonObject
    """All that the turns depend on, contracts of its tools included."""
    memo: Json = None
    kind: str = "agent_started"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentTurnStarted:
    """A model is asked, with the results of the tools it called and what users said since. Turn 0 asks MCP servers."""

    at: float
    path: str
    turn: int
    say: JsonObject | None = None
    """What the engine adds to the conversation: what is wrong with an answer that does not fit its schema."""
    messages_taken: int = 0
    """How many of the users' messages are in it for the first time."""
    kind: str = "agent_turn_started"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentToolsCalled:
    """What became of the tool calls a model asked for: each a step, or told back as an error."""

    at: float
    path: str
    turn: int
    calls: tuple[JsonObject, ...]
    """Each `{"id", "name"}` with `"step"` (the step's id within the turn) and `"arguments"`, or with `"error"`."""
    kind: str = "agent_tools_called"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentMessageReceived:
    """A user says something to an agent; kept until its next turn."""

    at: float
    path: str
    message: JsonObject
    """`{"role", "content"}`, and `"metadata"` where there is some."""
    kind: str = "agent_message_received"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentSimulated:
    """No provider of the models this agent names is configured: from here on its turns are simulated."""

    at: float
    path: str
    reason: str
    kind: str = "agent_simulated"
    v: int = 1


@dataclass(frozen=True, slots=True)
class AgentEnded:
    """The conversation is over, and the step is handed its outcome."""

    at: float
    path: str
    delivery: int
    outcome: JsonObject
    kind: str = "agent_ended"
    v: int = 1


Event: TypeAlias = (
    ExecutionStarted
    | ExecutionPaused
    | ExecutionResumed
    | ExecutionCompensating
    | ExecutionCompleted
    | ExecutionFailed
    | ExecutionCancelled
    | StepScheduled
    | StepStarted
    | StepProgressed
    | StepChunked
    | AttemptReset
    | StepRescheduled
    | StepRetrying
    | StepWaiting
    | TimerFired
    | SignalReceived
    | StepResumed
    | StepCompleted
    | StepFailed
    | StepSkipped
    | StepCancelled
    | AgentStarted
    | AgentTurnStarted
    | AgentToolsCalled
    | AgentMessageReceived
    | AgentSimulated
    | AgentEnded
)

EVENT_TYPES: Final[Mapping[str, type[Event]]] = {
    "execution_started": ExecutionStarted,
    "execution_paused": ExecutionPaused,
    "execution_resumed": ExecutionResumed,
    "execution_compensating": ExecutionCompensating,
    "execution_completed": ExecutionCompleted,
    "execution_failed": ExecutionFailed,
    "execution_cancelled": ExecutionCancelled,
    "step_scheduled": StepScheduled,
    "step_started": StepStarted,
    "step_progress": StepProgressed,
    "step_chunk": StepChunked,
    "attempt_reset": AttemptReset,
    "step_rescheduled": StepRescheduled,
    "step_retrying": StepRetrying,
    "step_waiting": StepWaiting,
    "timer_fired": TimerFired,
    "signal_received": SignalReceived,
    "step_resumed": StepResumed,
    "step_completed": StepCompleted,
    "step_failed": StepFailed,
    "step_skipped": StepSkipped,
    "step_cancelled": StepCancelled,
    "agent_started": AgentStarted,
    "agent_turn_started": AgentTurnStarted,
    "agent_tools_called": AgentToolsCalled,
    "agent_message_received": AgentMessageReceived,
    "agent_simulated": AgentSimulated,
    "agent_ended": AgentEnded,
}

TERMINAL_EVENTS: Final = (ExecutionCompleted, ExecutionFailed, ExecutionCancelled)
