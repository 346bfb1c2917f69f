"""Connections: slow, half-open and too many clients are cut, and pipelined requests are answered in order."""

import contextlib
import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.rest.documents import echo, hello
from tests.rest.hostile import JSON, request
from tests.rest.serving import Served, connected, exchange, is_closed_by_server, read_answer, serving
from tests.rest.test_executions import run
from workflow_engine.rest import connections
from workflow_engine.settings import Limits, Settings

HEALTH = request("GET", "/livez")


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server without patience."""
    limits = Limits(header_timeout_seconds=0.3, body_timeout_seconds=0.3, max_connections=3)
    with serving(Settings(port=0, shutdown_grace_seconds=1, limits=limits)) as server:
        yield server


def test_a_head_that_does_not_end_is_cut_with_408(hasty: Served) -> None:
    answer = exchange(hasty.port, b"GET /livez HTTP/1.1\r\nHost: t\r\nX-Slow: ")
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "request-timeout")
    assert answer.headers["connection"] == "close"


def test_a_head_that_drips_is_cut_all_the_same(hasty: Served) -> None:
    with connected(hasty.port, timeout=5) as connection:
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 3:
                connection.sendall(b"G" if time.monotonic() == begun else b"\r\n")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - begun < 2
        assert is_closed_by_server(connection)


def test_a_connection_that_asks_nothing_is_closed(hasty: Served) -> None:
    with connected(hasty.port, timeout=5) as connection:
        assert is_closed_by_server(connection)


def test_empty_lines_between_requests_keep_no_connection_open(hasty: Served) -> None:
    with connected(hasty.port, timeout=5) as connection:
        connection.sendall(HEALTH)
        assert read_answer(connection).status == 200
        connection.sendall(b"\r\n")
        assert is_closed_by_server(connection)


def test_a_body_that_does_not_end_is_cut_with_408(hasty: Served) -> None:
    head = request("POST", "/workflows/execute", headers=(*JSON, ("Content-Length", "100")))
    answer = exchange(hasty.port, head, b'{"name": ')
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "request-timeout")


def test_a_body_in_chunks_that_does_not_end_is_cut_with_408(hasty: Served) -> None:
    head = request("POST", "/workflows/execute", headers=(*JSON, ("Transfer-Encoding", "chunked")))
    assert exchange(hasty.port, head, b"5\r\n{}   \r\n").status == 408


def test_a_body_nobody_reads_is_cut_too(hasty: Served) -> None:
    with connected(hasty.port, timeout=5) as connection:
        connection.sendall(request("GET", "/livez", headers=[("Content-Length", "100")]))
        assert read_answer(connection).status == 200
        assert is_closed_by_server(connection)


def test_a_slow_client_within_its_time_is_served(served: Served) -> None:
    body = json.dumps(hello()).encode()
    head = request("POST", "/workflows/execute", headers=(*JSON, ("Content-Length", str(len(body)))))
    with connected(served.port) as connection:
        for part in (head[:30], head[30:], body[:10], body[10:]):
            connection.sendall(part)
            time.sleep(0.05)
        assert read_answer(connection).status == 200


def test_one_connection_too_many_is_answered_503(hasty: Served) -> None:
    with connected(hasty.port) as one, connected(hasty.port) as two, connected(hasty.port) as three:
        for connection in (one, two, three):
            connection.sendall(HEALTH)
            assert read_answer(connection).status == 200
        refused = exchange(hasty.port, HEALTH)
    assert (refused.status, json.loads(refused.body)["code"]) == (503, "too-many-connections")
    assert refused.headers["retry-after"] == "1"


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    with connected(served.port) as connection:
        connection.sendall(request("GET", "/livez") + request("GET", "/nothing") + request("GET", "/readyz"))
        received = b""
        while received.count(b"HTTP/1.1 ") < 3:
            received += connection.recv(65_536)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404", b"200"]


def test_rubbish_behind_a_request_is_not_taken_for_its_answer(served: Served) -> None:
    """The first request may have been accepted; a 400 would say that it was not."""
    body = json.dumps(hello()).encode()
    with connected(served.port) as connection:
        connection.sendall(request("POST", "/workflows/execute?wait=5", body, JSON) + b"\x00rubbish\r\n\r\n")
        assert read_answer(connection).status in (0, 200)


def test_a_request_that_expects_100_continue_is_told_before_it_sends_too_much(served: Served) -> None:
    headers = (*JSON, ("Content-Length", str(10**9)), ("Expect", "100-continue"))
    answer = exchange(served.port, request("POST", "/workflows/execute", headers=headers))
    assert answer.status == 413


def test_a_client_that_does_not_read_its_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LONGEST_UNREAD", 0.2)
    with serving() as server, server.client() as client:
        text = "x" * 4_000_000
        execution_id = run(client, echo(), input_data={"text": text})["execution_id"]
        with connected(server.port, timeout=10) as connection:
            connection.sendall(request("GET", f"/executions/{execution_id}/results"))
            time.sleep(1)
            received = 0
            with contextlib.suppress(ConnectionError):
                while more := connection.recv(1_000_000):
                    received += len(more)
        assert received < 8_000_000
        assert client.get("/livez").status_code == 200
