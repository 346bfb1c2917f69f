"""One execution in memory: its plan, the fold of its history, and its frontiers; advanced only by events."""

from collections.abc import Iterable, Iterator
from typing import cast

from workflow_engine.definition.plan import Plan, PlannedStep
from workflow_engine.execution.control.bodies import Circumstances, TurnBody, all_tools, body_of, tool_step
from workflow_engine.execution.control.budgets import Books, Budget, budget_of
from workflow_engine.execution.control.conversation import Conversation
from workflow_engine.execution.frontier import Frontier
from workflow_engine.history.agents import AgentState, owner_of, prefix_of
from workflow_engine.history.events import (
    AgentStarted,
    AgentToolsCalled,
    AgentTurnStarted,
    Event,
    ExecutionStarted,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRetrying,
    StepScheduled,
    StepSkipped,
)
from workflow_engine.history.fold import apply
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import IllegalMove
from workflow_engine.jsontext import JsonObject

ROOT = ""

_BEGINNINGS = (StepScheduled, StepRetrying)
_ENDS = (StepCompleted, StepFailed, StepSkipped, StepCancelled)


class Execution:
    """`id`, the plan it is pinned to, and everything its events say.

    Steps live in bodies; a body is named by the prefix of its paths. The root body (prefix "") is the plan itself,
    and a step that owns a body opens further ones: each turn of an agent is one (`research#2.`). Step ids hold no dot,
    so the last dot of a path divides the two.
    """

    __slots__ = ("frontiers", "granted", "id", "plan", "state", "talks")

    def __init__(self, execution_id: str, plan: Plan) -> None:
        self.id = execution_id
        self.plan = plan
        self.state = ExecutionState()
        self.frontiers: dict[str, Frontier] = {ROOT: Frontier(plan)}
        self.talks: dict[str, Conversation] = {}
        """What its agents were told to do, by path."""
        self.granted: dict[str, Budget] = {}
        """What the latest call of a model may take, by the path of its agent."""

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

    @property
    def books(self) -> Books:
        """What is left of the limits of its agents is read from here."""
        state = self.state
        return Books(state.steps, state.open, self.talks, self.granted, self._is_agent)

    def _is_agent(self, path: str) -> bool:
        """Whether the step at this path is of the type of the agent that called it."""
        owner = owner_of(path)
        return owner is not None and self.planned(path).type.name == self.planned(owner).type.name

    def conversing(self) -> Iterator[tuple[str, AgentState, Conversation]]:
        """The agents whose conversation goes on, those that began last first: an inner one before its outer one."""
        for path in reversed(self.talks):
            step = self.state.open.get(path)
            if step is not None and step.agent is not None and step.converses:
                yield path, step.agent, self.talks[path]

    def turn_of(self, path: str) -> Frontier | None:
        """The turn that this agent is in; None before its first."""
        agent = self.state.steps[path].agent
        return None if agent is None else self.frontiers.get(prefix_of(path, agent.turn))

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
            self._follow_agent(event)

    def _follow_agent(self, event: Event) -> None:
        match event:
            case AgentStarted():
                self.talks[event.path] = Conversation.read(event.conversation)
            case AgentTurnStarted():
                self._open_turn(event.path, event.turn)
            case AgentToolsCalled():
                self._add_tools(event)

    def _open_turn(self, path: str, turn: int) -> None:
        talk = self.talks[path]
        budget = self.granted[path] = budget_of(path, self.books)
        given = Circumstances(self.planned(path), budget.written(), f"{self.started.seed}:{path}")
        body = body_of(turn, talk, self._agent(path), given)
        prefix = prefix_of(path, turn)
        self.frontiers[prefix] = Frontier(body, prefix)

    def _add_tools(self, event: AgentToolsCalled) -> None:
        frontier = self.frontiers[prefix_of(event.path, event.turn)]
        tools = all_tools(self.talks[event.path], self._agent(event.path))
        owner = self.planned(event.path)
        called = [
            tool_step(step_id, rank, tools[cast(str, call["name"])], cast(JsonObject, call["arguments"]), owner)
            for rank, call in enumerate(event.calls, 1)
            if (step_id := cast(str | None, call.get("step"))) is not None
        ]
        cast(TurnBody, frontier.body).steps.update({step.id: step for step in called})
        frontier.add(called)

    def _agent(self, path: str) -> AgentState:
        agent = self.state.steps[path].agent
        if agent is None:
            raise IllegalMove(f"step {path}", self.state.status_of(path), "a turn")
        return agent

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
