"""The process beside the server: started when it is wanted, again when it ends, and drained when the server stops."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.agents import stand_in
from workflow_engine.agents.child import Child, Command
from workflow_engine.agents.supervisor import Life, Supervisor, Terms
from workflow_engine.clock import Clock, ManualClock, SystemClock

KEY = "wfe_" + 16 * "0" + "_" + 64 * "1"
QUICK = Terms(restart_after=0.01, restart_at_most=0.05, drain=5.0)


async def at_once() -> None:
    return None


async def until(happened: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the condition answers
    async with asyncio.timeout(10):
        while not (found := happened()):  # noqa: ASYNC110 - a process tells by a file
            await asyncio.sleep(0.01)
    return found


def pauses_in(said: Sequence[Mapping[str, Any]]) -> list[float]:
    return [line["restart_in_seconds"] for line in said if "restart_in_seconds" in line]


@dataclass
class Place:
    """What one stand-in notes down."""

    folder: Path
    behaviour: str
    environment: dict[str, str] = field(
        default_factory=lambda: {"WORKFLOW_ENGINE_API_KEY": KEY, "A_SECRET": "s3cret-value"}
    )

    @property
    def command(self) -> Command:
        file = self.folder / "notes"
        return Command(
            (sys.executable, stand_in.__file__, self.behaviour, str(file)), {**os.environ, **self.environment}
        )

    def has_begun(self, times: int) -> bool:
        return len(self.notes("ready")) == times

    def notes(self, fact: str) -> list[Any]:
        file = self.folder / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [said[fact] for said in map(json.loads, lines) if fact in said]


@asynccontextmanager
async def supervised(
    place: Place,
    terms: Terms = QUICK,
    ready: Callable[[], Any] = at_once,
    wanted: Callable[[], bool] = lambda: True,
    clock: Clock | None = None,
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(place.command, terms, clock or SystemClock(), ready=ready, wanted=wanted)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.kill()


async def test_it_begins_when_the_server_is_ready_and_not_before(tmp_path: Path) -> None:
    place, ready = Place(tmp_path, "drain"), asyncio.Event()
    async with supervised(place, ready=ready.wait) as supervisor:
        await asyncio.sleep(0.05)
        assert (supervisor.state.life, place.notes("pid")) == (Life.STARTING, [])
        ready.set()
        (pid, *_) = await until(lambda: place.notes("pid"))
        assert (supervisor.state.life, supervisor.state.pid) == (Life.RUNNING, pid)


async def test_it_is_idle_as_long_as_there_is_nothing_for_it_to_do(tmp_path: Path) -> None:
    place, asked = Place(tmp_path, "drain"), iter([False, False, True])
    async with supervised(place, wanted=lambda: next(asked)) as supervisor:
        await asyncio.sleep(0.05)
        assert supervisor.state.life is Life.IDLE
        await until(lambda: place.notes("ready"))


async def test_it_is_handed_its_key_in_the_environment_and_never_in_its_arguments(tmp_path: Path) -> None:
    place = Place(tmp_path, "drain")
    assert KEY not in repr(place.command)
    async with supervised(place):
        assert await until(lambda: place.notes("key")) == [KEY]


async def test_one_that_is_killed_is_started_again_and_counted(tmp_path: Path) -> None:
    place = Place(tmp_path, "drain")
    async with supervised(place) as supervisor:
        (first, *_) = await until(lambda: place.notes("ready") and place.notes("pid"))
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(place.notes("ready")) == 2)
        assert (supervisor.state.life, supervisor.state.restarts) == (Life.RUNNING, 1)
        assert supervisor.state.pid != first


async def test_one_that_always_fails_is_started_ever_more_seldom_up_to_a_bound(tmp_path: Path) -> None:
    place = Place(tmp_path, "fail")
    with structlog.testing.capture_logs() as said:
        async with supervised(place, Terms(0.02, 0.08, 1.0), clock=ManualClock()):
            await until(lambda: len(place.notes("began")) >= 5)
    assert pauses_in(said)[:4] == [0.02, 0.04, 0.08, 0.08]


async def test_one_that_lived_for_long_is_started_soon_again(tmp_path: Path) -> None:
    place, clock = Place(tmp_path, "drain"), ManualClock()
    with structlog.testing.capture_logs() as said:
        async with supervised(place, Terms(0.02, 60.0, 1.0), clock=clock):
            for life in range(1, 4):
                await until(partial(place.has_begun, life))
                clock.advance(60.0 if life == 3 else 1.0)
                os.kill(place.notes("pid")[-1], signal.SIGKILL)
            await until(lambda: len(place.notes("ready")) == 4)
    assert pauses_in(said) == [0.02, 0.04, 0.02]


async def test_its_end_is_told_with_its_exit_code_and_last_lines_but_never_with_a_key(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as said:
        async with supervised(Place(tmp_path, "fail")) as supervisor:
            await until(lambda: supervisor.state.restarts)
    line = next(line for line in said if "exit_code" in line)
    assert (line["exit_code"], line["last_lines"]) == (3, ["it cannot be, with ***"])
    assert KEY not in json.dumps(said, default=str)


async def test_what_it_logs_is_logged_here_at_its_level_and_without_secrets(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as said:
        async with supervised(Place(tmp_path, "log")):
            await until(lambda: [line for line in said if line["event"] == "Serving"])
    line = next(line for line in said if line["event"] == "Serving")
    assert (line["log_level"], line["key"]) == ("warning", "***")


async def test_at_a_stop_it_finishes_what_it_has_in_hand(tmp_path: Path) -> None:
    place = Place(tmp_path, "drain")
    async with supervised(place) as supervisor:
        await until(lambda: place.notes("ready"))
        await supervisor.stop()
        assert place.notes("drained") == [True]
        assert supervisor.state.life is Life.OFF
    assert len(place.notes("began")) == 1, "it was started again"


async def test_one_that_does_not_go_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    place = Place(tmp_path, "stubborn")
    async with supervised(place, Terms(0.01, 0.05, drain=0.1)) as supervisor:
        await until(lambda: place.notes("stubborn"))
        async with asyncio.timeout(5):
            await supervisor.stop()
        (pid, *_) = place.notes("pid")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_stopping_one_that_waits_to_be_started_again_starts_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, "fail")
    async with supervised(place, Terms(60.0, 60.0, 1.0)) as supervisor:
        await until(lambda: supervisor.state.life is Life.RESTARTING)
        async with asyncio.timeout(5):
            await supervisor.stop()
    assert len(place.notes("began")) == 1


async def test_stopping_before_the_start_is_no_harm(tmp_path: Path) -> None:
    supervisor = Supervisor(Place(tmp_path, "fail").command, QUICK, SystemClock(), ready=at_once, wanted=lambda: True)
    await supervisor.stop()
    await supervisor.kill()


async def test_a_program_that_is_not_there_is_told_and_tried_again(tmp_path: Path) -> None:
    command = Command((str(tmp_path / "nothing"),), {})
    supervisor = Supervisor(command, QUICK, SystemClock(), ready=at_once, wanted=lambda: True)
    with structlog.testing.capture_logs() as said:
        await supervisor.start()
        await until(lambda: supervisor.state.restarts >= 2)
        await supervisor.stop()
    assert {line.get("reason") for line in said} >= {"it cannot be started: No such file or directory"}


@pytest.mark.skipif(sys.platform == "win32", reason="sessions of processes are a thing of POSIX")
async def test_whatever_it_started_goes_with_it(tmp_path: Path) -> None:
    place = Place(tmp_path, "parent")
    child = Child(place.command, lambda _line: None)
    (grandchild,) = await until(lambda: place.notes("grandchild"))
    os.kill(child.pid, signal.SIGKILL)
    assert await child.ended() == -signal.SIGKILL

    def is_gone() -> bool:
        try:
            return Path(f"/proc/{grandchild}/stat").read_text().split()[2] == "Z"
        except FileNotFoundError:
            return True

    await until(is_gone)


async def test_it_notices_when_the_server_is_gone(tmp_path: Path) -> None:
    """What closes the pipe here closes it when this process is killed, too."""
    place = Place(tmp_path, "log")
    child = Child(place.command, lambda _line: None)
    await until(lambda: place.notes("began"))
    assert child._process.stdin is not None
    child._process.stdin.close()
    assert await child.ended() == 0
    assert place.notes("orphaned") == [True]
