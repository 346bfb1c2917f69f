"""From what a step asks of an agent to the conversation that the engine conducts: everything looked up, nothing asked.

Only what is in memory is read, and no model, tool or file is touched, so that it may happen inside a turn of the
engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from workflow_engine.agents.config import AgentConfig, AgentLimits, ModelChoice, read_agent, schema_problems
from workflow_engine.agents.limits import AgentCeilings, AgentDefaults, limits_that_hold
from workflow_engine.agents.simulation import NO_MODEL, AgentFacts, judge, located
from workflow_engine.agents.tools import Workshop, function_name, function_schema, may_call, mcp_servers, mcp_tool, tool
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Conversing, InvalidConfig, StepRequest, StepType
from workflow_engine.steps.schemas import compile_schema
from workflow_engine.steps.services import AgentWish, ToolWish

MOST_TOLD: Final = 5
"""Problems in the sentence of a refusal; its details list more."""
MOST_LISTED: Final = 50


def _nothing(namespace: str, name: str) -> None:
    return None


@dataclass(slots=True)
class PreparedAgents:
    """Keeps `steps.services.Agents`. It is lent to plugins before their step types are known, hence `connect`."""

    facts: AgentFacts
    defaults: AgentDefaults = field(default_factory=AgentDefaults)
    ceilings: AgentCeilings = field(default_factory=AgentCeilings)
    _workshop: Workshop = field(default_factory=lambda: Workshop(_nothing, _nothing))

    def connect(
        self,
        step_types: Callable[[str, str], StepType | None],
        agents: Callable[[str, str], AgentConfig | None],
    ) -> None:
        """Where step types (by namespace and reference) and stored agents (by namespace and id) are found."""
        self._workshop = Workshop(step_types, agents)

    def begin(self, request: StepRequest, wish: AgentWish) -> Conversing:
        """The conversation of an agent with its first messages. The memo says who talks.

        Raises `InvalidConfig`, or `StepFailure` with `provider-not-configured`.
        """
        agent = self._agent(request.namespace, wish)
        schema = agent.response_schema if wish.response_schema is None else _usable(wish.response_schema)
        conversation: JsonObject = {
            **_who(agent, wish.agent_id),
            "models": [written_model(model) for model in agent.models()],
            "messages": _first_messages(agent, wish),
            "tools": self._workshop.tools(request.namespace, agent.tools),
            "temperature": agent.temperature,
            "max_tokens": agent.max_tokens,
            "response_schema": schema,
            "stream": wish.stream,
            "multi_turn": wish.multi_turn,
            "limits": self._limits(agent.limits),
            "direct_call": None,
        }
        _refuse_long(conversation)
        return Conversing({**conversation, **self._simulation(request, agent, wish)}, _who(agent, wish.agent_id))

    def call_tool(self, request: StepRequest, wish: ToolWish) -> Conversing:
        """A conversation that is one call of one tool, without a model. Raises `InvalidConfig`."""
        called = self._tool(request.namespace, wish)
        conversation: JsonObject = {
            "name": wish.name,
            "agent_id": None,
            "model": "",
            "provider_type": None,
            "models": [],
            "messages": [],
            "tools": [called],
            "mcp_servers": [],
            "temperature": 0.0,
            "max_tokens": 1,
            "response_schema": None,
            "stream": False,
            "multi_turn": False,
            "limits": self._limits(AgentLimits()),
            "simulation": None,
            "script": [],
            "fallback_simulation": False,
            "direct_call": {"tool": called["name"], "arguments": wish.arguments},
        }
        return Conversing(conversation, {"name": wish.name, "params": wish.arguments})

    def tool_schema(self, namespace: str, name: str) -> JsonObject | None:
        """The input schema of the step type that is called so; None for what is no step type."""
        step_type = self._workshop.step_types(namespace, name)
        return None if step_type is None else function_schema(step_type, {})

    def _agent(self, namespace: str, wish: AgentWish) -> AgentConfig:
        """The stored agent, or the one the step describes; what a step says beside an id holds for this step."""
        if not wish.is_stored:
            return _read({"model": NO_MODEL, **wish.agent}, wish.place)
        stored = self._workshop.stored(namespace, wish.agent_id or "")
        if not wish.agent:
            return stored
        kept = stored.document()
        if "agent_name" in wish.agent:
            del kept["name"]
        return _read({**kept, **wish.agent}, wish.place)

    def _simulation(self, request: StepRequest, agent: AgentConfig, wish: AgentWish) -> JsonObject:
        judgement = judge(request, agent.simulation, list(agent.models()), self.facts)
        script: list[Json] = [each.model_dump(mode="json", exclude_unset=True) for each in agent.simulation_script]
        # Without a worker there is nobody who could ask an MCP server for its tools.
        reachable = judgement.reason is None or self.facts.is_served(request.namespace)
        return {
            "mcp_servers": mcp_servers(agent.tools) if reachable else [],
            "simulation": None if judgement.reason is None else {"reason": judgement.reason, "script": script},
            "script": script,
            "fallback_simulation": judgement.may_fall_back,
        }

    def _limits(self, asked: AgentLimits) -> JsonObject:
        return limits_that_hold(asked, self.defaults, self.ceilings)

    def _tool(self, namespace: str, wish: ToolWish) -> JsonObject:
        step_type = self._workshop.step_types(namespace, wish.name)
        server, slash, name = wish.name.rpartition("/")
        if step_type is None and slash and server and name:
            return mcp_tool(server, name, self._limits(AgentLimits())["call_timeout_seconds"])
        if step_type is None or not may_call(step_type):
            raise InvalidConfig(f"Tool not found or unsupported: name={wish.name} id=None")
        self._workshop.check(step_type, wish.config)
        schema = function_schema(step_type, {})
        if wrong := compile_schema(schema).problems(wish.arguments):
            raise _refused(f"The parameters of the tool {wish.name} are not valid", wrong)
        return tool(function_name(step_type.name), step_type.description, schema, step_type, wish.config)


def written_model(choice: ModelChoice) -> JsonObject:
    """One entry of a conversation's `models`: litellm's spelling, and the one that people used."""
    return {
        "model": located(choice).model,
        "written": choice.model,
        "api_base": choice.api_base,
        "credential": choice.credential,
        "price": None if choice.price is None else choice.price.model_dump(),
    }


def _who(agent: AgentConfig, agent_id: str | None) -> JsonObject:
    return {"name": agent.name, "agent_id": agent_id, "model": agent.model, "provider_type": agent.provider_type}


def _first_messages(agent: AgentConfig, wish: AgentWish) -> list[Json]:
    prompt = agent.system_prompt or wish.system_prompt_if_none
    system: list[Json] = [{"role": "system", "content": prompt}] if prompt else []
    return [*system, *wish.history, {"role": "user", "content": wish.query}]


def _usable(schema: JsonObject) -> JsonObject:
    if wrong := schema_problems(schema, "response_format"):
        raise _refused("The response_format is not valid", wrong)
    return schema


def _refuse_long(conversation: JsonObject) -> None:
    messages, limits = conversation["messages"], conversation["limits"]
    most = limits["max_messages"] if isinstance(limits, dict) else None
    if isinstance(messages, list) and isinstance(most, int) and len(messages) > most:
        raise InvalidConfig(f"The conversation begins with {len(messages)} messages; its limit max_messages is {most}")


def _read(described: JsonObject, place: str) -> AgentConfig:
    try:
        return read_agent(described)
    except InvalidDocument as invalid:
        found = [replace(problem, pointer=place + problem.pointer) for problem in invalid.problems()]
        raise _refused("The agent is not valid", found) from None


def _refused(what: str, found: tuple[Problem, ...] | list[Problem]) -> InvalidConfig:
    told = "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in found[:MOST_TOLD])
    listed: list[Json] = [
        {"pointer": each.pointer, "code": each.code, "message": each.message} for each in found[:MOST_LISTED]
    ]
    return InvalidConfig(f"{what}: {told}", {"problems": listed})
