"""The client of the command line, against servers that are not what they should be."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.serving.process import free_port
from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.cli.place import DeadlineReached
from workflow_engine.cli.server import (
    NotOurServer,
    Server,
    ServerRefused,
    ServerRefusedInput,
    ServerUnreachable,
    path_of,
)

STARTED = b'data: {"seq":1,"kind":"execution_started","at":1,"data":{}}\n\n'
ENDED = b'data: {"seq":2,"kind":"execution_completed","at":2,"data":{}}\n\n'


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Server]:
    """A server on loopback whose every GET is answered so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield Server.at(f"http://127.0.0.1:{listener.server_port}/")
        finally:
            listener.shutdown()
            thread.join()


def body(status: int, content: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def test_nobody_there_is_told_with_what_to_do() -> None:
    server = Server.at(f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnreachable, match=r"connection refused.*workflow-engine serve"):
        server.get("/executions")
    assert not server.is_up()


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"[1]", b"\xff"])
def test_something_else_that_answers_is_told(content: bytes) -> None:
    with answering(body(200, content)) as server:
        with pytest.raises(NotOurServer):
            server.get("/executions")
        assert not server.is_up()


def test_another_program_with_a_health_page_is_no_engine() -> None:
    with answering(body(200, b'{"status": "ok"}')) as server:
        assert not server.is_up()


def test_a_refusal_keeps_its_sentence_and_every_problem() -> None:
    refusal = b'{"detail": "no", "problems": [{"pointer": "/a", "code": "c", "message": "m"}]}'
    with answering(body(422, refusal)) as server, pytest.raises(ServerRefused, match="no") as refused:
        server.get("/executions")
    assert [problem.pointer for problem in refused.value.problems()] == ["/a"]
    assert isinstance(refused.value, ServerRefusedInput)


def test_ids_that_people_type_cannot_leave_their_place_in_the_path() -> None:
    assert path_of("executions", "../steps?x=1#y", "results") == "/executions/..%2Fsteps%3Fx%3D1%23y/results"


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:0", "http://host:99999", "http://[::1"])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="is no URL of a server"):
        Server.at(url)


def test_a_stream_that_breaks_goes_on_behind_the_last_event() -> None:
    asked: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers["Last-Event-ID"])
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(STARTED + ENDED[:20] if len(asked) == 1 else ENDED)

    with answering(answer) as server:
        assert [event.seq for event in server.events("/events")] == [1, 2]
    assert asked == ["0", "1"]


def test_a_server_that_is_not_ready_is_waited_for() -> None:
    asked: list[float] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(time.monotonic())
        body(503 if len(asked) == 1 else 200, b"{}" if len(asked) == 1 else STARTED + ENDED)(handler)

    with answering(answer) as server:
        assert [event.seq for event in server.events("/events")] == [1, 2]
    assert len(asked) == 2


def test_a_silent_stream_ends_at_the_deadline() -> None:
    silence = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(STARTED)
        silence.wait(30)

    with answering(answer) as server:
        begun = time.monotonic()
        with pytest.raises(DeadlineReached):
            list(server.events("/events", deadline=begun + 0.5))
        assert 0.5 <= time.monotonic() - begun < 5
        silence.set()


def test_a_stream_of_something_else_is_told() -> None:
    with (
        answering(body(200, b"data: {}\n\n")) as server,
        pytest.raises(NotOurServer, match="something else than events"),
    ):
        list(server.events("/events"))
