"""How an agent is conducted: ask the model, run the tools it calls, ask again, until there is an answer or a limit.

Each turn is a body of steps. What a turn came to is decided once, when all of them have ended, and becomes events; so
an agent goes on after a crash where its history ends, and nothing that was answered is asked again.
"""

from typing import Final, cast

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.control.bodies import DISCOVERY, all_tools, what_is_wrong_with_tools
from workflow_engine.execution.control.budgets import budget_of, is_too_deep
from workflow_engine.execution.control.conversation import Conversation
from workflow_engine.execution.failures import attempt_failed
from workflow_engine.execution.turn import Turn
from workflow_engine.history.agents import MODEL, USER_INPUT, AgentState, prefix_of
from workflow_engine.history.events import (
    AgentEnded,
    AgentSimulated,
    AgentStarted,
    AgentToolsCalled,
    AgentTurnStarted,
    StepError,
    StepWaiting,
)
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import Json, JsonLimits, JsonObject, read_strict
from workflow_engine.steps.agent_steps import NOT_CONFIGURED
from workflow_engine.steps.contract import Conversing
from workflow_engine.steps.schemas import compile_schema

_NO_PROVIDER = "no-provider"


def begin_conversation(turn: Turn, step: StepState, wish: Conversing) -> None:
    """A step turned out to be an agent."""
    if step.agent is not None:
        _fail(turn, step.path, StepError("contract-violation", f"Step {step.path} began a second conversation"))
        return
    said = wish.conversation
    tools = tuple(cast(str, cast(JsonObject, tool)["name"]) for tool in cast(list[Json], said.get("tools") or []))
    turn.emit(
        AgentStarted(turn.now, step.path, cast(str, said["name"]), cast(str, said["model"]), tools, said, wish.memo)
    )
    if is_too_deep(step.path, turn.state.steps, turn.execution.talks):
        error = StepError("agent-depth-limit", f"Agent {step.path} stands deeper than the limit max_depth allows")
        _fail(turn, step.path, error)
        return
    first = DISCOVERY if turn.execution.talks[step.path].mcp_servers else DISCOVERY + 1
    _next_turn(turn, step.path, first)


def conduct(turn: Turn) -> bool:
    """Let every agent go on whose turn is over; answers whether any did."""
    before = len(turn.events)
    for path, agent, talk in list(turn.execution.conversing()):
        frontier = turn.execution.turn_of(path)
        if frontier is not None and frontier.remaining == 0 and agent is turn.state.steps[path].agent:
            _go_on(turn, path, agent, talk)
        if turn.state.ended is not None:
            break
    return len(turn.events) > before


def _go_on(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    if turn.state.steps[path].wait is not None:
        _hear_users(turn, path, agent, talk)
    elif agent.turn == DISCOVERY:
        _discovered(turn, path, agent, talk)
    elif agent.calls is not None:
        _tools_ended(turn, path, agent, talk)
    elif talk.direct_call is not None:
        _call_tools(turn, path, agent, talk, [{"id": "call", "name": talk.direct_call["tool"], **talk.direct_call}])
    else:
        _model_ended(turn, path, agent, talk)


# --- what a turn came to


def _discovered(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    for number in range(1, len(talk.mcp_servers) + 1):
        step = turn.state.steps[f"{prefix_of(path, DISCOVERY)}mcp{number}"]
        if step.error is not None:
            error = StepError(step.error.code, f"The tools of agent {talk.name} are not known: {step.error.message}")
            _fail(turn, path, error)
            return
    if (wrong := what_is_wrong_with_tools(talk, agent)) is not None:
        _fail(turn, path, StepError("invalid-config", wrong))
        return
    _next_turn(turn, path, agent.turn + 1)


def _model_ended(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    if agent.answer is None:
        _model_failed(turn, path, agent, talk)
        return
    message = cast(JsonObject, agent.answer["message"])
    calls = cast(list[JsonObject], message.get("tool_calls") or [])
    if calls:
        _call_tools(turn, path, agent, talk, calls)
    elif (wrong := _what_is_wrong(talk, agent.text)) is not None:
        _repair(turn, path, agent, talk, wrong)
    elif talk.multi_turn and not agent.is_last_turn:
        turn.emit(StepWaiting(turn.now, path, reason=USER_INPUT))
    elif agent.inbox and _why_no_turn(turn, path, agent, talk, len(agent.messages) + len(agent.inbox)) is None:
        _next_turn(turn, path, agent.turn + 1)  # somebody said something while the model wrote its answer
    else:
        _end(turn, path, agent, talk)


def _model_failed(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    step = turn.state.steps[prefix_of(path, agent.turn) + MODEL]
    error = step.error or StepError("cancelled", step.reason or "the call was cancelled")
    if error.code == NOT_CONFIGURED and talk.may_be_simulated and agent.model_turns == 0:
        turn.emit(AgentSimulated(turn.now, path, _NO_PROVIDER))
        _next_turn(turn, path, agent.turn + 1)
        return
    message = f"Model call {agent.model_turns + 1} of agent {talk.name} failed: {error.message}"
    _fail(turn, path, StepError(error.code, message, error.details))


def _call_tools(turn: Turn, path: str, agent: AgentState, talk: Conversation, calls: list[JsonObject]) -> None:
    """Judge what the model asks for; what is allowed becomes steps, the rest is told back."""
    turn.emit(AgentToolsCalled(turn.now, path, agent.turn, tuple(_judged(talk, agent, calls))))


def _tools_ended(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    if talk.direct_call is not None:
        _direct_call_ended(turn, path, agent, talk)
    elif agent.bad_calls > talk.limits.max_bad_calls:
        message = (
            f"The model called tools wrongly {agent.bad_calls} times; max_bad_calls is {talk.limits.max_bad_calls}"
        )
        _fail(turn, path, StepError("agent-tool-error-limit", message))
    else:
        _next_turn(turn, path, agent.turn + 1)


def _direct_call_ended(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    call = (agent.calls or ({},))[0]
    if "step" not in call:
        _fail(turn, path, StepError("invalid-config", str(call.get("error"))))
        return
    step = turn.state.steps[prefix_of(path, agent.turn) + cast(str, call["step"])]
    if step.status is StepStatus.COMPLETED:
        _end(turn, path, agent, talk, step.output)
    else:
        _fail(turn, path, step.error or StepError("cancelled", step.reason or "the tool was cancelled"))


def _hear_users(turn: Turn, path: str, agent: AgentState, talk: Conversation) -> None:
    """A user said something while the agent waited. An empty last word ends the conversation without another turn."""
    if not agent.inbox:
        return
    if len(agent.inbox) == 1 and is_a_bare_end(agent.inbox[0]):
        _end(turn, path, agent, talk)
        return
    _next_turn(turn, path, agent.turn + 1)


def is_a_bare_end(message: JsonObject) -> bool:
    """Whether it says nothing but that this is the end."""
    metadata = message.get("metadata")
    return not message["content"] and isinstance(metadata, dict) and metadata.get("final_turn") is True


# --- what follows


def _next_turn(turn: Turn, path: str, number: int, say: JsonObject | None = None) -> None:
    agent, talk = turn.state.steps[path].agent, turn.execution.talks[path]
    if agent is None:
        return
    told = len(agent.messages) + len(agent.calls or ()) + len(agent.inbox) + (say is not None)
    if talk.direct_call is None and (refused := _why_no_turn(turn, path, agent, talk, told)) is not None:
        _fail(turn, path, refused)
        return
    turn.emit(AgentTurnStarted(turn.now, path, number, say, len(agent.inbox)))


def _why_no_turn(turn: Turn, path: str, agent: AgentState, talk: Conversation, told: int) -> StepError | None:
    """`told`: how many messages the model would be shown. In a conversation with a user, every message may have as many
    turns as the limit allows.
    """
    most, had = talk.limits.max_turns, agent.model_turns
    if talk.multi_turn:
        had = 0 if agent.inbox else agent.turns_since_heard
    if had >= most:
        message = f"Agent {talk.name} has no answer after {had} turns; max_turns is {most}"
        return StepError("agent-turn-limit", message)
    if told > talk.limits.max_messages:
        message = (
            f"The next call would show agent {talk.name} {told} messages; max_messages is {talk.limits.max_messages}"
        )
        return StepError("agent-message-limit", message)
    return budget_of(path, turn.execution.books).shortage


def _repair(turn: Turn, path: str, agent: AgentState, talk: Conversation, wrong: str) -> None:
    if agent.repairs >= talk.limits.max_repairs:
        message = f"The answer of agent {talk.name} does not fit its response schema: {wrong}"
        _fail(turn, path, StepError("structured-output-invalid", message))
        return
    content = (
        f"Your answer does not fit the required JSON Schema: {wrong}. Answer again, with that JSON and nothing else."
    )
    _next_turn(turn, path, agent.turn + 1, {"role": "user", "content": content})


def _end(turn: Turn, path: str, agent: AgentState, talk: Conversation, tool_result: Json = None) -> None:
    answer = agent.answer or {}
    outcome: JsonObject = {
        "response": agent.text,
        "structured": None if talk.response_schema is None else _parsed(agent.text),
        "finish_reason": answer.get("finish_reason", "stop"),
        "turns": agent.model_turns,
        "tools_used": list[Json](agent.tools_used),
        "tool_calls": agent.tool_calls,
        "usage": agent.used.written(),
        "cost_usd": agent.used.known_cost,
        "simulated": agent.why_simulated is not None,
        "simulation_reason": agent.why_simulated,
        "seconds": turn.now - agent.began_at,
        "model": agent.model,
        "tool_result": tool_result,
    }
    turn.emit(AgentEnded(turn.now, path, turn.state.steps[path].delivery + 1, outcome))


def _fail(turn: Turn, path: str, error: StepError) -> None:
    step = turn.state.steps[path]
    attempt_failed(turn, path, step.attempt, error, (turn.now - (step.attempt_at or turn.now)) * 1000, retryable=False)


# --- judging

_WRITTEN_BY_MODELS: Final = JsonLimits()


def _judged(talk: Conversation, agent: AgentState, calls: list[JsonObject]) -> list[JsonObject]:
    tools = all_tools(talk, agent)
    judged: list[JsonObject] = []
    for number, call in enumerate(calls, 1):
        name = cast(str, call["name"])
        told: JsonObject = {"id": call["id"], "name": name}
        arguments = call["arguments"]
        given = _parsed(arguments or "{}") if isinstance(arguments, str) else arguments
        if number > talk.limits.max_tool_calls:
            told["error"] = f"at most {talk.limits.max_tool_calls} tools can be called in one turn"
        elif name not in tools:
            known = ", ".join(tools) or "none"
            told["error"] = f"there is no tool {name[:100]!r}; the tools are: {known}"
        elif not isinstance(given, dict):
            told["error"] = "the arguments are not a JSON object"
        else:
            told |= {"step": f"tool{number}", "arguments": given, "answer_key": tools[name].answer_key}
        judged.append(told)
    return judged


def _what_is_wrong(talk: Conversation, text: str) -> str | None:
    if talk.response_schema is None:
        return None
    value = _parsed(text)
    if value is None and text.strip() != "null":
        return "it is not JSON"
    problems = compile_schema(talk.response_schema).problems(value)
    return "; ".join(f"{each.pointer or '/'}: {each.message}" for each in problems[:5]) or None


def _parsed(text: str) -> Json:
    """JSON that a model wrote, also inside a code fence; None when it is none."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return read_strict(bare.encode(), _WRITTEN_BY_MODELS)
    except WorkflowEngineError:
        return None
