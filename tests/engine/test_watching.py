"""Whoever watches sees every event once, in order, and the end."""

import asyncio
from pathlib import Path

import pytest

from tests.runtime.engines import (
    Calls,
    HeldJournal,
    document,
    ended,
    engine_on,
    idle,
    offered,
    opened,
    settings,
    start,
    step,
    until,
)
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.runtime.loading import ExecutionNotFound
from workflow_engine.runtime.watchers import Watchers

CHAIN = document(step("a"), step("b", "a"), step("c", "b"))


async def watched(engine: Engine, execution_id: str, after: int = 0) -> list[PublicEvent]:
    return [event async for event in engine.executions.watch(LOCAL, execution_id, after)]


def assert_whole(events: list[PublicEvent], first: int = 1) -> None:
    assert [event.seq for event in events] == list(range(first, first + len(events)))
    assert events[-1].is_last
    assert not any(event.is_last for event in events[:-1])


@pytest.mark.parametrize("steps_before", [0, 1, 2])
async def test_a_watcher_that_comes_at_any_time_sees_everything_once(steps_before: int) -> None:
    journal, calls = await opened(HeldJournal()), Calls(open_gate=False)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, CHAIN)
        for number in range(steps_before):
            await until(lambda number=number: len(calls.seen) > number)  # type: ignore[misc]  # bound in the loop
            calls.gate.set()
            await idle(1)
            calls.gate.clear()
        watching = asyncio.create_task(watched(engine, execution_id))
        await idle()
        calls.gate.set()
        assert_whole(await asyncio.wait_for(watching, 10))


async def test_many_watchers_of_a_busy_execution_miss_nothing() -> None:
    journal = await opened(HeldJournal())
    steps = [step(f"s{n}") for n in range(60)]
    async with engine_on(journal, offered(Calls())) as (engine, _):
        execution_id = await start(engine, document(*steps))
        watching = []
        for _ in range(20):
            watching.append(asyncio.create_task(watched(engine, execution_id)))
            await idle(3)
        for events in await asyncio.gather(*watching):
            assert_whole(events)
            assert len(events) == 2 + 2 * 60


async def test_a_watcher_may_begin_behind_an_event() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        execution_id = await start(engine, CHAIN)
        assert_whole(await watched(engine, execution_id, after=3), first=4)


async def test_watching_what_has_ended_tells_it_all_and_ends() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        execution_id = await start(engine, CHAIN)
        await ended(engine, execution_id)
        events = await watched(engine, execution_id)
        assert_whole(events)
        assert await watched(engine, execution_id, after=events[-1].seq) == []


async def test_a_slow_watcher_reads_what_it_missed_from_the_journal() -> None:
    journal, calls = await opened(HeldJournal()), Calls(open_gate=False)
    given = settings(max_watcher_events=3, grace=0.0)
    async with engine_on(journal, offered(calls), given=given) as (engine, _):
        execution_id = await start(engine, document(*(step(f"s{n}") for n in range(10))))
        events = []
        async for event in engine.executions.watch(LOCAL, execution_id):
            events.append(event)
            if event.seq == 2:
                calls.gate.set()
                await ended(engine, execution_id)  # meanwhile it hears nothing
        assert_whole(events)


@pytest.mark.parametrize("url", ["memory://", "sqlite"])
async def test_no_end_is_missed_however_the_moments_fall(url: str, tmp_path: Path) -> None:
    """The execution ends while the watcher reads the past: between the two nothing may be lost."""
    where = url if url != "sqlite" else f"sqlite:///{tmp_path / 'watch.db'}"
    async with Engine.open(where, settings=settings(), steps=[offered(Calls())]) as engine:
        for delay in range(40):
            execution_id = await start(engine, document(step("a")))
            await idle(delay)
            assert_whole(await asyncio.wait_for(watched(engine, execution_id), 10))


async def test_a_watcher_that_leaves_is_forgotten() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls(open_gate=False))) as (engine, parts):
        execution_id = await start(engine, CHAIN)
        watching = asyncio.create_task(watched(engine, execution_id))
        await until(lambda: parts.ring.watchers.watched(execution_id))
        watching.cancel()
        await until(lambda: not parts.ring.watchers.watched(execution_id))


async def test_nobody_can_watch_what_does_not_exist() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal) as (engine, parts):
        with pytest.raises(ExecutionNotFound):
            await watched(engine, "nobody")
        with pytest.raises(ExecutionNotFound):
            await engine.executions.wait(LOCAL, "nobody", 1)
        assert not parts.ring.watchers.watched("nobody")


async def test_public_events_hold_no_token_and_no_memo() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        events = await watched(engine, await start(engine, CHAIN))
    for event in events:
        assert not {"delivery", "computed", "memo", "seed"} & set(event.data)


# --- waiting for the end


async def test_waiting_answers_at_the_end_or_when_the_time_is_over() -> None:
    journal, calls = await opened(HeldJournal()), Calls(open_gate=False)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, CHAIN)
        assert (await engine.executions.wait(LOCAL, execution_id, 0.02)).status == "running"
        waiting = [asyncio.create_task(engine.executions.wait(LOCAL, execution_id, 10)) for _ in range(5)]
        calls.gate.set()
        assert {results.status for results in await asyncio.gather(*waiting)} == {"completed"}
        assert (await engine.executions.wait(LOCAL, execution_id, 10)).output is None


def test_a_watcher_that_falls_behind_forgets_and_says_so() -> None:
    watchers = Watchers(2)
    watcher = watchers.watch("e")
    assert not watcher.lagged
    watchers.forget("e", watcher)
    assert not watchers.watched("e")
    watchers.forget("e", watcher)
