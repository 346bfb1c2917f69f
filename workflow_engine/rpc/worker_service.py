"""Workers over gRPC: one stream for everything, or unary calls. What it all means is decided at the desk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from workflow_engine.dispatch.workers.errors import InvalidHello, OutOfOrder, SessionSuperseded
from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import Answer, GoAway
from workflow_engine.dispatch.workers.outbox import Outgoing
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.keys import InvalidKey
from workflow_engine.engine.workers import Asked, Workers
from workflow_engine.errors import InvalidDocument, Unavailable, WorkflowEngineError
from workflow_engine.jsontext import JsonLimits
from workflow_engine.rpc import worker_values as values
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.calls import Context, InvalidField, caller_of, wait_of
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.generated.worker_pb2_grpc import WorkerServiceServicer
from workflow_engine.rpc.registry_values import in_message, register_bodies
from workflow_engine.runtime.runtime import ShuttingDown

MOST_ITEMS_A_FRAME: Final = 1_000
ITEM_OVERHEAD: Final = 8
"""Bytes that an item of a list takes beside its own."""


class WorkerSilent(Unavailable):
    code = "worker-silent"

    def __init__(self) -> None:
        super().__init__("nothing was heard from this worker for too long; reconnect, and resume what is held")


class WorkerServicer(WorkerServiceServicer):
    def __init__(self, backing: Backing) -> None:
        self._backing = backing
        self._workers = backing.face.workers
        limits = backing.settings.limits
        self._json = JsonLimits(limits.max_nesting, limits.max_keys)

    def _caller(self, context: Context) -> Caller:
        return caller_of(context, self._backing.face)

    async def Session(  # type: ignore[override]  # it writes itself, which grpc.aio allows and the stubs do not know
        self, frames: AsyncIterator[pb.SessionRequest], context: Context
    ) -> None:
        """Writes itself: two directions that know nothing of each other but the session."""
        first = await _first(frames, self._backing.settings.limits.header_timeout_seconds)
        caller = self._caller(context)
        session = self._workers.open(caller, values.hello(first), "stream")
        try:
            await context.write(pb.SessionResponse(welcome=values.welcome(session, self._workers.terms)))
            stream = _Stream(
                self._workers,
                session,
                caller,
                self._json,
                context,
                self._backing.stopping,
                self._backing.face.keys.admits,
            )
            await stream.run(frames)
        finally:
            self._workers.sessions.close(session)

    async def OpenSession(self, request: pb.OpenSessionRequest, context: Context) -> pb.OpenSessionResponse:
        with _pointers_of_message("/register"):
            contracts = tuple(register_bodies(request.register.steps, self._json))
        asked = Asked(
            hello=values.hello(request.hello),
            contracts=contracts,
            serves=tuple(request.register.serves),
            slots=dict(request.credits.slots) if request.HasField("credits") else None,
            held=values.leases(request.resume.held),
            explicit_acks=request.explicit_acks,
        )
        with _pointers_of_message("/register"):
            opened = await self._workers.open_polling(self._caller(context), asked)
        return pb.OpenSessionResponse(
            welcome=values.welcome(opened.session, self._workers.terms),
            registered=values.registered(opened.joined),
            verdicts=pb.Verdicts(items=map(values.verdict, opened.verdicts)),
        )

    async def Poll(self, request: pb.PollRequest, context: Context) -> pb.PollResponse:
        session = self._workers.find(self._caller(context), request.session_id)
        wait = wait_of(request.wait_seconds, self._backing.settings.limits)
        if request.max_assignments < 0:
            raise InvalidField("max_assignments", "an integer from 0")
        outgoing = await self._workers.polling.poll(session, wait, request.max_assignments, self._backing.stopping)
        polled = pb.PollResponse(
            cancels=map(values.cancel, outgoing.cancels),
            drained=outgoing.drained,
            go_away=None if outgoing.go_away is None else values.go_away(outgoing.go_away),
        )
        for handover in outgoing.assignments:
            values.put_assignment(polled.assignments.add(), handover)
        return polled

    async def Report(self, request: pb.ReportRequest, context: Context) -> pb.ReportResponse:
        caller = self._caller(context)
        if not request.session_id:
            acked = await self._workers.report(caller, [values.result(one) for one in request.results])
            return _reported([], acked)
        session = self._workers.find(caller, request.session_id)
        renewed, acked = await self._workers.hearing.everything(session, values.said(request))
        return _reported(renewed, acked)

    async def DrainSession(self, request: pb.DrainSessionRequest, context: Context) -> pb.DrainSessionResponse:
        session = self._workers.find(self._caller(context), request.session_id)
        return pb.DrainSessionResponse(drained=self._workers.drain(session, request.deadline_seconds))


def _reported(renewed: Iterable[Answer], acked: Iterable[Answer]) -> pb.ReportResponse:
    reported = pb.ReportResponse()
    values.put_answers(reported.renewed, renewed)
    values.put_answers(reported.result_acks, acked)
    return reported


async def _first(frames: AsyncIterator[pb.SessionRequest], seconds: float) -> pb.Hello:
    try:
        async with asyncio.timeout(seconds):
            async for frame in frames:
                if frame.WhichOneof("frame") != "hello":
                    raise OutOfOrder("the first frame of a session is Hello")
                return frame.hello
    except TimeoutError:
        raise InvalidHello(f"it must come within {seconds:g} seconds") from None
    raise OutOfOrder("the stream ended before Hello")


class _Stream:
    """One session on one stream, from Welcome to its end."""

    def __init__(
        self,
        workers: Workers,
        session: Session,
        caller: Caller,
        limits: JsonLimits,
        context: Context,
        stopping: asyncio.Event,
        admits: Callable[[Caller], bool],
    ) -> None:
        self._workers = workers
        self._admits = admits
        self._left = False
        self._session = session
        self._caller = caller
        self._limits = limits
        self._context = context
        self._stopping = stopping
        self._heard: dict[str, Callable[[Any], Any]] = {
            "register": self._register,
            "ready": lambda _frame: workers.sessions.ready(session),
            "credits": self._credits,
            "acks": lambda frame: workers.hearing.acks(session, values.leases(frame.leases)),
            "rejects": lambda frame: workers.hearing.rejects(session, values.rejects(frame.items)),
            "renew": self._renew,
            "progress": lambda frame: workers.hearing.progress(session, values.progress(frame.items)),
            "chunks": lambda frame: workers.hearing.chunks(session, values.chunks(frame.items)),
            "results": self._results,
            "cancel_acks": lambda frame: workers.hearing.cancel_acks(session, values.leases(frame.leases)),
            "drain": lambda frame: workers.sessions.drain(session, frame.deadline_seconds),
            "pong": lambda _frame: None,
            "resume": self._resume,
            "logs": lambda frame: workers.hearing.logs(session, values.logs(frame.items)),
        }

    async def run(self, frames: AsyncIterator[pb.SessionRequest]) -> None:
        """Until one side leaves. Raises what ended the session from our side."""
        ways = [
            asyncio.ensure_future(self._hear(frames)),
            asyncio.ensure_future(self._speak()),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if ways[0].done() and ways[0].exception() is None:
                await self._last_words(ways[1:])
        finally:
            for way in ways:
                way.cancel()
            ended = await asyncio.gather(*ways[:2], return_exceptions=True)
        if self._stopping.is_set():
            terms = self._workers.terms
            await self._send(Outgoing(go_away=GoAway("the server stops", terms.reconnect_after)))
            raise ShuttingDown
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _last_words(self, ways: "Sequence[asyncio.Future[Any]]") -> None:
        """The worker says no more, and still hears what becomes of its results."""
        self._left = True
        self._workers.sessions.close(self._session)
        await asyncio.wait(ways, timeout=self._workers.terms.ack_within, return_when=asyncio.FIRST_COMPLETED)

    # --- what the worker says

    async def _hear(self, frames: AsyncIterator[pb.SessionRequest]) -> None:
        async for frame in frames:
            if not self._admits(self._caller):
                raise InvalidKey
            self._workers.sessions.heard(self._session)
            kind = frame.WhichOneof("frame")
            if kind is None:
                self._session.unknown_frames += 1
                continue
            if kind == "hello":
                raise OutOfOrder("Hello comes once, as the first frame")
            work = self._heard[kind](getattr(frame, kind))
            if work is not None:
                await work

    async def _register(self, frame: pb.Register) -> None:
        with self._refusals_told(), _pointers_of_message():
            bodies = register_bodies(frame.steps, self._limits)
            joined = await self._workers.join(self._caller, self._session, bodies, list(frame.serves))
            self._session.outbox.reply(pb.SessionResponse(registered=values.registered(joined)))

    def _credits(self, frame: pb.Credits) -> None:
        with self._refusals_told():
            self._workers.sessions.credits(self._session, dict(frame.slots))

    @contextlib.contextmanager
    def _refusals_told(self) -> Iterator[None]:
        """What is refused ends nothing: the worker may send something better."""
        try:
            yield
        except WorkflowEngineError as refusal:
            if refusal.http_status >= 500 and refusal.retry_after_seconds is None:
                raise
            self._session.outbox.reply(pb.SessionResponse(error=values.error(refusal, fatal=False)))

    async def _resume(self, frame: pb.Resume) -> None:
        verdicts = await self._workers.sessions.resume(self._session, values.leases(frame.held))
        self._session.outbox.verdicts(verdicts)

    def _renew(self, frame: pb.Renew) -> None:
        self._session.outbox.renewed(self._workers.hearing.renew(self._session, values.leases(frame.leases)))

    def _results(self, frame: pb.Results) -> None:
        results = [values.result(one) for one in frame.items]
        self._workers.hearing.results(self._session, results, self._session.outbox.result)

    # --- what the server says

    async def _speak(self) -> None:
        outbox = self._session.outbox
        while True:
            await outbox.news()
            await self._send(outbox.take())
            if outbox.closed and not self._session.unanswered:
                if self._left:
                    return
                raise SessionSuperseded if self._session.superseded else WorkerSilent

    async def _send(self, outgoing: Outgoing) -> None:
        for frame in self._frames(outgoing):
            await self._context.write(frame)

    def _frames(self, outgoing: Outgoing) -> Iterator[pb.SessionResponse]:
        yield from (reply for reply in outgoing.replies if isinstance(reply, pb.SessionResponse))
        if outgoing.verdicts:
            yield pb.SessionResponse(verdicts=pb.Verdicts(items=map(values.verdict, outgoing.verdicts)))
        if outgoing.cancels:
            yield pb.SessionResponse(cancels=pb.Cancels(items=map(values.cancel, outgoing.cancels)))
        yield from self._assignments(outgoing.assignments)
        yield from _answers("renewed", outgoing.renewed)
        yield from _answers("result_acks", outgoing.result_acks)
        if outgoing.ping is not None:
            yield pb.SessionResponse(ping=pb.Ping(nonce=outgoing.ping))
        if outgoing.drained:
            yield pb.SessionResponse(drained=pb.Drained())
        if outgoing.go_away is not None:
            yield pb.SessionResponse(go_away=values.go_away(outgoing.go_away))

    def _assignments(self, handovers: Iterable[HandOver]) -> Iterator[pb.SessionResponse]:
        """In frames that are small enough; a step whose input does not fit into one fails."""
        most, size, frame = self._workers.terms.max_frame_bytes, 0, pb.SessionResponse()
        for handover in handovers:
            values.put_assignment(frame.assign.items.add(), handover)
            one = frame.assign.items[-1].ByteSize() + ITEM_OVERHEAD
            if one > most:
                del frame.assign.items[-1]
                self._workers.hearing.is_too_large(handover, one)
            elif size + one > most or len(frame.assign.items) > MOST_ITEMS_A_FRAME:
                following = pb.SessionResponse()
                following.assign.items.append(frame.assign.items[-1])
                del frame.assign.items[-1]
                yield frame
                frame, size = following, one
            else:
                size += one
        if frame.assign.items:
            yield frame


def _answers(kind: str, answers: Sequence[Answer]) -> Iterator[pb.SessionResponse]:
    for begin in range(0, len(answers), MOST_ITEMS_A_FRAME):
        frame = pb.SessionResponse()
        values.put_answers(getattr(frame, kind).items, answers[begin : begin + MOST_ITEMS_A_FRAME])
        yield frame


@contextlib.contextmanager
def _pointers_of_message(prefix: str = "") -> Iterator[None]:
    """Problems point into what was sent, not into the body it was made into."""
    try:
        yield
    except InvalidDocument as invalid:
        found = [in_message(each) for each in invalid.problems()]
        raise InvalidDocument([replace(each, pointer=prefix + each.pointer) for each in found]) from None
