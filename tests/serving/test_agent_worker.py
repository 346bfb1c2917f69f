"""The agent worker beside a real server: there when it is wanted, back when it was killed, gone with the server."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.reply import Reply
from tests.agents.upstreams.upstream import Upstream
from tests.rpc.certificates import make_certificates
from tests.serving.process import ServerProcess, server_processes
from workflow_engine.cli.server import Server

LONGEST_START = 60.0
"""Loading what calls models takes seconds, and more on a busy machine."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tests look at processes as POSIX has them")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    with server_processes(tmp_path) as processes:

        def start(**settings: Any) -> ServerProcess:  # noqa: ANN401 - what settings take
            return processes(f"sqlite:///{tmp_path}/flows.db", **settings).start()

        yield start


def until(happened: Callable[[], Any], seconds: float = LONGEST_START) -> Any:  # noqa: ANN401 - what it answers
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def worker(server: ServerProcess) -> dict[str, Any]:
    said: Any = Server.at(server.url, None).get("/providers")["worker"]
    return dict(said)


def is_connected(server: ServerProcess) -> bool:
    return bool(worker(server)["status"] == "running")


def pids(server: ServerProcess) -> list[int]:
    said = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line["pid"] for line in said if line.get("event") == "the agent worker is started"]


def is_alive(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def test_one_that_is_killed_comes_back_and_it_leaves_with_the_server(serve: Callable[..., ServerProcess]) -> None:
    server = serve(agents__worker="on", agents__worker_restart_seconds=0.1)
    until(lambda: is_connected(server))
    (listed,) = [each for each in _workers(server) if each["worker_id"] == "agent-worker"]
    assert "agents.model_call@1.0.0" in listed["steps"]

    os.kill(pids(server)[0], signal.SIGKILL)
    until(lambda: worker(server)["restarts"] == 1 and is_connected(server))

    first, second = pids(server)
    assert first != second
    assert server.terminate() == 0
    assert not is_alive(second)
    assert "it has calls in hand" not in server.log, "an idle worker leaves by itself"


def test_where_clients_must_show_certificates_it_comes_by_the_back_door_and_a_killed_server_takes_it_along(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    server = serve(
        agents__worker="on",
        rpc__tls_certificate=made.server.certificate,
        rpc__tls_key=made.server.key,
        rpc__tls_client_ca=made.authority,
    )
    until(lambda: is_connected(server))
    (pid,) = pids(server)
    server.kill()
    until(lambda: not is_alive(pid))


def test_without_any_provider_none_is_started_until_a_step_waits_for_it(serve: Callable[..., ServerProcess]) -> None:
    server = serve()
    assert worker(server)["status"] == "idle"
    asked: Any = {"models": [{"model": "openai/gpt-4o-mini"}], "messages": [{"role": "user", "content": "hello"}]}
    step: Any = {"step_id": "s", "step_type": "agents.model_call", "input_mapping": {k: f"input.{k}" for k in asked}}
    body: Any = {"workflow_config": {"name": "w", "steps": [step]}, "input_data": asked}
    answer: Any = Server.at(server.url, None).post("/workflows/execute", body, wait=LONGEST_START)
    assert pids(server)
    assert answer["error"]["details"]["code"] == "provider-not-configured", answer


def test_a_call_in_hand_is_finished_and_its_result_kept_when_the_server_is_stopped(
    serve: Callable[..., ServerProcess],
) -> None:
    answering = threading.Event()

    def respond(_asked: Asked) -> Reply:
        answering.set()
        return Reply("done", delay=2.0)

    with Upstream(respond) as upstream:
        server = serve(agents__worker="on")
        until(lambda: is_connected(server))
        model: Any = {"model": "openai/local-model", "api_base": upstream.base("openai"), "credential": None}
        step: Any = {
            "step_id": "s",
            "step_type": "agents.model_call",
            "input_data": {"models": [model], "messages": [{"role": "user", "content": "hello"}]},
        }
        execution = server.client.start({"name": "w", "steps": [step]})
        assert answering.wait(LONGEST_START)
        assert server.terminate() == 0
        server.start()
        results: Any = server.client.results(execution, LONGEST_START)
    assert results["status"] == "completed", results
    assert results["step_results"]["s"]["output_data"]["message"]["content"] == "done"
    assert len(upstream.calls) == 1


def test_where_it_is_off_none_is_started(serve: Callable[..., ServerProcess]) -> None:
    server = serve(agents__worker="off")
    assert worker(server)["status"] == "off"
    assert pids(server) == []


def test_a_server_loads_nothing_of_what_calls_models() -> None:
    program = "import sys, workflow_engine.serving; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not {"litellm", "mcp", "openai", "boto3", "workflow_client"} & set(loaded.stdout.split())


def _workers(server: ServerProcess) -> list[dict[str, Any]]:
    said: Any = Server.at(server.url, None).get("/workers")["workers"]
    return list(said)
