"""The REST client against a real HTTP server that plays a few routes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from workflow_client import InvalidRequest, Problem, RestClient, Unavailable
from workflow_client.errors import InvalidWorker

RESULTS = {"execution_id": "e1", "status": "completed", "output": 7, "step_results": {}, "metadata": {}}
STARTED = {"execution_id": "e1", "status": "started", "started_at": "2026-01-01T00:00:00Z"}
PROBLEM = {
    "code": "invalid-document",
    "detail": "It is wrong",
    "problems": [{"code": "c", "message": "m", "pointer": "/a"}],
}


class Routes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, dict[str, str], Any]]] = []
    breaks: ClassVar[list[int]] = []

    def do_GET(self) -> None:  # the standard library's name
        self._note(None)
        if self.path.endswith("/events"):
            self._stream(int(self.headers["Last-Event-ID"]))
        else:
            self._answer(200, RESULTS)

    def do_POST(self) -> None:  # as above
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._note(json.loads(body) if body else "nothing")
        if self.path == "/workflows/validate":
            self._answer(422, PROBLEM)
        else:
            self._answer(200, RESULTS if "wait" in self.path else STARTED)

    def _stream(self, after: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for seq in range(after + 1, 5):
            kind = "execution_completed" if seq == 4 else "step_progress"
            event = json.dumps({"seq": seq, "kind": kind, "at": "", "data": {}})
            self.wfile.write(f"id: {seq}\nevent: {kind}\ndata: {event}\n\n".encode())
            if self.breaks and self.breaks[0] == seq:
                self.breaks.pop(0)
                break
        self.close_connection = True

    def _note(self, body: object) -> None:
        self.seen.append((self.command, self.path, dict(self.headers), body))

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
        pass


@pytest.fixture
def client() -> Iterator[RestClient]:
    Routes.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Routes)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with RestClient(f"http://127.0.0.1:{server.server_port}", api_key="k") as made:
        yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_document_is_started_with_a_key_of_its_own(client: RestClient) -> None:
    assert client.execute({"name": "x"}, {"a": 1}).results is None
    [(_, path, headers, body)] = Routes.seen
    assert (path, body) == ("/workflows/execute", {"input_data": {"a": 1}, "workflow_config": {"name": "x"}})
    assert headers["Idempotency-Key"]
    assert headers["Authorization"] == "Bearer k"


def test_a_saved_workflow_is_started_and_waited_for(client: RestClient) -> None:
    started = client.execute("a/b", wait=2)
    assert started.results is not None
    assert started.results.output == 7
    assert Routes.seen[0][1] == "/workflows/a%2Fb/execute?wait=2"


def test_null_is_a_payload_and_no_body_is_none(client: RestClient) -> None:
    client.signal("e1", "go")
    client.resume("e1")
    assert [body for _, _, _, body in Routes.seen] == [None, "nothing"]


def test_a_problem_is_an_error_with_every_pointer(client: RestClient) -> None:
    with pytest.raises(InvalidRequest, match="It is wrong") as refused:
        client.validate({})
    assert refused.value.problems == (Problem("c", "m", "/a"),)


def test_a_watch_goes_on_after_a_broken_stream_without_gap_or_duplicate(client: RestClient) -> None:
    Routes.breaks[:] = [2]
    assert [event.seq for event in client.watch("e1")] == [1, 2, 3, 4]
    assert [headers["Last-Event-ID"] for _, _, headers, _ in Routes.seen] == ["0", "2"]


def test_nobody_there_is_unavailable() -> None:
    with RestClient("http://127.0.0.1:1") as client, pytest.raises(Unavailable, match="does not answer"):
        client.get("e1")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidWorker, match="looks like"):
        RestClient("localhost:8006")
