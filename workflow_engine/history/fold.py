"""What a history means: the fold of its events. Knows nothing of plans; a step it never heard of is pending.

The state is advanced in place, because a copy per event would make a run of n steps cost n² work. Whoever advanced a
state with events that then failed to be stored throws the state away and folds the stored bytes again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from workflow_engine.history.agents import USER_INPUT
from workflow_engine.history.conversing import AGENT_MOVES, hear
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
from workflow_engine.history.moves import ended, handed_over, moved, running
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import EXECUTION_MOVES, ExecutionStatus, IllegalMove, StepStatus
from workflow_engine.history.steps import Resumed, Wait

OUTCOME_UNKNOWN: Final = "outcome-unknown"
"""Why a step waits of which nobody knows whether it took effect."""
_BY_WHOEVER_HAS_IT: Final = (
    StepScheduled,
    StepStarted,
    StepProgressed,
    StepChunked,
    AttemptReset,
    StepRescheduled,
    StepRetrying,
    StepCompleted,
)
"""What cannot happen to an agent while it converses: nobody has its step."""


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
    if isinstance(event, _BY_WHOEVER_HAS_IT) and (step := state.open.get(event.path)) is not None and step.converses:
        raise IllegalMove(f"step {event.path}", "conversing", event.kind)
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
    step = handed_over(state, event, StepStatus.PENDING, StepStatus.WAITING)
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
    step = running(state, event.path, "started by a worker")
    if event.delivery != step.delivery:
        raise IllegalMove(f"step {event.path}", f"running under delivery {step.delivery}", "started under another")
    step.worker, step.worker_since, step.worker_delivery = event.worker, event.since, event.delivery


def _step_progressed(state: ExecutionState, event: StepProgressed) -> None:
    step = running(state, event.path, "making progress")
    if event.checkpoint is not None:
        step.checkpoint = event.checkpoint


def _step_chunked(state: ExecutionState, event: StepChunked) -> None:
    step = running(state, event.path, "sending chunks")
    if event.first != step.next_chunk:
        raise IllegalMove(f"step {event.path}", f"waiting for chunk {step.next_chunk}", f"sending chunk {event.first}")
    step.next_chunk += len(event.chunks)


def _attempt_reset(state: ExecutionState, event: AttemptReset) -> None:
    step = state.open.get(event.path)
    if step is None:
        raise IllegalMove(f"step {event.path}", state.status_of(event.path), "reset")
    step.next_chunk = 0


def _step_rescheduled(state: ExecutionState, event: StepRescheduled) -> None:
    step = handed_over(state, event, StepStatus.RUNNING, StepStatus.WAITING)
    step.deadline = event.deadline
    step.held = event.reason == "quarantined" or state.paused is not None
    step.stopped = event.reason == "server-stopped"
    if event.reason == "server-died":
        step.server_deaths += 1
    elif event.reason != "turn-lost":
        step.server_deaths = 0
    step.wait = None


def _step_retrying(state: ExecutionState, event: StepRetrying) -> None:
    step = moved(state, event.path, StepStatus.WAITING)
    step.error = event.error
    step.attempt = event.attempt
    step.wait = Wait(due_at=event.due_at, backoff=True)
    step.deadline = step.resumed = None
    step.held = step.stopped = False
    state.open[event.path] = step


def _step_waiting(state: ExecutionState, event: StepWaiting) -> None:
    step = state.open.get(event.path)
    if step is None or step.status is not StepStatus.RUNNING or step.converses != (event.reason == USER_INPUT):
        raise IllegalMove(f"step {event.path}", state.status_of(event.path), StepStatus.WAITING)
    step = moved(state, event.path, StepStatus.WAITING)
    step.wait = Wait(due_at=event.due_at, signal=event.signal, memo=event.memo, reason=event.reason)
    if event.reason == OUTCOME_UNKNOWN:
        step.deadline = None  # the attempt is over; only what became of it is not known


def _timer_fired(state: ExecutionState, event: TimerFired) -> None:
    step = handed_over(state, event, StepStatus.WAITING)
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
    step = handed_over(state, event, StepStatus.WAITING)
    if step.wait is None or step.wait.signal != event.signal:
        raise IllegalMove(f"step {event.path}", "waiting for something else", StepStatus.RUNNING)
    step.resumed = Resumed(by="signal", at=event.at, memo=step.wait.memo, payload=waiting.popleft())
    step.wait = None
    if not waiting:
        del state.signals[event.signal]


def _step_completed(state: ExecutionState, event: StepCompleted) -> None:
    step = ended(state, event.path, StepStatus.COMPLETED, event.at)
    step.output, step.route, step.simulated = event.output, event.route, event.simulated
    step.attempt, step.duration_ms = event.attempt, event.duration_ms
    step.error = None
    state.completion_order.append(event.path)
    hear(state, event)


def _step_failed(state: ExecutionState, event: StepFailed) -> None:
    step = ended(state, event.path, StepStatus.FAILED, event.at)
    step.error, step.handled_by = event.error, event.handled_by
    step.attempt, step.duration_ms = event.attempt, event.duration_ms
    hear(state, event)


def _step_skipped(state: ExecutionState, event: StepSkipped) -> None:
    step = ended(state, event.path, StepStatus.SKIPPED, event.at)
    step.reason, step.upstream_failed = event.reason, event.upstream_failed


def _step_cancelled(state: ExecutionState, event: StepCancelled) -> None:
    step = ended(state, event.path, StepStatus.CANCELLED, event.at)
    step.reason = event.reason


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
    **AGENT_MOVES,
}
