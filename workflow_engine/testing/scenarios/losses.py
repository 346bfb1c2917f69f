"""Steps that may run once only, and step types that keep losing their workers."""

from typing import Final

from workflow_engine.testing.errors import NothingCame, expect, expect_equal
from workflow_engine.testing.scenarios.leases import expect_again
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage

ROOM = Room("docs/worker-protocol.md#staying-alive")
MOST_LOSSES: Final = 50
LOSSES_IN_ALL: Final = 12
"""More than a server takes in a row."""


@ROOM.scenario("a step that may run once is never assigned a second time: its outcome is unknown")
async def once(stage: Stage) -> None:
    step = stage.contract(effect="at_most_once")
    worker = await stage.worker(step)
    execution = await stage.start(step, max_retries=3)
    await worker.take_one()
    await worker.drop()
    other = await stage.worker(step, held=[])
    await stage.client.reason(execution, "OUTCOME_UNKNOWN", stage.terms.lease_over)
    await other.gets_nothing(stage.terms.lease * 1.2, "it may run once only")
    await stage.client.resolve(execution, "work", "it was done")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "it was done", "the output")


@ROOM.scenario("a late result of a step that may run once still counts")
async def late_word(stage: Stage) -> None:
    step = stage.contract(effect="at_most_once")
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.drop()
    back = await stage.worker(step, held=[])
    await stage.client.reason(execution, "OUTCOME_UNKNOWN", stage.terms.lease_over)
    await back.complete(task, "it was done")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "it was done", "the output")


@ROOM.scenario("a step that may run once and was rejected is assigned again")
async def once_rejected(stage: Stage) -> None:
    step = stage.contract(effect="at_most_once")
    unwilling = await stage.worker(step, worker="a")
    execution = await stage.start(step)
    (first,) = await unwilling.receive()
    willing = await stage.worker(step, worker="b")
    await unwilling.reject(first)
    again = await willing.take_one()
    expect_again(again, first)
    await willing.complete(again, "done")
    expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")


@ROOM.scenario("a step that may run once keeps its worker over a reconnect")
async def once_kept(stage: Stage) -> None:
    step = stage.contract(effect="at_most_once")
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.drop()
    back = await stage.worker(step, held=[task])
    await back.complete(task, "once")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "once", "the output")


@ROOM.scenario("a type that keeps losing its workers is quarantined; a person heals it")
async def poison(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    losses = 0
    while losses < MOST_LOSSES:
        try:
            await worker.take_one(2.0)
        except NothingCame:
            break
        losses += 1
        await worker.drop()
        worker = await stage.worker(step, held=[])
    await stage.client.reason(execution, "QUARANTINED", 1.0)
    expect_equal(await stage.client.step_status(step.name), "quarantined", "the status of the type")
    await stage.client.reset_step(step.name)
    task = await worker.take_one()
    expect_equal(task.attempt, 1, "the attempt: a lost worker costs none")
    await worker.complete(task, "healed")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "healed", "the output")
    expect_equal(await stage.client.step_status(step.name), "served", "the status of the type")


@ROOM.scenario("a result in between closes the count of losses")
async def healed_by_work(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    for _ in range(LOSSES_IN_ALL):
        execution = await stage.start(step)
        held = await stage.worker(step, held=[])
        await held.take_one()
        await held.drop()
        worker = await stage.worker(step, held=[])
        await worker.complete(await worker.take_one(), "done")
        await worker.drop()
        expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")
        status = await stage.client.step_status(step.name)
        expect(status != "quarantined", "the type is quarantined, though each loss was followed by a result")
