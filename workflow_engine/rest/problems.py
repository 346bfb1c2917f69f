"""Refusals on the wire: RFC 9457 `application/problem+json`, made from the error tree.

`detail` is always a string, because older clients print it. Nothing that was sent is repeated, but for what an error's
own sentence says of a document and the path in `instance`.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from workflow_engine.errors import MalformedRequest, Problem, Unauthenticated, WorkflowEngineError
from workflow_engine.jsontext import JsonObject, write

MEDIA_TYPE: Final = "application/problem+json"
MOST_PROBLEMS: Final = 100
"""More would make the answer larger than the question."""


class RouteNotFound(WorkflowEngineError):
    code = "route-not-found"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing under this path; /docs lists what there is")


class MethodNotAllowed(WorkflowEngineError):
    """`allowed` are the methods this path has."""

    code = "method-not-allowed"
    http_status = 405

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"This path takes {', '.join(allowed)} only")


class UnsupportedMediaType(WorkflowEngineError):
    code = "unsupported-media-type"
    http_status = 415

    def __init__(self) -> None:
        super().__init__(
            "The body must be JSON in UTF-8: send it with `Content-Type: application/json`, not compressed"
        )


class MalformedUrl(MalformedRequest):
    code = "malformed-url"

    def __init__(self) -> None:
        super().__init__(
            "The URL holds a percent sign, bytes or control characters that are not encoded as RFC 3986 says"
        )


class UrlTooLong(WorkflowEngineError):
    code = "url-too-long"
    http_status = 414

    def __init__(self, limit: int) -> None:
        super().__init__(f"A URL may have at most {limit} bytes")


class HeadersTooLarge(WorkflowEngineError):
    code = "headers-too-large"
    http_status = 431

    def __init__(self, limit: int) -> None:
        super().__init__(f"The head of a request may have at most {limit} bytes")


class RequestTimeout(WorkflowEngineError):
    code = "request-timeout"
    http_status = 408

    def __init__(self, part: str, seconds: float) -> None:
        super().__init__(f"The {part} of a request must arrive within {seconds:g} seconds")


class MalformedHttp(MalformedRequest):
    code = "malformed-http"

    def __init__(self) -> None:
        super().__init__("This is no HTTP/1.1 request that means the same to everybody who reads it")


def problem_body(error: WorkflowEngineError, instance: str | None) -> JsonObject:
    status = HTTPStatus(error.http_status)
    body: JsonObject = {
        "type": f"urn:workflow-engine:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error),
        "code": error.code,
        "problems": [_problem(each) for each in error.problems()[:MOST_PROBLEMS]],
    }
    if instance is not None:
        body["instance"] = instance
    return body


def _problem(problem: Problem) -> JsonObject:
    return {"pointer": problem.pointer, "code": problem.code, "message": problem.message}


def problem_headers(error: WorkflowEngineError) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def problem_response(error: WorkflowEngineError, scope: Scope) -> Response:
    body = write(problem_body(error, instance_of(scope)))
    return Response(body, error.http_status, problem_headers(error), MEDIA_TYPE)


def instance_of(scope: Scope) -> str:
    """The path as it was sent, percent signs and all."""
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.decode("ascii", "replace")
