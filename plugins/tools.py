"""The step that calls one tool directly: a step type, or a tool of an MCP server."""

import re
from typing import Final, cast

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import ANYTHING, INSTANT, closed_object, open_object
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    StepRequest,
    StepType,
)
from workflow_engine.steps.lookups import needed
from workflow_engine.steps.services import Services, ToolWish

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_TRUTHS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def workflow_engine_step_types(services: Services) -> list[OfferedStep]:
    def tool_execution(request: StepRequest) -> Completed | Conversing:
        if request.resumption is not None and request.resumption.by == "agent":
            return _result(
                request, cast(JsonObject, request.resumption.memo), cast(JsonObject, request.resumption.payload)
            )
        name = request.config.get("tool_name")
        if not isinstance(name, str) or not name:
            raise InvalidConfig("tool_execution requires 'tool_name'")
        schema = services.agents.tool_schema(request.namespace, name)
        return services.agents.call_tool(
            request, ToolWish(name, _params(request, schema), _object(request, "tool_config"))
        )

    return [OfferedStep(TOOL_EXECUTION, tool_execution)]


def _params(request: StepRequest, schema: JsonObject | None) -> JsonObject:
    """Static values, then mapped ones, which win; text becomes the number or truth value that the tool takes."""
    mapping = _object(request, "param_mapping")
    mapped = {name: needed(_path(name, path), request, f"param_mapping.{name}") for name, path in mapping.items()}
    properties = (schema or {}).get("properties")
    known = properties if isinstance(properties, dict) else {}
    return {
        name: _as_taken(value, known.get(name))
        for name, value in {**_object(request, "static_params"), **mapped}.items()
    }


def _object(request: StepRequest, key: str) -> JsonObject:
    value = request.config.get(key)
    return value if isinstance(value, dict) else {}


def _path(name: str, path: Json) -> str:
    if not isinstance(path, str):
        raise InvalidConfig(f"param_mapping.{name} must be a path; literal values belong into static_params")
    return path


def _as_taken(value: Json, schema: Json) -> Json:
    """Text that is not what the schema asks for stays as it is, and is refused with the schema's own words."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(value, str):
        return value
    text = value.strip()
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) else float(text)
    if kind == "boolean":
        return _TRUTHS.get(text.lower(), value)
    return value


def _result(request: StepRequest, called: JsonObject, outcome: JsonObject) -> Completed:
    output: JsonObject = {
        "success": True,
        "tool": {"name": called["name"]},
        "params": called["params"],
        "result": outcome["tool_result"],
        "executed_at": iso(request.now),
    }
    if outcome["simulated"] is not True:
        return Completed(output)
    marked: JsonObject = {"simulated": True, "simulation_reason": outcome.get("simulation_reason")}
    return Completed({**output, **marked}, simulated=True)


TOOL_EXECUTION: Final = StepType(
    "tool_execution",
    title="Tool execution",
    description="Calls one tool: any step type, or a tool of an MCP server.",
    config_schema=closed_object(
        ["tool_name"],
        tool_name={
            "type": "string",
            "minLength": 1,
            "description": "A step type (name or name@range), or server/tool for a tool of an MCP server.",
        },
        param_mapping={
            "type": "object",
            "description": "Parameter -> path over the input and the outputs of dependencies.",
        },
        static_params={"type": "object", "description": "Literal parameters; mapped ones win."},
        tool_config={"type": "object", "description": "The configuration of the step type."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["success", "tool", "params", "result", "executed_at"],
        success={"const": True},
        tool=open_object(["name"], name={"type": "string"}),
        params={"type": "object", "description": "What the tool was called with."},
        result=ANYTHING,
        executed_at=INSTANT,
        simulated={"type": "boolean"},
        simulation_reason={"type": ["string", "null"]},
    ),
    effect=Effect.PURE,
    inline=True,
    error_codes=(ErrorCode("mapping-error", False, "param_mapping names a value that is not there."),),
    tags=("agents",),
    examples=(
        {
            "config": {
                "tool_name": "data_processing",
                "param_mapping": {"text": "note.body"},
                "static_params": {"language": "en"},
                "tool_config": {"processing_type": "word_count"},
            },
            "input": {"note": {"body": "An engine that forgets nothing."}},
        },
    ),
    documentation=(
        "The tool runs as a step of its own, below this one, with its own journal entries, limits and workers. Text "
        "becomes an integer, a number or a truth value where the input schema of the tool asks for one. A tool that "
        "is not there fails the step before anything runs."
    ),
)
