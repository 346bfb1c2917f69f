"""One execution in memory: its plan, the fold of its history, and its frontiers; advanced only by events."""

from collections.abc import Iterable, Iterator

from workflow_engine.definition.plan import Plan, PlannedStep
from workflow_engine.execution.frontier import Frontier
from workflow_engine.history.events import (
    Event,
    ExecutionStarted,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRetrying,
    StepScheduled,
    StepSkipped,
)
from workflow_engine.history.state import ExecutionState, apply
from workflow_engine.history.statuses import IllegalMove

ROOT = ""

_BEGINNINGS = (StepScheduled, StepRetrying)
_ENDS = (StepCompleted, StepFailed, StepSkipped, StepCancelled)


class Execution:
    """`id`, the plan it is pinned to, and everything its events say.

    Steps live in bodies; a body is named by the prefix of its paths. The root body (prefix "") is the plan itself,
    and a step that owns a body opens further ones (`fan[3].`). Step ids hold no dot, so the last dot of a path
    divides the two.
    """

    __slots__ = ("frontiers", "id", "plan", "state")

    def __init__(self, execution_id: str, plan: Plan) -> None:
        self.id = execution_id
        self.plan = plan
        self.state = ExecutionState()
        self.frontiers: dict[str, Frontier] = {ROOT: Frontier(plan)}

    @classmethod
    def folded(cls, execution_id: str, plan: Plan, events: Iterable[Event]) -> "Execution":
        execution = cls(execution_id, plan)
        for event in events:
            execution.apply(event)
        return execution

    @property
    def root(self) -> Frontier:
        return self.frontiers[ROOT]

    def frontier_of(self, path: str) -> Frontier:
        return self.frontiers[path[: path.rfind(".") + 1]]

    @property
    def started(self) -> ExecutionStarted:
        """The first event: every execution that is not merely being made has one."""
        if self.state.started is None:
            raise IllegalMove("an execution", "pending", "anything before it started")
        return self.state.started

    def planned(self, path: str) -> PlannedStep:
        """The planned step at this path. Raises `KeyError` for a path no event ever named."""
        frontier = self.frontier_of(path)
        return frontier.body.steps[path[len(frontier.prefix) :]]

    def paths(self) -> Iterator[str]:
        """Every step there is so far, in order of rank within its body."""
        for frontier in self.frontiers.values():
            for step_id in frontier.body.steps:
                yield frontier.prefix + step_id

    def apply(self, event: Event) -> None:
        """Advance by one event: the fold first, then the frontier of the step it is about."""
        if isinstance(event, _BEGINNINGS):
            self._follow_beginning(event.path, event)
        elif isinstance(event, _ENDS):
            self._follow_end(event.path, event)
        else:
            apply(self.state, event)

    def _follow_beginning(self, path: str, event: Event) -> None:
        is_first = path not in self.state.open
        apply(self.state, event)
        if is_first:
            frontier = self.frontier_of(path)
            frontier.began(path[len(frontier.prefix) :])

    def _follow_end(self, path: str, event: Event) -> None:
        was_open = path in self.state.open
        apply(self.state, event)
        frontier = self.frontier_of(path)
        step_id = path[len(frontier.prefix) :]
        if isinstance(event, StepFailed) and event.handled_by is not None:
            frontier.route(event.handled_by, event.error, step_id)
        frontier.end(step_id, was_open)
