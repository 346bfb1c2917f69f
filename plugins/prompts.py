"""The prompt step: fills templates with `{{variables}}` for the agent that depends on it."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.authoring import ANYTHING, closed_object, open_object
from workflow_engine.steps.contract import (
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    StepFailure,
    StepRequest,
    StepType,
)
from workflow_engine.steps.lookups import look_up, needed

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_$][^{}\n]{0,255}?)\s*\}\}")


def workflow_engine_step_types() -> list[OfferedStep]:
    return [OfferedStep(PROMPT, prompt)]


def prompt(request: StepRequest) -> Json:
    config = request.config
    raw_system, raw_query = _template(config, "system_prompt"), _template(config, "query_template")
    if not raw_system and not raw_query:
        raise InvalidConfig("prompt requires 'system_prompt' or 'query_template'")
    names = _Names(request)
    overrides = ("provider", "model_name", "temperature", "max_tokens")
    return {
        "step_id": request.step_id,
        "step_type": "prompt",
        "system_prompt": names.filled(raw_system, "system_prompt"),
        "query_template": names.filled(raw_query, "query_template"),
        "raw_system_prompt": raw_system,
        "raw_query_template": raw_query,
        "variables": names.values,
        "model_overrides": {name: config[name] for name in overrides if config.get(name) is not None},
        "override_agent_prompt": config.get("override_agent_prompt") is not False,
    }


def _template(config: JsonObject, key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""


class _Names:
    """What a placeholder may name: a declared variable, else a path, else a built-in variable.

    `values` are the declared variables and whatever else was used.
    """

    def __init__(self, request: StepRequest) -> None:
        self._request = request
        self._built_in: JsonObject | None = None
        self.values: JsonObject = dict(_declared(request))

    def filled(self, template: str, what: str) -> str:
        """One pass: what a value brings along is text, and so is what a `${...}` brought."""
        if what in self._request.filled_fields:
            return template
        return _PLACEHOLDER.sub(lambda found: _shown(self._value(found[1], what)), template)

    def _value(self, name: str, what: str) -> Json:
        if name not in self.values:
            found, value = look_up(name, self._request)
            if not found:
                value = self._built_in_value(name, what)
            self.values[name] = value
        return self.values[name]

    def _built_in_value(self, name: str, what: str) -> Json:
        if self._built_in is None:
            self._built_in = built_in_variables(self._request)
        return self._built_in[name] if name in self._built_in else needed(name, self._request, what)


def _declared(request: StepRequest) -> Iterator[tuple[str, Json]]:
    variables = request.config.get("variables")
    for position, variable in enumerate(variables if isinstance(variables, list) else []):
        name = variable.get("name") if isinstance(variable, dict) else None
        if not isinstance(variable, dict) or not isinstance(name, str) or not name:
            raise InvalidConfig(f"variables[{position}] requires 'name'")
        yield name, _value_of(variable, name, request)


def _value_of(variable: JsonObject, name: str, request: StepRequest) -> Json:
    """From its source, from what has its name, or its default."""
    source = variable.get("source")
    for path in (source, name):
        found, value = look_up(path, request) if isinstance(path, str) else (False, None)
        if found and value is not None:
            return value
    if variable.get("default_value") is not None:
        return variable["default_value"]
    built_in = built_in_variables(request)
    if name in built_in:
        return built_in[name]
    if variable.get("required") is True:
        raise StepFailure(
            "missing-variable", f"The required variable '{name}' of the prompt is missing", retryable=False
        )
    return ""


def built_in_variables(request: StepRequest) -> JsonObject:
    """The same for every replay of a step: time is that of its request, the uuid is made from its idempotency key."""
    utc = datetime.fromtimestamp(request.now, UTC)
    local = utc.astimezone(_zone(request.config))
    return {
        **_moment(utc, ""),
        **_moment(utc, "_utc"),
        **_moment(local, "_local"),
        "current_timestamp": iso(request.now),
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, request.idempotency_key)),
        "execution_id": request.execution_id,
        "workflow_id": request.workflow_id,
        "user_id": request.user.user_id,
        "session_id": request.user.session_id,
    }


def _zone(config: JsonObject) -> ZoneInfo:
    name = config.get("timezone", "UTC")
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidConfig(f"Unknown timezone: {str(name)[:64]}") from None


def _moment(at: datetime, suffix: str) -> JsonObject:
    parts: JsonObject = {
        "current_time": at.strftime("%H:%M:%S"),
        "current_date": at.strftime("%Y-%m-%d"),
        "current_timestamp": at.isoformat(timespec="microseconds"),
        "current_year": at.year,
        "current_month": at.month,
        "current_day": at.day,
        "current_hour": at.hour,
        "current_minute": at.minute,
    }
    return {name + suffix: value for name, value in parts.items()}


def _shown(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else write(value).decode()


PROMPT: Final = StepType(
    "prompt",
    title="Prompt",
    description="Fills a system prompt and a query with variables; an agent that depends on it takes them up.",
    config_schema=closed_object(
        system_prompt={"type": "string", "description": "{{name}} and {{step_id.a.b}} are filled in."},
        query_template={"type": "string", "description": "As system_prompt; one of the two is needed."},
        variables={
            "type": "array",
            "items": closed_object(
                ["name"],
                name={"type": "string"},
                default_value=ANYTHING,
                required={"type": "boolean", "default": False},
                source={"type": ["string", "null"], "description": "A path over the input and the dependencies."},
                description={"type": "string"},
            ),
        },
        override_agent_prompt={"type": "boolean", "default": True},
        provider={"type": "string"},
        model_name={"type": "string"},
        temperature={"type": "number", "minimum": 0, "maximum": 2},
        max_tokens={"type": "integer", "minimum": 1},
        timezone={"type": "string", "default": "UTC", "description": "Of the built-in variables that end in _local."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["step_id", "step_type", "system_prompt", "query_template", "variables", "model_overrides"],
        step_id={"type": "string"},
        step_type={"const": "prompt"},
        system_prompt={"type": "string"},
        query_template={"type": "string"},
        raw_system_prompt={"type": "string"},
        raw_query_template={"type": "string"},
        variables={"type": "object", "description": "The declared ones and those that were used."},
        model_overrides={"type": "object"},
        override_agent_prompt={"type": "boolean"},
    ),
    effect=Effect.PURE,
    inline=True,
    error_codes=(
        ErrorCode("missing-variable", False, "A required variable has no value and no default."),
        ErrorCode("mapping-error", False, "A placeholder names nothing that is there."),
    ),
    tags=("agents",),
    examples=(
        {
            "config": {
                "system_prompt": "You are {{role}}.",
                "query_template": "Summarize {{text}}",
                "variables": [{"name": "role", "default_value": "an editor"}, {"name": "text", "required": True}],
            },
            "input": {"text": "An engine that forgets nothing."},
        },
    ),
    documentation=(
        "A placeholder names a variable, a path over the input, a path over the output of a dependency, or one of "
        "current_time, current_date, current_timestamp, current_year, current_month, current_day, current_hour, "
        "current_minute (each also with _utc and _local), uuid, execution_id, workflow_id, user_id, session_id. "
        "Values are filled in once and never expanded again. The templates `${...}` of the document are expanded "
        "before. An agent step that depends on a prompt step takes up its texts and its model overrides."
    ),
)
