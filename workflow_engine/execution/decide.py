"""`decide(execution, input) -> events`: the one door through which an execution changes.

Each input has one short procedure here. It emits facts and then lets the execution go on (`advance`): whatever is
ready begins, whatever is over ends. A procedure that refuses raises before it emits anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.execution.advance import advance, end_step, suspend_step
from workflow_engine.execution.errors import (
    AlreadyPaused,
    ExecutionEnded,
    NotPaused,
    NoUnknownOutcome,
    StaleDelivery,
    TooManySignals,
    UnknownStep,
)
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.failures import attempt_failed, cancel_execution, outcome_unknown
from workflow_engine.execution.inputs import (
    Cancel,
    Failed,
    Input,
    Loss,
    Pause,
    Recover,
    Resolve,
    Resume,
    Signal,
    Start,
    Succeeded,
    Tick,
)
from workflow_engine.execution.timers import fire_due
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import (
    Event,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    SignalReceived,
    StepRescheduled,
)
from workflow_engine.history.state import StepState
from workflow_engine.history.statuses import StepStatus
from workflow_engine.steps.contract import Completed, Effect, ExecutionType, Suspended

DEATHS_BEFORE_QUARANTINE: Final = 3
MOST_UNTAKEN_SIGNALS: Final = 1_000
OUTCOME_UNKNOWN: Final = "outcome-unknown"
QUARANTINED: Final = "quarantined"


def decide(execution: Execution, entering: Input) -> list[Event]:
    """The events that follow from one input, in order; the execution is advanced by them.

    Raises `ExecutionEnded`, `StaleDelivery` and the other leaves of `execution.errors`, and then nothing has changed.
    """
    if execution.state.ended is not None and not isinstance(entering, Tick):
        if isinstance(entering, Succeeded | Failed):
            raise StaleDelivery(entering.path)
        raise ExecutionEnded(execution.state.ended)
    turn = Turn(execution, entering.now)
    _DECISIONS[type(entering)](turn, entering)
    return turn.events


def _start(turn: Turn, start: Start) -> None:
    timeout = turn.execution.plan.timeout
    turn.emit(
        ExecutionStarted(
            at=turn.now,
            input=start.input,
            definition=start.definition,
            pins=start.pins,
            seed=start.seed,
            options=start.options,
            deadline=None if timeout is None else turn.now + timeout,
        )
    )
    advance(turn)


def _succeeded(turn: Turn, report: Succeeded) -> None:
    step = _holder(turn, report.path, report.delivery)
    if isinstance(report.verdict, Suspended):
        suspend_step(turn, step, report.verdict)
    else:
        end_step(turn, step, report.verdict, report.duration_ms)
    advance(turn)


def _failed(turn: Turn, report: Failed) -> None:
    step = _holder(turn, report.path, report.delivery)
    attempt_failed(
        turn, step.path, step.attempt, report.error, report.duration_ms, report.retryable, report.retry_after
    )
    advance(turn)


def _holder(turn: Turn, path: str, delivery: int) -> StepState:
    """The running step this report speaks for, if its fence is the latest."""
    step = turn.state.steps.get(path)
    if step is None or step.status is not StepStatus.RUNNING or step.delivery != delivery:
        raise StaleDelivery(path)
    return step


def _tick(turn: Turn, _tick: Tick) -> None:
    if turn.state.ended is None:
        fire_due(turn)
        advance(turn)


def _signal(turn: Turn, signal: Signal) -> None:
    if sum(map(len, turn.state.signals.values())) >= MOST_UNTAKEN_SIGNALS:
        raise TooManySignals(MOST_UNTAKEN_SIGNALS)
    turn.emit(SignalReceived(turn.now, signal.name, signal.payload))
    if turn.state.paused is None:
        fire_due(turn)
    advance(turn)


def _cancel(turn: Turn, cancel: Cancel) -> None:
    if cancel.compensate and turn.state.paused is not None:
        _unpause(turn)  # whoever asks for compensations does not want them to wait
    cancel_execution(turn, cancel.reason, cancel.compensate)
    advance(turn)


def _pause(turn: Turn, pause: Pause) -> None:
    if turn.state.paused is not None:
        raise AlreadyPaused(turn.state.paused)
    turn.emit(ExecutionPaused(turn.now, pause.reason))


def _resume(turn: Turn, _resume: Resume) -> None:
    if turn.state.paused is None:
        raise NotPaused(turn.state.status)
    _unpause(turn)
    fire_due(turn)
    advance(turn)


def _unpause(turn: Turn) -> None:
    turn.emit(ExecutionResumed(turn.now))
    for step in [step for step in turn.state.open.values() if step.held]:
        _reschedule(turn, step, "resumed")


def _recover(turn: Turn, recover: Recover) -> None:
    """Hand over again what died with its process; stop an execution that was there each time the server died."""
    lost = [
        step
        for path in recover.lost
        if (step := turn.state.open.get(path)) and step.status is StepStatus.RUNNING and not step.held
    ]
    deadly = recover.loss is Loss.DIED and any(_is_suspect(turn, step) for step in lost)
    for step in lost:
        _hand_over_again(turn, step, QUARANTINED if deadly else _why(recover.loss, step))
    if deadly and turn.state.paused is None and turn.state.ended is None:
        turn.emit(ExecutionPaused(turn.now, QUARANTINED))
    fire_due(turn)
    advance(turn)


def _is_suspect(turn: Turn, step: StepState) -> bool:
    """Whether this step ran inside the server each time it died. One whose work is done behind a URL did not."""
    local = turn.execution.planned(step.path).type.execution_type is ExecutionType.LOCAL
    return local and not step.stopped and step.server_deaths + 1 >= DEATHS_BEFORE_QUARANTINE


def _why(loss: Loss, step: StepState) -> str:
    """What was given up in order did not run when the process ended, however it ended."""
    return "server-started" if loss is Loss.DIED and step.stopped else loss.value


def _hand_over_again(turn: Turn, step: StepState, reason: str) -> None:
    planned = turn.execution.planned(step.path)
    if turn.state.ended is not None or step.status is not StepStatus.RUNNING:
        return
    if planned.type.effect is Effect.AT_MOST_ONCE:
        outcome_unknown(turn, step, "the server stopped while this step ran")
        return
    _reschedule(turn, step, reason)


def _reschedule(turn: Turn, step: StepState, reason: str) -> None:
    """The attempt begins anew; while nobody may have it, no time runs against it."""
    timeout = turn.execution.planned(step.path).timeout
    rests = reason == QUARANTINED or turn.state.paused is not None
    deadline = None if timeout is None or rests else turn.now + timeout
    turn.emit(StepRescheduled(turn.now, step.path, step.delivery + 1, reason, deadline))


def _resolve(turn: Turn, resolve: Resolve) -> None:
    step = turn.state.steps.get(resolve.path)
    if step is None:
        raise UnknownStep
    if step.wait is None or step.wait.reason != OUTCOME_UNKNOWN:
        raise NoUnknownOutcome(resolve.path)
    _reschedule(turn, step, "resolved")
    if resolve.completed:
        end_step(turn, step, Completed(resolve.output), 0.0)
    elif resolve.error is not None:
        attempt_failed(turn, step.path, step.attempt, resolve.error, 0.0, retryable=False)
    advance(turn)


_DECISIONS: Final[Mapping[type[Input], Callable[[Turn, Any], None]]] = {
    Start: _start,
    Succeeded: _succeeded,
    Failed: _failed,
    Tick: _tick,
    Signal: _signal,
    Cancel: _cancel,
    Pause: _pause,
    Resume: _resume,
    Recover: _recover,
    Resolve: _resolve,
}
