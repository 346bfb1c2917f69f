"""One request as a route sees it, and the route that carries it there without a detour.

FastAPI's own way to a function (dependencies, models, exit stacks) costs more than half of what a start may cost here,
and reads JSON more leniently than we promise. So a route gets a `Call` and answers with a `Response`; what FastAPI
keeps is the table of routes and the OpenAPI document.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from workflow_engine.engine.caller import ANONYMOUS, Caller
from workflow_engine.engine.face import Face
from workflow_engine.engine.tracing import LONGEST_CORRELATION_ID, is_correlation_id, trace_id_of
from workflow_engine.errors import InvalidRequest, Problem, WorkflowEngineError
from workflow_engine.jsontext import Json, write
from workflow_engine.rest.backing import Backing
from workflow_engine.rest.bodies import B, read_as, read_json, read_optional_json
from workflow_engine.rest.problems import problem_response
from workflow_engine.settings import Limits

HEAD: Final = "workflow_engine.head"
"""Where the scope says that a GET was asked for by HEAD."""
CALLER: Final = "workflow_engine.caller"
"""Where the scope says who showed which key; nothing stands there where none is needed."""


class InvalidHeader(InvalidRequest):
    """A header of the request cannot be used; its pointer is `header.<name>`."""

    code = "invalid-header"

    def __init__(self, name: str, wanted: str) -> None:
        self.name = name
        super().__init__(f"The header {name} must be {wanted}")

    def problems(self) -> tuple[Problem, ...]:
        return (Problem(self.code, str(self), f"header.{self.name}"),)


class Call(Request):
    """A request, with what a route needs of the server."""

    @property
    def backing(self) -> Backing:
        return cast(Backing, self.scope["app"].state.backing)

    @property
    def face(self) -> Face:
        return self.backing.face

    @property
    def limits(self) -> Limits:
        return self.backing.settings.limits

    @property
    def caller(self) -> Caller:
        """Who asks, with the ids that tie logs and calls together."""
        shown: Caller = self.scope.get(CALLER, ANONYMOUS)
        return Caller(
            shown.principal,
            shown.namespace,
            self._correlation_id(),
            self._trace_id(),
            shown.scopes,
            shown.key_id,
        )

    def _correlation_id(self) -> str | None:
        found = self.headers.get("x-correlation-id")
        if found is not None and not is_correlation_id(found):
            raise InvalidHeader("X-Correlation-ID", f"1 to {LONGEST_CORRELATION_ID} printable ASCII characters")
        return found

    def _trace_id(self) -> str | None:
        return trace_id_of(self.headers.get("traceparent", ""))

    @property
    def is_head(self) -> bool:
        """Whether only the head of the answer is wanted; routes otherwise see GET."""
        return bool(self.scope.get(HEAD))

    @property
    def key(self) -> str | None:
        """The `Idempotency-Key`; several are refused, because only one could count."""
        keys = self.headers.getlist("idempotency-key")
        if len(keys) > 1:
            raise InvalidHeader("Idempotency-Key", "sent once")
        return keys[0] if keys else None

    async def read(self) -> Json:
        """The body, which must be there and must be JSON."""
        return await read_json(self.scope, self.receive, self.limits)

    async def read_optional(self) -> Json:
        """The body as JSON, or null when there is none."""
        return await read_optional_json(self.scope, self.receive, self.limits)

    async def read_as(self, model: type[B]) -> B:
        return read_as(model, await self.read())


Endpoint = Callable[[Call], Awaitable[Response]]


def answer(body: object, status: int = 200) -> Response:
    """A JSON answer of values that we made or that passed the edge."""
    return Response(write(body), status, media_type="application/json")


class Route(APIRoute):
    """A route whose function takes a `Call` and answers with a `Response`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's own options
        super().__init__(path, endpoint, **options)
        self.app = _application(endpoint)


def _application(endpoint: Endpoint) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await endpoint(Call(scope, receive))
            await response(scope, receive, send)
        except WorkflowEngineError as refusal:
            if refusal.http_status >= 500 and refusal.retry_after_seconds is None:
                raise  # nobody's mistake but ours: reported as any other bug
            await problem_response(refusal, scope)(scope, receive, send)

    return application
