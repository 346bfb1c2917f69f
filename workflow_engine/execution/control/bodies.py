"""The steps of one turn of an agent, planned as if a document had them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from workflow_engine.definition.model import TriggerRule
from workflow_engine.definition.plan import PlannedStep, RetryPolicy, Role
from workflow_engine.execution.control.conversation import Conversation, Tool
from workflow_engine.expressions import fixed
from workflow_engine.history.agents import MODEL, AgentState
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.agent_steps import MCP_CALL, MCP_TOOLS, MODEL_CALL, SIMULATED_CALL
from workflow_engine.steps.contract import Effect, StepType

DISCOVERY: Final = 0
"""The turn in which MCP servers are asked for their tools."""
_ANSWER_OF_MCP: Final = "text"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME: Final = 64
_SLACK_SECONDS: Final = 15.0
"""A worker keeps the time of a call itself; this is for one that does not."""


@dataclass(slots=True)
class TurnBody:
    """A body that grows once: when the model has answered, by the tools it calls."""

    width: int
    steps: dict[str, PlannedStep] = field(default_factory=dict)
    dependents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    routers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a turn depends on beside the conversation: whose it is, what is left of its limits, and its luck."""

    owner: PlannedStep
    budget: JsonObject
    seed: str


def body_of(turn: int, talk: Conversation, agent: AgentState, given: Circumstances) -> TurnBody:
    """What a turn begins with."""
    owner = given.owner
    body = TurnBody(talk.limits.max_parallel_tools)
    if turn == DISCOVERY:
        for number, entry in enumerate(talk.mcp_servers, 1):
            asked: JsonObject = {"server": entry["server"], "timeout_seconds": talk.limits.call_timeout_seconds}
            step = _planned(f"mcp{number}", number, MCP_TOOLS, asked, owner, owner.retry)
            body.steps[step.id] = replace(step, timeout=talk.limits.call_timeout_seconds + _SLACK_SECONDS)
    elif talk.direct_call is None:
        body.steps[MODEL] = _model_step(talk, agent, given)
    return body


def _model_step(talk: Conversation, agent: AgentState, given: Circumstances) -> PlannedStep:
    asked: JsonObject = {
        "models": talk.models,
        "messages": [_for_models(message) for message in agent.messages],
        "tools": [tool.function() for tool in all_tools(talk, agent).values()],
        "temperature": talk.temperature,
        "max_tokens": talk.max_tokens,
        "response_schema": talk.response_schema,
        "stream": talk.stream,
        "budget": given.budget,
        "timeout_seconds": talk.limits.call_timeout_seconds,
    }
    if agent.simulation_reason is None:
        step = _planned(MODEL, 0, MODEL_CALL, asked, given.owner, given.owner.retry)
        return replace(step, timeout=talk.limits.call_timeout_seconds + _SLACK_SECONDS)
    asked |= {"script": talk.script, "reason": agent.simulation_reason, "turn": agent.model_turns + 1}
    asked["seed"] = given.seed
    return _planned(MODEL, 0, SIMULATED_CALL, asked, given.owner, RetryPolicy())


_SAID_TO_MODELS: Final = frozenset({"role", "content", "tool_calls", "tool_call_id"})


def _for_models(message: JsonObject) -> Json:
    """Without what users' programs say to each other beside it."""
    if message.keys() <= _SAID_TO_MODELS:
        return message
    return {key: value for key, value in message.items() if key in _SAID_TO_MODELS}


def tool_step(step_id: str, rank: int, tool: Tool, arguments: JsonObject, owner: PlannedStep) -> PlannedStep:
    retry = RetryPolicy(max_retries=tool.type.default_max_retries)
    step = _planned(step_id, rank, tool.type, tool.input(arguments), owner, retry)
    return replace(step, config=fixed(tool.config), timeout=tool.type.default_timeout_seconds)


def all_tools(talk: Conversation, agent: AgentState) -> dict[str, Tool]:
    """Those the agent was given, and those its MCP servers turned out to have."""
    return {**talk.tools, **{tool.name: tool for tool in _of_servers(talk, agent)}}


def _of_servers(talk: Conversation, agent: AgentState) -> Iterator[Tool]:
    for entry, found in _discovered(talk, agent):
        for each in found:
            if entry.get("allow") is None or each["name"] in cast(list[Json], entry["allow"]):
                yield _mcp_tool(each, cast(JsonObject, entry["server"]), talk.limits.call_timeout_seconds)


def _discovered(talk: Conversation, agent: AgentState) -> Iterator[tuple[JsonObject, list[JsonObject]]]:
    """Each MCP server as the agent names it, and the tools it has."""
    for step, output in agent.discovered:
        yield talk.mcp_servers[int(step.removeprefix("mcp")) - 1], cast(list[JsonObject], output["tools"])


def what_is_wrong_with_tools(talk: Conversation, agent: AgentState) -> str | None:
    """A tool that an MCP server was said to have, and has not; or two that the model could not tell apart."""
    for entry, found in _discovered(talk, agent):
        known = [cast(str, each["name"]) for each in found]
        missing = [name for name in cast(list[Json], entry.get("allow") or []) if name not in known]
        if missing:
            return f"The MCP server has no tool {missing[0]!r}; it has: {', '.join(known) or 'none'}"
    names = [*talk.tools, *(tool.name for tool in _of_servers(talk, agent))]
    twice = next((name for name in names if names.count(name) > 1), None)
    return None if twice is None else f"Two tools are called {twice!r}; name the ones you mean, or rename one"


def _mcp_tool(found: JsonObject, server: JsonObject, timeout_seconds: float) -> Tool:
    """Its arguments are held against its own schema; whether it may be called twice is for its server to say."""
    name = cast(str, found["name"])
    schema = cast(JsonObject, found.get("input_schema") or {"type": "object"})
    asks = cast(JsonObject, MCP_CALL.input_schema)
    narrowed: JsonObject = {**asks, "properties": {**cast(JsonObject, asks["properties"]), "arguments": schema}}
    harmless = bool(found.get("read_only")) or bool(found.get("idempotent"))
    kind = replace(MCP_CALL, input_schema=narrowed, effect=Effect.IDEMPOTENT if harmless else Effect.AT_MOST_ONCE)
    fixed_part: JsonObject = {"server": server, "tool": name, "timeout_seconds": timeout_seconds}
    about = cast(str, found.get("description") or "")
    function = _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME]
    return Tool(function, about, schema, kind, {}, fixed_part, "arguments", _ANSWER_OF_MCP)


def _planned(
    step_id: str, rank: int, kind: StepType, given: JsonObject, owner: PlannedStep, retry: RetryPolicy
) -> PlannedStep:
    return PlannedStep(
        id=step_id,
        rank=rank,
        type=kind,
        role=Role.FORWARD,
        waits_for=(),
        dependencies=(),
        rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        guard=None,
        input=fixed(given),
        has_mapping=True,
        config=fixed({}),
        retry=retry,
        timeout=None,
        critical=False,
        catch=(),
        compensate=None,
        routes_to=(),
        simulation=owner.simulation,
    )
