"""`decide(execution, input) -> events`: the one door through which an execution changes.

Each input has one short procedure here. It emits facts and then lets the execution go on (`advance`): whatever is
ready begins, whatever is over ends. A procedure that refuses raises before it emits anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.execution.advance import advance, end_step
from workflow_engine.execution.control.agents import is_a_bare_end
from workflow_engine.execution.errors import (
    AlreadyPaused,
    EmptyMessage,
    ExecutionEnded,
    NotConversing,
    NotPaused,
    NoUnknownOutcome,
    TooManyMessages,
    TooManySignals,
    UnknownStep,
)
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.failures import attempt_failed, cancel_execution
from workflow_engine.execution.hand_overs import QUARANTINED, hand_over_again, reschedule, waits_for_a_word
from workflow_engine.execution.inputs import (
    Cancel,
    Input,
    Loss,
    Message,
    Pause,
    Recover,
    Report,
    Resolve,
    Resume,
    Signal,
    Start,
    Tick,
)
from workflow_engine.execution.reports import REPORTS, refusal_of
from workflow_engine.execution.timers import fire_due
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import (
    AgentMessageReceived,
    Event,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    SignalReceived,
)
from workflow_engine.history.steps import StepState
from workflow_engine.steps.contract import Completed, ExecutionType

DEATHS_BEFORE_QUARANTINE: Final = 3
MOST_UNTAKEN_SIGNALS: Final = 1_000


def decide(execution: Execution, entering: Input) -> list[Event]:
    """The events that follow from one input, in order; the execution is advanced by them.

    Raises `ExecutionEnded`, `StaleDelivery` and the other leaves of `execution.errors`, and then nothing has changed.
    """
    if execution.state.ended is not None and not isinstance(entering, Tick):
        if isinstance(entering, Report):
            raise refusal_of(execution, entering)
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
        reschedule(turn, step, "resumed")


def _recover(turn: Turn, recover: Recover) -> None:
    """Hand over again what died with its process; stop an execution that was there each time the server died."""
    lost = [step for path in recover.lost if (step := turn.state.open.get(path)) and step.is_at_work and not step.held]
    deadly = recover.loss is Loss.DIED and any(_is_suspect(turn, step) for step in lost)
    for step in lost:
        reason = QUARANTINED if deadly else _why(recover.loss, step)
        hand_over_again(turn, step, reason, "the server stopped while this step ran")
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


def _message(turn: Turn, message: Message) -> None:
    step = turn.state.steps.get(message.path)
    if step is None:
        raise UnknownStep
    if not step.converses or step.agent is None:
        raise NotConversing(message.path)
    if not message.message["content"] and not is_a_bare_end(message.message):
        raise EmptyMessage
    limit = turn.execution.talks[message.path].limits.max_messages
    if len(step.agent.messages) + len(step.agent.inbox) >= limit:
        raise TooManyMessages(message.path, limit)
    turn.emit(AgentMessageReceived(turn.now, message.path, message.message))
    advance(turn)


def _resolve(turn: Turn, resolve: Resolve) -> None:
    step = turn.state.steps.get(resolve.path)
    if step is None:
        raise UnknownStep
    if not waits_for_a_word(step):
        raise NoUnknownOutcome(resolve.path)
    reschedule(turn, step, "resolved")
    if resolve.completed:
        end_step(turn, step, Completed(resolve.output), 0.0)
    elif resolve.error is not None:
        attempt_failed(turn, step.path, step.attempt, resolve.error, 0.0, retryable=False)
    advance(turn)


_DECISIONS: Final[Mapping[type[Input], Callable[[Turn, Any], None]]] = {
    Start: _start,
    **REPORTS,
    Tick: _tick,
    Signal: _signal,
    Cancel: _cancel,
    Pause: _pause,
    Resume: _resume,
    Recover: _recover,
    Resolve: _resolve,
    Message: _message,
}
