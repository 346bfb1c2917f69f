"""One step, as far as its history goes."""

from dataclasses import dataclass
from typing import Literal

from workflow_engine.history.agents import AgentState
from workflow_engine.history.events import StepError
from workflow_engine.history.statuses import StepStatus
from workflow_engine.jsontext import Json


@dataclass(slots=True)
class Wait:
    """What a waiting step waits for. `backoff` tells a pause between attempts from a wait the step asked for."""

    due_at: float | None = None
    signal: str | None = None
    memo: Json = None
    backoff: bool = False
    reason: str | None = None


@dataclass(slots=True)
class Resumed:
    """How a suspended step came to go on; handed to it again should the hand-over be repeated."""

    by: Literal["timer", "signal", "agent"]
    at: float
    memo: Json = None
    payload: Json = None


@dataclass(slots=True)
class StepState:
    """One step, as far as its history goes. Instants are epoch seconds; `duration_ms` is that of the last attempt."""

    path: str
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    delivery: int = 0
    scheduled_at: float | None = None
    """When its first attempt began."""
    attempt_at: float | None = None
    ended_at: float | None = None
    deadline: float | None = None
    computed: tuple[Json, ...] = ()
    output: Json = None
    error: StepError | None = None
    caught: StepError | None = None
    """The failure that was routed to this step, and which step it came from."""
    caught_from: str | None = None
    reason: str | None = None
    handled_by: str | None = None
    upstream_failed: bool = False
    route: tuple[str, ...] | None = None
    simulated: bool = False
    duration_ms: float = 0.0
    wait: Wait | None = None
    resumed: Resumed | None = None
    server_deaths: int = 0
    """How often in a row the server died while this attempt ran inside it."""
    stopped: bool = False
    """Given up by a server that stopped in order: the next one takes it without counting a death."""
    worker: str | None = None
    """The worker that had it last, and when it took it."""
    worker_since: float | None = None
    worker_delivery: int = 0
    """The hand-over a worker is known to have taken."""
    checkpoint: str | None = None
    """What an attempt left for the next one, in base64."""
    next_chunk: int = 0
    """How many chunks of this hand-over are recorded."""
    held: bool = False
    """Quarantined, or lost while the execution is paused: not handed over until it is resumed."""
    agent: AgentState | None = None
    """What its conversation has come to, of a step that is an agent."""

    @property
    def converses(self) -> bool:
        """Whether its conversation goes on: nobody has been handed the step itself meanwhile."""
        return self.agent is not None and not self.agent.is_over and not self.status.is_terminal

    @property
    def is_at_work(self) -> bool:
        """Whether somebody has it in hand."""
        return self.status is StepStatus.RUNNING and (self.agent is None or self.agent.is_over)
