"""How a ready step begins, or does not: route, join rule, guard, expressions, in this order, each asked once."""

from workflow_engine.definition.plan import PlannedStep, Role
from workflow_engine.execution.failures import attempt_failed
from workflow_engine.execution.frontier import Frontier
from workflow_engine.execution.triggers import Verdict, judge
from workflow_engine.execution.turn import Turn
from workflow_engine.execution.view import View
from workflow_engine.expressions import EvaluationFailed
from workflow_engine.history.events import StepError, StepScheduled, StepSkipped
from workflow_engine.history.state import StepState
from workflow_engine.jsontext import Json


def settle(turn: Turn, frontier: Frontier, step: PlannedStep) -> None:
    """Begin a ready step, skip it, or fail it: exactly one of these becomes an event."""
    path = frontier.prefix + step.id
    skip = _reason_to_skip(turn, frontier, step)
    if skip is not None:
        turn.emit(StepSkipped(turn.now, path, skip[0], upstream_failed=skip[1]))
        return
    begin(turn, frontier, step)


def begin(turn: Turn, frontier: Frontier, step: PlannedStep) -> None:
    """Ask the guard, compute the expressions, and schedule the first attempt."""
    path = frontier.prefix + step.id
    caught, caught_from = frontier.routed(step.id) or (None, None)
    view = View(turn.execution, frontier.prefix, caught, caught_from)
    try:
        if step.guard is not None and not step.guard.holds(view):
            turn.emit(StepSkipped(turn.now, path, "Conditions not met"))
            return
        computed = _compute(step, view)
    except EvaluationFailed as failure:
        attempt_failed(turn, path, _attempts(turn, path) + 1, StepError(failure.code, str(failure)), 0.0)
        return
    turn.emit(
        StepScheduled(
            at=turn.now,
            path=path,
            attempt=_attempts(turn, path) + 1,
            delivery=1,
            computed=computed,
            deadline=None if step.timeout is None else turn.now + step.timeout,
            caught=caught,
            caught_from=caught_from,
        )
    )


def begin_again(turn: Turn, step: StepState) -> None:
    """The next attempt of a step whose pause is over; what was computed for the first one stays."""
    frontier = turn.execution.frontier_of(step.path)
    planned = frontier.body.steps[step.path[len(frontier.prefix) :]]
    if step.scheduled_at is None:
        begin(turn, frontier, planned)
        return
    deadline = None if planned.timeout is None else turn.now + planned.timeout
    turn.emit(StepScheduled(turn.now, step.path, step.attempt + 1, step.delivery + 1, deadline=deadline))


def _attempts(turn: Turn, path: str) -> int:
    """How many attempts this step has behind it."""
    step = turn.state.steps.get(path)
    return 0 if step is None else step.attempt


def _compute(step: PlannedStep, view: View) -> tuple[Json, ...]:
    return (*step.input.compute(view), *step.config.compute(view))


def _reason_to_skip(turn: Turn, frontier: Frontier, step: PlannedStep) -> tuple[str, bool] | None:
    """Why this step does not run at all, and whether that is because of a failure before it."""
    if step.role is Role.CATCH_TARGET and frontier.routed(step.id) is None:
        return "Not routed to", False
    for dependency in step.dependencies:
        source = turn.state.steps[frontier.prefix + dependency]
        choices = frontier.body.steps[dependency].routes_to
        if source.route is not None and step.id not in source.route and (not choices or step.id in choices):
            return f"Not routed to by {dependency}", False
    match judge(step.rule, [turn.state.steps[frontier.prefix + dependency] for dependency in step.dependencies]):
        case Verdict.RUN:
            return None
        case Verdict.SKIP:
            return "Dependencies skipped", False
        case Verdict.UPSTREAM_FAILED:
            return "upstream_failed", True
