"""How an execution goes on after something changed: what is ready begins, and what is over ends."""

import math
from typing import Final

from workflow_engine.definition.plan import Role
from workflow_engine.execution.begin import begin, settle
from workflow_engine.execution.control.agents import conduct
from workflow_engine.execution.failures import attempt_failed, cancel_unended, due_compensations, end_as, fail_execution
from workflow_engine.execution.frontier import Frontier
from workflow_engine.execution.timers import wake
from workflow_engine.execution.turn import Turn
from workflow_engine.execution.view import View
from workflow_engine.expressions import EvaluationFailed
from workflow_engine.history.events import (
    ExecutionCompensating,
    ExecutionCompleted,
    StepCompleted,
    StepError,
    StepSkipped,
    StepWaiting,
)
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import Completed, Routed, Suspended

LONGEST_WAIT: Final = 366 * 86_400.0


def advance(turn: Turn) -> None:
    """Begin what is ready while there is room; end the execution when nothing is left; run the next compensation while
    it rolls back.
    """
    _begin_ready(turn)
    while turn.execution.talks and _is_going(turn) and conduct(turn):
        _begin_ready(turn)
    if turn.state.ended is not None or turn.state.paused is not None:
        return
    if turn.state.compensating is not None:
        _compensate(turn, turn.state.compensating)
    elif turn.execution.root.remaining == 0:
        _complete(turn)


def _begin_ready(turn: Turn) -> None:
    for frontier in list(turn.execution.frontiers.values()):
        # A rollback begins nothing new but its compensations, and what they own.
        while _moves_forward(turn, frontier) and (step := frontier.next_ready()) is not None:
            settle(turn, frontier, step)


def end_step(turn: Turn, step: StepState, verdict: Completed | Routed, duration_ms: float) -> None:
    """A step answered. A route to somebody who does not depend on it is the step's failure."""
    route = verdict.to if isinstance(verdict, Routed) else None
    if route is not None and (strangers := set(route) - set(_dependents(turn, step.path))):
        message = f"Step {step.path} routes to {sorted(strangers)[0]}, which does not depend on it"
        attempt_failed(turn, step.path, step.attempt, StepError("invalid-config", message), duration_ms)
        return
    simulated = isinstance(verdict, Completed) and verdict.simulated
    took = _duration(turn, step, duration_ms)
    turn.emit(StepCompleted(turn.now, step.path, step.attempt, verdict.output, took, route, simulated))


def suspend_step(turn: Turn, step: StepState, wish: Suspended) -> None:
    """A step asks to wait. What it waits for may be here already."""
    if (wish.seconds is None and wish.signal is None) or not is_a_wait(wish.seconds):
        error = StepError(
            "contract-violation", f"Step {step.path} suspended itself without a timer or signal that could wake it"
        )
        attempt_failed(turn, step.path, step.attempt, error, 0.0)
        return
    due_at = None if wish.seconds is None else turn.now + wish.seconds
    turn.emit(StepWaiting(turn.now, step.path, due_at, wish.signal, wish.memo))
    if turn.state.paused is None:
        wake(turn, step)


def is_a_wait(seconds: float | None) -> bool:
    """Whether a timer can be set to it; None sets none."""
    return seconds is None or (math.isfinite(seconds) and 0 <= seconds <= LONGEST_WAIT)


def _duration(turn: Turn, step: StepState, reported: float) -> float:
    """Milliseconds from the start of the attempt; a step that waited was not running in one piece."""
    if step.resumed is None or step.attempt_at is None:
        return reported
    return (turn.now - step.attempt_at) * 1000


def _dependents(turn: Turn, path: str) -> tuple[str, ...]:
    frontier = turn.execution.frontier_of(path)
    return frontier.body.dependents.get(path[len(frontier.prefix) :], ())


def _is_going(turn: Turn) -> bool:
    return turn.state.ended is None and turn.state.paused is None


def _moves_forward(turn: Turn, frontier: Frontier) -> bool:
    return _is_going(turn) and (turn.state.compensating is None or frontier is not turn.execution.root)


def _complete(turn: Turn) -> None:
    try:
        output = _output(turn)
    except EvaluationFailed as failure:
        fail_execution(turn, StepError(failure.code, f"The workflow's output cannot be built: {failure}"))
        advance(turn)
        return
    for path in turn.execution.paths():
        if turn.state.status_of(path) is StepStatus.PENDING:
            turn.emit(StepSkipped(turn.now, path, "Nothing to compensate"))
    turn.emit(ExecutionCompleted(turn.now, output))


def _output(turn: Turn) -> Json:
    template = turn.execution.plan.output
    if template is None:
        return None
    view = View(turn.execution, "")
    return template.build(view, template.compute(view))


def _compensate(turn: Turn, compensating: ExecutionCompensating) -> None:
    """One at a time, in reverse order of completion; one that fails is recorded, and the others still run."""
    if turn.state.open:
        return
    for path in list(due_compensations(turn)):
        frontier = turn.execution.frontier_of(path)
        begin(turn, frontier, frontier.body.steps[path[len(frontier.prefix) :]])
        if turn.state.open:
            return
    cancel_unended(turn, compensating.error.message, frozenset())
    end_as(turn, compensating.outcome, _with_failed_compensations(turn, compensating.error))


def _with_failed_compensations(turn: Turn, error: StepError) -> StepError:
    """The error that ended the forward way, and every compensation that failed after it."""
    message = error.message
    for path in turn.execution.paths():
        step, planned = turn.state.steps.get(path), turn.execution.planned(path)
        if step is not None and planned.role is Role.COMPENSATION and step.error is not None:
            message += f"; compensation {path} failed: {step.error.message}"
    return StepError(error.code, message, error.details)
