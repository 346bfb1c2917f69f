"""What an agent step answers, and what models and tools answer it, as short as a test wants to say it."""

from typing import cast

from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.contract import Effect, StepType
from workflow_engine.steps.wire import write_contract

LIMITS: JsonObject = {
    "max_turns": 10,
    "max_total_tokens": None,
    "max_cost_usd": None,
    "max_depth": 3,
    "max_bad_calls": 2,
    "max_repairs": 1,
    "max_tool_calls": 3,
    "max_parallel_tools": 2,
    "max_tool_result_bytes": 1_000,
    "max_messages": 20,
    "call_timeout_seconds": 30.0,
}
LOOK = StepType("look", effect=Effect.IDEMPOTENT)
PAY = StepType("pay", effect=Effect.AT_MOST_ONCE)


def tool(name: str, kind: StepType = LOOK, **fields: Json) -> JsonObject:
    return {"name": name, "description": "", "parameters": {"type": "object"}, "type": write_contract(kind), **fields}


def conversation(*tools: JsonObject, limits: Json = None, **fields: Json) -> JsonObject:
    return {
        "name": "Ann",
        "agent_id": None,
        "model": "gpt",
        "provider_type": None,
        "models": [{"model": "openai/gpt"}],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Well?"}],
        "tools": list(tools),
        "mcp_servers": [],
        "temperature": 0.1,
        "max_tokens": 100,
        "limits": {**LIMITS, **cast(JsonObject, limits or {})},
        **fields,
    }


def says(text: str, *, tokens: int = 10, cost: float | None = 0.01) -> JsonObject:
    """A model's answer in words."""
    return _answer({"role": "assistant", "content": text}, "stop", tokens, cost)


def calls(*wanted: tuple[str, Json], tokens: int = 10, cost: float | None = 0.01) -> JsonObject:
    """A model's answer that calls tools, each by name with its arguments; a text is taken as it is."""
    made: list[Json] = [
        {"id": f"c{n}", "name": name, "arguments": given if isinstance(given, str) else write(given).decode()}
        for n, (name, given) in enumerate(wanted, 1)
    ]
    return _answer({"role": "assistant", "content": None, "tool_calls": made}, "tool_calls", tokens, cost)


def _answer(message: JsonObject, reason: str, tokens: int, cost: float | None) -> JsonObject:
    usage: JsonObject = {"input_tokens": tokens, "output_tokens": tokens}
    return {"message": message, "finish_reason": reason, "model": "openai/gpt", "usage": usage, "cost_usd": cost}
