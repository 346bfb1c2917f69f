"""What every request passes on its way in and every answer on its way out; one plain ASGI layer.

In: is the URL sound, who asks, is the server ready, which of its spellings is this path. Out: the id of the request,
and an answer for what nobody expected.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_engine.engine.keys import bearer_key
from workflow_engine.engine.vitals import NotReady
from workflow_engine.errors import InternalError, WorkflowEngineError
from workflow_engine.identifiers import new_id
from workflow_engine.logs import logger
from workflow_engine.rest.backing import Backing
from workflow_engine.rest.bodies import ClientGone
from workflow_engine.rest.call import CALLER, HEAD
from workflow_engine.rest.problems import MalformedUrl, UrlTooLong, problem_response
from workflow_engine.runtime.runtime import ShuttingDown

PREFIX: Final = "/api"
OPEN: Final = frozenset(
    {
        "/",
        "/health",
        "/livez",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/docs/docs.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
    }
)
"""What everybody may read who reaches the port: whether the server is up, and how it is spoken to."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROLS: Final = re.compile(rb"[\x00-\x1f\x7f]")

log = logger(__name__)

Check = Callable[[Scope, Backing], None]


class Door:
    """Runs the checks in order; the first that raises answers the request."""

    def __init__(self, app: ASGIApp, backing: Backing) -> None:
        self._app = app
        self._backing = backing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        answered = False

        async def send_signed(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                self._backing.failpoints.reach("before-reply")
                answered = True
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._backing.failpoints.reach("after-reply")

        try:
            await self._pass(scope, receive, send_signed)
        except ClientGone:
            return
        except Exception as bug:
            log.exception("a request failed", incident=request_id, method=scope["method"])
            self._backing.errors.fault(type(bug).__name__, f"see the log under {request_id}")
            self._backing.metrics.fault(type(bug).__name__)
            if not answered:
                await problem_response(InternalError(request_id), scope)(scope, receive, send_signed)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            for check in CHECKS:
                check(scope, self._backing)
        except WorkflowEngineError as refusal:
            await problem_response(refusal, scope)(scope, receive, send)
            return
        await self._app(_in_one_spelling(scope), receive, send)


def _url_is_short(scope: Scope, backing: Backing) -> None:
    limit = backing.settings.limits.max_url_bytes
    if len(scope["raw_path"]) + len(scope["query_string"]) > limit:
        raise UrlTooLong(limit)


def _url_is_sound(scope: Scope, _backing: Backing) -> None:
    """What a URL means must not depend on who decodes it."""
    for written in (scope["raw_path"], scope["query_string"]):
        if b"%" in written:
            plain = unquote_to_bytes(written)
            if _BAD_PERCENT.search(written) or _CONTROLS.search(plain) or not _is_utf8(plain):
                raise MalformedUrl


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _caller_is_known(scope: Scope, backing: Backing) -> None:
    if _plain_path(scope) in OPEN:
        return
    sent = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    scope[CALLER] = backing.face.keys.authenticate(bearer_key(sent))


def _server_takes_work(scope: Scope, backing: Backing) -> None:
    """Reading is always possible; whatever would change something waits until recovery is done."""
    if scope["method"] in SAFE:
        return
    if backing.stopping.is_set():
        raise ShuttingDown
    if not backing.face.vitals.ready:
        raise NotReady


CHECKS: Final[tuple[Check, ...]] = (_url_is_short, _url_is_sound, _caller_is_known, _server_takes_work)


def _in_one_spelling(scope: Scope) -> Scope:
    """HEAD is GET without a body."""
    path = _plain_path(scope)
    is_head = scope["method"] == "HEAD"
    if path == scope["path"] and not is_head:
        return scope
    return {**scope, "path": path, "method": "GET" if is_head else scope["method"], HEAD: is_head}


def _plain_path(scope: Scope) -> str:
    """Clients call every route with and without a trailing slash, and under `/api`."""
    path: str = scope["path"]
    if path.startswith(f"{PREFIX}/") or path == PREFIX:
        path = path[len(PREFIX) :] or "/"
    return path[:-1] if path.endswith("/") and path != "/" else path
