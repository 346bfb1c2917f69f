"""Threads for plain functions: a hanging one is replaced, and a type that hangs too often runs nothing more."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from tests.runtime.engines import Calls, document, ended, engine_on, offered, opened, run, settings, start, step, until
from workflow_engine.dispatch.threads import StepThreads, StepTypeQuarantined
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import StepRequest


class Hanging:
    """Calls that hang until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, name: str = "") -> str:
        self.begun.append(name)
        self.let_go.wait(20)
        return name


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.let_go.set()


async def test_as_many_run_at_once_as_there_are_threads(hanging: Hanging) -> None:
    threads = StepThreads(2, 1)
    results: list[object] = []
    for name in "abc":
        threads.run("t", lambda name=name: hanging(name), results.append)  # type: ignore[misc]  # bound in the loop
    await until(lambda: len(hanging.begun) == 2)
    await asyncio.sleep(0.02)
    assert hanging.begun == ["a", "b"]
    hanging.let_go.set()
    await until(lambda: sorted(map(str, results)) == ["a", "b", "c"])
    threads.stop()


async def test_a_call_that_is_given_up_is_replaced_and_its_result_is_dropped(hanging: Hanging) -> None:
    threads = StepThreads(1, 2)
    results: list[object] = []
    call = threads.run("t", hanging, results.append)
    await until(lambda: hanging.begun)
    threads.run("t", lambda: "next", results.append)
    await asyncio.sleep(0.02)
    assert results == []
    threads.give_up(call)
    await until(lambda: results == ["next"])
    hanging.let_go.set()
    await asyncio.sleep(0.02)
    assert results == ["next"]
    threads.stop()


async def test_too_many_given_up_calls_quarantine_their_type_until_one_returns(hanging: Hanging) -> None:
    threads = StepThreads(1, 2)
    results: list[object] = []
    for number in (1, 2):
        call = threads.run("bad", hanging, results.append)
        await until(lambda number=number: len(hanging.begun) == number)  # type: ignore[misc]  # bound in the loop
        threads.give_up(call)
    with pytest.raises(StepTypeQuarantined, match="bad is quarantined: 2 of its calls"):
        threads.run("bad", hanging, results.append)
    threads.run("good", lambda: "fine", results.append)
    await until(lambda: results == ["fine"])

    hanging.let_go.set()
    await asyncio.sleep(0.05)
    threads.run("bad", lambda: "again", results.append)
    await until(lambda: results == ["fine", "again"])
    threads.stop()


async def test_a_call_that_is_given_up_before_it_begins_never_begins_and_hangs_nothing(hanging: Hanging) -> None:
    threads = StepThreads(1, 1)
    results: list[object] = []
    threads.run("t", hanging, results.append)
    await until(lambda: hanging.begun)
    for _ in range(3):
        threads.give_up(threads.run("t", lambda: results.append("begun"), results.append))
    hanging.let_go.set()
    await until(lambda: results == [""])
    threads.run("t", lambda: "fine", results.append)
    await until(lambda: results == ["", "fine"])
    threads.stop()


async def test_after_a_stop_no_further_call_begins(hanging: Hanging) -> None:
    threads = StepThreads(1, 1)
    results: list[object] = []
    threads.run("t", hanging, results.append)
    await until(lambda: hanging.begun)
    threads.run("t", lambda: results.append("begun"), results.append)
    threads.stop()
    hanging.let_go.set()
    await until(lambda: results)
    await asyncio.sleep(0.02)
    assert results == [""]


# --- in an engine


async def test_a_function_that_hangs_fails_alone_by_its_timeout(hanging: Hanging) -> None:
    def hangs(_request: StepRequest) -> Json:
        return hanging()

    def works(request: StepRequest) -> Json:
        return {"thread": threading.current_thread().name}

    journal = await opened(MemoryJournal())
    limits = settings(step_threads=1, replacement_threads=2, grace=0.0)
    offers = (offered(hangs, "hangs"), offered(works), offered(Calls(), "async"))
    async with engine_on(journal, *offers, given=limits) as (engine, _):
        stuck = [await start(engine, document(step("a", step_type="hangs", timeout_seconds=0.05))) for _ in range(2)]
        assert (await run(engine, document(step("a", step_type="async")))).status == "completed"
        for execution_id in stuck:
            results = await ended(engine, execution_id)
            assert results.steps["a"].error is not None
            assert results.steps["a"].error.code == "timeout"
        # The only thread hangs, and is replaced: the others of the engine go on.
        assert (await run(engine, document(step("a")))).status == "completed"

        await until(lambda: hanging.begun)
        again = document(step("a", step_type="hangs", timeout_seconds=0.05))
        while (error := (await run(engine, again)).steps["a"].error) is not None and error.code == "timeout":
            assert len(hanging.begun) <= 2
        assert error is not None
        assert error.code == "step-quarantined"
        assert (await run(engine, document(step("a")))).status == "completed"


async def test_a_function_that_blocks_does_not_hold_the_loop() -> None:
    def slow(_request: StepRequest) -> Json:
        time.sleep(0.2)
        return None

    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(slow, "slow"), offered(Calls())) as (engine, _):
        execution_id = await start(engine, document(step("a", step_type="slow")))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert (await run(engine, document(step("a")))).status == "completed"
        assert loop.time() - begun < 0.15
        assert (await ended(engine, execution_id)).status == "completed"
