"""Cancels and timeouts: pushed to the worker, confirmed by it, and final."""

import asyncio
import time
from typing import Final

from workflow_engine.testing.errors import NothingCame, expect, expect_equal
from workflow_engine.testing.scenarios.leases import answer_to
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.scenarios.sessions import seen
from workflow_engine.testing.stage import Stage
from workflow_engine.testing.transports.contract import completed

ROOM = Room("docs/worker-protocol.md#cancels")
QUICKLY_SECONDS: Final = 1.0
"""On an idle machine it takes some milliseconds; how many is for a benchmark to say."""
SHORT_SECONDS: Final = 1.0


@ROOM.scenario("a cancel reaches a worker that never renews, quickly")
async def pushed(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    begun = time.monotonic()
    await stage.client.cancel(execution)
    cancel = await worker.inbox.cancels.take(QUICKLY_SECONDS)
    took = time.monotonic() - begun
    expect(took < QUICKLY_SECONDS, f"the cancel took {took:.3f} s")
    expect_equal((cancel.lease, cancel.reason), (task.lease, "cancelled"), "the cancel")
    expect(cancel.grace_seconds > 0, "the cancel gives no time to stop")
    await worker.confirm_cancel(cancel)


@ROOM.scenario("a result after a cancel changes nothing")
async def result_after(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await stage.client.cancel(execution)
    await worker.inbox.cancels.take()
    expect_equal(await answer_to(worker, completed(task, "late")), "LEASE_SUPERSEDED", "the answer")
    results = await stage.client.end_of(execution)
    expect_equal((results.status, results.steps["work"].status), ("cancelled", "cancelled"), "execution and step")


@ROOM.scenario("a cancelled step takes its slot until the worker confirms")
async def slot(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.take_one()
    await stage.start(step)
    await stage.client.cancel(execution)
    cancel = await worker.inbox.cancels.take()
    await worker.gets_nothing(0.5, "it did not confirm the cancel yet")
    await worker.confirm_cancel(cancel)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a worker that ignores a cancel is recorded as such, and gets its slot back after the grace")
async def ignored(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.take_one()
    await stage.start(step)
    await stage.client.cancel(execution)
    cancel = await worker.inbox.cancels.take()
    deadline = time.monotonic() + cancel.grace_seconds + 5.0
    while (listed := await seen(stage, worker)) is None or listed.ignored_cancels != 1:
        if time.monotonic() > deadline:
            raise NothingCame(f"record of the ignored cancel (the worker is listed as {listed})", 5.0)
        await asyncio.sleep(0.1)
    await worker.complete(await worker.take_one())


@ROOM.scenario("the timeout of a step runs from the hand-over, not while it waits in the line")
async def from_hand_over(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    execution = await stage.start(step, timeout_seconds=SHORT_SECONDS)
    await asyncio.sleep(SHORT_SECONDS * 1.5)
    worker = await stage.worker(step)
    task = await worker.take_one()
    expect_equal(task.timeout_seconds, SHORT_SECONDS, "the timeout it is told")
    await worker.complete(task, "in time")
    expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")


@ROOM.scenario("after the timeout the worker is told to stop, and its late result is refused")
async def timed_out(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step, timeout_seconds=SHORT_SECONDS, max_retries=0)
    task = await worker.take_one()
    cancel = await worker.inbox.cancels.take(SHORT_SECONDS + 10.0)
    expect_equal((cancel.lease, cancel.reason), (task.lease, "timeout"), "the cancel")
    expect_equal(await answer_to(worker, completed(task, "late")), "LEASE_SUPERSEDED", "the answer to a late result")
    results = await stage.client.end_of(execution)
    expect_equal((results.status, results.steps["work"].error), ("failed", "timeout"), "the end")


@ROOM.scenario("renewing does not prolong a timeout")
async def not_prolonged(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step, timeout_seconds=SHORT_SECONDS, max_retries=0)
    task = await worker.take_one()
    deadline = time.monotonic() + SHORT_SECONDS + 10.0
    while not len(worker.inbox.cancels):
        expect(time.monotonic() < deadline, "a worker that renews was not told of the timeout")
        await worker.renew(task)
        await asyncio.sleep(SHORT_SECONDS / 4)
    expect_equal((await worker.inbox.cancels.take()).reason, "timeout", "the reason")
