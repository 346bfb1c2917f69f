"""What an agent is: the body of `/agents`, what is stored of it, and the `agent_config` of a step.

A model knows what can be said of one field alone. Whether a tool exists, and what configures a provider, is looked up
when a step begins.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workflow_engine.agents.fields import (
    MOST_FALLBACKS,
    MOST_SCRIPTED_TURNS,
    MOST_TOKENS,
    MOST_TOOLS,
    Address,
    AtMost,
    Credential,
    Description,
    Dollars,
    Model,
    Name,
    Prompt,
    ProviderType,
    StepTypeReference,
    Within,
    refuse_address,
)
from workflow_engine.definition.refusals import problems_of
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import pointer, write
from workflow_engine.steps.contract import Simulation
from workflow_engine.steps.schemas import InvalidSchema, compile_schema

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic follows annotations while the program runs, and would follow this recursive one without end.
    Json, JsonObject = object, dict

MOST_PROBLEMS: Final = 100
_KINDS: Final = ("step_type", "mcp_server", "agent")
_OF_KIND: Final = {
    "step_type": {"name", "description", "config", "input"},
    "mcp_server": {"tools", "credential"},
    "agent": {"name", "description"},
}


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Price(Part):
    """US dollars for a million tokens."""

    input_per_million: Dollars
    output_per_million: Dollars


class ModelChoice(Part):
    """A model, and how to reach it; a fallback is one of these, or the name of a model alone."""

    model: Model
    provider_type: ProviderType | None = None
    api_base: Address | None = None
    credential: Credential | None = None
    price: Price | None = None


class ToolEntry(Part):
    """A step type, an MCP server or another agent: exactly one of the three."""

    step_type: StepTypeReference | None = None
    mcp_server: Name | None = None
    """The name of a server in the agent worker's settings, or a URL."""
    agent: Name | None = None
    name: Name | None = None
    """What the model calls it; made from the step type or the agent when absent."""
    description: Description | None = None
    config: JsonObject | None = None
    input: JsonObject | None = None
    """Inputs the author fixes: the model does not see them."""
    tools: tuple[Name, ...] | None = None
    """The tools of the MCP server that may be called; absent: all of them."""
    credential: Credential | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            sentence = "A tool is either a 'step_type', an 'mcp_server' or an 'agent'"
            raise PydanticCustomError("invalid-value", sentence)
        foreign = [name for name in sorted(self.model_fields_set) if name not in _OF_KIND[kinds[0]] | {kinds[0]}]
        if any(getattr(self, name) is not None for name in foreign):
            facts = {"field": foreign[0], "kind": kinds[0]}
            raise PydanticCustomError("invalid-value", "'{field}' does not belong to a tool with '{kind}'", facts)
        return self

    @property
    def mcp_url(self) -> str | None:
        """The address of the MCP server, when it is no name."""
        server = self.mcp_server
        return server if server is not None and server.startswith(("http://", "https://")) else None

    @model_validator(mode="after")
    def _plain_url(self) -> Self:
        if self.mcp_url is not None:
            refuse_address(self.mcp_url)
        return self


class AgentLimits(Part):
    """What an agent asks for; what is absent is the server's default."""

    max_turns: Annotated[int, Within(1, 1_000_000)] | None = None
    max_total_tokens: Annotated[int, Within(1, 1_000_000_000)] | None = None
    max_cost_usd: Dollars | None = None
    max_depth: Annotated[int, Within(1, 100)] | None = None
    max_bad_calls: Annotated[int, Within(0, 1_000)] | None = None
    max_repairs: Annotated[int, Within(0, 100)] | None = None
    max_tool_calls: Annotated[int, Within(1, 1_000)] | None = None
    max_parallel_tools: Annotated[int, Within(1, 1_000)] | None = None
    max_tool_result_bytes: Annotated[int, Within(64, 16_777_216)] | None = None
    max_messages: Annotated[int, Within(1, 1_000_000)] | None = None
    call_timeout_seconds: Annotated[float, Within(0.001, 86_400)] | None = None


class ScriptedCall(Part):
    """A call of a tool, as a simulated model makes it."""

    name: Name
    arguments: Json = None


class ScriptedTurn(Part):
    """One answer of a simulated model: what it says, or which tools it calls."""

    content: Json = None
    tool_calls: tuple[ScriptedCall, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "content" not in self.model_fields_set and not self.tool_calls:
            raise PydanticCustomError("missing-field", "A scripted turn has 'content' or 'tool_calls'")
        return self


Script = Annotated[tuple[ScriptedTurn, ...], AtMost(MOST_SCRIPTED_TURNS, "scripted turns")]


def _tell_spellings(schema: dict[str, Any]) -> None:
    """What is taken beside the fields of the model: see `_in_full`."""
    properties = schema["properties"]
    properties["agent_name"] = {**properties["name"], "title": "Another spelling of name"}
    schema["required"] = [name for name in schema["required"] if name != "name"]
    schema["anyOf"] = [{"required": ["name"]}, {"required": ["agent_name"]}]
    for field in ("tools", "fallbacks"):
        properties[field]["items"] = {"anyOf": [{"type": "string"}, properties[field]["items"]]}


class AgentConfig(Part):
    """An agent. `None` means that it says nothing."""

    model_config = ConfigDict(json_schema_extra=_tell_spellings)

    name: Name
    model: Model
    provider_type: ProviderType | None = None
    description: Description | None = None
    system_prompt: Prompt = ""
    temperature: Annotated[float, Within(0, 2)] = 0.1
    max_tokens: Annotated[int, Within(1, MOST_TOKENS)] = 1000
    tools: Annotated[tuple[ToolEntry, ...], AtMost(MOST_TOOLS, "tools")] = ()
    response_schema: JsonObject | None = None
    fallbacks: Annotated[tuple[ModelChoice, ...], AtMost(MOST_FALLBACKS, "fallbacks")] = ()
    limits: AgentLimits = Field(default_factory=AgentLimits)
    api_base: Address | None = None
    credential: Credential | None = None
    price: Price | None = None
    simulation: Annotated[Simulation, Field(strict=False)] | None = None
    simulation_script: Script = ()
    metadata: JsonObject = Field(default_factory=dict)

    def models(self) -> Iterator[ModelChoice]:
        """The model, then its fallbacks, in the order in which they are asked."""
        yield ModelChoice(
            model=self.model,
            provider_type=self.provider_type,
            api_base=self.api_base,
            credential=self.credential,
            price=self.price,
        )
        yield from self.fallbacks

    def document(self) -> JsonObject:
        """The agent as JSON; `read_agent` reads it back."""
        return self.model_dump(mode="json", exclude_unset=True) | self._always()

    def _always(self) -> JsonObject:
        return {"temperature": self.temperature, "max_tokens": self.max_tokens, "system_prompt": self.system_prompt}


def read_agent(body: Json) -> AgentConfig:
    """Raises `InvalidDocument` with everything that is wrong, each thing with its pointer into `body`."""
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("wrong-type", "An agent must be an object")])
    try:
        agent = AgentConfig.model_validate_json(write(_in_full(body)))
    except ValidationError as error:
        found = [problem for _, problem in problems_of(error, AgentConfig, MOST_PROBLEMS)]
        raise InvalidDocument([_as_written(problem, body) for problem in found]) from None
    if agent.response_schema is not None and (wrong := schema_problems(agent.response_schema, "response_schema")):
        raise InvalidDocument(wrong)
    return agent


def schema_problems(schema: JsonObject, *place: str) -> list[Problem]:
    """What keeps this from being a schema we can hold answers against, with pointers below `place`."""
    try:
        compile_schema(schema)
    except InvalidSchema as invalid:
        return [replace(each, pointer=pointer(*place) + each.pointer) for each in invalid.problems()]
    return []


def _in_full(body: JsonObject) -> JsonObject:
    """The body without its shorter spellings: `agent_name`, and tools and fallbacks that are a name alone."""
    if "name" in body and body.get("agent_name", body["name"]) != body["name"]:
        message = "'agent_name' is another name of 'name', and they differ here: keep only one of them"
        raise InvalidDocument([Problem("conflicting-fields", message, "/agent_name")])
    full = {"name" if key == "agent_name" else key: value for key, value in body.items()}
    for field, key in (("tools", "step_type"), ("fallbacks", "model")):
        if isinstance(entries := full.get(field), list):
            full[field] = [{key: each} if isinstance(each, str) else each for each in entries]
    return full


def _as_written(problem: Problem, body: JsonObject) -> Problem:
    if problem.pointer == "/name" and "agent_name" in body:
        return replace(problem, pointer="/agent_name")
    return problem
