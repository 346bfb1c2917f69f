"""One turn at a time, one commit a turn, and nothing outside before it."""

import asyncio
from typing import Any

import pytest

from tests.runtime.engines import (
    Calls,
    FailingJournal,
    HeldJournal,
    document,
    ended,
    engine_on,
    idle,
    offered,
    opened,
    run,
    settled,
    start,
    step,
    until,
)
from workflow_engine.engine.caller import LOCAL
from workflow_engine.execution.decide import decide
from workflow_engine.execution.errors import ExecutionEnded
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Input, Succeeded
from workflow_engine.history.events import Event, StepCompleted
from workflow_engine.journal.contract import JournalUnavailable, QueueFull


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.runtime.runtime.RELOAD_PAUSE", 0.01)


async def test_nobody_is_answered_and_nothing_begins_before_the_commit() -> None:
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        journal.holding = True
        starting = asyncio.create_task(start(engine, document(step("a"))))
        await until(lambda: journal.held)
        await idle()
        assert not starting.done()
        assert calls.seen == []

        journal.holding = False
        journal.let_go()
        execution_id = await starting
        await ended(engine, execution_id)
        assert calls.paths == ["a"]


async def test_letters_that_come_during_a_commit_share_the_next_turn() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        steps = [step(f"s{n}") for n in range(6)]
        execution_id = await start(engine, document(*steps, execution_pattern="parallel"))
        await until(lambda: len(calls.seen) == 6)
        before = len(journal.commits)
        journal.holding = True
        signalling = asyncio.create_task(engine.executions.signal(LOCAL, execution_id, "first"))
        await until(lambda: journal.held)
        calls.gate.set()
        await idle()
        assert len(journal.held) == 1, "one turn is in flight at most"

        journal.holding = False
        journal.let_go()
        await signalling
        await ended(engine, execution_id)
        assert len(journal.commits) == before + 2
        assert sum(isinstance(event, StepCompleted) for event in journal.commits[-1].events) == 6


async def test_a_read_never_sees_what_is_not_committed() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a"), step("b", "a")))
        await until(lambda: calls.seen)
        journal.holding = True
        calls.gate.set()
        await until(lambda: journal.held)

        reading = asyncio.create_task(engine.executions.results(LOCAL, execution_id))
        looking = asyncio.create_task(engine.executions.get(LOCAL, execution_id))
        await idle()
        assert not reading.done()
        assert not looking.done()
        listed = await engine.executions.events(LOCAL, execution_id)
        assert [event.kind for event in listed.events] == ["execution_started", "step_scheduled"]

        journal.holding = False
        journal.let_go()
        assert (await reading).steps["a"].status == "completed"
        assert (await looking).version >= 4


async def test_what_is_refused_because_of_a_commit_is_refused_after_it() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a")))
        journal.holding = True
        cancels = [asyncio.create_task(engine.executions.cancel(LOCAL, execution_id)) for _ in range(2)]
        await until(lambda: journal.held)
        await idle()
        assert not any(cancel.done() for cancel in cancels)

        journal.holding = False
        journal.let_go()
        first, second = await settled(*cancels)
        assert not isinstance(first, BaseException)
        assert isinstance(second, ExecutionEnded)


async def test_a_cancel_calls_back_what_runs_and_what_waits_for_a_place() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        execution_id = await start(engine, document(*(step(f"s{n}") for n in range(3)), execution_pattern="parallel"))
        await until(lambda: len(calls.seen) == 3)

        view = await engine.executions.cancel(LOCAL, execution_id, "enough")

        assert view.summary.status == "cancelled"
        await until(lambda: sorted(calls.cancelled) == ["s0", "s1", "s2"])
        assert parts.ring.local.busy == (0, 0)
        results = await engine.executions.results(LOCAL, execution_id)
        assert results.reason == "enough"


async def test_a_paused_execution_lets_its_running_step_finish_and_begins_no_other() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a"), step("b", "a")))
        await until(lambda: calls.seen)
        await engine.executions.pause(LOCAL, execution_id)
        calls.gate.set()
        await until(lambda: any(isinstance(event, StepCompleted) for event in journal.commits[-1].events))
        await idle()
        assert calls.paths == ["a"]
        assert calls.cancelled == []

        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == ["a", "b"]


# --- a storage that fails


async def test_no_report_is_lost_while_the_storage_is_away() -> None:
    journal, calls = FailingJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        steps = [step(f"s{n}") for n in range(3)]
        execution_id = await start(engine, document(*steps, execution_pattern="parallel"))
        await until(lambda: len(calls.seen) == 3)
        journal.fail()
        calls.gate.set()
        await until(lambda: journal.refused >= 3)
        with pytest.raises(JournalUnavailable):
            await engine.executions.cancel(LOCAL, execution_id)
        journal.recover()

        assert (await ended(engine, execution_id)).status == "completed"
        assert sorted(calls.paths) == ["s0", "s1", "s2"], "no step ran twice"


async def test_a_start_that_cannot_be_stored_leaves_nothing() -> None:
    journal, calls = FailingJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, parts):
        journal.fail()
        with pytest.raises(JournalUnavailable):
            await start(engine, document(step("a")), key="k")
        journal.recover()

        assert parts.ring.runtime.open_count == 0
        assert parts.ring.runtime.in_memory == 0
        assert calls.seen == []
        assert (await run(engine, document(step("a")))).status == "completed"


async def test_a_full_queue_of_the_writer_is_a_pause_and_no_mistake() -> None:
    journal, calls = FailingJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a")))
        await until(lambda: calls.seen)
        journal.fail(QueueFull(1))
        calls.gate.set()
        await until(lambda: journal.refused >= 2)
        journal.recover()

        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == ["a"]


async def test_a_storage_that_stays_away_is_not_asked_all_the_time() -> None:
    journal, calls = FailingJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        await start(engine, document(step("a")))
        await until(lambda: calls.seen)
        journal.fail()
        calls.gate.set()
        await asyncio.sleep(0.2)

        assert 1 <= journal.refused <= 21  # one attempt each RELOAD_PAUSE, which is 10 ms here
        journal.recover()


# --- a mistake of ours


class Mistaken:
    """A `decide` that stumbles over every result, as long as it is told to."""

    def __init__(self) -> None:
        self.stumbles = True
        self.stumbled = 0

    def __call__(self, execution: Execution, entering: Input) -> list[Event]:
        if self.stumbles and isinstance(entering, Succeeded):
            self.stumbled += 1
            decide(execution, entering)  # what it did in memory must not stay
            raise ZeroDivisionError("a mistake of ours")
        return decide(execution, entering)


async def test_an_execution_that_cannot_be_decided_is_set_aside_and_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mistaken: Any = Mistaken()
    monkeypatch.setattr("workflow_engine.runtime.crank.decide", mistaken)
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a")))
        await until(lambda: "step_rescheduled" in [event.kind for one in journal.commits for event in one.events])
        view = await engine.executions.get(LOCAL, execution_id)
        assert (view.summary.status, view.summary.reason) == ("paused", "internal-error")
        await asyncio.sleep(0.05)
        assert mistaken.stumbled == 1, "a paused step is not handed over again"

        mistaken.stumbles = False
        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == ["a", "a"]


async def test_the_others_do_not_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    mistaken: Any = Mistaken()
    journal, calls = HeldJournal(), Calls()
    await opened(journal)
    async with engine_on(journal, offered(calls)) as (engine, _):
        with monkeypatch.context() as patch:
            patch.setattr("workflow_engine.runtime.crank.decide", mistaken)
            await start(engine, document(step("a")))
            await until(lambda: mistaken.stumbled)
        assert (await run(engine, document(step("a"), step("b", "a")))).status == "completed"
