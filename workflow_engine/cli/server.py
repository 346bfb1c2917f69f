"""The running server as the commands see it: a URL that is asked over HTTP, by the standard library alone.

A command sends a handful of requests over loopback; importing an HTTP library would take longer than all of them.
"""

import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final, cast
from urllib.parse import quote, urlencode, urlsplit

from workflow_engine.cli.events import Event, event_of, read_stream
from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.cli.place import DeadlineReached
from workflow_engine.errors import InvalidRequest, Problem, Unavailable, WorkflowEngineError
from workflow_engine.jsontext import Json, JsonObject

PATIENCE_SECONDS: Final = 60.0
"""How long a stream of events is tried to be resumed, for instance while the server restarts."""
_ANSWER_SECONDS: Final = 30.0
_PROBE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 0.5
_KEY: Final = re.compile(r"[!-~]{1,1000}")
"""What a header can hold; whether it opens anything is said by the server."""


class ServerUnreachable(Unavailable):
    """Nobody answers at the address."""

    code = "server-unreachable"

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"no server answers at {url} ({why}). Start one with `workflow-engine serve`, "
            "or name another one with --server URL"
        )


class NotOurServer(WorkflowEngineError):
    """Something answers, but it does not speak as a workflow engine does."""

    code = "not-our-server"

    def __init__(self, url: str, what: str) -> None:
        super().__init__(f"what answers at {url} is no workflow engine: {what}")


class ServerRefused(WorkflowEngineError):
    """The server understood and said no, in its own words."""

    def __init__(self, status: int, body: JsonObject) -> None:
        self.status = status
        self.found = tuple(_problems(body))
        super().__init__(str(body.get("detail") or body.get("title") or f"the server answered {status}"))

    def problems(self) -> tuple[Problem, ...]:
        return self.found or (Problem(self.code, str(self)),)


class ServerRefusedInput(ServerRefused, InvalidRequest):
    """It is what was sent that cannot be used."""


class ServerWantsKey(ServerRefused):
    """None was shown, or none that is good."""

    def __str__(self) -> str:
        return f"{super().__str__()}. Commands show the key of --api-key, or of WORKFLOW_ENGINE_API_KEY"


_ABOUT_THE_INPUT: Final = frozenset({400, 413, 414, 415, 422})


def _refusal_of(status: int) -> type[ServerRefused]:
    if status == 401:
        return ServerWantsKey
    return ServerRefusedInput if status in _ABOUT_THE_INPUT else ServerRefused


def _problems(body: JsonObject) -> Iterator[Problem]:
    listed = body.get("problems")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            yield Problem(*(str(each.get(name, "")) for name in ("code", "message", "pointer")))


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of an address or a port that is none
        return False


def path_of(*parts: str) -> str:
    """A path whose parts may hold anything, as ids and names that people type do."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


@dataclass(frozen=True, slots=True)
class Server:
    """`url` as it is written by people: `http://127.0.0.1:8006`."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str, api_key: str | None = None) -> "Server":
        """Raises `InvalidArgument` for what is no http(s) URL of a host, or no key."""
        written = url if "://" in url else f"http://{url}"
        if not _is_usable(written):
            raise InvalidArgument(f"--server {url} is no URL of a server; write http://127.0.0.1:8006")
        if api_key is not None and not _KEY.fullmatch(api_key):
            raise InvalidArgument("the key of --api-key or WORKFLOW_ENGINE_API_KEY is none; write it as wfe_ID_SECRET")
        return cls(written.rstrip("/"), api_key)

    def is_up(self) -> bool:
        """Whether a workflow engine answers here, and soon: what listens may be anything."""
        try:
            # Without the key: what listens there may be anything.
            health = Server(self.url)._ask("GET", "/health", seconds=_PROBE_SECONDS)
        except (ServerUnreachable, NotOurServer, ServerRefused):
            return False
        return "registered_steps" in health

    def get(self, path: str, **query: object) -> JsonObject:
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Json = None, **query: object) -> JsonObject:
        return self._ask("POST", path, body=body, query=query)

    def put(self, path: str, body: Json = None) -> JsonObject:
        return self._ask("PUT", path, body=body)

    def delete(self, path: str) -> JsonObject:
        return self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        query: Mapping[str, object] | None = None,
        seconds: float = _ANSWER_SECONDS,
    ) -> JsonObject:
        """Raises `ServerUnreachable`, `ServerRefused`, `NotOurServer`."""
        with self._connected(seconds) as connection:
            response = self._send(connection, method, path, body, query or {})
            content = response.read()
        return self._answer(response.status, content)

    def _answer(self, status: int, content: bytes) -> JsonObject:
        try:
            answer = json.loads(content) if content else {}
        except ValueError:
            raise NotOurServer(self.url, f"it answers {status} without JSON") from None
        if not isinstance(answer, dict):
            raise NotOurServer(self.url, "its answer is no JSON object")
        if status >= 400:
            raise _refusal_of(status)(status, answer)
        return cast(JsonObject, answer)

    # --- events

    def past_events(self, path: str, after: int = 0) -> Iterator[Event]:
        """Every event behind `after` that happened up to now, page by page."""
        at: Json = after
        while at is not None:
            page = self.get(path, after=at)
            yield from (event_of(cast(JsonObject, each)) for each in cast(list[Json], page["events"]))
            at = page["next_after"]

    def events(self, path: str, after: int = 0, deadline: float | None = None) -> Iterator[Event]:
        """Every event of a stream behind `after`, across restarts of the server, until it has ended.

        `deadline` on the clock of `time.monotonic`. Raises `DeadlineReached`, `ServerUnreachable`.
        """
        contact = time.monotonic()
        while True:
            try:
                for event in self._events(path, after, deadline):
                    after = event.seq
                    yield event
                    if event.is_last:
                        return
                contact = time.monotonic()
            except ServerUnreachable:
                if time.monotonic() - contact > PATIENCE_SECONDS:
                    raise
            time.sleep(min(_RETRY_SECONDS, _seconds_left(deadline)))

    def _events(self, path: str, after: int, deadline: float | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._connected(_ANSWER_SECONDS) as connection:
            wire = connection.sock
            response = self._send(connection, "GET", path, None, {}, headers)
            if response.status == 503:
                raise ServerUnreachable(self.url, "it is not ready")
            if response.status >= 400:
                self._answer(response.status, response.read())
            try:
                yield from read_stream(_lines(response, wire, deadline))
            except (ValueError, KeyError):
                raise NotOurServer(self.url, "its stream holds something else than events") from None

    # --- the wire

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[HTTPConnection]:
        """Raises `ServerUnreachable` for whatever goes wrong on the wire."""
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(cast(str, parts.hostname), parts.port, timeout=seconds)) as connection:
            try:
                connection.connect()
                yield connection
            except (OSError, HTTPException) as error:
                raise ServerUnreachable(self.url, _why(error)) from None

    def _send(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: Json,
        query: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        given = {name: value for name, value in query.items() if value is not None}
        target = urlsplit(self.url).path + path + (f"?{urlencode(given, doseq=True)}" if given else "")
        content = None if body is None else json.dumps(body).encode()
        described = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if content else {})
        if self.api_key is not None:
            described["Authorization"] = f"Bearer {self.api_key}"
        connection.request(method, target, content, described | dict(headers or {}))
        return connection.getresponse()


def _lines(response: HTTPResponse, wire: socket.socket, deadline: float | None) -> Iterator[bytes]:
    """Line by line; a stream that stays silent for long is ended here, to be opened anew."""
    while True:
        wire.settimeout(_seconds_left(deadline))
        try:
            line = response.readline()
        except TimeoutError:
            return
        if not line:
            return
        yield line


def _seconds_left(deadline: float | None) -> float:
    left = PATIENCE_SECONDS if deadline is None else deadline - time.monotonic()
    if left <= 0:
        raise DeadlineReached
    return min(left, PATIENCE_SECONDS)


def _why(error: OSError | HTTPException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "the name is unknown"
    return str(error) or type(error).__name__
