"""One HTTP connection: uvicorn's own protocol, with the limits it lacks.

The head of a request has a size and a time limit, its body a time limit, and a client that does not read is cut. What
cannot be parsed (length and chunked together among it) is one 400 and the end of the connection.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from workflow_engine.errors import Unavailable, WorkflowEngineError
from workflow_engine.jsontext import write
from workflow_engine.logs import logger
from workflow_engine.rest.problems import (
    MEDIA_TYPE,
    HeadersTooLarge,
    MalformedHttp,
    RequestTimeout,
    problem_body,
    problem_headers,
)
from workflow_engine.settings import Limits

Part = Literal["head", "body"]

LONGEST_UNREAD: Final = 30.0
"""Seconds a client may leave an answer unread before its connection is cut."""

log = logger(__name__)


class TooManyConnections(Unavailable):
    code = "too-many-connections"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} connections are open, which is the limit of this server; try again later")


class Connection(HttpToolsProtocol):
    """Subclassed by `connection_class` for the limits of one server."""

    limits: ClassVar[Limits]

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own arguments
        super().__init__(*args, **options)
        self._part: Part | None = None
        """Which part of a request has begun and not ended."""
        self._watched: Part | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._refusal: WorkflowEngineError | None = None

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows its own protocol
        if len(self.connections) > self.limits.max_connections:
            self._refuse(TooManyConnections(self.limits.max_connections))
        else:
            self._watch("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._part != "body":
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._part != "body" and self._head_bytes > self.limits.max_header_bytes:
            self._refuse(HeadersTooLarge(self.limits.max_header_bytes))
            return
        self._watch(self._part or ("head" if self._is_idle and self._head_bytes else None))

    @property
    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    # --- the parts of a request, as the parser finds them

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part = "head"
        if self._watched is not None:
            self._watch(None)  # that deadline was for the request before

    def on_headers_complete(self) -> None:
        if (refusal := self._refusal_of_head()) is not None:
            self._refusal = refusal
            raise refusal
        self._part = "body"
        self._head_bytes = 0
        super().on_headers_complete()

    def _refusal_of_head(self) -> WorkflowEngineError | None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.max_header_bytes:
            return HeadersTooLarge(self.limits.max_header_bytes)
        hosts = sum(1 for name, _ in self.headers if name == b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            return MalformedHttp()  # RFC 9112, 3.2: whom it is for must be clear
        return None

    def on_message_complete(self) -> None:
        self._part = None
        super().on_message_complete()

    # --- time

    def _watch(self, part: Part | None) -> None:
        """Give this part its time, unless its time runs already."""
        if part == self._watched:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._watched = part
        self._deadline = None if part is None else self.loop.call_later(self._seconds(part), self._out_of_time, part)

    def _seconds(self, part: Part) -> float:
        return self.limits.header_timeout_seconds if part == "head" else self.limits.body_timeout_seconds

    def _out_of_time(self, part: Part) -> None:
        self._watched = self._deadline = None
        if self.flow.read_paused and self.pipeline:
            self._watch(part)  # we made it wait behind a request before it
        elif part == "head" and not self._head_bytes:
            self.transport.close()  # nothing was asked, so nothing is answered
        else:
            self._refuse(RequestTimeout(part, self._seconds(part)))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(LONGEST_UNREAD, self.transport.abort)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    # --- refusals below the application

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when its parser gives up."""
        self._refuse(self._refusal or MalformedHttp())

    def _refuse(self, error: WorkflowEngineError) -> None:
        """One last answer, unless it would be taken for the answer to another request."""
        log.info("a connection is refused", code=error.code)
        self._watch(None)
        if not self._is_idle and (self.cycle.response_started or not self.cycle.more_body):
            self.transport.abort()
            return
        self.transport.write(_last_answer(error))
        self.transport.close()


def _last_answer(error: WorkflowEngineError) -> bytes:
    status = HTTPStatus(error.http_status)
    body = write(problem_body(error, None))
    headers = {
        **problem_headers(error),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    head = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


def connection_class(limits: Limits) -> type[Connection]:
    """uvicorn makes its protocols itself, from a class; so the limits stand in the class."""
    return type("LimitedConnection", (Connection,), {"limits": limits})
