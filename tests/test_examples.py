"""Every example does what examples/README.md says of it: documents in an engine, programs and plugins as processes."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import pytest

from tests.serving.process import environment
from workflow_engine import LOCAL, Engine
from workflow_engine.engine.views import ResultsView
from workflow_engine.jsontext import Json, JsonObject

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
PLUGIN: Final = EXAMPLES / "plugin"
SECONDS: Final = 30.0

COMPLETED: Final[dict[str, Json]] = {
    "catch.json": {"price": 42, "fetched": "failed"},
    "conditional.json": {"carrier": "express"},
    "diamond.json": {"words": 6, "mood": "positive"},
    "output.json": {"greeting": "Dear Ada, you passed 1 of 2", "passed": [81], "sum": 121, "note": "none"},
    "retries.json": {"status": "failed", "code": "transport-error"},
    "switch.json": {"went_to": "pack"},
}
"""What these documents put out as they are; the others have a test of their own below."""
TESTED_ALONE: Final = {
    "compensate.json",
    "delay.json",
    "hello.json",
    "register_shout.json",
    "registered_step.json",
    "signal.json",
}


def example(name: str) -> JsonObject:
    return cast(JsonObject, json.loads((EXAMPLES / name).read_bytes()))


async def ran(body: JsonObject) -> ResultsView:
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(LOCAL, body)
        return await engine.executions.wait(LOCAL, accepted.execution_id, SECONDS)


def said(*command: str | Path, folder: Path, **variables: str) -> str:
    """What a program prints that runs in this folder, with these environment variables, and ends well."""
    done = subprocess.run(
        command, cwd=folder, env=environment({}) | variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def slug_output(folder: Path, **variables: str) -> Json:
    """The output of slug.json, run by the command line; `-m` finds the package wherever it is installed."""
    run = (sys.executable, "-m", "workflow_engine", "run", PLUGIN / "slug.json", "--embedded", "--json")
    results = json.loads(said(*run, folder=folder, **variables))
    return cast(Json, results["output"])


@pytest.fixture
def receiver_url() -> Iterator[str]:
    """The URL that receiver.py prints, as long as it runs."""
    command = (sys.executable, EXAMPLES / "receiver.py", "0")
    with subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().decode().split()[-1]
        finally:
            process.kill()


def test_every_document_is_tested_and_explained() -> None:
    names = {path.name for path in EXAMPLES.glob("*.json")}
    readme = (EXAMPLES / "README.md").read_text()
    assert names == COMPLETED.keys() | TESTED_ALONE
    assert [name for name in sorted(names) if f"({name})" not in readme] == []


@pytest.mark.parametrize(("name", "output"), COMPLETED.items(), ids=COMPLETED.keys())
async def test_a_document_completes_with_its_output(name: str, output: Json) -> None:
    results = await ran(example(name))
    assert results.status == "completed"
    assert results.output == output


async def test_hello_feeds_its_second_step_from_the_first() -> None:
    results = await ran(example("hello.json"))
    assert results.status == "completed"
    assert cast(JsonObject, results.steps["process_data"].output)["result"] == {"input": {"message": "HELLO, WORLD!"}}


async def test_retries_tries_three_times() -> None:
    results = await ran(example("retries.json"))
    assert results.steps["call"].retry_count == 2


async def test_conditional_takes_the_other_branch_for_a_small_order() -> None:
    results = await ran({**example("conditional.json"), "input_data": {"total": 20, "country": "DE"}})
    assert results.output == {"carrier": "standard"}
    assert results.steps["express"].status == "skipped"


async def test_compensate_fails_and_undoes_what_was_done() -> None:
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(LOCAL, example("compensate.json"))
        events = [event async for event in engine.executions.watch(LOCAL, accepted.execution_id)]
        results = await engine.executions.results(LOCAL, accepted.execution_id)

    assert results.status == "failed"
    done = [event.path for event in events if event.kind == "step_completed"]
    assert done == ["reserve_room", "book_flight", "cancel_flight", "release_room"]


async def test_delay_waits_as_long_as_its_input_says() -> None:
    results = await ran({**example("delay.json"), "input_data": {"seconds": 0.2}})
    assert results.output == {"said": "SEE YOU LATER"}
    assert results.completed_at is not None
    assert results.completed_at - results.started_at >= 0.2


@pytest.mark.parametrize(("approved", "taken", "left"), [(True, "approved", "denied"), (False, "denied", "approved")])
async def test_signal_goes_the_way_somebody_decided(approved: bool, taken: str, left: str) -> None:
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(LOCAL, example("signal.json"))
        await engine.executions.signal(LOCAL, accepted.execution_id, "decision", {"approved": approved, "by": "Ada"})
        results = await engine.executions.wait(LOCAL, accepted.execution_id, SECONDS)

    assert results.status == "completed"
    assert results.output == {"by": "Ada", "approved": approved}
    assert (results.steps[taken].status, results.steps[left].status) == ("completed", "skipped")


async def test_a_registered_step_is_done_by_the_receiver(receiver_url: str) -> None:
    registration = example("register_shout.json")
    endpoint = {**cast(JsonObject, registration["endpoint_config"]), "url": receiver_url}
    async with Engine.open("memory://") as engine:
        await engine.steps.register(LOCAL, {**registration, "endpoint_config": endpoint})
        accepted = await engine.executions.start(LOCAL, example("registered_step.json"))
        results = await engine.executions.wait(LOCAL, accepted.execution_id, SECONDS)

    assert results.status == "completed"
    assert results.output == {"text": "HELLO!"}


@pytest.mark.parametrize("url", ["memory://", "sqlite:///flows.db"])
def test_the_embedding_program_prints_events_and_output(url: str, tmp_path: Path) -> None:
    lines = said(sys.executable, EXAMPLES / "embedding.py", url, folder=tmp_path).splitlines()
    assert lines[0].startswith("1 execution_started")
    assert lines[-1] == "completed {'said': 'HELLO!'}"


def test_the_plugin_is_loaded_from_a_folder(tmp_path: Path) -> None:
    output = slug_output(tmp_path, WORKFLOW_ENGINE_PLUGIN_FOLDER=str(PLUGIN))
    assert output == {"path": "/posts/hello-world"}


def test_the_plugin_is_loaded_from_its_wheel(tmp_path: Path) -> None:
    said(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, folder=PLUGIN)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    paths = f"{environment({})['PYTHONPATH']}:{installed}"
    assert slug_output(tmp_path, WORKFLOW_ENGINE_PLUGINS="slug", PYTHONPATH=paths) == {"path": "/posts/hello-world"}
