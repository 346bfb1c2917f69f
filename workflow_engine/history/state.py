"""What a history means: the fold of its events. Knows nothing of plans; a step it never heard of is pending.

The state is advanced in place, because a copy per event would make a run of n steps cost n² work. Whoever advanced a
state with events that then failed to be stored throws the state away and folds the stored bytes again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from workflow_engine.history.events import (
    AttemptReset,
    Event,
    ExecutionCancelled,
    ExecutionCompensating,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    SignalReceived,
    StepCancelled,
    StepChunked,
    StepCompleted,
    StepError,
    StepFailed,
    StepProgressed,
    StepRescheduled,
    StepResumed,
    StepRetrying,
    StepScheduled,
    StepSkipped,
    StepStarted,
    StepWaiting,
    TimerFired,
)
from workflow_engine.history.statuses import EXECUTION_MOVES, STEP_MOVES, ExecutionStatus, IllegalMove, StepStatus
from workflow_engine.jsontext import Json

REPORTED_LATE: Final = "reported-late"
"""Why a step goes on of which nobody knew any more what became of it: whoever had it tells, under its old fence."""


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

    by: Literal["timer", "signal"]
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


@dataclass(slots=True)
class ExecutionState:
    """One execution, as far as its history goes."""

    version: int = 0
    """How many events are folded in: the sequence number of the last one."""
    started: ExecutionStarted | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    open: dict[str, StepState] = field(default_factory=dict)
    """Steps that began and have not ended, in the order they began."""
    running: int = 0
    """How many open steps are running, and not waiting."""
    completion_order: list[str] = field(default_factory=list)
    signals: dict[str, deque[Json]] = field(default_factory=dict)
    """Signals nobody has taken yet."""
    tally: dict[StepStatus, int] = field(default_factory=dict)
    """How many steps ended in each terminal status."""
    paused: str | None = None
    compensating: ExecutionCompensating | None = None
    ended: ExecutionStatus | None = None
    output: Json = None
    error: StepError | None = None
    reason: str | None = None
    updated_at: float = 0.0
    completed_at: float | None = None

    @property
    def status(self) -> ExecutionStatus:
        """Waiting is derived: steps are open, and none can move without a person, a signal or a timer."""
        if self.ended is not None:
            return self.ended
        if self.started is None:
            return ExecutionStatus.PENDING
        if self.paused is not None:
            return ExecutionStatus.PAUSED
        if self.open and self.running == 0:
            return ExecutionStatus.WAITING
        return ExecutionStatus.RUNNING

    @property
    def next_due_at(self) -> float | None:
        """The next instant at which this execution moves by itself; None when only others can move it."""
        if self.ended is not None:
            return None
        paused = self.paused is not None
        earliest = self.started.deadline if self.started is not None and self.compensating is None else None
        for step in self.open.values():
            due = _due(step, paused)
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def status_of(self, path: str) -> StepStatus:
        step = self.steps.get(path)
        return StepStatus.PENDING if step is None else step.status


def _due(step: StepState, paused: bool) -> float | None:
    wait_due = None if step.wait is None or paused else step.wait.due_at
    if step.deadline is None or (step.wait is not None and step.wait.backoff):
        return wait_due
    return step.deadline if wait_due is None else min(wait_due, step.deadline)


def fold(events: Iterable[Event], state: ExecutionState | None = None) -> ExecutionState:
    """The state after these events. Raises `IllegalMove` on an impossible history."""
    state = ExecutionState() if state is None else state
    for event in events:
        apply(state, event)
    return state


def apply(state: ExecutionState, event: Event) -> None:
    """Advance the state by one event."""
    if state.ended is not None:
        raise IllegalMove("an execution", state.ended, event.kind)
    if state.started is None and not isinstance(event, ExecutionStarted):
        raise IllegalMove("an execution", state.status, event.kind)
    _APPLY[type(event)](state, event)
    state.version += 1
    state.updated_at = event.at


def _started(state: ExecutionState, event: ExecutionStarted) -> None:
    if state.started is not None:
        raise IllegalMove("an execution", state.status, "started")
    state.started = event


def _paused(state: ExecutionState, event: ExecutionPaused) -> None:
    if ExecutionStatus.PAUSED not in EXECUTION_MOVES[state.status]:
        raise IllegalMove("an execution", state.status, ExecutionStatus.PAUSED)
    state.paused = event.reason


def _resumed(state: ExecutionState, event: ExecutionResumed) -> None:
    if state.paused is None:
        raise IllegalMove("an execution", state.status, "resumed")
    state.paused = None


def _compensating(state: ExecutionState, event: ExecutionCompensating) -> None:
    if state.compensating is not None:
        raise IllegalMove("an execution that compensates", state.status, "compensating")
    state.compensating = event


def _completed(state: ExecutionState, event: ExecutionCompleted) -> None:
    _end(state, ExecutionStatus.COMPLETED, event.at)
    state.output = event.output


def _failed(state: ExecutionState, event: ExecutionFailed) -> None:
    _end(state, ExecutionStatus.FAILED, event.at)
    state.error = event.error


def _cancelled(state: ExecutionState, event: ExecutionCancelled) -> None:
    _end(state, ExecutionStatus.CANCELLED, event.at)
    state.reason = event.reason


def _end(state: ExecutionState, status: ExecutionStatus, at: float) -> None:
    if state.open or status not in EXECUTION_MOVES[state.status]:
        raise IllegalMove("an execution with open steps" if state.open else "an execution", state.status, status)
    state.ended = status
    state.completed_at = at


def _step_scheduled(state: ExecutionState, event: StepScheduled) -> None:
    step = _handed_over(state, event, StepStatus.PENDING, StepStatus.WAITING)
    if step.wait is not None and not step.wait.backoff:
        raise IllegalMove(f"step {event.path}", "waiting for a timer or signal", "another attempt")
    if step.scheduled_at is None:
        step.scheduled_at = event.at
        step.computed = event.computed
        step.caught, step.caught_from = event.caught, event.caught_from
    step.attempt = event.attempt
    step.attempt_at, step.deadline = event.at, event.deadline
    step.wait = step.resumed = None
    step.server_deaths = 0
    step.held = step.stopped = False
    state.open[event.path] = step


def _step_started(state: ExecutionState, event: StepStarted) -> None:
    step = _running(state, event.path, "started by a worker")
    if event.delivery != step.delivery:
        raise IllegalMove(f"step {event.path}", f"running under delivery {step.delivery}", "started under another")
    step.worker, step.worker_since, step.worker_delivery = event.worker, event.since, event.delivery


def _step_progressed(state: ExecutionState, event: StepProgressed) -> None:
    step = _running(state, event.path, "making progress")
    if event.checkpoint is not None:
        step.checkpoint = event.checkpoint


def _step_chunked(state: ExecutionState, event: StepChunked) -> None:
    step = _running(state, event.path, "sending chunks")
    if event.first != step.next_chunk:
        raise IllegalMove(f"step {event.path}", f"waiting for chunk {step.next_chunk}", f"sending chunk {event.first}")
    step.next_chunk += len(event.chunks)


def _attempt_reset(state: ExecutionState, event: AttemptReset) -> None:
    step = state.open.get(event.path)
    if step is None:
        raise IllegalMove(f"step {event.path}", state.status_of(event.path), "reset")
    step.next_chunk = 0


def _running(state: ExecutionState, path: str, what: str) -> StepState:
    step = state.steps.get(path)
    if step is None or step.status is not StepStatus.RUNNING:
        raise IllegalMove(f"step {path}", state.status_of(path), what)
    return step


def _step_rescheduled(state: ExecutionState, event: StepRescheduled) -> None:
    step = _handed_over(state, event, StepStatus.RUNNING, StepStatus.WAITING)
    step.deadline = event.deadline
    step.held = event.reason == "quarantined" or state.paused is not None
    step.stopped = event.reason == "server-stopped"
    if event.reason == "server-died":
        step.server_deaths += 1
    elif event.reason != "turn-lost":
        step.server_deaths = 0
    step.wait = None


def _step_retrying(state: ExecutionState, event: StepRetrying) -> None:
    step = _moved(state, event.path, StepStatus.WAITING)
    step.error = event.error
    step.attempt = event.attempt
    step.wait = Wait(due_at=event.due_at, backoff=True)
    step.deadline = step.resumed = None
    step.held = step.stopped = False
    state.open[event.path] = step


def _step_waiting(state: ExecutionState, event: StepWaiting) -> None:
    if state.status_of(event.path) is not StepStatus.RUNNING:
        raise IllegalMove(f"step {event.path}", state.status_of(event.path), StepStatus.WAITING)
    step = _moved(state, event.path, StepStatus.WAITING)
    step.wait = Wait(due_at=event.due_at, signal=event.signal, memo=event.memo, reason=event.reason)
    if event.reason is not None:
        step.deadline = None  # the attempt is over; only what became of it is not known


def _timer_fired(state: ExecutionState, event: TimerFired) -> None:
    step = _handed_over(state, event, StepStatus.WAITING)
    if step.wait is None or step.wait.backoff or step.wait.due_at is None:
        raise IllegalMove(f"step {event.path}", "waiting without a timer", StepStatus.RUNNING)
    step.resumed = Resumed(by="timer", at=event.at, memo=step.wait.memo)
    step.wait = None


def _signal_received(state: ExecutionState, event: SignalReceived) -> None:
    state.signals.setdefault(event.name, deque()).append(event.payload)


def _step_resumed(state: ExecutionState, event: StepResumed) -> None:
    waiting = state.signals.get(event.signal)
    if not waiting:
        raise IllegalMove(f"step {event.path} without a signal", StepStatus.WAITING, StepStatus.RUNNING)
    step = _handed_over(state, event, StepStatus.WAITING)
    if step.wait is None or step.wait.signal != event.signal:
        raise IllegalMove(f"step {event.path}", "waiting for something else", StepStatus.RUNNING)
    step.resumed = Resumed(by="signal", at=event.at, memo=step.wait.memo, payload=waiting.popleft())
    step.wait = None
    if not waiting:
        del state.signals[event.signal]


def _step_completed(state: ExecutionState, event: StepCompleted) -> None:
    step = _ended(state, event.path, StepStatus.COMPLETED, event.at)
    step.output, step.route, step.simulated = event.output, event.route, event.simulated
    step.attempt, step.duration_ms = event.attempt, event.duration_ms
    step.error = None
    state.completion_order.append(event.path)


def _step_failed(state: ExecutionState, event: StepFailed) -> None:
    step = _ended(state, event.path, StepStatus.FAILED, event.at)
    step.error, step.handled_by = event.error, event.handled_by
    step.attempt, step.duration_ms = event.attempt, event.duration_ms


def _step_skipped(state: ExecutionState, event: StepSkipped) -> None:
    step = _ended(state, event.path, StepStatus.SKIPPED, event.at)
    step.reason, step.upstream_failed = event.reason, event.upstream_failed


def _step_cancelled(state: ExecutionState, event: StepCancelled) -> None:
    step = _ended(state, event.path, StepStatus.CANCELLED, event.at)
    step.reason = event.reason


def _handed_over(
    state: ExecutionState, event: StepScheduled | StepRescheduled | TimerFired | StepResumed, *sources: StepStatus
) -> StepState:
    """A step begins or goes on, under a larger fence than any before; whoever reports late had it all the time."""
    step = state.steps.get(event.path)
    source = StepStatus.PENDING if step is None else step.status
    is_late = isinstance(event, StepRescheduled) and event.reason == REPORTED_LATE
    if source not in sources or (step is not None and event.delivery < step.delivery + (not is_late)):
        raise IllegalMove(f"step {event.path}", source, f"running under delivery {event.delivery}")
    step = _moved(state, event.path, StepStatus.RUNNING)
    step.delivery = event.delivery
    return step


def _moved(state: ExecutionState, path: str, target: StepStatus) -> StepState:
    step = state.steps.get(path)
    if step is None:
        step = state.steps[path] = StepState(path)
    source = step.status
    if target not in STEP_MOVES[source]:
        raise IllegalMove(f"step {path}", source, target)
    state.running += (target is StepStatus.RUNNING) - (source is StepStatus.RUNNING)
    step.status = target
    return step


def _ended(state: ExecutionState, path: str, status: StepStatus, at: float) -> StepState:
    step = _moved(state, path, status)
    step.ended_at = at
    step.wait = step.deadline = step.resumed = None
    step.held = step.stopped = False
    state.open.pop(path, None)
    state.tally[status] = state.tally.get(status, 0) + 1
    return step


_APPLY: Final[Mapping[type[Event], Callable[[ExecutionState, Any], None]]] = {
    ExecutionStarted: _started,
    ExecutionPaused: _paused,
    ExecutionResumed: _resumed,
    ExecutionCompensating: _compensating,
    ExecutionCompleted: _completed,
    ExecutionFailed: _failed,
    ExecutionCancelled: _cancelled,
    StepScheduled: _step_scheduled,
    StepStarted: _step_started,
    StepProgressed: _step_progressed,
    StepChunked: _step_chunked,
    AttemptReset: _attempt_reset,
    StepRescheduled: _step_rescheduled,
    StepRetrying: _step_retrying,
    StepWaiting: _step_waiting,
    TimerFired: _timer_fired,
    SignalReceived: _signal_received,
    StepResumed: _step_resumed,
    StepCompleted: _step_completed,
    StepFailed: _step_failed,
    StepSkipped: _step_skipped,
    StepCancelled: _step_cancelled,
}
