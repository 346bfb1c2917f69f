"""What an agent was told to do, read from the event that began it: the terms on which its turns are conducted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.wire import read_contract


@dataclass(frozen=True, slots=True)
class Limits:
    """None means without a limit. Tokens are those read and written together; seconds are for one call of a model."""

    max_turns: int
    max_total_tokens: int | None
    max_cost_usd: float | None
    max_depth: int
    max_bad_calls: int
    max_repairs: int
    max_tool_calls: int
    max_parallel_tools: int
    max_messages: int
    call_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Tool:
    """One function the model may call, and the step that does it."""

    name: str
    description: str
    parameters: JsonObject
    type: StepType
    config: JsonObject
    fixed: JsonObject
    """Inputs that are not the model's to choose; they win over its arguments."""
    arguments_in: str | None
    """The key of the step's input that holds the arguments; None: the arguments are the input."""
    answer_key: str | None
    """The key of the step's output that the model is told; None: all of it."""

    @classmethod
    def read(cls, stored: JsonObject) -> "Tool":
        fields = cast(dict[str, Any], stored)
        return cls(
            name=fields["name"],
            description=fields.get("description", ""),
            parameters=fields["parameters"],
            type=read_contract(fields["type"]),
            config=fields.get("config") or {},
            fixed=fields.get("input") or {},
            arguments_in=fields.get("arguments_in"),
            answer_key=fields.get("answer_key"),
        )

    def input(self, arguments: JsonObject) -> JsonObject:
        given = arguments if self.arguments_in is None else {self.arguments_in: arguments}
        return {**given, **self.fixed}

    def function(self) -> JsonObject:
        """As a model is told of it."""
        return {"name": self.name, "description": self.description, "parameters": self.parameters}


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that stays the same from the first turn to the last."""

    name: str
    models: list[Json]
    tools: Mapping[str, Tool]
    mcp_servers: tuple[JsonObject, ...]
    temperature: float
    max_tokens: int
    response_schema: JsonObject | None
    stream: bool
    multi_turn: bool
    limits: Limits
    script: list[Json]
    may_be_simulated: bool
    """Whether a simulation may stand in when the first call finds no provider configured."""
    direct_call: JsonObject | None
    """`{"tool", "arguments"}` of a conversation that is one tool call without any model."""

    @classmethod
    def read(cls, stored: JsonObject) -> "Conversation":
        fields = cast(dict[str, Any], stored)
        limits = fields["limits"]
        tools = [Tool.read(each) for each in fields.get("tools", ())]
        return cls(
            name=fields["name"],
            models=fields["models"],
            tools={tool.name: tool for tool in tools},
            mcp_servers=tuple(fields.get("mcp_servers", ())),
            temperature=fields["temperature"],
            max_tokens=fields["max_tokens"],
            response_schema=fields.get("response_schema"),
            stream=fields.get("stream", False),
            multi_turn=fields.get("multi_turn", False),
            limits=Limits(**{name: limits[name] for name in Limits.__slots__}),
            script=(fields.get("simulation") or {}).get("script") or fields.get("script") or [],
            may_be_simulated=fields.get("fallback_simulation", False),
            direct_call=fields.get("direct_call"),
        )
