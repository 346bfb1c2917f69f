"""What must not cost more than it does, counted and not timed."""

import asyncio
from pathlib import Path

import pytest

from tests.runtime.engines import (
    Calls,
    CountingJournal,
    document,
    ended,
    engine_on,
    offered,
    opened,
    settings,
    start,
    step,
)
from workflow_engine.assembly import Engine
from workflow_engine.jsontext import JsonObject


def chain(count: int) -> JsonObject:
    return document(*(step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(count)))


def fan(count: int) -> JsonObject:
    branches = [step(f"s{n}", "first") for n in range(count)]
    join = step("join", *(f"s{n}" for n in range(count)))
    return document(step("first"), *branches, join, execution_pattern="parallel", max_parallel=0)


async def test_a_sequential_step_costs_one_fsync(tmp_path: Path) -> None:
    async with Engine.open(f"sqlite:///{tmp_path / 'w1.db'}", settings=settings(), steps=[offered(Calls())]) as engine:
        await engine.ready()
        before = engine.journal.written.transactions
        await ended(engine, await start(engine, chain(100)))
        # One to accept it, and one for the end of each step, which begins the next and at last ends the execution.
        assert engine.journal.written.transactions - before == 101


async def test_a_step_reads_nothing() -> None:
    journal = CountingJournal()
    await opened(journal)
    async with engine_on(journal, offered(Calls())) as (engine, _):
        reads = []
        for count in (1, 100):
            before = journal.reads
            await ended(engine, await start(engine, chain(count)))
            reads.append(journal.reads - before)
    assert reads[0] == reads[1] <= 1


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_fan_out_of_five_hundred_and_its_join_take_few_transactions(kind: str, tmp_path: Path) -> None:
    step_type = offered(Calls()) if kind == "async" else offered(lambda _request: {"n": 1})
    async with Engine.open(f"sqlite:///{tmp_path / 'w3.db'}", settings=settings(), steps=[step_type]) as engine:
        await engine.ready()
        before = engine.journal.written.transactions
        results = await ended(engine, await start(engine, fan(500)))
        written = engine.journal.written.transactions - before

    assert results.status == "completed"
    assert len(results.steps) == 502
    if kind == "async":
        assert written <= 10


async def test_pure_steps_share_the_commit_of_the_step_before_them(tmp_path: Path) -> None:
    pure: list[JsonObject] = [
        {"step_id": "a", "step_type": "data_input", "config": {"data": {"text": "x"}}},
        {"step_id": "b", "step_type": "data_processing", "dependencies": ["a"]},
        {"step_id": "c", "step_type": "data_processing", "dependencies": ["b"]},
    ]
    async with Engine.open(f"sqlite:///{tmp_path / 'pure.db'}", settings=settings()) as engine:
        await engine.ready()
        before = engine.journal.written.transactions
        await ended(engine, await start(engine, document(*pure)))
        assert engine.journal.written.transactions - before == 1


async def test_what_waits_at_once_is_accepted_together(tmp_path: Path) -> None:
    async with Engine.open(f"sqlite:///{tmp_path / 'w2.db'}", settings=settings(), steps=[offered(Calls())]) as engine:
        await engine.ready()
        before = engine.journal.written.transactions
        ids = await asyncio.gather(*(start(engine, chain(10)) for _ in range(200)))
        for execution_id in ids:
            await ended(engine, execution_id)
        assert engine.journal.written.transactions - before <= 60, "2,200 transitions"
