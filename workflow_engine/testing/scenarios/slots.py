"""Credits and order: never more than a worker has room for, and the oldest first."""

import asyncio

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import expect, expect_equal
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage, number_of

ROOM = Room("docs/worker-protocol.md#the-life-of-a-session")


@ROOM.scenario("a worker never has more unfinished assignments than credits")
async def never_more(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, slots={"": 3})
    await stage.start_many(step, 8)
    tasks = await worker.take(3)
    await worker.gets_nothing(0.5, "all its slots are taken")
    await worker.complete(tasks[0])
    tasks += await worker.take(1)
    await worker.gets_nothing(0.3, "only one slot became free")


@ROOM.scenario("credits of one step type bound that type alone")
async def by_type(stage: Stage) -> None:
    few, many = stage.contract("few"), stage.contract("many")
    worker = await stage.worker(few, many, slots={"": 4, few.name: 1})
    await stage.start_many(few, 4)
    await stage.start_many(many, 4)
    tasks = await worker.take(4)
    types = sorted(task.step_type for task in tasks)
    expect_equal(types, [few.pin, many.pin, many.pin, many.pin], "what was assigned")
    await worker.gets_nothing(0.3, "all its slots are taken")


@ROOM.scenario("no credits take nothing, and new credits count at once")
async def raised(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, slots={"": 0})
    await stage.start_many(step, 3)
    await worker.gets_nothing(0.5, "it has no credits")
    await worker.credits({"": 2})
    await worker.take(2)
    await worker.credits({"": 1})
    await worker.gets_nothing(0.3, "it has fewer credits than steps")


@ROOM.scenario("a step takes as many slots as its type costs")
async def cost(stage: Stage) -> None:
    heavy = stage.contract(slot_cost=2)
    worker = await stage.worker(heavy, slots={"": 5})
    await stage.start_many(heavy, 4)
    await worker.take(2)
    await worker.gets_nothing(0.3, "one slot is left, and a step costs two")


@ROOM.scenario("credits hold in a reconnect storm")
async def storm(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    executions = await stage.start_many(step, 12)
    held: list[pb.Assignment] = []
    for _ in range(6):
        worker = await stage.worker(step, slots={"": 3}, held=held)
        held += await worker.take(3 - len(held))
        await worker.gets_nothing(0.1, "it resumed or took as many as it has slots")
        await worker.complete(held.pop(0))
        held += await worker.take(1)
        expect(len(worker.inbox.assignments) == 0, "more was assigned than there are slots")
        await worker.drop()
    expect_equal(len({task.lease.execution_id for task in held}), 3, "the steps it holds in the end")
    ended = [one for one in executions if (await stage.client.results(one)).status == "completed"]
    expect_equal(len(ended), 6, "the executions that completed")


@ROOM.scenario("the old backlog comes before new work, in the order it came")
async def backlog(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    await stage.start_in_order(step, 5)
    worker = await stage.worker(step)
    await stage.start(step, 5)
    order = []
    for _ in range(6):
        task = await worker.take_one()
        order.append(number_of(task))
        await worker.complete(task)
    expect_equal(order, [0, 1, 2, 3, 4, 5], "the order")


@ROOM.scenario("a step that is handed over again keeps its old place in the line")
async def old_place(stage: Stage) -> None:
    step = stage.contract()
    await stage.client.register(step)
    await stage.start_in_order(step, 12)
    lost = await stage.worker(step, worker="a")
    expect_equal(number_of(await lost.take_one()), 0, "the first one")
    await lost.drop()
    worker = await stage.worker(step, worker="a", held=[])
    order = []
    for _ in range(12):
        task = await worker.take_one()
        order.append(number_of(task))
        await worker.complete(task)
    expect_equal(sorted(str(one) for one in order), sorted(str(one) for one in range(12)), "what came")
    # It is written down first that it is handed over again; what is behind it goes on meanwhile.
    expect(order.index(0) <= 5, f"the one that was lost came as number {order.index(0) + 1}: {order}")


@ROOM.scenario("two workers share one line, and nothing is given to both")
async def shared(stage: Stage) -> None:
    step = stage.contract()
    workers = [await stage.worker(step, worker=name, slots={"": 5}) for name in ("a", "b")]
    executions = await stage.start_many(step, 10)
    lots = await asyncio.gather(*(worker.take(5) for worker in workers))
    given = [task.lease.execution_id for lot in lots for task in lot]
    expect_equal(sorted(given), sorted(executions), "what the two were given together")
