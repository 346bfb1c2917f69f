"""Sessions: alive or silent, one at a time for each worker, and back after a loss of the connection."""

import asyncio
from typing import Final

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.clients.contract import WorkerSeen
from workflow_engine.testing.errors import NothingCame, Refused, Violation, expect, expect_equal
from workflow_engine.testing.scenarios.leases import expect_again
from workflow_engine.testing.scenarios.scenario import POLLING, STREAM, Room
from workflow_engine.testing.stage import Stage
from workflow_engine.testing.transports.contract import WorkerSession, code_name, completed

ROOM = Room("docs/worker-protocol.md#staying-alive")
MANY: Final = 100
PROMPT_SECONDS: Final = 5.0


async def seen(stage: Stage, session: WorkerSession) -> WorkerSeen | None:
    """This worker, as the server lists it."""
    listed = [one for one in await stage.client.workers() if one.worker_id == session.opening.worker_id]
    return listed[0] if listed else None


async def gone(stage: Stage, session: WorkerSession) -> None:
    """Wait until the server no longer counts it as connected."""
    within = stage.terms.dead_over
    for _ in range(int(within / 0.1)):
        worker = await seen(stage, session)
        if worker is None or worker.status == "lost":
            return
        await asyncio.sleep(0.1)
    raise NothingCame("end of a silent session", within)


def verdict_on(session: WorkerSession, task: pb.Assignment) -> str:
    verdict = session.verdicts.get(task.lease.delivery)
    if verdict is None:
        raise Violation("a lease that was resumed got no verdict")
    return pb.VerdictCode.Name(verdict.code).removeprefix("VERDICT_CODE_")


@ROOM.scenario("a silent worker is closed within dead_after")
async def silent(stage: Stage) -> None:
    worker = await stage.worker(stage.contract())
    await worker.fall_silent()
    await gone(stage, worker)


@ROOM.scenario("a stream that answers its pings stays open", on=STREAM)
async def pinged(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    begun = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - begun < stage.terms.dead_after * 1.5:
        await worker.inbox.pings.take(stage.terms.ping_every * 3 + 1)
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a worker that waits in a poll is not silent", on=POLLING)
async def waits(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await asyncio.sleep(stage.terms.dead_after * 1.5)
    await stage.start(step)
    await worker.complete(await worker.take_one())


@ROOM.scenario("a live worker that resumes in time keeps its task")
async def resumes(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.drop()
    back = await stage.worker(step, held=[task])
    expect_equal(verdict_on(back, task), "KEEP", "the verdict")
    other = await stage.worker(step, worker="b")
    await other.gets_nothing(stage.terms.lease * 0.6, "the worker came back and keeps it")
    await back.complete(task, "kept")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "kept", "the output")


@ROOM.scenario("a worker that comes back too late is told to abort")
async def too_late(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, worker="a")
    await stage.start(step)
    task = await worker.take_one()
    await worker.drop()
    other = await stage.worker(step, worker="b")
    again = await other.take_one(stage.terms.lease_over)
    back = await stage.worker(step, worker="a", held=[task])
    expect_equal(verdict_on(back, task), "ABORT", "the verdict")
    await other.complete(again)


@ROOM.scenario("what a worker that comes back does not name is lost at once")
async def not_named(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step)
    first = await worker.take_one()
    await worker.drop()
    back = await stage.worker(step, held=[])
    again = await back.take_one(min(PROMPT_SECONDS, stage.terms.lease * 0.8))
    expect_again(again, first)


@ROOM.scenario("a forged lease is not resumed")
async def forged(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step)
    task = await worker.take_one()
    await worker.drop()
    task.lease.token = "0" * len(task.lease.token)
    back = await stage.worker(step, worker="b", held=[task])
    expect_equal(verdict_on(back, task), "ABORT", "the verdict")


@ROOM.scenario("a new session of a worker supersedes the old one, whose end changes nothing")
async def epochs(stage: Stage) -> None:
    step = stage.contract()
    old = await stage.worker(step)
    execution = await stage.start(step)
    task = await old.take_one()
    new = await stage.worker(step, held=[task], slots={"": 2})
    expect(new.welcome.epoch > old.welcome.epoch, "a new session has no larger epoch than the one before")
    why = await asyncio.wait_for(asyncio.shield(old.inbox.ended), stage.terms.dead_over)
    expect(
        isinstance(why, Refused) and why.code in ("session-superseded", "session-not-found"),
        f"the old session ended with {why!r}",
    )
    await old.drop()
    await asyncio.sleep(0.2)
    listed = await seen(stage, new)
    expect(
        listed is not None and (listed.status, listed.epoch) == ("connected", new.welcome.epoch),
        f"after the end of the old session the worker is listed as {listed}",
    )
    await new.complete(task, "kept")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "kept", "the output")
    await stage.start(step)
    await new.complete(await new.take_one())


@ROOM.scenario("an unknown session is refused", on=POLLING)
async def unknown(stage: Stage) -> None:
    worker = await stage.polling(stage.contract())
    await worker.fall_silent()
    worker.welcome.session_id = "0197-of-nobody"
    for call in (worker.poll_once(0), worker.say(pb.ReportRequest()), worker.start_draining(0)):
        try:
            await call
        except Refused as refused:
            expect_equal(refused.code, "session-not-found", "the code")
        else:
            raise Violation("a call to a session that does not exist was answered")


@ROOM.scenario("a poll takes at most as many as it asks for, and nothing lies about between polls", on=POLLING)
async def at_most(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.polling(step, slots={"": 5})
    await worker.fall_silent()
    await stage.start_many(step, 3)
    first = await worker.poll_once(5.0, most=1)
    expect_equal(len(first.assignments), 1, "the number of assignments of a poll for one")
    other = await stage.worker(step, worker="b", slots={"": 5})
    await other.take(2)
    expect_equal(len((await worker.poll_once(0.2)).assignments), 0, "what was left for the first worker")


@ROOM.scenario("without explicit acks, handing out by a poll counts as acked", on=POLLING)
async def acked_by_poll(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step, worker="a", explicit_acks=False)
    await stage.start(step)
    (task,) = await worker.receive()
    other = await stage.worker(step, worker="b")
    seconds = min(stage.terms.ack_within * 1.5, stage.terms.lease * 0.8)
    await other.gets_nothing(seconds, "it was handed out by a poll and its lease is not over")
    await worker.complete(task)


@ROOM.scenario(
    "a server that crashes and restarts with many steps in flight: all resume, none is run again", alone=True
)
async def crash(stage: Stage) -> None:
    power = stage.power()
    step = stage.contract()
    worker = await stage.worker(step, slots={"": MANY})
    executions = await asyncio.gather(*(stage.start(step, number) for number in range(MANY)))
    tasks = await worker.receive(MANY)
    await worker.ack(*tasks)
    await power.crash()
    await worker.drop()
    opening = stage.opening(step, slots={"": MANY}, held=tasks)
    back = await stage.reopened(opening, stage.terms.lease * 0.8 + PROMPT_SECONDS)
    expect_equal({verdict_on(back, task) for task in tasks}, {"KEEP"}, "the verdicts")
    other = await stage.worker(step, worker="b", slots={"": MANY})
    await other.gets_nothing(0.5, "all of it was resumed")
    answers = await back.report(*(completed(task, "kept") for task in tasks))
    expect_equal({code_name(one) for one in answers}, {"OK"}, "the answers to what was kept")
    ends = [await stage.client.end_of(one) for one in executions]
    expect_equal({end.steps["work"].output for end in ends if end.status == "completed"}, {"kept"}, "the outputs")
    expect_equal(len([end for end in ends if end.status == "completed"]), MANY, "the executions that completed")


@ROOM.scenario("what was durable before a crash of the server is not run again after it", alone=True)
async def durable(stage: Stage) -> None:
    power = stage.power()
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.complete(task, "once")
    await power.crash()
    await worker.drop()
    back = await stage.reopened(stage.opening(step, held=[task]))
    expect_equal(verdict_on(back, task), "ABORT", "the verdict on what is done")
    await back.gets_nothing(1.0, "its result was acknowledged")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "once", "the output")


@ROOM.scenario("a server that stops says GoAway, and its workers come back to the next one", alone=True)
async def goes_away(stage: Stage) -> None:
    power = stage.power()
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await power.restart()
    away = await worker.inbox.go_away.take()
    expect(away.reconnect_after_seconds >= 0, f"GoAway says {away.reconnect_after_seconds} s")
    await worker.drop()
    back = await stage.reopened(stage.opening(step, held=[task]), stage.terms.lease * 0.8 + PROMPT_SECONDS)
    expect_equal(verdict_on(back, task), "KEEP", "the verdict")
    await back.complete(task, "kept")
    expect_equal((await stage.client.end_of(execution)).steps["work"].output, "kept", "the output")
