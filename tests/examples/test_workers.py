"""The workers and callers in other languages, against a real server: they serve one workflow together, come back after
a crash of it, and drain. Which step each served, and which execution it watched, stands at the end of the run.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.examples.programs import LANGUAGES, WORKERS, Language, Program, build
from tests.serving.process import Serve, ServerProcess, free_port
from tests.tools import RequiresTool

AROUND: Final = WORKERS / "languages.json"
SLOW_MS: Final = 3_000

pytestmark = pytest.mark.timeout(900)  # the first build downloads libraries

Show = Callable[[str], None]


class Start(Protocol):
    """Starts a worker or a caller of a language."""

    def __call__(self, language: Language, command: tuple[str, ...], *arguments: str) -> Program: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and where each language finds it."""

    server: ServerProcess
    grpc_port: int

    def address(self, language: Language) -> str:
        return self.server.url if language.name == "shell" else f"localhost:{self.grpc_port}"


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Show:
    """Print a line, and again at the end of the run."""

    def shown(line: str) -> None:
        print(line)  # noqa: T201  # it is what `pytest -s` is asked for
        record_property("shown", line)

    return shown


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.name)
def language(request: pytest.FixtureRequest, requires_tool: RequiresTool) -> Language:
    """Each of the languages, its programs built."""
    given: Language = request.param
    requires_tool(*given.tools)
    build(given)
    return given


@pytest.fixture
def languages(requires_tool: RequiresTool) -> tuple[Language, ...]:
    """All of them, built."""
    requires_tool(*(tool for language in LANGUAGES for tool in language.tools))
    for language in LANGUAGES:
        build(language)
    return LANGUAGES


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs; whatever of them still runs is killed after the test."""
    with ExitStack() as stack:
        number = iter(range(1_000))

        def started(language: Language, command: tuple[str, ...], *arguments: str) -> Program:
            log = tmp_path / f"{language.name}-{next(number)}.log"
            program = Program((*command, *arguments), language, log)
            stack.callback(program.kill)
            return program

        yield started


@pytest.fixture
def place(serve: Serve, tmp_path: Path) -> Place:
    grpc_port = free_port()
    server = serve(f"sqlite:///{tmp_path / 'languages.db'}", grpc_port=grpc_port, shutdown_grace_seconds=2)
    return Place(server.start(), grpc_port)


def slow(step_type: str, folder: Path) -> Path:
    """A workflow of one step that takes a while."""
    step = {
        "step_id": "slow",
        "step_type": step_type,
        "config": {"delay_ms": SLOW_MS},
        "input_mapping": {"text": "${input.text}"},
    }
    body = {"workflow_config": {"name": f"Slow {step_type}", "steps": [step]}, "input_data": {"text": "take your time"}}
    path = folder / f"{step_type}.json"
    path.write_text(json.dumps(body))
    return path


def execution_of(caller: Program) -> str:
    """The id it printed; it has ended well, and seen the end."""
    assert caller.end() == 0, caller.log
    found = re.search(r"watched (\S+) to its end: completed", caller.log)
    assert found is not None, caller.log
    assert "execution_completed" in caller.log
    return found[1]


def each_watches(languages: tuple[Language, ...], place: Place, start: Start, show: Show) -> None:
    """Every language's caller runs the workflow that goes around; every step is done by its own language."""
    for language in languages:
        execution_id = execution_of(start(language, language.caller, place.address(language), str(AROUND)))
        events = place.server.client.get(f"/executions/{execution_id}/events").body["events"]
        started = [event for event in events if event["kind"] == "step_started"]
        served = {event["path"]: event["data"]["worker"].split("-")[0] for event in started}
        assert served == {
            step["step_id"]: step["step_type"].split(".")[0]
            for step in json.loads(AROUND.read_bytes())["workflow_config"]["steps"]
        }
        show(f"{language.name}: its caller watched {execution_id} to its end; {spelled(served)}")


def spelled(served: dict[str, str]) -> str:
    return ", ".join(f"{path} by {who}" for path, who in served.items())


def test_every_language_is_explained() -> None:
    readme = (WORKERS / "README.md").read_text()
    assert {folder.name for folder in WORKERS.iterdir() if folder.is_dir()} == {one.name for one in LANGUAGES}
    assert [one.name for one in LANGUAGES if f"({one.name})" not in readme or one.step_type not in readme] == []
    for one in LANGUAGES:
        text = (one.folder / "README.md").read_text()
        assert [line for line in (*one.build, one.worker, one.caller) if " ".join(line) not in text] == []


def test_a_worker_keeps_trying_while_there_is_no_server(language: Language, start: Start) -> None:
    port = free_port()
    address = f"http://localhost:{port}" if language.name == "shell" else f"localhost:{port}"
    worker = start(language, language.worker, address)
    log = worker.waits_to_say("again in", times=4)
    worker.terminate()
    assert worker.end() == 0, worker.log
    waits = [int(float(wait) * scale) for wait, scale in _waits(log)]
    assert len(set(waits)) > 1
    assert max(waits) > waits[0]


def _waits(log: str) -> list[tuple[str, int]]:
    return [(wait, 1 if unit == "ms" else 1_000) for wait, unit in re.findall(r"again in ([\d.]+) ?(ms|s)", log)]


def test_one_workflow_passes_through_all_languages_also_after_a_crash_of_the_server(
    languages: tuple[Language, ...], place: Place, start: Start, show: Show, tmp_path: Path
) -> None:
    workers = {one.name: start(one, one.worker, place.address(one)) for one in languages}
    for one in languages:
        workers[one.name].waits_to_say(f"serving {one.step_type}@1.0.0")
    each_watches(languages, place, start, show)

    callers = [start(one, one.caller, place.address(one), str(slow(one.step_type, tmp_path))) for one in languages]
    for one, caller in zip(languages, callers, strict=True):
        execution_id = caller.waits_to_say("started ").split("started ")[1].split()[0]
        workers[one.name].waits_to_say(f"working on {execution_id} slow")
    place.server.kill()
    place.server.start()
    for one, caller in zip(languages, callers, strict=True):
        execution_id = execution_of(caller)
        # The worker kept what it held over the crash: nobody did it twice.
        assert workers[one.name].log.count(f"working on {execution_id}") == 1
        workers[one.name].waits_to_say(f"served {execution_id}")
        workers[one.name].waits_to_say(f"serving {one.step_type}@1.0.0", times=2)
        show(f"{one.name}: its worker kept its step over a kill -9 of the server, its caller watched {execution_id} on")
    each_watches(languages, place, start, show)

    for worker in workers.values():
        worker.terminate()
    assert {name: worker.end() for name, worker in workers.items()} == dict.fromkeys(workers, 0)


def test_a_worker_drains_with_a_slow_step_in_flight(
    language: Language, place: Place, start: Start, show: Show, tmp_path: Path
) -> None:
    worker = start(language, language.worker, place.address(language))
    worker.waits_to_say("serving")
    path = slow(language.step_type, tmp_path)
    caller = start(language, language.caller, place.address(language), str(path))
    caller.waits_to_say("started ")
    worker.waits_to_say("working on")
    worker.terminate()
    assert worker.end() == 0, worker.log
    execution_id = execution_of(caller)
    assert [f"served {execution_id}" in worker.log, "drained" in worker.log] == [True, True], worker.log
    show(f"{language.name}: SIGTERM drained its worker behind step slow of {execution_id}")


def test_a_caller_says_what_is_wrong_and_fails(language: Language, place: Place, start: Start, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text('{"name": "wrong", "steps": [{"step_id": "one", "step_type": "nobody.knows"}]}')
    caller = start(language, language.caller, place.address(language), str(path))
    assert caller.end() == 1
    assert "/steps/0/step_type" in caller.log
    assert "started" not in caller.log
