"""Results and failures: what counts, what is over the limit, what is tried again."""

import time
from typing import Final

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import expect, expect_equal
from workflow_engine.testing.scenarios.leases import answer_to
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage, number_of
from workflow_engine.testing.transports.contract import code_name, completed

ROOM = Room("docs/worker-protocol.md#results")
NUMBER: Final[JsonObject] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PAUSE_SECONDS: Final = 1.5
VALUES: Final[tuple[Json, ...]] = (
    2**53 + 1,
    -(2**63),
    0.1,
    'ü \U0001f600 \\ "',
    [],
    {},
    None,
    [1, {"a": [None, True]}],
)
"""Integers stay integers, whatever a double would make of them."""


@ROOM.scenario("a result of one byte over the limit fails its own step, and nothing else")
async def too_large(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, slots={"": 2})
    executions = await stage.start_many(step, 2)
    tasks = {task.lease.execution_id: task for task in await worker.take(2)}
    large = completed(tasks[executions[0]], "x" * (stage.terms.max_inline_bytes - 1))
    expect_equal(len(large.output.data), stage.terms.max_inline_bytes + 1, "the size of the large result")
    answers = await worker.report(large, completed(tasks[executions[1]], "small"))
    codes = {one.lease.execution_id: code_name(one) for one in answers}
    expect_equal(codes, {executions[0]: "PAYLOAD_TOO_LARGE", executions[1]: "OK"}, "the answers")
    failed, well = [await stage.client.end_of(one) for one in executions]
    expect_equal((failed.status, failed.steps["work"].error), ("failed", "payload-too-large"), "the large one")
    expect_equal(well.steps["work"].output, "small", "the output of the small one")
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a result of exactly the limit is taken")
async def just_fits(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.complete(await worker.take_one(), "x" * (stage.terms.max_inline_bytes - 2))
    expect_equal((await stage.client.end_of(execution)).status, "completed", "the execution")


@ROOM.scenario("a result that breaks the contract of its type fails the attempt")
async def contract(stage: Stage) -> None:
    step = stage.contract(output_schema=NUMBER)
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    expect_equal(await answer_to(worker, completed(task, {"n": "one"})), "CONTRACT_VIOLATION", "the answer")
    results = await stage.client.end_of(execution)
    expect_equal((results.status, results.steps["work"].error), ("failed", "contract-violation"), "the end")


@ROOM.scenario("a result that is no JSON fails the attempt, and the session lives", on=("stream", "unary"))
async def no_json(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    for wrong in (b"{", b"\xff\xfe", b"NaN", b'{"a":1,"a":2}', b'"\\u0000"', b'"\\ud800"'):
        execution = await stage.start(step)
        task = await worker.take_one()
        result = pb.Result(lease=task.lease, output=pb.Payload(data=wrong))
        expect_equal(await answer_to(worker, result), "CONTRACT_VIOLATION", f"the answer to {wrong!r}")
        expect_equal((await stage.client.end_of(execution)).steps["work"].error, "contract-violation", "the error")
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("numbers and texts come through as they are, both ways")
async def values(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    for value in VALUES:
        execution = await stage.start(step, value)
        task = await worker.take_one()
        expect_equal(number_of(task), value, "the input")
        await worker.complete(task, value)
        expect_equal((await stage.client.end_of(execution)).steps["work"].output, value, "the output")


@ROOM.scenario("a retryable failure is tried again: next attempt, larger delivery, same key byte for byte")
async def retried(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step, max_retries=2, retry_delay_seconds=0.1)
    keys, deliveries = set(), []
    for attempt in (1, 2, 3):
        task = await worker.take_one()
        expect_equal(task.attempt, attempt, "the attempt")
        keys.add(task.idempotency_key.encode())
        deliveries.append(task.lease.delivery)
        if attempt < 3:
            await worker.fail(task, retryable=True)
        else:
            await worker.complete(task, "third")
    expect_equal(len(keys), 1, "the number of idempotency keys")
    expect(deliveries == sorted(set(deliveries)), f"the deliveries do not grow: {deliveries}")
    end = await stage.client.end_of(execution)
    expect_equal((end.steps["work"].output, end.steps["work"].retries), ("third", 2), "the end")


@ROOM.scenario("a failure that is not retryable ends the step at once, under its code")
async def not_retried(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step, max_retries=5, retry_delay_seconds=0.1)
    await worker.fail(await worker.take_one(), "no-such-order", retryable=False)
    end = await stage.client.end_of(execution)
    expect_equal((end.status, end.steps["work"].error), ("failed", "no-such-order"), "the end")
    await worker.gets_nothing(0.5, "the failure was not retryable")


@ROOM.scenario("retry_after of a failure delays the next attempt")
async def delayed(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step, max_retries=1, retry_delay_seconds=0.01)
    begun = time.monotonic()
    await worker.fail(await worker.take_one(), retryable=True, retry_after=PAUSE_SECONDS)
    task = await worker.take_one()
    took = time.monotonic() - begun
    expect(took >= PAUSE_SECONDS, f"the next attempt came after {took:.2f} s; it must not before {PAUSE_SECONDS}")
    await worker.complete(task)


@ROOM.scenario("an output that was made up is marked as simulated")
async def simulated(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    await worker.complete(await worker.take_one(), "made up", simulated=True)
    expect((await stage.client.end_of(execution)).steps["work"].simulated, "the output is not marked")
