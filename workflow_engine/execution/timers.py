"""What is due at an instant, fired in a fixed order: deadlines of attempts, then pauses between attempts, waits, and
signals that wait.
"""

from workflow_engine.execution.begin import begin_again
from workflow_engine.execution.failures import attempt_failed, fail_execution
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import StepError, StepResumed, TimerFired
from workflow_engine.history.steps import StepState


def fire_due(turn: Turn) -> None:
    """Everything due at `turn.now`. While paused only deadlines fire: waits and retries keep until the execution is
    resumed.
    """
    if _execution_is_late(turn):
        return
    for step in list(turn.state.open.values()):
        if turn.state.ended is not None or turn.state.open.get(step.path) is not step:
            continue
        if _is_late(step, turn.now):
            _time_out(turn, step)
        elif turn.state.paused is None and not step.held:
            wake(turn, step)


def wake(turn: Turn, step: StepState) -> None:
    """Let a waiting step go on if its signal is here or its time has come; a signal that is here wins over a timer."""
    wait = step.wait
    if wait is None:
        return
    if wait.signal is not None and turn.state.signals.get(wait.signal):
        turn.emit(StepResumed(turn.now, step.path, step.delivery + 1, wait.signal))
    elif wait.due_at is not None and wait.due_at <= turn.now:
        if wait.backoff:
            begin_again(turn, step)
        else:
            turn.emit(TimerFired(turn.now, step.path, step.delivery + 1))


def _execution_is_late(turn: Turn) -> bool:
    started = turn.state.started
    if (
        started is None
        or started.deadline is None
        or turn.state.compensating is not None
        or turn.now < started.deadline
    ):
        return False
    fail_execution(
        turn, StepError("execution-timeout", f"Workflow timed out after {_plain(turn.execution.plan.timeout)} seconds")
    )
    return True


def _is_late(step: StepState, now: float) -> bool:
    backing_off = step.wait is not None and step.wait.backoff
    return step.deadline is not None and step.deadline <= now and not backing_off


def _time_out(turn: Turn, step: StepState) -> None:
    planned = turn.execution.planned(step.path)
    error = StepError("timeout", f"Step {step.path} timed out after {_plain(planned.timeout)} seconds")
    attempt_failed(turn, step.path, step.attempt, error, (turn.now - (step.attempt_at or turn.now)) * 1000)


def _plain(seconds: float | None) -> str:
    """`1` for 1.0, `0.2` for 0.2: the number as its author wrote it."""
    return "?" if seconds is None else str(int(seconds)) if seconds == int(seconds) else repr(seconds)
