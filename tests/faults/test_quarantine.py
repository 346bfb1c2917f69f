"""An execution that is there each time the server dies is set aside; the others are not held up by it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.process import Serve, ServerProcess
from tests.serving.receiver import Call, Receiver, Reply

WHAT_IT_SENDS: dict[str, Any] = {"step_config": {}, "input_data": {}}
WAITING: dict[str, Any] = {
    "name": "waiting",
    "steps": [{"step_id": "a", "step_type": "wait_for_signal", "config": {"signal_name": "go"}}],
}


def respond(call: Call) -> Reply:
    """Never in time for a server that dies; at once when nobody will kill it any more."""
    return Reply({}, 60 if call.number <= 3 else 0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(respond) as receiver:
        yield receiver


@pytest.fixture
def server(serve: Serve, tmp_path: Path, receiver: Receiver) -> ServerProcess:
    return serve(f"sqlite:///{tmp_path / 'server.db'}").start()


def deadly_document(receiver: Receiver) -> dict[str, Any]:
    """A step that runs inside the server, and for long."""
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    config = {"method": "POST", "url": url, "json": WHAT_IT_SENDS, "timeout_seconds": 60}
    return {"name": "deadly", "steps": [{"step_id": "a", "step_type": "http_request", "config": config}]}


def die(server: ServerProcess, receiver: Receiver, times: int) -> None:
    """Kill the server while the step runs."""
    for _ in range(times):
        deadline = time.monotonic() + 20
        while receiver.in_flight == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        server.kill()
        receiver.forget_callers()
        server.start()


def test_three_deaths_in_a_row_set_an_execution_aside_until_somebody_resumes_it(
    server: ServerProcess, receiver: Receiver
) -> None:
    deadly, waiting = server.client.start(deadly_document(receiver)), server.client.start(WAITING)

    die(server, receiver, times=3)

    found = wait_for_status(server, deadly, "paused")
    assert found["reason"] == "quarantined"
    assert len(receiver.calls) == 3, "it is not called while it is set aside"
    assert server.client.post(f"/executions/{waiting}/signals/go", {}).status == 200
    assert server.client.results(waiting)["status"] == "completed"

    assert server.client.post(f"/executions/{deadly}/resume").status == 200
    assert server.client.results(deadly)["status"] == "completed"
    assert len({call.key for call, _ in receiver.calls}) == 1


def test_two_deaths_in_a_row_do_not(server: ServerProcess, receiver: Receiver) -> None:
    deadly = server.client.start(deadly_document(receiver))

    die(server, receiver, times=2)

    assert server.client.get(f"/executions/{deadly}").body["status"] == "running"


def test_a_step_whose_work_is_done_behind_a_url_is_never_to_blame(server: ServerProcess, receiver: Receiver) -> None:
    receiver.register(server.client, "slow")
    innocent = server.client.start({"name": "innocent", "steps": [{"step_id": "a", "step_type": "slow"}]})

    die(server, receiver, times=3)

    assert server.client.results(innocent)["status"] == "completed"
    assert len({call.key for call, _ in receiver.calls}) == 1


def wait_for_status(server: ServerProcess, execution_id: str, status: str) -> Any:  # noqa: ANN401 - JSON
    deadline = time.monotonic() + 20
    while (found := server.client.get(f"/executions/{execution_id}").body)["status"] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found
