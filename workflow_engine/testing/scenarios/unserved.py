"""Workers come and go, types stay: what becomes of a step nobody serves."""

from workflow_engine.testing.errors import Refused, Violation, expect, expect_equal
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.scenarios.sessions import gone, seen
from workflow_engine.testing.stage import Stage

ROOM = Room("docs/workflows.md#the-document")


@ROOM.scenario("a type nobody serves is listed so, and explain tells when a worker was last there")
async def last_seen(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    expect_equal(await stage.client.step_status(step.name), "served", "the status while a worker is there")
    listed = await seen(stage, worker)
    expect(listed is not None and step.pin in listed.steps, f"the worker is listed as {listed}")
    await worker.drop()
    await gone(stage, worker)
    expect_equal(await stage.client.step_status(step.name), "unserved", "the status without any worker")
    execution = await stage.start(step)
    reason = await stage.client.reason(execution, "NO_WORKER")
    expect_equal((reason.path, reason.details["step_type"]), ("work", step.name), "what it tells of")
    expect(isinstance(reason.details["last_seen"], str), f"last_seen is {reason.details['last_seen']!r}")


@ROOM.scenario("on_missing_worker: wait, which is the default, runs the step when a worker comes")
async def wait(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    execution = await stage.start(step)
    reason = await stage.client.reason(execution, "NO_WORKER")
    expect_equal(reason.details["last_seen"], None, "when a worker was last there")
    worker = await stage.worker(step)
    await worker.complete(await worker.take_one(), "at last")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "at last", "the output")


@ROOM.scenario("on_missing_worker: reject refuses the start")
async def reject(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    try:
        await stage.start(step, workflow={"on_missing_worker": "reject"})
    except Refused as refused:
        expect_equal(refused.code, "no-worker", "the code")
    else:
        raise Violation("the execution was started")
    worker = await stage.worker(step)
    await stage.start(step, workflow={"on_missing_worker": "reject"})
    await worker.complete(await worker.take_one())


@ROOM.scenario("on_missing_worker: simulate makes an output up, and marks it")
async def simulate(stage: Stage) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    step = stage.contract(output_schema=schema)
    await stage.client.register(step)
    execution = await stage.start(step, workflow={"on_missing_worker": "simulate"})
    made_up = (await stage.client.end_of(execution)).steps["work"]
    expect(made_up.simulated, "the output is not marked as simulated")
    expect(
        isinstance(made_up.output, dict) and isinstance(made_up.output["n"], int),
        f"the output does not fit the schema: {made_up.output!r}",
    )


@ROOM.scenario("explain names the worker that has a step, and tells when all slots are taken")
async def explained(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    first = await stage.start(step)
    task = await worker.take_one()
    leased = await stage.client.reason(first, "LEASED")
    expect_equal(leased.details["worker"], worker.opening.worker_id, "the worker that has it")
    second = await stage.start(step)
    await stage.client.reason(second, "ALL_SLOTS_BUSY")
    await worker.complete(task)
    await worker.complete(await worker.take_one())
