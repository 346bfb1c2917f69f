"""How a model is asked for JSON of a schema: by its own means where it has them, else in words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workflow_engine.agents.worker.preparing import Prepared

_STRICT: Final = frozenset(
    ("type", "properties", "required", "additionalProperties", "items", "enum", "description", "title", "anyOf")
)


def by_own_means(prepared: Sequence[Prepared], schema: Mapping[str, Any], *, has_tools: bool) -> bool:
    """Whether every model takes this schema: of an object, as providers want it. Beside tools only OpenAI's do:
    elsewhere the schema forbids calling them.
    """
    return schema.get("type") == "object" and all(
        one.takes_schema and "response_format" in one.takes and (one.provider == "openai" or not has_tools)
        for one in prepared
    )


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`strict` only for schemas that strict mode takes; the engine checks the answer in any case."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": is_strict(schema)}}


def is_strict(schema: object) -> bool:
    """Whether a schema is one that OpenAI's strict mode takes: closed objects, every property required."""
    if not isinstance(schema, Mapping) or not set(schema) <= _STRICT:
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object" and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)
    ):
        return False
    inner = [*properties.values(), *schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return all(is_strict(one) for one in inner)


def in_words(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The same messages, with the schema in the system message."""
    written = json.dumps(schema, ensure_ascii=False)
    words = f"Answer with one JSON value, and nothing around it, that is valid against this JSON Schema:\n{written}"
    if messages and messages[0].get("role") == "system":
        return [{**messages[0], "content": f"{messages[0]['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
