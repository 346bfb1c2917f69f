"""Executions that wait leave memory, cost next to nothing, wake nobody, and come back."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.engines import (
    Calls,
    HeldJournal,
    document,
    ended,
    engine_on,
    offered,
    opened,
    settings,
    start,
    step,
    until,
    until_status,
)
from workflow_engine.assembly import Engine
from workflow_engine.clock import ManualClock
from workflow_engine.engine.caller import LOCAL

CHECKOUT = Path(__file__).parents[2]
WAITING = document(
    step("w", step_type="wait_for_signal", config={"signal_name": "go"}),
    step("after", "w", input_mapping={"x": "w.payload"}),
)


async def test_an_execution_that_waits_leaves_memory_and_comes_back_for_its_signal() -> None:
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        execution_id = await start(engine, WAITING)
        await until(lambda: parts.ring.runtime.in_memory == 0)
        assert parts.ring.runtime.open_count == 1
        assert (await engine.executions.get(LOCAL, execution_id)).summary.status == "waiting"
        assert (await engine.executions.explain(LOCAL, execution_id))[0].code == "SIGNAL"
        assert parts.ring.runtime.in_memory == 0, "looking brings nothing back"

        await engine.executions.signal(LOCAL, execution_id, "go", {"n": 7})
        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.seen[0].input == {"x": {"n": 7}}
        assert (parts.ring.runtime.in_memory, parts.ring.runtime.open_count) == (0, 0)


async def test_it_comes_back_for_its_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.runtime.alarms.LONGEST_SLEEP", 0.005)
    clock, journal = ManualClock(), HeldJournal()
    await opened(journal)
    async with engine_on(journal, clock=clock) as (engine, parts):
        execution_id = await start(engine, document(step("d", step_type="delay", config={"delay_seconds": 60})))
        await until(lambda: parts.ring.runtime.in_memory == 0)
        clock.advance(60)
        assert (await ended(engine, execution_id)).status == "completed"


async def test_many_ask_for_it_at_once_and_it_comes_back_once() -> None:
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        execution_id = await start(engine, WAITING)
        await until(lambda: parts.ring.runtime.in_memory == 0)
        signals = [engine.executions.signal(LOCAL, execution_id, f"s{n}") for n in range(20)]
        await asyncio.gather(*signals, engine.executions.signal(LOCAL, execution_id, "go"))

        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == ["after"]


async def test_a_paused_execution_stays_while_its_last_step_runs() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        execution_id = await start(engine, document(step("a"), step("b", "a")))
        await until(lambda: calls.seen)
        await engine.executions.pause(LOCAL, execution_id)
        await asyncio.sleep(0.05)
        assert parts.ring.runtime.in_memory == 1
        calls.gate.set()
        await until(lambda: parts.ring.runtime.in_memory == 0)
        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == ["a", "b"]


async def test_an_execution_that_ended_leaves_memory_and_can_still_be_read() -> None:
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        execution_id = await start(engine, document(step("a")))
        await ended(engine, execution_id)

        assert parts.ring.runtime.in_memory == 0
        assert len(parts.ring.alarms) == 0
        results = await engine.executions.results(LOCAL, execution_id)
        assert results.steps["a"].output == {"path": "a"}


class Busy:
    """Counts what anybody asks the loop to do."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        loop = asyncio.get_running_loop()
        for name in ("call_soon", "call_soon_threadsafe", "call_later", "call_at"):
            patch.setattr(loop, name, self._counted(getattr(loop, name)))

    def _counted(self, real: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **more: object) -> object:
            self.asked.append(repr(arguments))
            return real(*arguments, **more)

        return counted


async def test_an_engine_at_rest_wakes_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'idle.db'}"
    async with Engine.open(url, settings=settings(), steps=[offered(Calls())]) as engine:
        await engine.ready()
        for _ in range(20):
            await start(engine, WAITING)
        await until(lambda: engine.vitals.pulse().in_memory == 0)
        rest = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.6, rest.set_result, None)
        with pytest.MonkeyPatch.context() as patch:
            busy, cpu = Busy(patch), time.process_time()
            await rest
            used = time.process_time() - cpu
    # Waking this very test is the one thing that happens.
    assert len(busy.asked) <= 2, busy.asked
    assert used < 0.1


MEASURE = """
import asyncio, gc, json, os, sys, tracemalloc
from tests.runtime.engines import settings, start, until
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL

COUNT = 10_000
body = {"name": "w", "steps": [
    {"step_id": "w", "step_type": "wait_for_signal", "config": {"signal_name": "go"}},
    {"step_id": "d", "step_type": "delay", "config": {"delay_seconds": 3600}},
], "execution_pattern": "parallel"}

async def several(engine, count):
    for _ in range(count // 500):
        await asyncio.gather(*(start(engine, body) for _ in range(500)))
    await until(lambda: engine.vitals.pulse().in_memory == 0, "leaving memory")

async def main():
    async with Engine.open(sys.argv[1], settings=settings(grace=0.0)) as engine:
        await engine.ready()
        await several(engine, 1_000)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await several(engine, COUNT)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        counted = await engine.executions.count(LOCAL)
    print(json.dumps({"bytes_each": (after - before) / COUNT, "waiting": counted["waiting"]}))

asyncio.run(main())
"""


def test_ten_thousand_waiting_executions_cost_at_most_a_kibibyte_each(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, f"sqlite:///{tmp_path / 'waiting.db'}"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["waiting"] == 11_000
    assert measured["bytes_each"] <= 1_024, measured


async def test_what_waits_is_remembered_by_its_alarm_alone_after_a_restart() -> None:
    journal = HeldJournal()
    await opened(journal)
    async with engine_on(journal) as (engine, _):
        for _ in range(50):
            await start(engine, document(step("d", step_type="delay", config={"delay_seconds": 3600})))
        await until_status(engine, await start(engine, document(step("d", step_type="delay"))), "waiting")
    async with engine_on(journal) as (_, parts):
        assert parts.ring.runtime.in_memory <= 1
        assert parts.ring.runtime.open_count == 51
        assert len(parts.ring.alarms) == 51
