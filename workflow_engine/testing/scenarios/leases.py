"""Leases: who has a step, for how long, and whose report counts."""

import asyncio

from workflow_engine.jsontext import JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import expect, expect_equal
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage
from workflow_engine.testing.transports.contract import WorkerSession, code_name, completed

ROOM = Room("docs/worker-protocol.md#leases-and-fences")


def expect_again(again: pb.Assignment, before: pb.Assignment) -> None:
    """The same attempt of the same step, under a larger fence."""
    expect_equal(again.attempt, before.attempt, "the attempt after a loss")
    expect_equal(again.idempotency_key.encode(), before.idempotency_key.encode(), "the idempotency key")
    expect(
        again.lease.delivery > before.lease.delivery,
        f"the delivery went from {before.lease.delivery} to {again.lease.delivery}; it must grow",
    )


async def answer_to(session: WorkerSession, result: pb.Result) -> str:
    (answer,) = await session.report(result)
    return code_name(answer)


@ROOM.scenario("an assignment that is not acked in time comes again: same attempt, next delivery")
async def unacked(stage: Stage) -> None:
    step = stage.contract()
    silent = await stage.worker(step, worker="a")
    await stage.start(step)
    (first,) = await silent.receive()
    other = await stage.worker(step, worker="b")
    expect_again(await other.take_one(stage.terms.ack_over), first)


@ROOM.scenario("a step is not taken away before its lease is over, and is after")
async def lease_runs_out(stage: Stage) -> None:
    step = stage.contract()
    holder = await stage.worker(step, worker="a")
    await stage.start(step)
    first = await holder.take_one()
    other = await stage.worker(step, worker="b")
    await other.gets_nothing(stage.terms.lease * 0.6, "the lease was not over")
    expect_again(await other.take_one(stage.terms.lease_over), first)


@ROOM.scenario("a renewed lease goes on for as long as it is renewed")
async def renewed(stage: Stage) -> None:
    step = stage.contract()
    holder = await stage.worker(step, worker="a")
    execution = await stage.start(step)
    task = await holder.take_one()
    other = await stage.worker(step, worker="b")
    for _ in range(6):
        await other.gets_nothing(stage.terms.lease / 4, "the lease was renewed")
        expect_equal([code_name(one) for one in await holder.renew(task)], ["OK"], "the answer to Renew")
    await holder.complete(task, "done")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "done", "the output")


@ROOM.scenario("two workers, expired lease, both report: exactly one wins")
async def both_report(stage: Stage) -> None:
    step = stage.contract()
    first = await stage.worker(step, worker="a")
    execution = await stage.start(step)
    before = await first.take_one()
    second = await stage.worker(step, worker="b")
    again = await second.take_one(stage.terms.lease_over)
    cancel = await first.inbox.cancels.take()
    expect_equal(cancel.reason, "superseded", "the reason of the Cancel to the late worker")
    codes = await asyncio.gather(
        answer_to(first, completed(before, "late")), answer_to(second, completed(again, "in time"))
    )
    expect_equal(codes, ["LEASE_SUPERSEDED", "OK"], "the answers to the late and the present holder")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "in time", "the output")


@ROOM.scenario("a late report before re-assignment is accepted")
async def late_but_alone(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.gets_nothing(stage.terms.lease * 1.3, "its only slot is taken")
    await worker.complete(task, "late")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "late", "the output")


@ROOM.scenario("a worker that is killed: run again within the lease, same attempt, same key byte for byte")
async def killed(stage: Stage) -> None:
    step = stage.contract()
    victim = await stage.worker(step, worker="a")
    execution = await stage.start(step)
    first = await victim.take_one()
    expect(
        first.idempotency_key == f"wfk_{execution}_work",
        f"the idempotency key is {first.idempotency_key!r}; it is made of the execution and the path only",
    )
    await victim.drop()
    other = await stage.worker(step, worker="b")
    again = await other.take_one(stage.terms.lease_over)
    expect_again(again, first)
    await other.complete(again, "done")
    expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")


@ROOM.scenario("a superseded lease is refused everywhere and changes nothing")
async def superseded(stage: Stage) -> None:
    step = stage.contract()
    late = await stage.worker(step, worker="a")
    await stage.start(step)
    before = await late.take_one()
    holder = await stage.worker(step, worker="b")
    again = await holder.take_one(stage.terms.lease_over)
    (answer,) = await late.renew(before)
    expect_equal(code_name(answer), "LEASE_SUPERSEDED", "the answer to a late Renew")
    await late.progress(before, fraction=0.9, note="late")
    await late.chunks(before, 0, ["late"])
    await late.reject(before)
    await holder.gets_nothing(0.5, "only a late worker gave it back")
    expect_equal([code_name(one) for one in await holder.renew(again)], ["OK"], "the lease of the present holder")


@ROOM.scenario("the same accepted result again is OK; another one under the same token is a conflict")
async def sent_again(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step, workflow={"steps": [_work(step.pin), _behind(step.pin)]})
    task = await worker.take_one()
    expect_equal(await answer_to(worker, completed(task, {"n": 1})), "OK", "the answer to the result")
    expect_equal(await answer_to(worker, completed(task, {"n": 1})), "OK", "the answer to the same result again")
    expect_equal(await answer_to(worker, completed(task, {"n": 2})), "RESULT_CONFLICT", "the answer to another result")
    await worker.complete(await worker.take_one(), None)
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, {"n": 1}, "the output")
    expect_equal(await answer_to(worker, completed(task, {"n": 1})), "OK", "the same result after the end")


@ROOM.scenario("a forged token is refused, and hurts nobody")
async def forged(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    false = pb.Assignment()
    false.CopyFrom(task)
    false.lease.token = task.lease.token[:-1] + ("A" if task.lease.token[-1] != "A" else "B")
    expect_equal(await answer_to(worker, completed(false, "forged")), "INVALID_TOKEN", "the answer to a forged result")
    (answer,) = await worker.renew(false)
    expect_equal(code_name(answer), "INVALID_TOKEN", "the answer to a forged Renew")
    await worker.complete(task, "true")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "true", "the output")


@ROOM.scenario("a rejected assignment goes to another worker and costs no attempt")
async def rejected(stage: Stage) -> None:
    step = stage.contract()
    unwilling = await stage.worker(step, worker="a")
    execution = await stage.start(step, max_retries=0)
    (first,) = await unwilling.receive()
    willing = await stage.worker(step, worker="b")
    await unwilling.reject(first)
    again = await willing.take_one()
    expect_again(again, first)
    await willing.complete(again, "done")
    expect_equal((await stage.client.end_of(execution)).steps["work"].retries, 0, "the retries")


@ROOM.scenario("several results in one report are answered one by one")
async def in_one_report(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, slots={"": 5})
    executions = await stage.start_many(step, 5)
    tasks = await worker.take(5)
    answers = await worker.report(*(completed(task, task.lease.path) for task in tasks))
    expect_equal([code_name(one) for one in answers], ["OK"] * 5, "the answers")
    expect_equal(
        {one.lease.execution_id for one in answers}, set(executions), "the executions whose results were answered"
    )


def _work(pin: str) -> JsonObject:
    return {"step_id": "work", "step_type": pin}


def _behind(pin: str) -> JsonObject:
    return {"step_id": "behind", "step_type": pin, "dependencies": ["work"]}
