"""What an agent may call: every tool with the step type behind it, under a name that models accept."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Self

from workflow_engine.agents.config import AgentConfig, ToolEntry
from workflow_engine.definition.annotations import schema_of_built
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.agent_steps import MCP_CALL, MCP_TOOLS, MODEL_CALL, SIMULATED_CALL
from workflow_engine.steps.authoring import open_object
from workflow_engine.steps.contract import Effect, InvalidConfig, StepType
from workflow_engine.steps.schemas import Validator, compile_schema
from workflow_engine.steps.wire import write_contract

AGENT_STEP: Final = "agent_execution"
LONGEST_FUNCTION_NAME: Final = 64
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MACHINERY: Final = frozenset(step.name for step in (MODEL_CALL, SIMULATED_CALL, MCP_TOOLS, MCP_CALL))
_OF_THE_WHOLE: Final = frozenset(
    {"required", "minProperties", "allOf", "anyOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas"}
)
_ASKING: Final = open_object(["query"], query={"type": "string", "description": "What the agent is to do."})


@dataclass(slots=True)
class Workshop:
    """Resolves tools. Validators are compiled once for each step type."""

    step_types: Callable[[str, str], StepType | None]
    """By namespace and `name` or `name@range`."""
    agents: Callable[[str, str], AgentConfig | None]
    """By namespace and id."""
    _checks: dict[str, "_Checks"] = field(default_factory=dict)

    def tools(self, namespace: str, entries: Iterable[ToolEntry]) -> list[Json]:
        """The tools of an agent that are step types or agents. Raises `InvalidConfig`."""
        made: dict[str, JsonObject] = {}
        for tool in self._resolved(namespace, entries):
            name = str(tool["name"])
            if name in made:
                raise InvalidConfig(f"Two tools are called '{name}'; give one of them another 'name'")
            made[name] = tool
        return list(made.values())

    def stored(self, namespace: str, agent_id: str) -> AgentConfig:
        """The stored agent of this id. Raises `InvalidConfig`, also for one that an older version stored."""
        try:
            agent = self.agents(namespace, agent_id)
        except InvalidDocument as invalid:
            raise InvalidConfig(f"The stored agent {agent_id} cannot be used: {invalid}") from None
        if agent is None:
            raise InvalidConfig(f"Agent not found: {agent_id}")
        return agent

    def _resolved(self, namespace: str, entries: Iterable[ToolEntry]) -> Iterator[JsonObject]:
        for entry in entries:
            if entry.step_type is not None:
                yield self._step_tool(namespace, entry, entry.step_type)
            elif entry.agent is not None:
                yield self._agent_tool(namespace, entry, entry.agent)

    def _step_tool(self, namespace: str, entry: ToolEntry, reference: str) -> JsonObject:
        step_type = self.step_types(namespace, reference)
        if step_type is None:
            raise InvalidConfig(f"Unknown tool: {reference}")
        if not may_call(step_type):
            raise InvalidConfig(f"{step_type.name} is what agents are made of, and no tool for them")
        config, fixed = entry.config or {}, entry.input or {}
        self.check(step_type, config, fixed)
        return tool(
            function_name(entry.name or step_type.name),
            entry.description or step_type.description or step_type.title,
            function_schema(step_type, fixed),
            step_type,
            config,
            fixed,
        )

    def _agent_tool(self, namespace: str, entry: ToolEntry, agent_id: str) -> JsonObject:
        agent, step_type = self.stored(namespace, agent_id), self.step_types(namespace, AGENT_STEP)
        if step_type is None:
            raise InvalidConfig(f"Unknown tool: {AGENT_STEP}")
        return tool(
            function_name(entry.name or agent.name),
            entry.description or agent.description or f"Asks the agent {agent.name}.",
            _ASKING,
            step_type,
            {"agent_id": agent_id, "return_simplified": True},
            answer_key="response",
        )

    def check(self, step_type: StepType, config: JsonObject, fixed: JsonObject | None = None) -> None:
        """What is wrong here is the author's mistake: a model could not mend it. Raises `InvalidConfig`."""
        known = self._checks.get(step_type.pin)
        if known is None or known.step_type is not step_type:
            known = self._checks[step_type.pin] = _Checks.of(step_type)
        for what, validator, value in (("config", known.config, config), ("input", known.fixed, fixed or {})):
            if wrong := validator.problems(value):
                told = "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in wrong[:5])
                raise InvalidConfig(f"The {what} of the tool {step_type.name} is not valid: {told}")


@dataclass(frozen=True, slots=True)
class _Checks:
    """What an author says beside a step type, held against its schemas."""

    step_type: StepType
    config: Validator
    fixed: Validator
    """Of the inputs, without whatever is said of the input as a whole: the model gives the rest."""

    @classmethod
    def of(cls, step_type: StepType) -> Self:
        whole = step_type.input_schema or {}
        parts = {keyword: each for keyword, each in whole.items() if keyword not in _OF_THE_WHOLE}
        return cls(step_type, compile_schema(schema_of_built(step_type.config_schema or {})), compile_schema(parts))


def may_call(step_type: StepType) -> bool:
    """What agents are made of keeps their limits, and must not be called beside them."""
    return step_type.name not in _MACHINERY


def tool(
    name: str,
    description: str,
    parameters: JsonObject,
    step_type: StepType,
    config: JsonObject,
    fixed: JsonObject | None = None,
    arguments_in: str | None = None,
    answer_key: str | None = None,
) -> JsonObject:
    """One entry of a conversation's `tools`. Its contract is kept without what only people read."""
    return {
        "name": name,
        "description": description,
        "parameters": parameters,
        "type": {**write_contract(replace(step_type, documentation="", examples=())), "inline": step_type.inline},
        "config": config,
        "input": fixed or {},
        "arguments_in": arguments_in,
        "answer_key": answer_key,
    }


def mcp_tool(server: str, name: str, timeout_seconds: Json) -> JsonObject:
    """A tool of an MCP server that is called directly: what it takes, and whether it may be called twice, nobody asks
    the server, so that it is called once at most.
    """
    fixed: JsonObject = {"server": mcp_server(server), "tool": name, "timeout_seconds": timeout_seconds}
    once = replace(MCP_CALL, effect=Effect.AT_MOST_ONCE)
    return tool(function_name(f"{server}_{name}"), "", open_object(), once, {}, fixed, "arguments")


def mcp_servers(entries: Iterable[ToolEntry]) -> list[Json]:
    """The MCP servers of an agent, each with the tools that may be called there. Raises `InvalidConfig`."""
    servers: list[Json] = []
    for entry in entries:
        if entry.mcp_server is not None:
            server = mcp_server(entry.mcp_server, entry.credential)
            if any(isinstance(each, dict) and each["server"] == server for each in servers):
                raise InvalidConfig(f"The MCP server '{entry.mcp_server}' stands twice among the tools")
            servers.append({"server": server, "allow": None if entry.tools is None else list(entry.tools)})
    return servers


def mcp_server(written: str, credential: str | None = None) -> JsonObject:
    is_url = written.startswith(("http://", "https://"))
    return {"name": None if is_url else written, "url": written if is_url else None, "credential": credential}


def function_name(written: str) -> str:
    """A name every provider takes: letters, digits, `_` and `-`, at most 64."""
    return _NOT_IN_NAMES.sub("_", written)[:LONGEST_FUNCTION_NAME]


def function_schema(step_type: StepType, fixed: JsonObject) -> JsonObject:
    """The input schema of a step type without the inputs that its author fixed; any object when it has none."""
    schema: JsonObject = {"type": "object", "properties": {}, **(step_type.input_schema or {})}
    properties, required = schema["properties"], schema.get("required")
    schema["type"] = "object"
    if isinstance(properties, dict):
        schema["properties"] = {name: each for name, each in properties.items() if name not in fixed}
    if isinstance(required, list):
        schema["required"] = [name for name in required if name not in fixed]
    return schema
