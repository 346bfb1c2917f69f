"""What a stop does to steps that run: those that can finish within the grace do, the others are given up in order."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.process import Serve, ServerProcess
from tests.serving.receiver import Call, Receiver, Reply

STEPS = 10
GRACE_SECONDS = 3


def parallel(seconds: float) -> dict[str, Any]:
    """Ten calls at once, and one behind them all."""
    names = [f"call_{number}" for number in range(STEPS)]
    calls = [
        {"step_id": name, "step_type": "slow", "config": {"seconds": seconds, "of": "${execution.id}"}}
        for name in names
    ]
    after = {"step_id": "after", "step_type": "slow", "config": {"seconds": 0}, "dependencies": names}
    return {"name": "drained", "execution_pattern": "parallel", "steps": [*calls, after]}


def respond(call: Call) -> Reply:
    return Reply({"number": call.number}, call.config["seconds"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(respond) as receiver:
        yield receiver


@pytest.fixture
def server(serve: Serve, tmp_path: Path, receiver: Receiver) -> ServerProcess:
    server = serve(f"sqlite:///{tmp_path / 'server.db'}", shutdown_grace_seconds=GRACE_SECONDS).start()
    receiver.register(server.client, "slow")
    return server


def wait_for_calls(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 20
    while receiver.in_flight < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_steps_that_run_at_a_stop_finish_within_the_grace_and_what_follows_is_left_to_the_next_server(
    server: ServerProcess, receiver: Receiver
) -> None:
    execution_id = server.client.start(parallel(seconds=1))
    wait_for_calls(receiver, STEPS)

    assert server.terminate() == 0

    assert len(receiver.calls) == STEPS, "nothing new begins once a stop was asked for"
    server.start()
    assert server.client.results(execution_id)["status"] == "completed"
    assert len(receiver.calls) == STEPS + 1, "nothing that finished is run again"
    assert len({call.key for call, _ in receiver.calls}) == STEPS + 1


def test_a_step_slower_than_the_grace_is_given_up_and_runs_again_under_its_key(
    server: ServerProcess, receiver: Receiver
) -> None:
    execution_id = server.client.start(parallel(seconds=GRACE_SECONDS + 2))
    wait_for_calls(receiver, STEPS)
    begun = time.monotonic()

    assert server.terminate() == 0

    assert GRACE_SECONDS - 0.5 < time.monotonic() - begun < GRACE_SECONDS + 2
    server.start()
    assert server.client.results(execution_id)["status"] == "completed"
    assert len(receiver.calls) == 2 * STEPS + 1
    assert len({call.key for call, _ in receiver.calls}) == STEPS + 1


def test_orderly_stops_are_no_deaths(serve: Serve, tmp_path: Path, receiver: Receiver) -> None:
    server = serve(f"sqlite:///{tmp_path / 'server.db'}", shutdown_grace_seconds=0).start()
    receiver.register(server.client, "slow")
    execution_id = server.client.start(parallel(seconds=1))
    for _ in range(3):
        wait_for_calls(receiver, STEPS)
        assert server.terminate() == 0
        receiver.forget_callers()
        server.start()

    assert server.client.results(execution_id)["status"] == "completed"
