"""The same key and the same body are accepted once, however often and however concurrently they come."""

import asyncio
from pathlib import Path

import pytest

from tests.runtime.engines import (
    Calls,
    FailingJournal,
    HeldJournal,
    document,
    ended,
    engine_on,
    offered,
    opened,
    settings,
    settled,
    start,
    step,
    until,
)
from workflow_engine.assembly import Engine
from workflow_engine.clock import ManualClock
from workflow_engine.engine.acceptances import IdempotencyMismatch, InvalidIdempotencyKey
from workflow_engine.engine.caller import LOCAL, Caller
from workflow_engine.engine.executions import InvalidSignalName
from workflow_engine.errors import InvalidDocument
from workflow_engine.journal.contract import JournalUnavailable
from workflow_engine.runtime.loading import ExecutionNotFound
from workflow_engine.runtime.runtime import TooManyExecutions

BODY = document(step("a"))
OTHER = document(step("b"))


async def test_one_key_sent_many_times_at_once_starts_one_execution() -> None:
    calls, journal = Calls(), await opened(HeldJournal())
    async with engine_on(journal, offered(calls)) as (engine, _):
        ids = await asyncio.gather(*(start(engine, BODY, key="k") for _ in range(50)))
        await ended(engine, ids[0])

        assert len(set(ids)) == 1
        assert calls.paths == ["a"]
        assert sum((await engine.executions.count(LOCAL)).values()) == 1


async def test_another_body_under_the_same_key_is_refused_also_while_the_first_is_on_its_way() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        journal.holding = True
        first = asyncio.create_task(start(engine, BODY, key="k"))
        await until(lambda: journal.held)
        with pytest.raises(IdempotencyMismatch):
            await start(engine, OTHER, key="k")
        journal.holding = False
        journal.let_go()
        await first
        with pytest.raises(IdempotencyMismatch):
            await start(engine, OTHER, key="k")


async def test_a_replay_gets_the_first_answer_word_for_word() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        first = await engine.executions.start(LOCAL, BODY, key="k")
        await ended(engine, first.execution_id)
        again = await engine.executions.start(LOCAL, BODY, key="k")

    assert (again.execution_id, again.started_at) == (first.execution_id, first.started_at)


async def test_a_replay_after_a_restart_gets_it_too(tmp_path: Path) -> None:
    url, calls = f"sqlite:///{tmp_path / 'keys.db'}", Calls()
    async with Engine.open(url, settings=settings(), steps=[offered(calls)]) as engine:
        first = await start(engine, BODY, key="k")
        await ended(engine, first)
    async with Engine.open(url, settings=settings(), steps=[offered(calls)]) as engine:
        assert await start(engine, BODY, key="k") == first
        with pytest.raises(IdempotencyMismatch):
            await start(engine, OTHER, key="k")
    assert calls.paths == ["a"]


async def test_keys_of_other_callers_operations_and_workflows_are_other_keys() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        for name in ("one", "two"):
            await engine.workflows.save(LOCAL, BODY, name)
        ids = [
            await start(engine, BODY, key="k"),
            (await engine.executions.start(Caller(namespace="other"), BODY, key="k")).execution_id,
            (await engine.executions.start_saved(LOCAL, "one", {}, key="k")).execution_id,
            (await engine.executions.start_saved(LOCAL, "two", {}, key="k")).execution_id,
        ]
        assert len(set(ids)) == 4
        again = await engine.executions.start_saved(LOCAL, "two", {}, key="k")
        assert again.execution_id == ids[3]
        with pytest.raises(IdempotencyMismatch):
            await engine.executions.start_saved(LOCAL, "two", {"input_data": {"x": 1}}, key="k")


async def test_a_key_is_kept_for_its_time_and_as_long_as_its_execution_is_open() -> None:
    clock, calls, journal = ManualClock(), Calls(open_gate=False), await opened(HeldJournal())
    async with engine_on(journal, offered(calls), clock=clock) as (engine, _):
        first = await start(engine, BODY, key="k")
        clock.advance(25 * 3600)
        assert await start(engine, BODY, key="k") == first
        calls.gate.set()
        await ended(engine, first)
        assert await start(engine, BODY, key="k") != first


async def test_a_key_whose_start_was_not_accepted_is_free() -> None:
    journal = await opened(FailingJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        journal.fail()
        answers = await settled(*(start(engine, BODY, key="k") for _ in range(3)))
        assert all(isinstance(answer, JournalUnavailable) for answer in answers)
        journal.recover()
        with pytest.raises(InvalidDocument):
            await start(engine, {"steps": "none"}, key="l")
        assert await start(engine, BODY, key="l") != await start(engine, BODY, key="k")


async def test_a_client_that_gives_up_finds_its_execution_when_it_comes_back() -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        journal.holding = True
        impatient = asyncio.create_task(start(engine, BODY, key="k"))
        await until(lambda: journal.held)
        impatient.cancel()
        await settled(impatient)
        journal.holding = False
        journal.let_go()
        await ended(engine, await start(engine, BODY, key="k"))
        assert sum((await engine.executions.count(LOCAL)).values()) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "tab\t", "naïve", "\x00"])
async def test_a_key_has_visible_ascii_characters(key: str) -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls())) as (engine, _):
        with pytest.raises(InvalidIdempotencyKey):
            await start(engine, BODY, key=key)


async def test_a_signal_with_a_key_is_taken_once() -> None:
    journal = await opened(HeldJournal())
    waits = document(step("w", step_type="wait_for_signal", config={"signal_name": "go"}), step("a", "w"))
    async with engine_on(journal, offered(Calls())) as (engine, _):
        execution_id = await start(engine, waits)
        for _ in range(3):
            await engine.executions.signal(LOCAL, execution_id, "go", {"n": 1}, key="k")
        with pytest.raises(IdempotencyMismatch):
            await engine.executions.signal(LOCAL, execution_id, "go", {"n": 2}, key="k")
        await ended(engine, execution_id)
    taken = [event for commit in journal.commits for event in commit.events if event.kind == "signal_received"]
    assert len(taken) == 1


@pytest.mark.parametrize("name", ["", "x" * 129, "two words", "naïve"])
async def test_a_signal_has_a_name(name: str) -> None:
    journal = await opened(HeldJournal())
    async with engine_on(journal, offered(Calls(open_gate=False))) as (engine, _):
        execution_id = await start(engine, BODY)
        with pytest.raises(InvalidSignalName):
            await engine.executions.signal(LOCAL, execution_id, name)


# --- limits and strangers


async def test_more_open_executions_than_allowed_are_refused_before_they_are_accepted() -> None:
    calls, journal = Calls(open_gate=False), await opened(HeldJournal())
    async with engine_on(journal, offered(calls), given=settings(max_open_executions=2, grace=0.0)) as (engine, _):
        first = await start(engine, BODY, key="first")
        await start(engine, BODY)
        with pytest.raises(TooManyExecutions):
            await start(engine, BODY)
        assert await start(engine, BODY, key="first") == first, "what was accepted is answered all the same"
        calls.gate.set()
        await ended(engine, first)
        await start(engine, BODY)
    assert sum(commit.opened is not None for commit in journal.commits) == 3


async def test_nobody_sees_or_moves_an_execution_of_another_namespace() -> None:
    journal = await opened(HeldJournal())
    stranger = Caller(namespace="other")
    async with engine_on(journal, offered(Calls(open_gate=False))) as (engine, _):
        execution_id = await start(engine, BODY)
        executions = engine.executions
        for asked in (
            executions.get(stranger, execution_id),
            executions.results(stranger, execution_id),
            executions.explain(stranger, execution_id),
            executions.events(stranger, execution_id),
            executions.cancel(stranger, execution_id),
            executions.signal(stranger, execution_id, "go"),
            executions.wait(stranger, execution_id, 0),
            anext(executions.watch(stranger, execution_id)),
        ):
            with pytest.raises(ExecutionNotFound):
                await asked
        assert (await executions.get(LOCAL, execution_id)).summary.status == "running"
