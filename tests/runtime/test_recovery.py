"""A server that dies, stops, or is killed: what was accepted comes to its end, and nothing twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.journal.commits import append, ending, opening
from tests.runtime.engines import (
    Calls,
    HeldJournal,
    abandon,
    document,
    ended,
    engine_on,
    offered,
    opened,
    run,
    settings,
    start,
    step,
    until,
    until_status,
)
from tests.runtime.mortal import Diary, steps
from workflow_engine.assembly import Engine, Surroundings, assemble
from workflow_engine.clock import ManualClock, SystemClock
from workflow_engine.engine.caller import LOCAL
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import Journal
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.journal.usage import UsageFilter, UsageRow
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.pruner import DAY, Pruner
from workflow_engine.runtime.runtime import ShuttingDown
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest

CHECKOUT = Path(__file__).parents[2]


async def reasons(engine: Engine, execution_id: str) -> list[object]:
    """Why steps of it were handed over again."""
    events = (await engine.executions.events(LOCAL, execution_id)).events
    return [event.data["reason"] for event in events if event.kind == "step_rescheduled"]


async def died_with(journal: MemoryJournal, *offers: OfferedStep, body: JsonObject | None, calls: Calls) -> str:
    """A new execution of `body`, or what is open already, is at its step when the server dies."""
    seen = len(calls.seen)
    parts = await assemble(Surroundings(settings(), journal, SystemClock(), offers))
    await parts.recovery.start()
    await parts.recovery.done.wait()
    execution_id = "" if body is None else await start(Engine(parts, journal), body)
    await until(lambda: len(calls.seen) > seen)
    await abandon(parts)
    return execution_id


async def test_what_ran_when_the_server_died_runs_again_and_ends_once() -> None:
    journal, before, after = HeldJournal(), Calls(open_gate=False), Calls()
    await opened(journal)
    body = document(step("a"), step("b", "a"))
    execution_id = await died_with(journal, offered(before), body=body, calls=before)

    async with engine_on(journal, offered(after)) as (engine, _):
        assert (await ended(engine, execution_id)).status == "completed"
        assert after.paths == ["a", "b"]
        assert after.seen[0].delivery > before.seen[0].delivery
        assert after.seen[0].idempotency_key == before.seen[0].idempotency_key
        assert after.seen[0].attempt == 1
        assert await reasons(engine, execution_id) == ["server-died"]


async def test_many_come_back() -> None:
    journal, before, after = HeldJournal(), Calls(open_gate=False), Calls()
    await opened(journal)
    parts = await assemble(Surroundings(settings(), journal, SystemClock(), [offered(before)]))
    engine = Engine(parts, journal)
    ids = [await start(engine, document(step("a"), step("b", "a"))) for _ in range(200)]
    await until(lambda: len(before.seen) == 200)
    await abandon(parts)

    async with engine_on(journal, offered(after)) as (engine, parts):
        for execution_id in ids:
            assert (await ended(engine, execution_id)).status == "completed"
        assert Counter(after.paths) == {"a": 200, "b": 200}
        assert parts.ring.runtime.open_count == 0


async def test_what_must_not_start_twice_waits_for_a_person() -> None:
    journal, before, after = HeldJournal(), Calls(open_gate=False), Calls()
    await opened(journal)
    body = document(step("a"), step("b", "a"))
    execution_id = await died_with(journal, offered(before, effect=Effect.AT_MOST_ONCE), body=body, calls=before)

    async with engine_on(journal, offered(after, effect=Effect.AT_MOST_ONCE)) as (engine, _):
        await until_status(engine, execution_id, "waiting")
        assert after.seen == []
        assert (await engine.executions.explain(LOCAL, execution_id))[0].code == "OUTCOME_UNKNOWN"
        await engine.executions.resolve(LOCAL, execution_id, "a", completed=True, output={"ref": 1})
        assert (await ended(engine, execution_id)).steps["a"].output == {"ref": 1}
        assert after.paths == ["b"]


async def test_a_paused_execution_whose_step_ran_goes_on_when_it_is_resumed() -> None:
    journal, before, after = HeldJournal(), Calls(open_gate=False), Calls()
    await opened(journal)
    parts = await assemble(Surroundings(settings(), journal, SystemClock(), [offered(before)]))
    engine = Engine(parts, journal)
    execution_id = await start(engine, document(step("a"), step("b", "a")))
    await until(lambda: before.seen)
    await engine.executions.pause(LOCAL, execution_id)
    await abandon(parts)

    async with engine_on(journal, offered(after)) as (engine, parts):
        await until(lambda: parts.ring.runtime.open_count == 1)
        assert (await engine.executions.get(LOCAL, execution_id)).summary.status == "paused"
        assert after.seen == []
        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).status == "completed"
        assert after.paths == ["a", "b"]


async def test_the_third_death_sets_the_execution_aside_and_the_others_go_on() -> None:
    journal, deadly, fine = HeldJournal(), Calls(open_gate=False), Calls()
    await opened(journal)
    offers = (offered(deadly, "deadly"), offered(fine))
    execution_id = await died_with(journal, *offers, body=document(step("a", step_type="deadly")), calls=deadly)
    for _ in range(2):
        await died_with(journal, *offers, body=None, calls=deadly)
    assert len(deadly.seen) == 3

    async with engine_on(journal, *offers) as (engine, _):
        await until_status(engine, execution_id, "paused")
        assert (await engine.executions.get(LOCAL, execution_id)).summary.reason == "quarantined"
        assert (await run(engine, document(step("a")))).status == "completed"
        assert len(deadly.seen) == 3
        deadly.gate.set()
        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).status == "completed"


class Death(BaseException):
    """Ends a turn where it stands, as a signal that kills the process would."""


@pytest.mark.parametrize(
    "first", [step("a"), step("a", step_type="delay", config={"delay_seconds": 0.01})], ids=["a step", "a timer"]
)
async def test_a_quick_step_that_kills_the_server_from_within_a_turn_is_counted_too(first: JsonObject) -> None:
    calls, mortal = Calls(), asyncio.Event()
    deaths: list[str] = []

    def kill(request: StepRequest) -> Json:
        deaths.append(request.path)
        if not mortal.is_set():
            return {"alive": True}
        raise Death

    journal = await opened(HeldJournal())
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    offers = (offered(calls), offered(kill, "kill", inline=True, effect=Effect.PURE))
    mortal.set()
    execution_id = ""
    for times in range(1, 4):
        parts = await assemble(Surroundings(settings(), journal, SystemClock(), offers))
        await parts.recovery.start()
        execution_id = execution_id or await start(
            Engine(parts, journal), document(first, step("b", "a", step_type="kill"))
        )
        await until(lambda times=times: len(deaths) == times)  # type: ignore[misc]  # bound in the loop
        await abandon(parts)

    async with engine_on(journal, *offers) as (engine, _):
        await until_status(engine, execution_id, "paused")
        assert (await engine.executions.get(LOCAL, execution_id)).summary.reason == "quarantined"
        assert len(deaths) == 3
        mortal.clear()
        await engine.executions.resume(LOCAL, execution_id)
        assert (await ended(engine, execution_id)).steps["b"].output == {"alive": True}


# --- stopping in order


async def test_what_runs_may_finish_within_the_grace() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls), given=settings(grace=5.0)) as (engine, parts):
        execution_id = await start(engine, document(step("a"), step("b", "a")))
        await until(lambda: calls.seen)
        parts.ring.runtime.refuse_new()
        with pytest.raises(ShuttingDown):
            await start(engine, document(step("a")))
        with pytest.raises(ShuttingDown):
            await engine.executions.cancel(LOCAL, execution_id)
        calls.gate.set()

    assert calls.cancelled == []
    assert calls.paths == ["a"], "nothing new begins while the server comes to rest"
    kinds = [event.kind for commit in journal.commits for event in commit.events]
    assert kinds.count("step_completed") == 1


async def test_what_does_not_finish_is_given_up_and_runs_again_without_counting_as_a_death() -> None:
    journal, calls = HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    execution_id = ""
    for times in range(1, 6):
        async with engine_on(journal, offered(calls), given=settings(grace=0.0)) as (engine, _):
            execution_id = execution_id or await start(engine, document(step("a")))
            await until(lambda times=times: len(calls.seen) == times)  # type: ignore[misc]  # bound in the loop
    assert len(calls.cancelled) == 5

    calls.gate.set()
    async with engine_on(journal, offered(calls)) as (engine, _):
        assert (await ended(engine, execution_id)).status == "completed"
        assert await reasons(engine, execution_id) == ["server-stopped", "server-started"] * 5


# --- real processes


@contextmanager
def process(url: str, folder: Path, kind: str, count: int) -> Iterator["subprocess.Popen[str]"]:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.runtime.mortal", url, str(folder), kind, str(count)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate(timeout=30)


def accepted(server: "subprocess.Popen[str]", count: int) -> dict[str, str]:
    """Key -> execution id of the first starts that were answered."""
    assert server.stdout is not None
    while (line := server.stdout.readline()).strip() != "ready":
        assert line, "it ended before it was ready"
    return dict(server.stdout.readline().split() for _ in range(count))


async def test_a_killed_server_forgets_nothing_it_answered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    known: dict[str, str] = {}
    for answered in (20, 60):
        with process(url, tmp_path, "chain", 60) as server:
            for key, execution_id in accepted(server, answered).items():
                assert known.setdefault(key, execution_id) == execution_id, "a key is accepted once"
            server.send_signal(signal.SIGKILL)

    diary = Diary(tmp_path)
    async with Engine.open(url, settings=settings(), steps=steps(diary)) as engine:
        await engine.ready()
        for execution_id in known.values():
            results = await ended(engine, execution_id)
            assert results.status == "completed"
            assert list(results.steps) == ["a", "b", "c", "d"]
        counted = await engine.executions.count(LOCAL)
        assert counted[ExecutionStatus.COMPLETED] == 60
        assert sum(counted.values()) == 60
    assert_fences_grow(diary)


def assert_fences_grow(diary: Diary) -> None:
    deliveries: dict[tuple[str, str], list[int]] = {}
    for execution_id, path, delivery, key in diary.lines():
        assert key == f"wfk_{execution_id}_{path}"
        deliveries.setdefault((execution_id, path), []).append(int(delivery))
    assert deliveries
    assert all(fences == sorted(set(fences)) for fences in deliveries.values())


async def test_a_killed_server_starts_no_payment_twice(tmp_path: Path) -> None:
    url, diary = f"sqlite:///{tmp_path / 'paying.db'}", Diary(tmp_path)
    with process(url, tmp_path, "pay", 5) as server:
        ids = accepted(server, 5)
        await until(lambda: len(diary.lines()) >= 3)
        server.send_signal(signal.SIGKILL)
    async with Engine.open(url, settings=settings(), steps=steps(diary)) as engine:
        await engine.ready()
        for execution_id in ids.values():
            await until_status(engine, execution_id, "waiting")
    assert max(Counter(line[0] for line in diary.lines()).values()) == 1


# --- pruning


async def test_old_executions_leave_and_young_and_open_ones_stay() -> None:
    clock, journal, calls = ManualClock(), HeldJournal(), Calls()
    await opened(journal)
    pruner = Pruner(journal, clock, retention_days=30, every_seconds=3600, a_few=2)
    async with engine_on(journal, offered(calls), clock=clock) as (engine, _):
        old = [await start(engine, document(step("a"))) for _ in range(5)]
        waits = await start(engine, document(step("w", step_type="wait_for_signal", config={"signal_name": "go"})))
        for execution_id in old:
            await ended(engine, execution_id)
        clock.advance(20 * DAY)
        young = await start(engine, document(step("a")))
        await ended(engine, young)
        assert await pruner.prune() == 0
        clock.advance(10 * DAY + 1)
        assert await pruner.prune() == 5

        listed = await journal.count_executions("default")
        assert (listed[ExecutionStatus.COMPLETED], sum(listed.values())) == (1, 2)
        await engine.executions.signal(LOCAL, waits, "go")
        assert (await ended(engine, waits)).status == "completed"


async def a_call(journal: Journal, at: float) -> None:
    """An execution of its own that has ended, with one call of a model."""
    first = opening(started_at=at)
    await append(journal, first)
    call = UsageRow("default", first.execution_id, "a#1.model", "a", 1, "A", "m", "p", "local", 10, 1, at)
    await append(journal, replace(ending(first, at), usage=(call,)))


async def test_what_model_calls_used_is_kept_longer_than_their_executions() -> None:
    clock, journal = ManualClock(), MemoryJournal()
    await journal.open()
    pruner = Pruner(journal, clock, retention_days=30, every_seconds=3600, a_few=2, usage_retention_days=400)
    for age in (401, 402, 403, 399, 31, 29):
        await a_call(journal, clock.now() - age * DAY)

    assert (await pruner.prune(), await pruner.prune_usage()) == (5, 3)

    (kept,) = await journal.usage(UsageFilter())
    assert kept.calls == 3
    assert (await pruner.prune(), await pruner.prune_usage()) == (0, 0)


async def test_a_retention_of_nought_keeps_executions_and_what_they_used_for_ever() -> None:
    clock, journal = ManualClock(), MemoryJournal()
    await journal.open()
    await a_call(journal, clock.now() - 10_000 * DAY)
    pruner = Pruner(journal, clock, retention_days=0, every_seconds=3600, a_few=2, usage_retention_days=0)

    assert (await pruner.prune(), await pruner.prune_usage()) == (0, 0)
