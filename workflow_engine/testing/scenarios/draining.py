"""Draining: nothing new, nothing lost, nothing twice."""

import asyncio

from workflow_engine.testing.errors import NothingCame, Violation, expect, expect_equal
from workflow_engine.testing.scenarios.leases import expect_again
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage
from workflow_engine.testing.transports.contract import PATIENCE_SECONDS, WorkerSession, code_name

ROOM = Room("docs/worker-protocol.md#the-life-of-a-session")


async def not_drained(session: WorkerSession, seconds: float, why: str) -> None:
    try:
        await session.inbox.drained.take(seconds)
    except NothingCame:
        return
    raise Violation(f"the worker was told Drained, though {why}")


@ROOM.scenario("a draining worker finishes what it has: nothing lost, nothing twice")
async def drains(stage: Stage) -> None:
    step = stage.contract()
    leaving = await stage.worker(step, worker="a", slots={"": 2})
    first = await stage.start_many(step, 2)
    tasks = await leaving.take(2)
    await leaving.start_draining(0)
    later = await stage.start_many(step, 2)
    await leaving.complete(tasks[0], "old")
    await leaving.gets_nothing(0.5, "it drains")
    await not_drained(leaving, 0.2, "it still has a step")
    await leaving.complete(tasks[1], "old")
    await leaving.inbox.drained.take()
    await leaving.drop()
    staying = await stage.worker(step, worker="b", slots={"": 4})
    for task in await staying.take(2):
        await staying.complete(task, "new")
    ends = [await stage.client.end_of(one) for one in (*first, *later)]
    expect_equal([end.steps["work"].output for end in ends], ["old", "old", "new", "new"], "the outputs")
    await staying.gets_nothing(0.5, "all steps are done")


@ROOM.scenario("leases are renewed and cancels arrive while a worker drains")
async def goes_on(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, slots={"": 2})
    executions = await stage.start_many(step, 2)
    tasks = await worker.take(2)
    await worker.start_draining(0)
    for _ in range(6):
        await asyncio.sleep(stage.terms.lease / 4)
        expect_equal([code_name(one) for one in await worker.renew(*tasks)], ["OK", "OK"], "the answer to Renew")
    await stage.client.cancel(executions[0])
    cancel = await worker.inbox.cancels.take()
    expect_equal(cancel.lease.execution_id, executions[0], "the execution that is cancelled")
    await worker.confirm_cancel(cancel)
    mine = next(task for task in tasks if task.lease.execution_id == executions[1])
    await worker.complete(mine, "done")
    await worker.inbox.drained.take()
    expect_equal((await stage.client.end_of(executions[1])).status, "completed", "the execution that was renewed")


@ROOM.scenario("neither a renewal nor new credits resurrect a draining worker")
async def stays_draining(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start_many(step, 3)
    task = await worker.take_one()
    await worker.start_draining(0)
    await worker.renew(task)
    await worker.credits({"": 5})
    await worker.gets_nothing(0.5, "it drains, whatever it renews")
    await worker.renew(task)
    await worker.complete(task)
    await worker.gets_nothing(0.5, "it has drained")


@ROOM.scenario("what is left after the deadline of a drain is given back: same attempt, next delivery")
async def past_the_deadline(stage: Stage) -> None:
    step = stage.contract()
    leaving = await stage.worker(step, worker="a")
    execution = await stage.start(step, max_retries=0)
    first = await leaving.take_one()
    staying = await stage.worker(step, worker="b")
    await leaving.start_draining(0.3)
    again = await staying.take_one(stage.terms.lease * 0.8 + 0.3)
    expect_again(again, first)
    await leaving.inbox.drained.take()
    await staying.complete(again, "done")
    expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")


@ROOM.scenario("a worker that holds nothing is drained at once")
async def nothing_held(stage: Stage) -> None:
    worker = await stage.worker(stage.contract())
    await worker.start_draining(0)
    await worker.inbox.drained.take()
    expect(len(worker.inbox.assignments) == 0, "it was assigned something on its way out")


@ROOM.scenario("a cancel that a draining worker never confirms does not keep it for ever")
async def ignored_cancel(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.take_one()
    await worker.start_draining(0)
    await stage.client.cancel(execution)
    cancel = await worker.inbox.cancels.take()
    await worker.inbox.drained.take(cancel.grace_seconds + stage.terms.ping_every + PATIENCE_SECONDS)
