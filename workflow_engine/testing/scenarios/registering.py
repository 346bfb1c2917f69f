"""The catalogue: what a worker registers is a contract, owned and versioned."""

import asyncio
from dataclasses import replace

from workflow_engine.jsontext import JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.clients.contract import Client
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.errors import Refused, Violation, expect, expect_equal
from workflow_engine.testing.scenarios.opening import refused
from workflow_engine.testing.scenarios.scenario import STREAM, Room
from workflow_engine.testing.stage import Stage

ROOM = Room("docs/contracts.md#versions")
STORM = 20
TEXT: JsonObject = {"type": "object", "properties": {"value": {"type": "integer"}}}
NARROWER: JsonObject = {**TEXT, "required": ["value", "more"]}


async def registration_refused(client: Client, contract: Contract, code: str) -> Refused:
    try:
        await client.register(contract)
    except Refused as refused:
        expect_equal(refused.code, code, "the code of the refusal")
        return refused
    raise Violation(f"{contract.pin} was registered; it must be refused with {code}")


@ROOM.scenario("a registration storm with one contract is a no-op")
async def storm(stage: Stage) -> None:
    step = stage.contract(output_schema=TEXT)
    first = await stage.client.register(step)
    expect(first.changed, "the first registration changed nothing")
    openings = [stage.opening(step, worker=f"w{number}") for number in range(STORM)]
    sessions = await asyncio.gather(*(stage.open(opening) for opening in openings))
    changed = [one.changed for session in sessions for one in session.registered.steps]
    expect_equal(changed, [False] * STORM, "whether each of the storm changed something")
    expect_equal({tuple(one.registered.serves) for one in sessions}, {(step.pin,)}, "what the workers serve")


@ROOM.scenario("the same version with another contract is refused, and the difference is named")
async def other_contract(stage: Stage) -> None:
    step = stage.contract(output_schema=TEXT)
    await stage.client.register(step)
    other = replace(step, output_schema={"type": "string"})
    refusal = await registration_refused(stage.client, other, "step-version-exists")
    expect("output_schema" in refusal.message, f"the difference is not named: {refusal.message}")
    expect(refusal.status in ("ALREADY_EXISTS", "409"), f"the status is {refusal.status}")
    await refused(stage, stage.opening(other), "step-version-exists")


@ROOM.scenario("a minor version that breaks its major version is refused")
async def breaking_minor(stage: Stage) -> None:
    step = stage.contract(input_schema=TEXT)
    await stage.client.register(step)
    breaking = replace(step, version="1.1.0", input_schema=NARROWER)
    await registration_refused(stage.client, breaking, "breaking-minor-version")
    await stage.client.register(replace(breaking, version="2.0.0"))


@ROOM.scenario("a built-in name is refused")
async def builtin(stage: Stage) -> None:
    refusal = await registration_refused(stage.client, Contract("http_request"), "builtin-step-type")
    expect(refusal.status in ("PERMISSION_DENIED", "403"), f"the status is {refusal.status}")
    await refused(stage, stage.opening(Contract("http_request")), "builtin-step-type")


@ROOM.scenario("somebody else's name is refused")
async def foreign(stage: Stage) -> None:
    stranger = stage.stranger()
    step = stage.contract()
    await stage.client.register(step)
    refusal = await registration_refused(stranger, replace(step, version="2.0.0"), "foreign-step-type")
    expect(refusal.status in ("PERMISSION_DENIED", "403"), f"the status is {refusal.status}")


@ROOM.scenario("a dry run keeps nothing")
async def dry_run(stage: Stage) -> None:
    step = stage.contract()
    expect_equal((await stage.client.register(step, dry_run=True)).version, step.version, "the version")
    try:
        status = await stage.client.step_status(step.name)
    except Refused as refused:
        expect_equal(refused.code, "step-type-not-found", "the code")
        return
    raise Violation(f"after a dry run the type is there, and {status}")


@ROOM.scenario("a type that nobody registered cannot be served")
async def unknown_type(stage: Stage) -> None:
    refusal = await refused(stage, stage.opening(serves=(f"{stage.name}.nothing@1.0.0",)), "invalid-document")
    expect(any("serves/0" in pointer for pointer in refusal.pointers), f"the pointers are {refusal.pointers}")


@ROOM.scenario("a worker may serve a type that is registered already by its name alone")
async def by_name(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    worker = await stage.worker(serves=(step.name,))
    expect_equal(list(worker.registered.serves), [step.pin], "what it serves")
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a refused contract does not end a stream", on=STREAM)
async def better_one(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.stream()
    try:
        await worker.register(pb.Register(steps=[replace(step, version="not-a-version").message()]))
    except Refused as refused:
        expect(any("version" in pointer for pointer in refused.pointers), f"the pointers are {refused.pointers}")
    else:
        raise Violation("a contract without a valid version was registered")
    await worker.register(pb.Register(steps=[step.message()]))
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a worker serves several versions, and an execution stays with the version it began with")
async def pinned(stage: Stage) -> None:
    one = stage.contract()
    two = replace(one, version="1.1.0", description="the next one")
    await stage.client.register(one)
    older = await stage.start(one)
    newer_only = await stage.worker(two, worker="b")
    newer = await stage.start(two)
    task = await newer_only.take_one()
    expect_equal((task.lease.execution_id, task.step_type), (newer, two.pin), "what the worker of 1.1.0 got")
    await newer_only.complete(task)
    await newer_only.gets_nothing(0.5, "the older execution is pinned to 1.0.0")
    both = await stage.worker(one, two, worker="a", slots={"": 2})
    task = await both.take_one()
    expect_equal((task.lease.execution_id, task.step_type), (older, one.pin), "what the worker of both got")
    await both.complete(task)
