"""Timers never ring early, ring once, and survive a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.runtime.engines import (
    Calls,
    HeldJournal,
    document,
    ended,
    engine_on,
    offered,
    opened,
    start,
    step,
    until,
    until_status,
)
from workflow_engine.clock import ManualClock
from workflow_engine.engine.caller import LOCAL
from workflow_engine.runtime.alarms import Alarms

LOOKS = 0.005
"""How often the clock is looked at in these tests, instead of once a minute."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.runtime.alarms.LONGEST_SLEEP", LOOKS)


class Bell:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.rung: list[str] = []
        self.alarms = Alarms(self.clock, self.rung.append)

    async def listen(self) -> list[str]:
        """What rings when the clock is looked at now."""
        await asyncio.sleep(4 * LOOKS)
        rung = self.rung.copy()
        self.rung.clear()
        return rung


@pytest.fixture
async def bell() -> AsyncIterator[Bell]:
    made = Bell()
    yield made
    made.alarms.stop()


async def test_an_alarm_rings_at_its_time_and_once(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() + 10)
    bell.clock.advance(9.999)
    assert await bell.listen() == []
    bell.clock.advance(0.001)
    assert await bell.listen() == ["e"]
    bell.clock.advance(100)
    assert await bell.listen() == []


async def test_they_ring_in_the_order_of_their_times(bell: Bell) -> None:
    for name, seconds in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
        bell.alarms.set(name, bell.clock.now() + seconds)
    bell.clock.advance(30)

    assert await bell.listen() == ["early", "middle", "late"]


async def test_an_alarm_can_be_moved_and_taken_away(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() + 10)
    bell.alarms.set("e", bell.clock.now() + 20)
    bell.alarms.set("f", bell.clock.now() + 10)
    bell.alarms.set("f", None)
    bell.clock.advance(10)
    assert await bell.listen() == []
    bell.clock.advance(10)
    assert await bell.listen() == ["e"]
    assert len(bell.alarms) == 0


async def test_an_alarm_set_before_the_others_rings_before_them(bell: Bell) -> None:
    bell.alarms.set("late", bell.clock.now() + 3600)
    bell.alarms.set("early", bell.clock.now() + 1)
    bell.clock.advance(1)

    assert await bell.listen() == ["early"]


async def test_a_clock_that_jumps_forward_rings_what_it_passed(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() + 3600)
    bell.clock.jump(3600)

    assert await bell.listen() == ["e"]


async def test_a_clock_that_is_set_back_rings_nothing_twice_and_nothing_early(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() + 10)
    bell.alarms.set("f", bell.clock.now() + 20)
    bell.clock.advance(10)
    assert await bell.listen() == ["e"]
    bell.clock.jump(-3600)
    assert await bell.listen() == []
    bell.clock.jump(3600)
    assert await bell.listen() == []
    bell.clock.advance(10)
    assert await bell.listen() == ["f"]


async def test_an_alarm_in_the_past_rings_at_once(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() - 10)

    assert await bell.listen() == ["e"]


async def test_moving_one_alarm_for_ever_takes_no_room(bell: Bell) -> None:
    for n in range(10_000):
        bell.alarms.set("e", bell.clock.now() + 10_000 - n)

    assert len(bell.alarms) == 1
    assert len(bell.alarms._heap) < 2_000


async def test_a_stopped_bell_is_silent(bell: Bell) -> None:
    bell.alarms.set("e", bell.clock.now() + 1)
    bell.alarms.stop()
    bell.clock.advance(1)

    assert await bell.listen() == []


# --- in an engine


async def test_a_delay_lasts_as_long_as_its_clock_says_and_measures_it() -> None:
    clock, journal = ManualClock(), HeldJournal()
    await opened(journal)
    async with engine_on(journal, clock=clock) as (engine, _):
        execution_id = await start(engine, document(step("d", step_type="delay", config={"delay_seconds": 3600})))
        await until_status(engine, execution_id, "waiting")
        clock.advance(3599)
        await asyncio.sleep(4 * LOOKS)
        assert (await engine.executions.get(LOCAL, execution_id)).summary.status == "waiting"
        clock.advance(1)
        results = await ended(engine, execution_id)

    output = results.steps["d"].output
    assert isinstance(output, dict)
    assert output["delay_actual"] == 3600


async def test_a_retry_comes_after_its_delay_and_a_timeout_after_its_time() -> None:
    clock, journal, calls = ManualClock(), HeldJournal(), Calls(open_gate=False)
    await opened(journal)
    async with engine_on(journal, offered(calls), clock=clock) as (engine, _):
        late = step("a", timeout_seconds=60, max_retries=1, retry_delay_seconds=100, max_retry_delay_seconds=500)
        execution_id = await start(engine, document(late))
        await until(lambda: calls.seen)
        clock.advance(60)
        await until(lambda: calls.cancelled)
        await until_status(engine, execution_id, "waiting")
        clock.advance(89)
        await asyncio.sleep(4 * LOOKS)
        assert len(calls.seen) == 1
        calls.gate.set()
        clock.advance(22)
        assert (await ended(engine, execution_id)).status == "completed"
        assert [request.attempt for request in calls.seen] == [1, 2]


async def test_the_clock_of_an_engine_may_be_set_back() -> None:
    clock, journal = ManualClock(), HeldJournal()
    await opened(journal)
    async with engine_on(journal, clock=clock) as (engine, _):
        execution_id = await start(engine, document(step("d", step_type="delay", config={"delay_seconds": 10})))
        await until_status(engine, execution_id, "waiting")
        clock.jump(-86_400)
        await asyncio.sleep(4 * LOOKS)
        assert (await engine.executions.get(LOCAL, execution_id)).summary.status == "waiting"
        clock.jump(86_400 + 10)
        assert (await ended(engine, execution_id)).status == "completed"
        fired = [event for commit in journal.commits for event in commit.events if event.kind == "timer_fired"]
        assert len(fired) == 1
