"""How a session begins: who is let in, on which terms, and what a stream must not say."""

import math

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import Refused, Violation, expect, expect_equal
from workflow_engine.testing.scenarios.scenario import STREAM, Room
from workflow_engine.testing.scenarios.sessions import seen
from workflow_engine.testing.stage import Stage
from workflow_engine.testing.transports.contract import Opening
from workflow_engine.testing.transports.stream import Connection

ROOM = Room("docs/worker-protocol.md#the-life-of-a-session")
UNKNOWN_FRAME = pb.SessionRequest.FromString(b"\xf2\x3f\x02\x08\x07")
"""Field 1022, as a version of the protocol that is still to come might send it."""


async def refused(stage: Stage, opening: Opening, code: str) -> Refused:
    try:
        await stage.open(opening)
    except Refused as refused:
        expect_equal(refused.code, code, "the code of the refusal")
        return refused
    raise Violation(f"the session was opened; it must be refused with {code}")


async def ends_with(connection: Connection, status: str, code: str) -> None:
    """Read until the server ends the stream."""
    try:
        while await connection.read() is not None:
            pass
    except Refused as refused:
        expect_equal((refused.status, refused.code), (status, code), "what the stream ended with")
        return
    finally:
        await connection.close()
    raise Violation("the server ended the stream without a status")


@ROOM.scenario("Welcome gives the terms as durations, and confirms the capabilities it knows")
async def welcome(stage: Stage) -> None:
    said = (await stage.worker(stage.contract())).welcome
    expect_equal(said.proto, 1, "the protocol version")
    expect(bool(said.session_id), "Welcome names no session")
    expect(said.epoch > 0, f"the epoch is {said.epoch}")
    seconds = (said.ping_every_seconds, said.dead_after_seconds, said.lease_seconds, said.ack_within_seconds)
    expect(all(math.isfinite(one) and one > 0 for one in seconds), f"the durations are {seconds}")
    expect(said.ping_every_seconds < said.dead_after_seconds, "pings come more seldom than a worker is given up")
    expect(said.max_inline_bytes > 0 and said.max_frame_bytes > 0, "the limits are not said")
    expect_equal(set(said.capabilities), {"cancel", "progress", "chunks", "suspend"}, "the confirmed capabilities")


@ROOM.scenario("a frame before Hello is refused", on=STREAM)
async def before_hello(stage: Stage) -> None:
    connection = stage.streams.connect()
    await connection.send(ready=pb.Ready())
    await ends_with(connection, "FAILED_PRECONDITION", "out-of-order")


@ROOM.scenario("a second Hello is refused", on=STREAM)
async def hello_twice(stage: Stage) -> None:
    connection = stage.streams.connect()
    await connection.send(hello=stage.opening().hello())
    await connection.send(hello=stage.opening().hello())
    await ends_with(connection, "FAILED_PRECONDITION", "out-of-order")


@ROOM.scenario("a stream that ends before Hello is refused", on=STREAM)
async def no_hello(stage: Stage) -> None:
    connection = stage.streams.connect()
    await connection.finish()
    await ends_with(connection, "FAILED_PRECONDITION", "out-of-order")


@ROOM.scenario("frames the server does not know are ignored and counted", on=STREAM)
async def unknown_frames(stage: Stage) -> None:
    step = stage.contract()
    worker = await stage.stream()
    await worker.register(pb.Register(steps=[step.message()]))
    for _ in range(3):
        await worker.connection.send_frame(UNKNOWN_FRAME)
    await stage.start(step)
    await worker.complete(await worker.take_one())
    listed = await seen(stage, worker)
    expect_equal(None if listed is None else listed.unknown_frames, 3, "the number of unknown frames")


@ROOM.scenario("a range of protocol versions without this server's is refused")
async def other_protocol(stage: Stage) -> None:
    await refused(stage, stage.opening(protocols=(1_000, 1_001)), "unsupported-protocol")


@ROOM.scenario("a range that holds this server's version is fine")
async def newer_worker(stage: Stage) -> None:
    expect_equal((await stage.worker(protocols=(1, 9))).welcome.proto, 1, "the chosen version")


@ROOM.scenario("a worker id must be visible ASCII of at most 128 characters")
async def worker_ids(stage: Stage) -> None:
    for worker_id in ("", "two words", "ü", "x" * 129):
        await refused(stage, Opening(worker_id), "invalid-hello")


@ROOM.scenario("a foreign namespace is refused")
async def namespace(stage: Stage) -> None:
    await refused(stage, stage.opening(namespace="of-somebody-else"), "foreign-namespace")


@ROOM.scenario("credits that cannot be are refused, which ends nothing")
async def impossible_credits(stage: Stage) -> None:
    if stage.transport.is_stream:
        worker = await stage.worker()
        await worker.credits({"": -1})
        answer = await worker.inbox.registered.take()
        expect(isinstance(answer, pb.Error) and answer.code == "invalid-credits", f"the answer is {answer!r}")
        expect(not worker.inbox.ended.done(), "the session ended")
    else:
        await refused(stage, stage.opening(slots={"": -1}), "invalid-credits")
