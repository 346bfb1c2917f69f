"""The fold of what happens to agents. Nobody has an agent's own step in hand while it converses."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.history.agents import AgentState, Used, owner_of
from workflow_engine.history.events import (
    AgentEnded,
    AgentMessageReceived,
    AgentSimulated,
    AgentStarted,
    AgentToolsCalled,
    AgentTurnStarted,
    Event,
    StepCompleted,
    StepFailed,
)
from workflow_engine.history.moves import handed_over, moved, running
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import IllegalMove, StepStatus
from workflow_engine.history.steps import Resumed
from workflow_engine.jsontext import Json


def _agent_started(state: ExecutionState, event: AgentStarted) -> None:
    step = running(state, event.path, "beginning a conversation")
    if step.agent is not None:
        raise IllegalMove(f"step {event.path}", "conversing", "beginning a conversation")
    state.running -= 1
    step.agent = AgentState.begun(event)


def _agent_turn_started(state: ExecutionState, event: AgentTurnStarted) -> None:
    agent = _conversation(state, event.path, "a turn")
    if event.turn <= agent.turn:
        raise IllegalMove(f"agent {event.path}", f"in turn {agent.turn}", f"turn {event.turn}")
    results = {call: state.steps.get(path) for call, path in agent.steps_called(event.path).items()}
    agent.begin_turn(event, {call: step for call, step in results.items() if step is not None})
    moved(state, event.path, StepStatus.RUNNING).wait = None


def _agent_tools_called(state: ExecutionState, event: AgentToolsCalled) -> None:
    _conversation(state, event.path, "calling tools").call(event.calls)


def _agent_message_received(state: ExecutionState, event: AgentMessageReceived) -> None:
    _conversation(state, event.path, "a message").inbox.append(event.message)


def _agent_simulated(state: ExecutionState, event: AgentSimulated) -> None:
    _conversation(state, event.path, "being simulated").simulation_reason = event.reason


def _agent_ended(state: ExecutionState, event: AgentEnded) -> None:
    agent = _conversation(state, event.path, "ending its conversation")
    step = handed_over(state, event, StepStatus.RUNNING, StepStatus.WAITING)
    agent.is_over = True
    state.running += 1
    step.wait = None
    step.resumed = Resumed(by="agent", at=event.at, memo=agent.memo, payload=event.outcome)


def _conversation(state: ExecutionState, path: str, what: str) -> AgentState:
    step = state.open.get(path)
    if step is None or step.agent is None or step.agent.is_over:
        raise IllegalMove(f"step {path}", state.status_of(path), what)
    return step.agent


def hear(state: ExecutionState, event: StepCompleted | StepFailed) -> None:
    """A step ended. If it belongs to a turn, its agent hears of it."""
    if "#" not in event.path:
        return
    agent = _agent_above(state, event.path)
    if agent is None:
        return
    if isinstance(event, StepFailed):
        agent.heard_failure(event.path, event.error)
        return
    agent.heard(event.path, event.output, event.simulated)
    _charge(state, event.path, event.output)


def _agent_above(state: ExecutionState, path: str) -> AgentState | None:
    """The agent this step belongs to, if its conversation goes on."""
    owner = owner_of(path)
    step = None if owner is None else state.open.get(owner)
    return None if step is None or not step.converses else step.agent


def _charge(state: ExecutionState, path: str, output: Json) -> None:
    """What a call of a model took counts for its agent, and for every agent above that one."""
    used = Used.of(path, output)
    owner = owner_of(path) if used is not None else None
    while owner is not None:
        step = state.steps.get(owner)
        if used is not None and step is not None and step.agent is not None:
            step.agent.used = step.agent.used.with_more(used)
        owner = owner_of(owner)


AGENT_MOVES: Final[Mapping[type[Event], Callable[[ExecutionState, Any], None]]] = {
    AgentStarted: _agent_started,
    AgentTurnStarted: _agent_turn_started,
    AgentToolsCalled: _agent_tools_called,
    AgentMessageReceived: _agent_message_received,
    AgentSimulated: _agent_simulated,
    AgentEnded: _agent_ended,
}
