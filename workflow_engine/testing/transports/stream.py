"""`WorkerService.Session`: one stream for everything."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from grpc import aio

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.generated.worker_pb2_grpc import WorkerServiceStub
from workflow_engine.testing.errors import Refused, SessionEnded
from workflow_engine.testing.transports.contract import PATIENCE_SECONDS, Inbox, Opening, WorkerSession
from workflow_engine.testing.transports.dialing import Dialing
from workflow_engine.testing.transports.refusals import refusal_of

if TYPE_CHECKING:
    Call = aio.StreamStreamCall[pb.SessionRequest, pb.SessionResponse]
else:
    Call = Any

LISTS: Final = {
    "cancels": "cancels",
    "assign": "assignments",
    "renewed": "renewed",
    "result_acks": "result_acks",
    "verdicts": "verdicts",
}
"""Frames that carry lists, and the mailbox of their items."""


class StreamTransport:
    name = "stream"
    is_stream = True

    def __init__(self, dialing: Dialing) -> None:
        self._dialing = dialing

    async def open(self, opening: Opening) -> "StreamSession":
        session = StreamSession(opening, self.connect())
        try:
            await session.begin()
        except SessionEnded as ended:
            await session.drop()
            if isinstance(ended.why, Refused):
                raise ended.why from None
            raise
        except BaseException:
            await session.drop()
            raise
        return session

    def connect(self) -> "Connection":
        """A stream on a connection of its own, nothing said yet."""
        return Connection(self._dialing.channel(), self._dialing.metadata)

    async def close(self) -> None:
        """Each session has its own connection, and closes it."""


class Connection:
    """One channel with one stream: frames out, frames in."""

    def __init__(self, channel: aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._channel = channel
        self._call: Call = WorkerServiceStub(channel).Session(metadata=metadata)
        self._turn = asyncio.Lock()
        """A stream takes one write at a time, and pongs are written whenever a ping comes."""

    async def send(self, **frame: Any) -> None:  # noqa: ANN401 - one frame by its name
        """Raises `Refused` when the stream is over."""
        await self.send_frame(pb.SessionRequest(**frame))

    async def send_frame(self, frame: pb.SessionRequest) -> None:
        try:
            async with self._turn:
                await self._call.write(frame)
        except asyncio.InvalidStateError:
            raise await self.status() from None
        except aio.AioRpcError as error:
            raise refusal_of(error) from None

    async def read(self, within: float = PATIENCE_SECONDS) -> pb.SessionResponse | None:
        """The next frame; None at the end. Raises `Refused` when the stream ends with a status, `TimeoutError`."""
        try:
            async with asyncio.timeout(within):
                frame = await self._call.read()
        except aio.AioRpcError as error:
            raise refusal_of(error) from None
        return frame if isinstance(frame, pb.SessionResponse) else None

    async def finish(self) -> None:
        """Nothing more will be said."""
        with contextlib.suppress(asyncio.InvalidStateError):
            await self._call.done_writing()

    async def status(self) -> Refused:
        return Refused((await self._call.code()).name, "", await self._call.details() or "")

    async def close(self) -> None:
        self._call.cancel()
        await self._channel.close(None)


class StreamSession(WorkerSession):
    def __init__(self, opening: Opening, connection: Connection) -> None:
        super().__init__(opening, Inbox())
        self.connection = connection
        self._is_silent = False
        self._reading: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Hello, Register, Resume, Credits, Ready, in the order of the protocol."""
        opening, send = self.opening, self.connection.send
        await send(hello=opening.hello())
        first = await self.connection.read()
        if first is None or first.WhichOneof("frame") != "welcome":
            raise Refused("OK", "no-welcome", f"the first frame of the server is {first!r}")
        self.welcome = first.welcome
        self._reading = asyncio.create_task(self._read())
        if opening.contracts or opening.serves:
            self.registered = await self.register(opening.register())
        if opening.held is not None:
            await send(resume=pb.Resume(held=opening.held))
            for _ in opening.held:
                verdict = await self.inbox.verdicts.take()
                self.verdicts[verdict.lease.delivery] = verdict
        await send(credits=pb.Credits(slots=opening.slots))
        await send(ready=pb.Ready())

    async def register(self, frame: pb.Register) -> pb.Registered:
        """Raises `Refused` when the server answers with Error."""
        await self.connection.send(register=frame)
        answer = await self.inbox.registered.take()
        if isinstance(answer, pb.Error):
            raise Refused("ERROR", answer.code, answer.message, [each.pointer for each in answer.problems])
        return answer

    async def say(self, said: pb.ReportRequest) -> pb.ReportResponse:
        """One frame for each kind. Several at once take turns, so that each hears its own answers."""
        async with self._turn:
            for frame in _frames(said):
                await self.connection.send(**frame)
            answers = pb.ReportResponse()
            for _ in said.renew:
                answers.renewed.append(await self.inbox.renewed.take())
            for _ in said.results:
                answers.result_acks.append(await self.inbox.result_acks.take())
            return answers

    async def start_draining(self, deadline_seconds: float) -> None:
        await self.connection.send(drain=pb.Drain(deadline_seconds=deadline_seconds))

    async def fall_silent(self) -> None:
        self._is_silent = True

    async def drop(self) -> None:
        await self.connection.close()
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=PATIENCE_SECONDS)

    async def _read(self) -> None:
        try:
            while (frame := await self.connection.read(float("inf"))) is not None:
                await self._heard(frame)
        except Refused as refused:
            self.inbox.end(refused)
        except asyncio.CancelledError as cut:
            self.inbox.end(cut)
        else:
            self.inbox.end(None)

    async def _heard(self, frame: pb.SessionResponse) -> None:
        kind = frame.WhichOneof("frame")
        if kind in LISTS:
            mailbox = getattr(self.inbox, LISTS[kind])
            for item in getattr(frame, kind).items:
                mailbox.put(item)
        elif kind == "ping":
            self.inbox.pings.put(frame.ping)
            if not self._is_silent:
                await self.connection.send(pong=pb.Pong(nonce=frame.ping.nonce))
        elif kind in ("registered", "error"):
            self.inbox.registered.put(getattr(frame, kind))
        elif kind in ("drained", "go_away"):
            getattr(self.inbox, kind).put(getattr(frame, kind))


def _frames(said: pb.ReportRequest) -> Iterator[dict[str, Any]]:
    if said.HasField("credits"):
        yield {"credits": said.credits}
    if said.acks:
        yield {"acks": pb.Acks(leases=said.acks)}
    if said.progress:
        yield {"progress": pb.ProgressReports(items=said.progress)}
    if said.chunks:
        yield {"chunks": pb.Chunks(items=said.chunks)}
    if said.renew:
        yield {"renew": pb.Renew(leases=said.renew)}
    if said.results:
        yield {"results": pb.Results(items=said.results)}
    if said.rejects:
        yield {"rejects": pb.Rejects(items=said.rejects)}
    if said.cancel_acks:
        yield {"cancel_acks": pb.CancelAcks(leases=said.cancel_acks)}
    if said.logs:
        yield {"logs": pb.Logs(items=said.logs)}
