"""How a ready step begins, or does not: route, join rule, guard, expressions, in this order, each asked once."""

from workflow_engine.definition.plan import PlannedStep, Role
from workflow_engine.execution.failures import attempt_failed
from workflow_engine.execution.frontier import Frontier
from workflow_engine.execution.triggers import Verdict, judge
from workflow_engine.execution.turn import Turn
from workflow_engine.execution.view import View
from workflow_engine.expressions import EvaluationFailed
from workflow_engine.history.events import AttemptReset, StepError, StepScheduled, StepSkipped
from workflow_engine.history.steps import StepState
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
    attempt = _attempts(turn, path) + 1
    computed: tuple[Json, ...] = ()
    if step.guard is not None or step.input.computations or step.config.computations:
        view = View(turn.execution, frontier.prefix, caught, caught_from)
        try:
            if step.guard is not None and not step.guard.holds(view):
                turn.emit(StepSkipped(turn.now, path, "Conditions not met"))
                return
            computed = (*step.input.compute(view), *step.config.compute(view))
        except EvaluationFailed as failure:
            attempt_failed(turn, path, attempt, StepError(failure.code, str(failure)), 0.0)
            return
    turn.emit(StepScheduled(turn.now, path, attempt, 1, computed, step.deadline(turn.now), caught, caught_from))


def begin_again(turn: Turn, step: StepState) -> None:
    """The next attempt of a step whose pause is over; what was computed for the first one stays."""
    frontier = turn.execution.frontier_of(step.path)
    planned = frontier.body.steps[step.path[len(frontier.prefix) :]]
    if step.scheduled_at is None:
        begin(turn, frontier, planned)
        return
    forget_chunks(turn, step)
    deadline = planned.deadline(turn.now)
    turn.emit(StepScheduled(turn.now, step.path, step.attempt + 1, step.delivery + 1, deadline=deadline))


def forget_chunks(turn: Turn, step: StepState) -> None:
    """Before a hand-over that begins anew: what was said during the one before does not count."""
    if step.next_chunk:
        turn.emit(AttemptReset(turn.now, step.path))


def _attempts(turn: Turn, path: str) -> int:
    """How many attempts this step has behind it."""
    step = turn.state.steps.get(path)
    return 0 if step is None else step.attempt


def _reason_to_skip(turn: Turn, frontier: Frontier, step: PlannedStep) -> tuple[str, bool] | None:
    """Why this step does not run at all, and whether that is because of a failure before it."""
    if step.role is Role.CATCH_TARGET and frontier.routed(step.id) is None:
        return "Not routed to", False
    sources = [turn.state.steps[frontier.prefix + dependency] for dependency in step.dependencies]
    for source in sources:
        if source.route is not None and _is_passed_over(step, frontier, source):
            return f"Not routed to by {source.path}", False
    verdict = judge(step.rule, sources)
    if verdict is Verdict.RUN:
        return None
    return ("Dependencies skipped", False) if verdict is Verdict.SKIP else ("upstream_failed", True)


def _is_passed_over(step: PlannedStep, frontier: Frontier, router: StepState) -> bool:
    """Whether a routing step could have chosen this one, and did not."""
    choices = frontier.body.steps[router.path[len(frontier.prefix) :]].routes_to
    return step.id not in (router.route or ()) and (not choices or step.id in choices)
