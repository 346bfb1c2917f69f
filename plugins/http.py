"""The step that calls any HTTP server, through the guarded client the engine lends."""

import base64
from typing import Final

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import Json, JsonLimits, JsonObject, read_strict, write
from workflow_engine.steps.authoring import ANYTHING, closed_object, open_object
from workflow_engine.steps.contract import Effect, ErrorCode, InvalidConfig, OfferedStep, StepRequest, StepType
from workflow_engine.steps.http_answers import status_failure
from workflow_engine.steps.http_fields import header_problem
from workflow_engine.steps.services import HttpRequest, HttpResponse, Services

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
DEFAULT_TIMEOUT_SECONDS: Final = 30.0
DEFAULT_RESPONSE_BYTES: Final = 1024 * 1024
MOST_RESPONSE_BYTES: Final = 16 * 1024 * 1024
MOST_REDIRECTS: Final = 10


def workflow_engine_step_types(services: Services) -> list[OfferedStep]:
    async def http_request(request: StepRequest) -> Json:
        response = await services.http.send(outgoing(request))
        if not _expected(response.status, request.config):
            raise status_failure(f"HTTP {response.status} from {response.url.partition('?')[0]}", response)
        return _output(response)

    return [OfferedStep(HTTP_REQUEST, http_request)]


def outgoing(request: StepRequest) -> HttpRequest:
    """The call a configuration asks for. Raises `InvalidConfig`."""
    config = request.config
    method = str(config.get("method", "GET")).upper()
    if method not in METHODS:
        raise InvalidConfig(f"Unknown method: {method}")
    body, content_type = _body(config)
    seconds = _number(config, "timeout_seconds", _number(config, "timeout", DEFAULT_TIMEOUT_SECONDS))
    return HttpRequest(
        method=method,
        url=str(config["url"]),
        headers=_headers(request, content_type),
        params=_params(config),
        body=body,
        timeout_seconds=min(seconds, request.timeout_seconds or seconds),
        max_response_bytes=int(_number(config, "max_response_bytes", DEFAULT_RESPONSE_BYTES)),
        max_redirects=int(_number(config, "max_redirects", 0)),
        namespace=request.namespace,
    )


def _number(config: JsonObject, key: str, default: float) -> float:
    value = config.get(key, default)
    return value if isinstance(value, int | float) else default


def _body(config: JsonObject) -> tuple[bytes | None, str | None]:
    """The bytes and their content type: `json` is always written as JSON, a `body` that is text goes as it is."""
    if "json" in config and "body" in config:
        raise InvalidConfig("http_request takes either 'json' or 'body'")
    if "json" in config:
        return write(config["json"]), "application/json"
    body = config.get("body")
    if body is None:
        return None, None
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return write(body), "application/json"


def _headers(request: StepRequest, content_type: str | None) -> dict[str, str]:
    given = request.config.get("headers")
    headers: dict[str, str] = {}
    for name, value in (given if isinstance(given, dict) else {}).items():
        if name.lower() != "idempotency-key" and (wrong := header_problem(name, value)) is not None:
            raise InvalidConfig(f"Header {name[:64]}: {wrong}")
        headers[name.lower()] = str(value)
    if content_type is not None:
        headers.setdefault("content-type", content_type)
    headers.setdefault("idempotency-key", request.idempotency_key)
    return headers


def _params(config: JsonObject) -> dict[str, str | list[str]]:
    params = config.get("params")
    written: dict[str, str | list[str]] = {}
    for name, value in (params if isinstance(params, dict) else {}).items():
        if value is not None:
            written[name] = [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)
    return written


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else write(value).decode()


def _expected(status: int, config: JsonObject) -> bool:
    expected = config.get("expected_status")
    if isinstance(expected, list):
        return status in expected
    return status == expected if isinstance(expected, int) else 200 <= status < 300


def _output(response: HttpResponse) -> JsonObject:
    body, encoding = _readable(response)
    return {
        "status_code": response.status,
        "headers": dict(response.headers),
        "body": body,
        "body_encoding": encoding,
        "url": response.url,
        "ok": 200 <= response.status < 300,
        "success": True,
    }


def _readable(response: HttpResponse) -> tuple[Json, str]:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" or content_type.endswith("+json"):
        try:
            return read_strict(response.body, JsonLimits()), "json"
        except WorkflowEngineError:
            pass  # it only says that it is JSON: shown as the text it is
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        text = "\x00"
    # Text with a NUL cannot be stored, and is none.
    return (text, "text") if "\x00" not in text else (base64.b64encode(response.body).decode(), "base64")


HTTP_REQUEST: Final = StepType(
    "http_request",
    title="HTTP request",
    description="Calls an HTTP server and answers what it said.",
    config_schema=closed_object(
        ["url"],
        method={"type": "string", "default": "GET", "description": ", ".join(METHODS)},
        url={"type": "string", "minLength": 1, "maxLength": 8192},
        headers={"type": "object", "additionalProperties": {"type": "string"}},
        params={"type": "object", "description": "Added to the query; a list repeats its name, null leaves it out."},
        json={"description": "Sent as JSON."},
        body={"description": "Text is sent as it is, anything else as JSON."},
        timeout_seconds={"type": "number", "minimum": 0.001, "maximum": 86_400, "default": DEFAULT_TIMEOUT_SECONDS},
        timeout={
            "type": "number",
            "minimum": 0.001,
            "maximum": 86_400,
            "description": "Older name of timeout_seconds.",
        },
        expected_status={
            "anyOf": [
                {"$ref": "#/$defs/status"},
                {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/status"}},
            ],
            "description": "What counts as success; any 2xx when absent.",
        },
        max_response_bytes={
            "type": "integer",
            "minimum": 0,
            "maximum": MOST_RESPONSE_BYTES,
            "default": DEFAULT_RESPONSE_BYTES,
        },
        max_redirects={"type": "integer", "minimum": 0, "maximum": MOST_REDIRECTS, "default": 0},
    )
    | {"$defs": {"status": {"type": "integer", "minimum": 100, "maximum": 599}}},
    input_schema={"type": "object"},
    output_schema=open_object(
        ["status_code", "headers", "body", "body_encoding", "url", "ok", "success"],
        status_code={"type": "integer"},
        headers={"type": "object", "additionalProperties": {"type": "string"}},
        body=ANYTHING,
        body_encoding={"type": "string", "description": "json, text or base64"},
        url={"type": "string", "description": "Where the answer came from."},
        ok={"type": "boolean", "description": "The status is 2xx."},
        success={"const": True},
    ),
    effect=Effect.IDEMPOTENT,
    error_codes=(
        ErrorCode("http-status", True, "A status that was not expected; 429 and 5xx are retried, others are not."),
        ErrorCode("host-not-allowed", False, "The address is not public, and the list of allowed hosts lacks it."),
        ErrorCode("transport-error", True, "No connection, or it broke."),
        ErrorCode("timeout", True, "No complete answer in time."),
        ErrorCode("payload-too-large", False, "The answer is larger than max_response_bytes."),
    ),
    tags=("http",),
    examples=(
        {"config": {"method": "POST", "url": "https://api.example.com/orders", "json": {"item": "tea"}}, "input": {}},
    ),
    documentation=(
        "Every call carries `Idempotency-Key`, the same on each attempt (unless `headers` brings one): a server "
        "honouring it acts once. Redirects are answers unless `max_redirects` allows to follow them; each is judged "
        "like the first address. `body` of the output is JSON when the server says so and it is, else text, else "
        "base64; `body_encoding` tells which."
    ),
)
