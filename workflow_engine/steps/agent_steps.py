"""The step types an agent is made of: one call of a model, and what reaches tools that are no step types themselves.

An agent is a step that talks: the engine conducts its turns, and each call of a model or of a tool is a step of its
own, with a path below the agent's. The process that serves the first three is the agent worker; the last one is a
function of this process.
"""

from typing import Final

from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.authoring import closed_object, open_object
from workflow_engine.steps.contract import Effect, ErrorCode, ExecutionType, StepType

_TEXT: Final[JsonObject] = {"type": "string"}
_MAYBE_TEXT: Final[JsonObject] = {"type": ["string", "null"]}
_MAYBE_NUMBER: Final[JsonObject] = {"type": ["number", "null"], "minimum": 0}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_TOOL_CALL: Final[JsonObject] = open_object(
    ["id", "name", "arguments"], id=_TEXT, name=_TEXT, arguments={**_TEXT, "description": "JSON, as the model wrote it"}
)
_SERVER: Final[JsonObject] = closed_object(name=_MAYBE_TEXT, url=_MAYBE_TEXT, credential=_MAYBE_TEXT)
_SECONDS: Final[JsonObject] = {"type": "number", "exclusiveMinimum": 0}

_MODEL: Final[JsonObject] = open_object(
    ["model"], model=_TEXT, api_base=_MAYBE_TEXT, credential=_MAYBE_TEXT, price={"type": ["object", "null"]}
)
_ASKED: Final[JsonObject] = open_object(
    ["models", "messages"],
    models={"type": "array", "minItems": 1, "items": _MODEL, "description": "The model, then its fallbacks, in order."},
    messages={"type": "array", "items": {"type": "object"}},
    tools={"type": "array", "items": {"type": "object"}},
    temperature={"type": "number"},
    max_tokens={"type": "integer", "minimum": 1},
    response_schema={"type": ["object", "null"]},
    stream={"type": "boolean"},
    budget=open_object([], tokens={"type": ["integer", "null"]}, cost_usd=_MAYBE_NUMBER),
    timeout_seconds=_SECONDS,
)
_ANSWERED: Final[JsonObject] = open_object(
    ["message", "finish_reason", "usage", "cost_usd"],
    message=open_object(
        ["role"],
        role={"const": "assistant"},
        content=_MAYBE_TEXT,
        tool_calls={"type": "array", "items": _TOOL_CALL},
    ),
    finish_reason=_TEXT,
    model={**_TEXT, "description": "The model that answered."},
    provider=_TEXT,
    usage=open_object(["input_tokens", "output_tokens"], input_tokens=_COUNT, output_tokens=_COUNT),
    cost_usd={**_MAYBE_NUMBER, "description": "Null: no price is known for this model."},
)

NOT_CONFIGURED: Final = "provider-not-configured"
"""Said only when none of the models that a call names is configured: the one failure a simulation may stand in for."""

MODEL_ERRORS: Final = (
    ErrorCode(NOT_CONFIGURED, False, "No key or address is configured for this model or any of its fallbacks."),
    ErrorCode("credential-unknown", False, "The agent worker has no credential of this name."),
    ErrorCode("aws-region-missing", False, "Bedrock needs AWS_REGION or AWS_DEFAULT_REGION."),
    ErrorCode("provider-auth", False, "The provider refused the credentials."),
    ErrorCode("provider-rate-limited", True, "The provider asks to slow down."),
    ErrorCode("provider-unavailable", True, "The provider cannot be reached, or failed."),
    ErrorCode("provider-timeout", True, "The provider did not answer in time."),
    ErrorCode("provider-bad-request", False, "The provider refused the request."),
    ErrorCode("provider-invalid-response", True, "The provider's answer cannot be read."),
    ErrorCode("model-not-found", False, "The provider knows no such model."),
    ErrorCode("context-window-exceeded", False, "The conversation is longer than the model can read."),
    ErrorCode("content-filtered", False, "The provider's content filter refused."),
    ErrorCode("price-unknown", False, "A cost limit applies and no price is known; give `price` with the agent."),
    ErrorCode("agent-cost-limit", False, "The next call could cost more than the agent's limit leaves."),
    ErrorCode("agent-token-limit", False, "The next call could take more tokens than the agent's limit leaves."),
    ErrorCode("host-not-allowed", False, "The address of `api_base` is not one the server may call."),
)

MODEL_CALL: Final = StepType(
    "agents.model_call",
    title="Model call",
    description="One call of a language model; the turns of an agent are made of these.",
    input_schema=_ASKED,
    output_schema=_ANSWERED,
    effect=Effect.IDEMPOTENT,
    execution_type=ExecutionType.GRPC,
    error_codes=MODEL_ERRORS,
    streams=True,
    tags=("agents",),
    documentation="Served by the agent worker. Not meant to stand in a workflow: use `agent_execution`.",
)

SIMULATED_CALL: Final = StepType(
    "agents.simulated_call",
    title="Simulated model call",
    description="What stands for a call of a model where none is configured; its output says so.",
    input_schema=_ASKED,
    output_schema=_ANSWERED,
    effect=Effect.PURE,
    inline=True,
    tags=("agents",),
    documentation="Deterministic by its seed. Not meant to stand in a workflow: use `agent_execution`.",
)

_MCP_ERRORS: Final = (
    ErrorCode("mcp-server-unknown", False, "The agent worker's settings name no such MCP server."),
    ErrorCode("mcp-unavailable", True, "The MCP server cannot be reached, or failed."),
    ErrorCode("mcp-tool-unknown", False, "The MCP server has no such tool."),
    ErrorCode("provider-timeout", True, "The MCP server did not answer in time."),
    ErrorCode("credential-unknown", False, "The agent worker has no credential of this name."),
    ErrorCode("host-not-allowed", False, "The address of the MCP server is not one the server may call."),
)

MCP_TOOLS: Final = StepType(
    "agents.mcp_tools",
    title="Tools of an MCP server",
    description="Asks an MCP server which tools it has.",
    input_schema=open_object(["server"], server=_SERVER, timeout_seconds=_SECONDS),
    output_schema=open_object(["tools"], tools={"type": "array", "items": {"type": "object"}}),
    effect=Effect.IDEMPOTENT,
    execution_type=ExecutionType.GRPC,
    error_codes=_MCP_ERRORS,
    tags=("agents",),
    documentation="Served by the agent worker. Not meant to stand in a workflow: use `agent_execution`.",
)

MCP_CALL: Final = StepType(
    "agents.mcp_call",
    title="Call of an MCP tool",
    description="Calls one tool of an MCP server.",
    input_schema=open_object(
        ["server", "tool", "arguments"],
        server=_SERVER,
        tool=_TEXT,
        arguments={"type": "object"},
        timeout_seconds=_SECONDS,
    ),
    output_schema=open_object(["text", "is_error"], text=_TEXT, structured={}, is_error={"type": "boolean"}),
    effect=Effect.IDEMPOTENT,
    execution_type=ExecutionType.GRPC,
    error_codes=_MCP_ERRORS,
    tags=("agents",),
    documentation="Served by the agent worker. Not meant to stand in a workflow: use `tool_execution`.",
)

WORKER_STEPS: Final = (MODEL_CALL, MCP_TOOLS, MCP_CALL)
"""What the agent worker serves."""
