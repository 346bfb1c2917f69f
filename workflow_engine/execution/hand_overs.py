"""A step that is handed over again, because whoever held it is gone: the same attempt, under a larger fence."""

from typing import Final

from workflow_engine.execution.begin import forget_chunks
from workflow_engine.execution.failures import outcome_unknown
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import StepRescheduled
from workflow_engine.history.fold import OUTCOME_UNKNOWN
from workflow_engine.history.moves import REPORTED_LATE
from workflow_engine.history.steps import StepState
from workflow_engine.steps.contract import Effect

QUARANTINED: Final = "quarantined"


def hand_over_again(turn: Turn, step: StepState, reason: str, lost: str) -> None:
    """Unless the step may run only once: then nobody knows what became of it, because of what `lost` says."""
    if turn.state.ended is not None or not step.is_at_work:
        return
    if turn.execution.planned(step.path).type.effect is Effect.AT_MOST_ONCE:
        outcome_unknown(turn, step, lost)
        return
    reschedule(turn, step, reason)


def reschedule(turn: Turn, step: StepState, reason: str) -> None:
    """The attempt begins anew; while nobody may have it, no time runs against it."""
    rests = reason == QUARANTINED or turn.state.paused is not None
    deadline = None if rests else turn.execution.planned(step.path).deadline(turn.now)
    forget_chunks(turn, step)
    turn.emit(StepRescheduled(turn.now, step.path, step.delivery + 1, reason, deadline))


def heard_after_all(turn: Turn, step: StepState) -> None:
    """Whoever had it, has it: the fence is the old one, so that the same result sent again is known, and what it said
    stays.
    """
    turn.emit(StepRescheduled(turn.now, step.path, step.delivery, REPORTED_LATE))


def waits_for_a_word(step: StepState) -> bool:
    """Whether nobody knows what became of this step, and somebody is to say it."""
    return step.wait is not None and step.wait.reason == OUTCOME_UNKNOWN
