"""The same verbs over HTTP, for places that gRPC does not reach. One connection; not safe for threads."""

import http.client
import json
import math
import os
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

from workflow_client.client import from_json
from workflow_client.client.refusals import from_problem, not_reached
from workflow_client.client.views import (
    TERMINAL,
    Event,
    Execution,
    Page,
    Reason,
    Results,
    SavedWorkflow,
    Started,
    StepInfo,
    Validation,
)
from workflow_client.dialing import KEY_VARIABLE, SDK
from workflow_client.errors import ExecutionNotFinished, InvalidWorker, Unavailable
from workflow_client.json_values import Json, write

_NO_BODY: Final = object()
"""Null is a body, too."""
_LAST_KINDS: Final = frozenset(f"execution_{status}" for status in TERMINAL)


class RestClient:
    """Answers the same views and raises the same errors as `AsyncClient`. `timeout` in seconds, without waiting."""

    def __init__(
        self, url: str = "http://127.0.0.1:8006", *, api_key: str | None = None, timeout: float = 30.0
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidWorker(f"The URL is {url!r}; it looks like 'http://127.0.0.1:8006'")
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._kind = kind
        self._host, self._port = parts.hostname, parts.port or (443 if secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._key = api_key or os.environ.get(KEY_VARIABLE) or None
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "RestClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- executions

    def execute(
        self,
        workflow: Mapping[str, Any] | str,
        input: Json = None,  # noqa: A002  # the word of the documents
        *,
        wait: float | None = None,
        idempotency_key: str | None = None,
    ) -> Started:
        """Starts a document, or a saved workflow by its id; `wait` seconds for the end (at most 60)."""
        body: dict[str, Any] = {} if input is None else {"input_data": input}
        path = "/workflows/execute"
        if isinstance(workflow, str):
            path = f"/workflows/{_quoted(workflow)}/execute"
        else:
            body["workflow_config"] = workflow
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        query = {} if wait is None else {"wait": f"{wait:g}"}
        return from_json.started(self._call("POST", path, body, query, headers, waits=wait or 0.0))

    def wait(self, execution_id: str, timeout: float | None = None) -> Results:
        """Until it has ended; raises ExecutionNotFinished after `timeout` seconds."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        pause = 0.02
        while True:
            found = self.results(execution_id)
            if found.has_ended:
                return found
            if time.monotonic() >= until:
                raise ExecutionNotFinished(execution_id, found.status, timeout or 0.0)
            time.sleep(min(pause, max(until - time.monotonic(), 0.0)))
            pause = min(pause * 1.5, 1.0)

    def results(self, execution_id: str) -> Results:
        return from_json.results(self._call("GET", f"/executions/{_quoted(execution_id)}/results"))

    def get(self, execution_id: str) -> Execution:
        return from_json.execution(self._call("GET", f"/executions/{_quoted(execution_id)}"))

    def list_executions(self, *, cursor: str | None = None, limit: int = 0, **filters: str) -> Page[Execution]:
        """Newest first. `filters` as in docs/rest.md: status, workflow_id, workflow_name, user_id, tag."""
        query = dict(filters) | ({"cursor": cursor} if cursor else {}) | ({"limit": str(limit)} if limit else {})
        found = self._call("GET", "/executions", query=query)
        return Page(tuple(from_json.execution(entry) for entry in found["executions"]), found.get("next_cursor"))

    def events(self, execution_id: str, *, after: int = 0, limit: int = 0) -> tuple[Event, ...]:
        query = {"after": str(after)} | ({"limit": str(limit)} if limit else {})
        found = self._call("GET", f"/executions/{_quoted(execution_id)}/events", query=query)
        return tuple(from_json.event(entry) for entry in found["events"])

    def watch(self, execution_id: str, *, after: int = 0) -> Iterator[Event]:
        """Every event behind `after`, those to come included, until the last one. A broken stream is resumed."""
        seen, broken = after, 0
        while True:
            try:
                for event in self._stream(execution_id, seen):
                    if event.seq > seen:
                        seen, broken = event.seq, 0
                        yield event
                    if event.kind in _LAST_KINDS:
                        return
            except Unavailable:
                if broken >= 5:
                    raise
            broken += 1
            time.sleep(min(5.0, 0.1 * 2**broken))

    def explain(self, execution_id: str) -> tuple[Reason, ...]:
        return from_json.reasons(self._call("GET", f"/executions/{_quoted(execution_id)}/explain"))

    def cancel(self, execution_id: str, *, reason: str = "", compensate: bool = False) -> None:
        query = {"compensate": "true"} if compensate else {}
        self._call("POST", f"/executions/{_quoted(execution_id)}/cancel", {"reason": reason}, query)

    def pause(self, execution_id: str, *, reason: str = "") -> None:
        self._call("POST", f"/executions/{_quoted(execution_id)}/pause", {"reason": reason})

    def resume(self, execution_id: str) -> None:
        self._call("POST", f"/executions/{_quoted(execution_id)}/resume")

    def signal(self, execution_id: str, name: str, payload: Json = None, *, idempotency_key: str | None = None) -> None:
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        path = f"/executions/{_quoted(execution_id)}/signals/{_quoted(name)}"
        self._call("POST", path, payload, headers=headers)

    # --- workflows and step types

    def validate(self, document: Mapping[str, Any]) -> Validation:
        return from_json.validation(self._call("POST", "/workflows/validate", document))

    def save_workflow(self, document: Mapping[str, Any], workflow_id: str = "") -> SavedWorkflow:
        if workflow_id:
            found = self._call("PUT", f"/workflows/{_quoted(workflow_id)}", document)
        else:
            found = self._call("POST", "/workflows", document)
        return from_json.saved(found, document)

    def get_workflow(self, workflow_id: str) -> SavedWorkflow:
        return from_json.workflow(self._call("GET", f"/workflows/{_quoted(workflow_id)}"))

    def list_workflows(self) -> tuple[SavedWorkflow, ...]:
        return tuple(from_json.workflow(entry) for entry in self._call("GET", "/workflows")["workflows"])

    def delete_workflow(self, workflow_id: str) -> None:
        self._call("DELETE", f"/workflows/{_quoted(workflow_id)}")

    def list_steps(self) -> tuple[StepInfo, ...]:
        return tuple(from_json.step(entry) for entry in self._call("GET", "/steps")["steps"])

    def get_step(self, name: str) -> StepInfo:
        return from_json.step(self._call("GET", f"/steps/{_quoted(name)}"))

    # --- calls

    def _call(
        self,
        method: str,
        path: str,
        body: Json = _NO_BODY,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        waits: float = 0.0,
    ) -> Any:  # noqa: ANN401  # JSON
        with self._answer(method, path, body, query, headers, waits) as answer:
            return _json(answer.read())

    def _stream(self, execution_id: str, after: int) -> Iterator[Event]:
        path = f"/executions/{_quoted(execution_id)}/events"
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        try:
            with self._answer("GET", path, _NO_BODY, None, headers, 0.0) as answer:
                for line in answer:
                    if line.startswith(b"data:"):
                        yield from_json.event(json.loads(line[5:]))
        finally:
            self.close()  # what is left of a stream cannot be used for another call

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Json,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        waits: float,
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer of 2xx. A kept connection that the server has closed meanwhile is opened anew, once."""
        url = self._prefix + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        data = None if body is _NO_BODY else write(body)
        sent = {"Content-Type": "application/json", "User-Agent": SDK, **(headers or {})}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        try:
            answer = self._sent(method, url, data, sent, waits)
            if answer.status >= 300:
                raise from_problem(answer.status, _json(answer.read()), _seconds(answer.getheader("Retry-After")))
            yield answer
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            raise not_reached(f"{self._host}:{self._port}", str(failure) or type(failure).__name__) from None

    def _sent(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], waits: float
    ) -> http.client.HTTPResponse:
        kept = self._connection is not None
        try:
            return self._send(method, url, data, headers, waits)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if not kept:
                raise
            return self._send(method, url, data, headers, waits)

    def _send(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], waits: float
    ) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._kind(self._host, self._port, timeout=self._timeout)
        connection = self._connection
        connection.timeout = self._timeout + waits
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout + waits)
        connection.request(method, url, data, dict(headers))
        return connection.getresponse()


def _quoted(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def _json(text: bytes) -> Any:  # noqa: ANN401  # JSON, or whatever a proxy sent
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else float(header)
    except ValueError:
        return None
