"""The agent step, in simulation.

What it answers while no provider is configured, marked as simulated wherever it goes.
"""

import re
from dataclasses import dataclass
from typing import Final

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.authoring import ANYTHING, INSTANT, closed_object, open_object
from workflow_engine.steps.contract import (
    Completed,
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    StepFailure,
    StepRequest,
    StepType,
)

DEFAULT_AGENT_NAME: Final = "Assistant"
DEFAULT_MODEL: Final = "default"
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_QUERY_INPUTS: Final = ("query", "text", "content", "message")


def workflow_engine_step_types() -> list[OfferedStep]:
    return [OfferedStep(AGENT_EXECUTION, agent_execution)]


def agent_execution(request: StepRequest) -> Completed:
    # A wrong configuration fails before anything is simulated: a simulation must never hide it.
    agent = _agent(request.config)
    query = _query(request)
    reason = _why_simulated(request)
    answer = _simulated_answer(query, agent.model)
    simplified = request.config.get("return_simplified") is True
    shape = _simplified(agent, answer, request) if simplified else _full(agent, answer, request)
    return Completed({**shape, **_beside(reason)}, simulated=True)


@dataclass(frozen=True, slots=True)
class _Agent:
    name: str
    model: str
    id: str | None
    provider: str | None


def _agent(config: JsonObject) -> _Agent:
    nested = config.get("agent_config")
    if nested is None:
        return _flat_agent(config)
    if not isinstance(nested, dict):
        raise InvalidConfig("agent_config must be an object")
    for key in ("agent_name", "model", "system_prompt"):
        if not isinstance(value := nested.get(key), str) or not value:
            raise InvalidConfig(f"agent_config requires '{key}'")
    _check_numbers(nested)
    return _Agent(
        str(nested["agent_name"]), str(nested["model"]), _text(nested, "agent_id"), _text(nested, "provider_type")
    )


def _flat_agent(config: JsonObject) -> _Agent:
    _check_numbers(config)
    name = _text(config, "agent_name") or _text(config, "agent_id") or DEFAULT_AGENT_NAME
    model = _text(config, "model_name") or _text(config, "model") or DEFAULT_MODEL
    provider = _text(config, "provider") or _text(config, "provider_type")
    return _Agent(name, model, _text(config, "agent_id"), provider)


def _check_numbers(config: JsonObject) -> None:
    temperature, max_tokens = config.get("temperature", 0.1), config.get("max_tokens", 1000)
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        raise InvalidConfig("temperature must be a number from 0 to 2")
    if not isinstance(max_tokens, int) or max_tokens < 1:
        raise InvalidConfig("max_tokens must be an integer of at least 1")


def _text(config: JsonObject, key: str) -> str | None:
    value = config.get(key)
    return value if isinstance(value, str) and value else None


def _query(request: StepRequest) -> str:
    template = _text(request.config, "query_template")
    if template is not None:
        return _PLACEHOLDER.sub(lambda found: _needed(found[1], request.input), template)
    query = _text(request.config, "query")
    if query is not None:
        return _PLACEHOLDER.sub(lambda found: _filled(found, request.input), query)
    for key in _QUERY_INPUTS:
        if (given := _text(request.input, key)) is not None:
            return given
    raise InvalidConfig("agent_execution requires 'query' or 'query_template'")


def _needed(key: str, given: JsonObject) -> str:
    if key not in given:
        known = ", ".join(list(given)[:20]) or "nothing"
        raise StepFailure("mapping-error", f"query_template names '{key}'; the input has: {known}", retryable=False)
    return _shown(given[key])


def _filled(found: re.Match[str], given: JsonObject) -> str:
    """A query may be about braces: what names no input stays as it is."""
    return _shown(given[found[1]]) if found[1] in given else found[0]


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else write(value).decode()


def _why_simulated(request: StepRequest) -> str:
    if request.simulation == "never":
        raise StepFailure("no-provider", "No provider is configured, and simulation is forbidden", retryable=False)
    if request.config.get("multi_turn") is True:
        raise StepFailure("no-provider", "No provider is configured; a conversation is not simulated", retryable=False)
    return "simulation-asked-for" if request.simulation == "always" else "no-provider"


def _simulated_answer(query: str, model: str) -> str:
    asked = query.lower()
    if "analyze" in asked or "analysis" in asked:
        return (
            f"Based on my analysis using the {model} model, I can provide the following insights: "
            "[Simulated analysis response for PoC]"
        )
    if "summarize" in asked or "summary" in asked:
        return "Here's a summary of the content: [Simulated summary response for PoC]"
    if "question" in asked or "what" in asked:
        return "To answer your question: [Simulated answer response for PoC]"
    return f"I understand your request. Here's my response using {model}: [Simulated general response for PoC]"


def _simplified(agent: _Agent, answer: str, request: StepRequest) -> JsonObject:
    return {
        "response": answer,
        "success": True,
        "agent_name": agent.name,
        "execution_time": 0.0,
        "tools_used": [],
        "timestamp": iso(request.now),
    }


def _full(agent: _Agent, answer: str, request: StepRequest) -> JsonObject:
    run: JsonObject = {
        **_simplified(agent, answer, request),
        "agent_id": agent.id,
        "model": agent.model,
        "provider_type": agent.provider,
    }
    metadata: JsonObject = {"agent_name": agent.name, "model": agent.model, "execution_time": 0.0, "tools_used": []}
    return {"agent_execution": run, "success": True, "response": answer, "metadata": metadata}


def _beside(reason: str) -> JsonObject:
    return {
        "simulated": True,
        "simulation_reason": reason,
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "cost_usd": 0.0,
        "turns": 1,
        "structured": None,
    }


_MODEL_FIELDS: Final[JsonObject] = {
    "system_prompt": {"type": "string"},
    "temperature": {"type": "number", "default": 0.1},
    "max_tokens": {"type": "integer", "default": 1000},
    "tools": {"type": "array"},
    "provider_type": {"type": "string"},
    "agent_id": {"type": "string"},
    "agent_name": {"type": "string"},
    "model": {"type": "string"},
}

AGENT_EXECUTION: Final = StepType(
    "agent_execution",
    title="Agent execution",
    description="Asks an agent. Simulated while no provider is configured.",
    config_schema=closed_object(
        agent_config=closed_object(**_MODEL_FIELDS) | {"description": "Requires agent_name, model and system_prompt."},
        **_MODEL_FIELDS,
        provider={"type": "string"},
        model_name={"type": "string"},
        query={"type": "string", "description": "{key} is replaced by the input of that name."},
        query_template={"type": "string", "description": "As query, but every {key} must be there."},
        return_simplified={"type": "boolean", "default": False},
        response_format={"description": "Takes effect with a provider."},
        stream={"type": "boolean", "default": False, "description": "Takes effect with a provider."},
        multi_turn={"type": "boolean", "default": False},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["response", "success", "simulated", "simulation_reason", "usage", "cost_usd", "turns", "structured"],
        response={"type": "string"},
        success={"const": True},
        agent_name={"type": "string"},
        execution_time={"type": "number", "description": "Seconds."},
        tools_used={"type": "array", "description": "Tools that were really called."},
        timestamp=INSTANT,
        agent_execution={"type": "object"},
        metadata={"type": "object"},
        simulated={"type": "boolean"},
        simulation_reason={"type": "string", "description": "no-provider or simulation-asked-for"},
        usage={"type": "object"},
        cost_usd={"type": "number"},
        turns={"type": "integer"},
        structured=ANYTHING,
    ),
    effect=Effect.PURE,
    inline=True,
    error_codes=(
        ErrorCode("no-provider", False, "No provider is configured, and this cannot or must not be simulated."),
        ErrorCode("mapping-error", False, "query_template names an input that is not there."),
    ),
    tags=("agents",),
    examples=(
        {
            "config": {
                "agent_config": {"agent_name": "Analyzer", "model": "gpt-4o-mini", "system_prompt": "You analyse."},
                "query_template": "Please analyze: {content}",
                "return_simplified": True,
            },
            "input": {"content": "An engine that forgets nothing."},
        },
    ),
    documentation=(
        "The agent is described by `agent_config`, or by the same fields beside it. Without a provider the answer is "
        "simulated: a fixed sentence chosen by the query, with `simulated: true` and the reason. `simulation: never` "
        "in the document makes that a failure."
    ),
)
