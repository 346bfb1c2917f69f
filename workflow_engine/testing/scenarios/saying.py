"""What a worker says while it works: progress, checkpoints and chunks, for watchers and for the next attempt."""

import asyncio
from collections.abc import Sequence

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.clients.contract import Event
from workflow_engine.testing.errors import expect_equal
from workflow_engine.testing.scenarios.scenario import Room
from workflow_engine.testing.stage import Stage

ROOM = Room("docs/worker-protocol.md#progress-and-chunks")


def chunks_in(events: Sequence[Event]) -> list[str]:
    """The texts watchers have in the end, by the numbers they came under: a gap or a duplicate would show."""
    texts: dict[int, str] = {}
    for event in events:
        if event.kind == "attempt_reset":
            texts.clear()
        elif event.kind == "step_chunk":
            first, said = event.data["first"], event.data["chunks"]
            if isinstance(first, int) and isinstance(said, list):
                for number, chunk in enumerate(said, first):
                    text = chunk["data"] if isinstance(chunk, dict) else None
                    texts[number] = f"twice: {text}" if number in texts else str(text)
    return [texts.get(number, "a gap") for number in range(max(texts, default=-1) + 1)]


def all_said(count: int, events: Sequence[Event]) -> bool:
    return len(chunks_in(events)) >= count


@ROOM.scenario("progress is seen by watchers")
async def progress(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.progress(task, fraction=0.25, note="a quarter")
    events = await stage.client.events_until(
        execution, lambda events: any(one.kind == "step_progress" for one in events), "progress event"
    )
    said = next(one for one in events if one.kind == "step_progress")
    expect_equal((said.path, said.data["fraction"], said.data["note"]), ("work", 0.25, "a quarter"), "the progress")
    started = next(one for one in events if one.kind == "step_started")
    expect_equal(started.data["worker"], worker.opening.worker_id, "the worker that is named")
    await worker.complete(task)


@ROOM.scenario("a checkpoint reaches the next attempt, byte for byte")
async def checkpoint(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step, max_retries=1, retry_delay_seconds=0.1)
    task = await worker.take_one()
    expect_equal(task.checkpoint, b"", "the checkpoint of a first attempt")
    left = bytes(range(256))
    await worker.progress(task, checkpoint=left)
    await worker.fail(task, retryable=True)
    again = await worker.take_one()
    expect_equal((again.attempt, again.checkpoint), (2, left), "the next attempt and its checkpoint")
    await worker.complete(again)


@ROOM.scenario("a checkpoint outlives the loss of its worker")
async def outlives(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.progress(task, checkpoint=b"half way")
    await stage.client.events_until(
        execution, lambda events: any(one.kind == "step_progress" for one in events), "progress event"
    )
    await worker.drop()
    other = await stage.worker(step, held=[])
    again = await other.take_one()
    expect_equal((again.attempt, again.checkpoint), (1, b"half way"), "the same attempt and its checkpoint")
    await other.complete(again)


@ROOM.scenario("chunks reach watchers in order, without gap or duplicate")
async def chunks(stage: Stage) -> None:
    step = stage.contract(streams=True)
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    texts = [f"word {number} " for number in range(20)]
    await worker.chunks(task, 0, texts[:8])
    await worker.chunks(task, 5, texts[5:12])
    await worker.chunks(task, 14, texts[14:])
    await worker.chunks(task, 12, texts[12:])
    await worker.complete(task)
    await stage.client.end_of(execution)
    expect_equal(chunks_in(await stage.client.events(execution)), texts, "what watchers have")


@ROOM.scenario("chunks after a reconnect: no gap, no duplicate")
async def after_reconnect(stage: Stage) -> None:
    step = stage.contract(streams=True)
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    texts = [f"word {number} " for number in range(12)]
    await worker.chunks(task, 0, texts[:7])
    await stage.client.events_until(execution, lambda events: all_said(3, events), "chunk")
    await worker.drop()
    back = await stage.worker(step, held=[task])
    wanted = back.verdicts[task.lease.delivery].next_chunk
    expect_equal(0 <= wanted <= 7, True, f"that the next chunk, {wanted}, is one of those that were sent or next")
    await back.chunks(task, wanted, texts[wanted:])
    await back.complete(task)
    await stage.client.end_of(execution)
    expect_equal(chunks_in(await stage.client.events(execution)), texts, "what watchers have")


@ROOM.scenario("on a retry watchers see attempt_reset, and the chunks begin anew")
async def reset(stage: Stage) -> None:
    step = stage.contract(streams=True)
    worker = await stage.worker(step)
    execution = await stage.start(step, max_retries=1, retry_delay_seconds=0.1)
    task = await worker.take_one()
    await worker.chunks(task, 0, ["wrong ", "words"])
    await stage.client.events_until(execution, lambda events: all_said(2, events), "chunk")
    await worker.fail(task, retryable=True)
    again = await worker.take_one()
    expect_equal(again.next_chunk, 0, "the number of the first chunk of the next attempt")
    await worker.chunks(again, 0, ["right"])
    await worker.complete(again)
    await stage.client.end_of(execution)
    events = await stage.client.events(execution)
    expect_equal([one.kind for one in events].count("attempt_reset"), 1, "the number of attempt_reset events")
    expect_equal(chunks_in(events), ["right"], "what watchers have")


@ROOM.scenario("a renewal tells up to which chunk all is durable")
async def kept(stage: Stage) -> None:
    step = stage.contract(streams=True)
    worker = await stage.worker(step)
    execution = await stage.start(step)
    task = await worker.take_one()
    await worker.chunks(task, 0, ["a", "b", "c"])
    await stage.client.events_until(execution, lambda events: all_said(3, events), "chunk")
    await asyncio.sleep(0.1)
    (answer,) = await worker.renew(task)
    expect_equal(answer.next_chunk, 3, "the next chunk the server waits for")
    await worker.complete(task)


@ROOM.scenario("a log line of a worker harms nobody")
async def logs(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.worker(step)
    await stage.start(step)
    task = await worker.take_one()
    line = pb.Log(lease=task.lease, level="warning", message="nothing\nbut a line " + "x" * 10_000)
    await worker.say(pb.ReportRequest(logs=[line, pb.Log(lease=task.lease, level="?", message="of no level")]))
    await worker.complete(task)
