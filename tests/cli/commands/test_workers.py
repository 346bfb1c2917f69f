"""`workflow-engine workers`, `steps reset` and `worker run`, on a server that is up."""

import json
import re
import signal
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.terminal import CommandLine
from tests.serving.process import ServerProcess
from workflow_engine.cli import python_worker
from workflow_engine.cli.python_worker import ClientNotInstalled, serve_module
from workflow_engine.cli.server import Server
from workflow_engine.jsontext import JsonObject
from workflow_engine.layout import IncompleteInstallation

CLIENT: Final = Path(__file__).parents[3] / "clients" / "python"
MODULE: Final = """
from workflow_client import Worker

worker = Worker("nowhere.invalid:1")


@worker.step("cli.shout", version="1.0.0")
def shout(text: str) -> dict[str, str]:
    return {"text": text.upper()}
"""


def joined(server: ServerProcess, worker_id: str, step_type: str, slots: int = 2) -> str:
    """A worker that polls; answers its session."""
    body: JsonObject = {
        "hello": {"worker_id": worker_id, "build_id": "build-7", "sdk": "bash 5.2"},
        "register": {"steps": [{"step_type": step_type}]},
        "credits": {"slots": {"": slots}},
    }
    welcome: Any = Server(server.url).post("/workers/sessions", body)["welcome"]
    return str(welcome["session_id"])


def run_at(server: ServerProcess, step_type: str, wait: float = 20, **inputs: str) -> JsonObject:
    mapping: JsonObject = {name: f"input.{name}" for name in inputs}
    step: JsonObject = {"step_id": "s", "step_type": step_type, "input_mapping": mapping}
    body: JsonObject = {"workflow_config": {"name": "w", "steps": [step]}, "input_data": dict(inputs)}
    return Server(server.url).post("/workflows/execute", body, wait=wait)


def started(server: ServerProcess, step_type: str) -> str:
    return str(run_at(server, step_type, wait=0)["execution_id"])


def test_without_workers_the_list_says_so(served: CommandLine) -> None:
    assert served("workers").out == "no workers are connected\n"


def test_a_list_tells_what_each_serves_holds_and_did(served: CommandLine, server: ServerProcess) -> None:
    session = joined(server, "lister-1", "cli.listed")
    started(server, "cli.listed")
    Server(server.url).post(f"/workers/{session}/poll", wait=10)
    head, line = served("workers").out.splitlines()
    assert re.split(r" {2,}", head.strip()) == [
        *("worker", "status", "slots", "done", "failed", "seen", "build", "sdk", "via", "serves")
    ]
    cells = re.split(r" {2,}", line.strip())
    assert [*cells[:5], *cells[6:]] == [
        *("lister-1", "● connected", "1/2", "0", "0", "build-7", "bash 5.2", "poll", "cli.listed")
    ]
    (body,) = json.loads(served("workers", "--json").out)["workers"]
    assert body["steps"] == ["cli.listed@1.0.0"]
    Server(server.url).post(f"/workers/{session}/drain", {"deadline_seconds": 0.01})


def test_on_a_narrow_screen_every_line_fits(served: CommandLine, server: ServerProcess) -> None:
    session = joined(server, "a-worker-with-a-name-that-is-long", "cli.with.a.long.name.too")
    said = served.on_terminal("workers", columns=80)
    Server(server.url).post(f"/workers/{session}/drain", {})
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.out)
    assert "cli.with.a" in plain
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80


def test_the_list_of_steps_tells_how_many_workers_serve_each(served: CommandLine, server: ServerProcess) -> None:
    session = joined(server, "counter", "cli.counted")
    assert re.search(r"^cli\.counted +1\.0\.0 +poll +local +served +1\b", served("steps", "list").out, re.MULTILINE)
    Server(server.url).post(f"/workers/{session}/drain", {})
    assert re.search(r"^cli\.counted +1\.0\.0 +poll +local +unserved +0\b", served("steps", "list").out, re.MULTILINE)


def test_a_step_that_waits_for_a_worker_says_since_when_there_is_none(
    served: CommandLine, server: ServerProcess
) -> None:
    Server(server.url).post(f"/workers/{joined(server, 'gone', 'cli.gone')}/drain", {})
    said = served("executions", "explain", started(server, "cli.gone")).out
    assert re.search(r"s +NO_WORKER +no worker serves cli\.gone@1\.0\.0; the last one left at ", said)


def test_a_type_that_was_not_quarantined_is_not_reset(served: CommandLine, server: ServerProcess) -> None:
    session = joined(server, "sound", "cli.sound")
    assert served("steps", "reset", "cli.sound").out == "cli.sound was not quarantined\n"
    assert served("steps", "reset", "cli.nothing").err == "error: Step type not found\n"
    Server(server.url).post(f"/workers/{session}/drain", {})


# --- worker run


def test_the_client_that_travels_with_the_package_runs_a_module(cli: CommandLine) -> None:
    (cli.folder / "my_worker.py").write_text("import workflow_client\n")
    said = CommandLine(cli.folder, cli.settings, {"PYTHONPATH": ""}).in_a_process("worker", "run", "my_worker")
    assert said.code == 1
    assert "must hold one Worker" in said.err


def test_an_installation_without_the_client_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise IncompleteInstallation("clients/python")

    monkeypatch.setattr(python_worker, "make_client_findable", missing)
    with pytest.raises(ClientNotInstalled, match="install workflow-engine again"):
        serve_module("my_worker", target=None, slots=None, api_key=None)


def test_a_module_without_a_worker_is_told(cli: CommandLine) -> None:
    with_client = CommandLine(cli.folder, cli.settings, {"PYTHONPATH": str(CLIENT)})
    said = with_client.in_a_process("worker", "run", "no_such_module")
    assert said.code == 1
    assert "no_such_module" in said.err
    assert "Traceback" not in said.err


def test_a_module_serves_its_steps_until_it_is_told_to_go(served: CommandLine, server: ServerProcess) -> None:
    (served.folder / "my_worker.py").write_text(MODULE)
    with_client = CommandLine(served.folder, served.settings, {"PYTHONPATH": str(CLIENT)})
    process = with_client.begin("worker", "run", "my_worker", "--target", server.grpc_address, "--slots", "3")
    try:
        until_listed(served, "cli.shout")
        results: Any = run_at(server, "cli.shout", text="hello")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert results["step_results"]["s"]["output_data"] == {"text": "HELLO"}


def until_listed(served: CommandLine, step_type: str) -> None:
    end = time.monotonic() + 20
    while step_type not in served("workers", "--json").out:
        assert time.monotonic() < end
        time.sleep(0.05)
