"""The agent step, and what stands for its model where none is configured."""

import re
from collections.abc import Iterator
from typing import Final, cast

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.agent_steps import MODEL_ERRORS, SIMULATED_CALL
from workflow_engine.steps.authoring import ANYTHING, INSTANT, closed_object, open_object
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    StepFailure,
    StepRequest,
    StepType,
)
from workflow_engine.steps.sampling import NoSample, sample
from workflow_engine.steps.services import AgentWish, Services

DEFAULT_AGENT_NAME: Final = "Assistant"
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_QUERY_INPUTS: Final = ("query", "text", "content", "message")
_ROLES: Final = ("system", "user", "assistant")
_NO_SCHEMA: Final = ("text", "none")
_REQUIRED: Final = ("agent_name", "model", "system_prompt")


def workflow_engine_step_types(services: Services) -> list[OfferedStep]:
    def agent_execution(request: StepRequest) -> Completed | Conversing:
        if request.resumption is not None and request.resumption.by == "agent":
            return _answer(
                request, cast(JsonObject, request.resumption.memo), cast(JsonObject, request.resumption.payload)
            )
        return services.agents.begin(request, _wish(request))

    return [OfferedStep(AGENT_EXECUTION, agent_execution), OfferedStep(SIMULATED_CALL, simulated_call)]


# --- what is asked


def _wish(request: StepRequest) -> AgentWish:
    config, prompt = request.config, _prompt(request)
    nested = config.get("agent_config")
    agent = _flat(config) if nested is None else _nested(nested) | _said_beside(config)
    label = agent.pop("agent_id", None) or config.get("agent_id")
    history, query = _asked(request, prompt)
    return AgentWish(
        query=query,
        agent=_with_prompt(agent, prompt),
        agent_id=label if isinstance(label, str) else None,
        is_stored=nested is None and bool(label),
        place="" if nested is None else "/agent_config",
        system_prompt_if_none="" if _overrides(prompt) else str(prompt.get("system_prompt", "")),
        history=history,
        response_schema=_schema(config.get("response_format")),
        stream=config.get("stream") is True,
        multi_turn=config.get("multi_turn") is True,
    )


def _nested(agent: Json) -> JsonObject:
    if not isinstance(agent, dict):
        raise InvalidConfig("agent_config must be an object")
    for key in _REQUIRED:
        value = agent.get("name") if key == "agent_name" and key not in agent else agent.get(key)
        if not isinstance(value, str) or not value:
            raise InvalidConfig(f"agent_config requires '{key}'")
    return dict(agent)


def _flat(config: JsonObject) -> JsonObject:
    """The agent, or what a step says of a stored one, in fields beside the query."""
    agent = _said_beside(config)
    if not config.get("agent_id") and "name" not in agent:
        agent.setdefault("agent_name", DEFAULT_AGENT_NAME)
    return agent


def _said_beside(config: JsonObject) -> JsonObject:
    """The fields of an agent that stand beside the query: they hold for this step."""
    agent = _of_the_step(config, *_AGENT_FIELDS)
    model, provider = config.get("model_name", config.get("model")), config.get("provider", config.get("provider_type"))
    return agent | {key: value for key, value in (("model", model), ("provider_type", provider)) if value}


def _of_the_step(config: JsonObject, *names: str) -> JsonObject:
    return {name: config[name] for name in names if config.get(name) is not None}


def _prompt(request: StepRequest) -> JsonObject:
    """What a prompt step among the dependencies made, or nothing."""
    found = {
        step_id: output
        for step_id, output in request.dependencies.items()
        if isinstance(output, dict) and output.get("step_type") == "prompt" and "query_template" in output
    }
    if len(found) > 1:
        raise InvalidConfig(f"An agent takes up one prompt step; this one depends on {', '.join(found)}")
    return next(iter(found.values()), {})


def _with_prompt(agent: JsonObject, prompt: JsonObject) -> JsonObject:
    """The agent with the system prompt and the model of a prompt step: where they differ, those of the prompt hold."""
    system, overrides = prompt.get("system_prompt"), prompt.get("model_overrides")
    spelled = {"provider": "provider_type", "model_name": "model"}
    given = overrides if isinstance(overrides, dict) else {}
    taken: JsonObject = {"system_prompt": system} if system and _overrides(prompt) else {}
    return agent | taken | {spelled.get(name, name): value for name, value in given.items()}


def _overrides(prompt: JsonObject) -> bool:
    return prompt.get("override_agent_prompt") is not False


def _query(request: StepRequest, prompt: JsonObject) -> str | None:
    """What the step or its prompt asks; None leaves it to what came with the input."""
    if (template := _text(request.config, "query_template")) is not None:
        if "query_template" in request.filled_fields:
            return template
        return _PLACEHOLDER.sub(lambda found: _needed(found[1], request.input), template)
    if (query := _text(request.config, "query")) is not None:
        if "query" in request.filled_fields:
            return query
        return _PLACEHOLDER.sub(lambda found: _filled(found, request.input), query)
    return _text(prompt, "query_template")


def _asked(request: StepRequest, prompt: JsonObject) -> tuple[tuple[JsonObject, ...], str]:
    """What was said before, and the query: the user's last message when nothing else is asked."""
    query = _query(request, prompt)
    # An input called `messages` may be anything: it is a conversation only where nothing says what to ask.
    said = request.config.get("messages", request.input.get("messages") if query is None else None)
    messages = [] if said is None else list(_messages(said))
    if query is None and messages and messages[-1]["role"] == "user":
        query = str(messages.pop()["content"])
    return tuple(messages), _of_the_input(request) if query is None else query


def _of_the_input(request: StepRequest) -> str:
    for key in _QUERY_INPUTS:
        if (given := _text(request.input, key)) is not None:
            return given
    raise InvalidConfig("agent_execution requires 'query' or 'query_template'")


def _messages(given: Json) -> Iterator[JsonObject]:
    if not isinstance(given, list):
        raise InvalidConfig("messages must be a list of objects with 'role' and 'content'")
    for position, message in enumerate(given):
        said = message if isinstance(message, dict) else {}
        if said.get("role") not in _ROLES or not isinstance(said.get("content"), str):
            roles = ", ".join(_ROLES)
            raise InvalidConfig(f"messages[{position}] must have a 'role' ({roles}) and a text as its 'content'")
        yield {"role": said["role"], "content": said["content"]}


def _schema(wanted: Json) -> JsonObject | None:
    """`{"type": "json_schema", "json_schema": {"schema": ...}}`, a schema, `json` or `text`."""
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if wanted is None or kind in _NO_SCHEMA:
        return None
    if kind in ("json", "json_object"):
        return {"type": "object"}
    if kind == "json_schema" and isinstance(wanted, dict):
        named = wanted.get("json_schema", wanted)
        wanted = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(wanted, dict):
        raise InvalidConfig(
            "response_format must be a JSON Schema, "
            '{"type": "json_schema", "json_schema": {"schema": ...}}, {"type": "json_object"} or {"type": "text"}'
        )
    return wanted


def _text(config: JsonObject, key: str) -> str | None:
    value = config.get(key)
    return value if isinstance(value, str) and value else None


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


# --- what is answered


def _answer(request: StepRequest, agent: JsonObject, outcome: JsonObject) -> Completed:
    simplified = request.config.get("return_simplified") is True
    shape = _simplified(request, agent, outcome) if simplified else _full(request, agent, outcome)
    return Completed({**shape, **_beside(outcome)}, simulated=outcome["simulated"] is True)


def _simplified(request: StepRequest, agent: JsonObject, outcome: JsonObject) -> JsonObject:
    return {
        "response": outcome["response"],
        "success": True,
        "agent_name": agent["name"],
        "execution_time": outcome["seconds"],
        "tools_used": outcome["tools_used"],
        "timestamp": iso(request.now),
    }


def _full(request: StepRequest, agent: JsonObject, outcome: JsonObject) -> JsonObject:
    run: JsonObject = {
        **_simplified(request, agent, outcome),
        "agent_id": agent["agent_id"],
        "model": agent["model"],
        "provider_type": agent["provider_type"],
    }
    metadata: JsonObject = {
        "agent_name": agent["name"],
        "model": agent["model"],
        "execution_time": outcome["seconds"],
        "tools_used": outcome["tools_used"],
    }
    return {"agent_execution": run, "success": True, "response": outcome["response"], "metadata": metadata}


def _beside(outcome: JsonObject) -> JsonObject:
    told = ("simulated", "simulation_reason", "usage", "cost_usd", "turns", "structured", "finish_reason")
    return {**{name: outcome.get(name) for name in told}, "answered_by": outcome.get("model")}


# --- the simulated model


def simulated_call(request: StepRequest) -> Completed:
    """One answer of a model that is none: what the script says for this turn, a value that fits the schema, or one of
    four sentences. It takes no tokens and costs nothing.
    """
    asked = request.input
    message = _scripted(asked) or {"role": "assistant", "content": _made_up(asked)}
    calls = "tool_calls" in message
    return Completed(
        {
            "message": message,
            "finish_reason": "tool_calls" if calls else "stop",
            "model": _model(asked),
            "provider": "simulation",
            "usage": {"input_tokens": 0, "output_tokens": 0},
            "cost_usd": 0.0,
            "simulated": True,
            "simulation_reason": asked.get("reason", "no-provider"),
        },
        simulated=True,
    )


def _scripted(asked: JsonObject) -> JsonObject | None:
    script, turn = asked.get("script"), asked.get("turn", 1)
    if not isinstance(script, list) or not isinstance(turn, int) or not 1 <= turn <= len(script):
        return None
    said = script[turn - 1]
    if not isinstance(said, dict):
        return None
    content, calls = said.get("content"), said.get("tool_calls")
    message: JsonObject = {"role": "assistant", "content": None if content is None else _shown(content)}
    if isinstance(calls, list) and calls:
        message["tool_calls"] = [_scripted_call(call, turn, place) for place, call in enumerate(calls)]
    return message


def _scripted_call(call: Json, turn: int, place: int) -> JsonObject:
    """Arguments that are text already stay as they are: a script may show a model that writes no JSON."""
    described = call if isinstance(call, dict) else {}
    arguments = described.get("arguments")
    written = arguments if isinstance(arguments, str) else write({} if arguments is None else arguments).decode()
    return {"id": f"call_{turn}_{place}", "name": str(described.get("name")), "arguments": written}


def _made_up(asked: JsonObject) -> str:
    schema = asked.get("response_schema")
    if isinstance(schema, dict):
        try:
            return write(sample(schema, str(asked.get("seed", "")))).decode()
        except NoSample as failure:
            raise StepFailure(failure.code, str(failure), retryable=False) from failure
    return _sentence(_last_of_user(asked), _model(asked))


def _last_of_user(asked: JsonObject) -> str:
    messages = asked.get("messages")
    said = [each for each in (messages if isinstance(messages, list) else []) if isinstance(each, dict)]
    return next((str(each.get("content")) for each in reversed(said) if each.get("role") == "user"), "")


def _model(asked: JsonObject) -> str:
    """As the agent names it, not as it is spelled for its provider."""
    models = asked.get("models")
    first = models[0] if isinstance(models, list) and models else None
    return str(first.get("written") or first.get("model")) if isinstance(first, dict) else ""


def _sentence(query: str, model: str) -> str:
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


# --- the contract

_TEXT: Final[JsonObject] = {"type": "string"}
_MAYBE_TEXT: Final[JsonObject] = {"type": ["string", "null"]}
_AGENT_FIELDS: Final[JsonObject] = {
    "agent_name": _TEXT,
    "name": {**_TEXT, "description": "Another spelling of agent_name."},
    "provider_type": {**_MAYBE_TEXT, "description": "E.g. openai_textgen; see the documentation on agents."},
    "model": _TEXT,
    "description": _MAYBE_TEXT,
    "system_prompt": _TEXT,
    "temperature": {"type": "number", "default": 0.1},
    "max_tokens": {"type": "integer", "default": 1000},
    "tools": {"type": "array", "description": "Step types, MCP servers and agents the model may call."},
    "response_schema": {"type": ["object", "null"], "description": "A JSON Schema the answer must fit."},
    "fallbacks": {"type": "array", "description": "Models to ask when the first one fails."},
    "limits": {"type": "object", "description": "max_turns, max_total_tokens, max_cost_usd and others."},
    "api_base": _MAYBE_TEXT,
    "credential": {**_MAYBE_TEXT, "description": "The name of a credential the agent worker has."},
    "price": {"type": ["object", "null"], "description": "input_per_million and output_per_million, in US dollars."},
    "simulation": {**_MAYBE_TEXT, "description": "fallback, never or always."},
    "simulation_script": {"type": "array", "description": "What a simulated model answers, turn by turn."},
    "metadata": {"type": "object"},
}

AGENT_EXECUTION: Final = StepType(
    "agent_execution",
    title="Agent execution",
    description="Asks an agent, which may call tools. Simulated, and marked so, while no provider is configured.",
    config_schema=closed_object(
        agent_config=closed_object(**_AGENT_FIELDS, agent_id=_MAYBE_TEXT)
        | {"description": "The agent. Requires agent_name, model and system_prompt."},
        **_AGENT_FIELDS,
        agent_id={**_MAYBE_TEXT, "description": "A stored agent; the fields beside it hold for this step."},
        provider={**_TEXT, "description": "Another spelling of provider_type."},
        model_name={**_TEXT, "description": "Another spelling of model."},
        query={**_TEXT, "description": "{key} is replaced by the input of that name, unless a ${...} stands in it."},
        query_template={**_TEXT, "description": "As query, but every {key} must be there."},
        messages={"type": "array", "description": "What was said before: objects with role and content."},
        return_simplified={"type": "boolean", "default": False},
        response_format={"description": "A JSON Schema, or OpenAI's form of one; wins over response_schema."},
        stream={"type": "boolean", "default": False, "description": "Send the text to watchers while it is written."},
        multi_turn={"type": "boolean", "default": False, "description": "Wait for more messages of the user."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["response", "success", "simulated", "simulation_reason", "usage", "cost_usd", "turns", "structured"],
        response=_TEXT,
        success={"const": True},
        agent_name=_TEXT,
        execution_time={"type": "number", "description": "Seconds."},
        tools_used={"type": "array", "description": "Tools that were really called."},
        timestamp=INSTANT,
        agent_execution={"type": "object"},
        metadata={"type": "object"},
        answered_by={"type": ["string", "null"], "description": "The model that gave the answer; a fallback, perhaps."},
        simulated={"type": "boolean"},
        simulation_reason={
            **_MAYBE_TEXT,
            "description": "no-provider or simulation-asked-for; null when not simulated",
        },
        usage={"type": "object", "description": "input_tokens and output_tokens of all turns."},
        cost_usd={"type": ["number", "null"], "description": "Null: a price is not known."},
        turns={"type": "integer"},
        structured={**ANYTHING, "description": "The answer as JSON, where a schema was given."},
        finish_reason=_MAYBE_TEXT,
    ),
    effect=Effect.PURE,
    inline=True,
    default_max_retries=2,
    error_codes=(
        *MODEL_ERRORS,
        ErrorCode("agent-turn-limit", False, "There is no answer after max_turns."),
        ErrorCode("agent-message-limit", False, "There is no answer within max_messages."),
        ErrorCode("agent-depth-limit", False, "Agents call agents deeper than max_depth."),
        ErrorCode("agent-tool-error-limit", False, "The model called tools wrongly more often than max_bad_calls."),
        ErrorCode("structured-output-invalid", False, "The answer does not fit the schema, also after max_repairs."),
        ErrorCode("mcp-server-unknown", False, "The agent worker's settings name no such MCP server."),
        ErrorCode("mcp-unavailable", False, "The tools of an MCP server are not known: it cannot be reached."),
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
        "The agent is described by `agent_config`, or by the same fields beside it, or stored under `agent_id`. A "
        "prompt step among the dependencies gives its texts and its model. Every call of the model or of a tool is a "
        "step of its own, so that a crash loses none of them; the retries of this step are those of each model call. "
        "Without a provider the answer is simulated: a scripted one, one that fits the response schema, or a fixed "
        "sentence chosen by the query, with `simulated: true` and the reason. `simulation: never` makes that a failure."
    ),
)
