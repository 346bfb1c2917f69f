"""What the OpenAPI document says of a route, in the words of its decorator, and how the whole is put together.

Routes read raw bodies, so FastAPI cannot know what they take: bodies are described by the model of the definition,
answers by the shapes of wire.py. All schemas are made when somebody asks for the document, never at start.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.parameters import Parameter

REFERENCE: Final = "#/components/schemas/{model}"

TITLE: Final = "Workflow Engine"
DESCRIPTION: Final = (
    "Write a workflow as JSON; it runs to its end, whatever crashes on the way. Whatever is answered with 2xx is "
    "durable. Every refusal is RFC 9457 `application/problem+json`. Starts and signals may carry an `Idempotency-Key`. "
    "A server that has keys wants one with every request: `Authorization: Bearer wfe_...`."
)
TAGS: Final = [
    {"name": "executions", "description": "Start one, look at it, watch it, act on it."},
    {"name": "workflows", "description": "Documents under a name, every version kept."},
    {"name": "steps", "description": "What a step can be: registered types, versioned."},
    {"name": "agents", "description": "Who asks models, what is said to them, and what that used and cost."},
    {"name": "workers", "description": "Who does the steps of client teams, and how one does so without a stream."},
    {"name": "administration", "description": "Hosts the server may call, and keys."},
    {"name": "operations", "description": "Is it up, how busy is it, what went wrong."},
]
PROBLEM_SCHEMA: Final[JsonObject] = {
    "type": "object",
    "description": "RFC 9457. `problems` lists everything that is wrong, each with its JSON pointer.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "message")},
            },
        },
    },
}

Shape = type[Any]
"""A model or a typed dictionary; `object` stands for any JSON."""


def describe(
    operation_id: str,
    summary: str,
    *,
    answers: Shape | Sequence[Shape] = dict,
    example: object = None,
    body: Shape | Sequence[Shape] = (),
    body_example: object = None,
    body_required: bool = True,
    path: Mapping[str, str] | None = None,
    query: Iterable[Parameter[Any]] = (),
    headers: Mapping[str, str] | None = None,
    refusals: Sequence[int] = (),
    media_type: str = "application/json",
    also: Mapping[str, Shape] | None = None,
) -> dict[str, Any]:
    """The options of a route's decorator.

    `path` and `headers` are names with their descriptions; `also` has the shapes of an answer in other media types.
    """
    shapes = body if isinstance(body, Sequence) else (body,)
    answered = {media_type: _content(answers if isinstance(answers, Sequence) else (answers,), example)}
    answered |= {kind: _content((shape,), None) for kind, shape in (also or {}).items()}
    extra: dict[str, Any] = {
        "parameters": [*_named("path", path or {}), *_queried(query), *_named("header", headers or {})]
    }
    if shapes:
        extra["requestBody"] = {
            "required": body_required,
            "content": {"application/json": _content(shapes, body_example)},
        }
    return {
        "operation_id": operation_id,
        "summary": summary,
        "response_model": None,
        "responses": {
            200: {"description": "OK", "content": answered},
            **{status: _REFUSALS[status] for status in (*refusals, *_ALWAYS)},
        },
        "openapi_extra": extra,
    }


_IN_WORDS: Final = {
    400: "The request cannot be read.",
    401: "It needs a key, and a good one.",
    403: "The key has not the scope that this needs.",
    404: "Unknown, or somebody else's.",
    409: "The state forbids it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request can be read, but not accepted; `problems` says why.",
    429: "Over a limit; try again after `Retry-After`.",
    503: "Not now; try again after `Retry-After`.",
}
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
_REFUSALS: Final = {status: {"description": words, "content": _PROBLEM} for status, words in _IN_WORDS.items()}
_ALWAYS: Final = (400, 401, 403, 503)
WITH_BODY: Final = (413, 415, 422)


def _content(shapes: Sequence[Shape], example: object) -> dict[str, Any]:
    schemas = [_schema(shape) for shape in shapes]
    content: dict[str, Any] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    if example is not None:
        content["example"] = example
    return content


def _schema(shape: Shape) -> JsonObject:
    if shape is object:
        return {}
    if shape is str:
        return {"type": "string"}
    return {"type": "object"} if shape is dict else {"$ref": REFERENCE.format(model=shape.__name__)}


def _named(place: str, names: Mapping[str, str]) -> list[JsonObject]:
    return [
        {"name": name, "in": place, "required": place == "path", "description": words, "schema": {"type": "string"}}
        for name, words in names.items()
    ]


def _queried(query: Iterable[Parameter[Any]]) -> list[JsonObject]:
    return [
        {"name": each.name, "in": "query", "required": False, "description": each.description, "schema": each.schema}
        for each in query
    ]


# --- the document


def openapi_document(app: FastAPI, version: str, read: Sequence[Shape], written: Sequence[Shape]) -> dict[str, Any]:
    """The whole document; `read` are the shapes of bodies, `written` those of answers."""
    document = get_openapi(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "MIT"},
    )
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((shape.__name__, "validation", TypeAdapter(shape)) for shape in read),
        *((shape.__name__, "serialization", TypeAdapter(shape)) for shape in written),
    ]
    _, made = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE, schema_generator=_Schemas)
    document.setdefault("components", {})["schemas"] = {**made.get("$defs", {}), "Problem": PROBLEM_SCHEMA}
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"key": []}, {}]  # the second: a server that has no keys wants none
    return document


class _Schemas(GenerateJsonSchema):
    """A field that holds any JSON has no further schema; Pydantic would warn of defaults it cannot write down."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012 - Pydantic's own declaration
