"""Suspended steps: they wait without a slot, and go on with what they remembered."""

import time
from typing import Final

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import expect, expect_equal
from workflow_engine.testing.scenarios.leases import answer_to
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage, number_of
from workflow_engine.testing.transports.contract import value_of

ROOM = Room("docs/worker-protocol.md#results")
PAUSE_SECONDS: Final = 1.0


@ROOM.scenario("a suspended step goes on when its timer is over, with its memo, and held no slot")
async def timer(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step, 0)
    first = await worker.take_one()
    begun = time.monotonic()
    await worker.suspend(first, seconds=PAUSE_SECONDS, memo={"page": 3})
    await stage.start(step, 1)
    between = await worker.take_one(PAUSE_SECONDS)
    expect_equal(number_of(between), 1, "the step that got the slot meanwhile")
    await worker.complete(between)
    again = await worker.take_one()
    expect(time.monotonic() - begun >= PAUSE_SECONDS, "the timer fired early")
    expect_equal((again.resumption.by, value_of(again.resumption.memo)), ("timer", {"page": 3}), "the resumption")
    expect_equal((again.attempt, again.idempotency_key), (1, first.idempotency_key), "attempt and key")
    expect(again.lease.delivery > first.lease.delivery, "the delivery did not grow")
    await worker.complete(again)


@ROOM.scenario("a suspended step goes on when its signal comes, with memo and payload")
async def signal(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.suspend(await worker.take_one(), signal="approved", memo=[1, 2])
    reason = await stage.client.reason(execution, "SIGNAL")
    expect_equal(reason.details["name"], "approved", "the signal it waits for")
    await worker.gets_nothing(0.3, "it is suspended")
    await stage.client.signal(execution, "approved", {"by": "Ada"})
    again = await worker.take_one()
    resumed = again.resumption
    expect_equal(
        (resumed.by, value_of(resumed.memo), value_of(resumed.payload)),
        ("signal", [1, 2], {"by": "Ada"}),
        "the resumption",
    )
    await worker.complete(again, "approved")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "approved", "the output")


@ROOM.scenario("a signal that came first is taken by the step that waits for it later")
async def before(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await stage.client.signal(execution, "approved", 7)
    await worker.suspend(task, signal="approved")
    again = await worker.take_one()
    expect_equal((again.resumption.by, value_of(again.resumption.payload)), ("signal", 7), "the resumption")
    await worker.complete(again)


@ROOM.scenario("a step that waits for a signal or a time goes on with whichever comes first")
async def either(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step)
    await worker.suspend(await worker.take_one(), seconds=0.3, signal="never")
    again = await worker.take_one()
    expect_equal(again.resumption.by, "timer", "why it goes on")
    await worker.complete(again)


@ROOM.scenario("a suspension that nothing could end fails the attempt, and its sender is told")
async def endless(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    for wrong in (pb.Suspend(), pb.Suspend(signal="two words"), pb.Suspend(seconds=1e9)):
        execution = await stage.start(step)
        task = await worker.take_one()
        code = await answer_to(worker, pb.Result(lease=task.lease, suspend=wrong))
        expect_equal(code, "CONTRACT_VIOLATION", f"the answer to {wrong!r}")
        end = await stage.client.end_of(execution)
        expect_equal((end.status, end.steps["work"].error), ("failed", "contract-violation"), "the end")
