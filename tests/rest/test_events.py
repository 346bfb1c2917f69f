"""Events over HTTP: pages, and streams that begin where a client left off and end when there is nothing more."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx2

from tests.rest.documents import hello, patient
from tests.rest.serving import Served, connected, is_closed_by_server, read_answer, serving
from tests.rest.test_executions import run, start, until
from workflow_engine.settings import Limits, Settings

STREAM = {"Accept": "text/event-stream"}
Sent = dict[str, str]


def sent_events(response: httpx2.Response) -> Iterator[Sent]:
    """The events of a stream as a browser reads them; comments are left out."""
    event: Sent = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            continue
        if not line:
            if event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        event[name] = value


def streamed(client: httpx2.Client, path: str, **headers: str) -> list[Sent]:
    with client.stream("GET", path, headers={**STREAM, **headers}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(sent_events(response))


def test_pages_go_on_until_the_present_end(client: httpx2.Client) -> None:
    execution_id = run(client, hello())["execution_id"]
    events, after = [], 0
    while True:
        page = client.get(f"/executions/{execution_id}/events?after={after}&limit=2").json()
        events += page["events"]
        if page["next_after"] is None:
            break
        after = page["next_after"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["kind"], events[-1]["kind"]) == ("execution_started", "execution_completed")
    completed = [event["path"] for event in events if event["kind"] == "step_completed"]
    assert completed == ["read", "shout"]
    assert "path" not in events[0]
    assert events[0]["at"].endswith("Z")


def test_a_stream_shows_the_same_as_the_pages_and_ends(client: httpx2.Client) -> None:
    execution_id = run(client, hello())["execution_id"]
    pages = client.get(f"/executions/{execution_id}/events").json()["events"]
    stream = streamed(client, f"/executions/{execution_id}/events")
    assert [json.loads(event["data"]) for event in stream] == pages
    assert [(int(event["id"]), event["event"]) for event in stream] == [(each["seq"], each["kind"]) for each in pages]


def test_a_stream_begins_behind_what_was_seen(client: httpx2.Client) -> None:
    path = f"/executions/{run(client, hello())['execution_id']}/events"
    assert streamed(client, f"{path}?after=3")[0]["id"] == "4"
    assert streamed(client, f"{path}?after=3", **{"Last-Event-ID": "2"})[0]["id"] == "3"
    refused = client.get(path, headers={**STREAM, "Last-Event-ID": "x"})
    assert (refused.status_code, refused.json()["problems"][0]["pointer"]) == (422, "header.Last-Event-ID")


def test_a_stream_brings_what_happens_while_it_is_open(client: httpx2.Client, served: Served) -> None:
    execution_id = start(client, patient())
    until(client, execution_id, "waiting")
    with client.stream("GET", f"/executions/{execution_id}/events", headers=STREAM) as response:
        events = sent_events(response)
        assert next(events)["event"] == "execution_started"
        with served.client() as other:
            other.post(f"/executions/{execution_id}/signals/go")
        kinds = [event["event"] for event in events]
    assert "signal_received" in kinds
    assert kinds[-1] == "execution_completed"


def test_an_unknown_execution_has_no_stream(client: httpx2.Client) -> None:
    answer = client.get("/executions/nobody/events", headers=STREAM)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Execution not found")


def test_head_opens_no_stream(client: httpx2.Client) -> None:
    execution_id = start(client, patient())
    assert client.head(f"/executions/{execution_id}/events", headers=STREAM).status_code == 200


def test_there_are_only_so_many_streams_and_a_closed_one_gives_its_place_back() -> None:
    settings = Settings(port=0, shutdown_grace_seconds=1, limits=Limits(max_streams=1))
    with serving(settings) as server, server.client() as client, server.client() as other:
        execution_id = start(client, patient())
        path = f"/executions/{execution_id}/events"
        with client.stream("GET", path, headers=STREAM) as response:
            events = sent_events(response)
            next(events)
            full = other.get(path, headers=STREAM)
            assert (full.status_code, full.json()["code"]) == (429, "too-many-streams")
            assert full.headers["retry-after"] == "1"
            assert other.get(path).status_code == 200
        other.post(f"/executions/{execution_id}/signals/go")
        until(other, execution_id, "completed")
        assert streamed_when_free(other, path)[-1]["event"] == "execution_completed"


def streamed_when_free(client: httpx2.Client, path: str) -> list[Sent]:
    """The server learns that a client hung up when the system tells it, which takes a moment."""
    while True:
        with client.stream("GET", path, headers=STREAM) as response:
            if response.status_code == 200:
                return list(sent_events(response))


def test_a_stop_ends_streams_and_waits_at_once() -> None:
    with serving() as server, server.client() as client:
        execution_id = start(client, patient())
        waited: list[httpx2.Response] = []
        with client.stream("GET", f"/executions/{execution_id}/events", headers=STREAM) as response:
            events = sent_events(response)
            next(events)
            waiting = threading.Thread(target=lambda: waited.append(wait_long(server)))
            waiting.start()
            until(client, execution_id, "waiting")
            while not is_waited_for(server, execution_id):
                pass
            server.stop()
            assert "execution_completed" not in [event["event"] for event in events]
        waiting.join(5)
    assert waited[0].status_code == 200
    assert waited[0].json()["status"] in ("running", "waiting")


def wait_long(server: Served) -> httpx2.Response:
    with server.client(timeout=30) as client:
        return client.post("/workflows/execute?wait=30", json=patient("waited for"))


def is_waited_for(server: Served, _execution_id: str) -> bool:
    with closing(server.client()) as client:
        page = client.get("/executions?workflow_name=waited%20for&status=waiting").json()
    return bool(page["executions"])


def test_a_quiet_stream_is_closed_with_the_server_even_for_a_client_that_does_not_read() -> None:
    with serving() as server, server.client() as client:
        execution_id = start(client, patient())
        with connected(server.port, timeout=5) as connection:
            head = f"GET /executions/{execution_id}/events HTTP/1.1\r\nHost: t\r\nAccept: text/event-stream\r\n\r\n"
            connection.sendall(head.encode())
            assert read_answer(connection).status == 200
            server.stop()
            assert is_closed_by_server(connection)
