"""Where a failure goes: another attempt, a step that catches it, the end of the execution, or only the record."""

from collections.abc import Iterator

from workflow_engine.definition.plan import PlannedStep
from workflow_engine.execution.retries import is_retried, retry_delay
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import (
    ExecutionCancelled,
    ExecutionCompensating,
    ExecutionFailed,
    StepCancelled,
    StepError,
    StepFailed,
    StepRetrying,
    StepWaiting,
)
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import Json


def attempt_failed(
    turn: Turn,
    path: str,
    attempt: int,
    error: StepError,
    duration_ms: float,
    retryable: bool | None = None,
    retry_after: float | None = None,
) -> None:
    """One attempt is over and failed. An agent that conversed is not begun anew: its calls had their attempts."""
    step = turn.execution.planned(path)
    state = turn.state.steps.get(path)
    if state is not None and state.agent is not None:
        _call_back_turn(turn, path)
        retryable = False
    if is_retried(step, attempt, error.code, retryable):
        delay = retry_delay(step.retry, attempt, retry_after, turn.execution.started.seed, path)
        turn.emit(StepRetrying(turn.now, path, attempt, error, turn.now + delay))
        return
    _step_failed(
        turn, step, path, StepFailed(turn.now, path, attempt, error, duration_ms, _caught_by(turn, step, error))
    )


def outcome_unknown(turn: Turn, step: StepState, why: str) -> None:
    """A step that must not start twice was running when its holder was lost: a catch decides, or a person."""
    planned = turn.execution.planned(step.path)
    error = StepError("outcome-unknown", f"Whether step {step.path} took effect is unknown: {why}")
    if _caught_by(turn, planned, error) is not None:
        attempt_failed(turn, step.path, step.attempt, error, 0.0)
    else:
        turn.emit(StepWaiting(turn.now, step.path, reason="outcome-unknown"))


def fail_execution(turn: Turn, error: StepError) -> None:
    """The forward way is over. Compensations run first where there are any."""
    _close(turn, error.message, "failed", error)


def cancel_execution(turn: Turn, reason: str, compensate: bool) -> None:
    """Nothing new starts; running steps are called back. Compensates only when asked; compensations that run already
    then go on.
    """
    if compensate:
        if turn.state.compensating is None:
            _close(turn, reason, "cancelled", StepError("cancelled", reason))
        return
    cancel_unended(turn, reason, frozenset())
    turn.emit(ExecutionCancelled(turn.now, reason))


def end_as(turn: Turn, outcome: str, error: StepError) -> None:
    """The terminal event after everything else has ended."""
    if outcome == "cancelled":
        turn.emit(ExecutionCancelled(turn.now, error.message))
    else:
        turn.emit(ExecutionFailed(turn.now, error))


def due_compensations(turn: Turn) -> Iterator[str]:
    """Paths of the compensations that have not begun, for completed steps in reverse order of completion."""
    for path in reversed(turn.state.completion_order):
        step = turn.execution.planned(path)
        if step.compensate is not None:
            target = turn.execution.frontier_of(path).prefix + step.compensate
            if turn.state.status_of(target) is StepStatus.PENDING:
                yield target


def cancel_unended(turn: Turn, reason: str, keep: frozenset[str]) -> None:
    """Cancel every step that has not ended, in order of rank, but those to keep."""
    for path in list(turn.execution.paths()):
        if path not in keep and not turn.state.status_of(path).is_terminal:
            turn.emit(StepCancelled(turn.now, path, reason))


def _call_back_turn(turn: Turn, path: str) -> None:
    """What an agent owns ends before it does."""
    owned = f"{path}#"
    for other in [other for other in reversed(turn.state.open) if other.startswith(owned)]:
        turn.emit(StepCancelled(turn.now, other, "the agent above it ended"))


def _close(turn: Turn, reason: str, outcome: str, error: StepError) -> None:
    keep = frozenset(due_compensations(turn))
    cancel_unended(turn, reason, keep)
    if keep:
        turn.emit(ExecutionCompensating(turn.now, outcome, error))
    else:
        end_as(turn, outcome, error)


def _step_failed(turn: Turn, step: PlannedStep, path: str, failed: StepFailed) -> None:
    turn.emit(failed)
    if failed.handled_by is None and step.critical and turn.state.compensating is None:
        details: Json = {"step_id": path, "code": failed.error.code}
        fail_execution(
            turn, StepError("critical-step-failed", f"Critical step {path} failed: {failed.error.message}", details)
        )


def _caught_by(turn: Turn, step: PlannedStep, error: StepError) -> str | None:
    if turn.state.compensating is not None:
        return None
    return next((route.then for route in step.catch if route.takes(error.code)), None)
