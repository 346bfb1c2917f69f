"""A small real gRPC server that plays the server's half of the worker protocol, made from the protos alone.

It hands out what is queued, keeps leases, answers results, and does what a test asks it to: withhold answers, refuse,
drop streams, restart on its port.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc import aio

from workflow_client.generated import worker_pb2 as pb

Handed = tuple[str, str, int]


@dataclass
class Terms:
    lease: float = 60.0
    ping_every: float = 10.0
    dead_after: float = 30.0
    max_inline: int = 1024 * 1024
    max_frame: int = 3 * 1024 * 1024
    max_checkpoint: int = 65_536
    max_chunk: int = 1_000


@dataclass(eq=False)
class Joined:
    hello: pb.Hello
    out: "asyncio.Queue[pb.SessionResponse | None]" = field(default_factory=asyncio.Queue)
    slots: dict[str, int] = field(default_factory=dict)
    in_flight: set[Handed] = field(default_factory=set)
    is_ready: bool = False
    is_draining: bool = False


class FakeServer:
    """`frames` is everything that workers sent; `results` what was accepted, by execution id."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.port = 0
        self.frames: list[pb.SessionRequest] = []
        self.metadata: dict[str, str] = {}
        self.hellos: list[pb.Hello] = []
        self.contracts: list[Any] = []
        self.serves: list[str] = []
        self.results: dict[str, pb.Result] = {}
        self.chunks: dict[str, list[pb.Chunk]] = {}
        self.queue: deque[pb.Assignment] = deque()
        self.handed: dict[Handed, pb.Assignment] = {}
        self.sessions: list[Joined] = []
        self.answer_result: Callable[[pb.Result], int | None] = lambda _result: pb.LEASE_CODE_OK
        self.answer_renewal: Callable[[pb.Lease], int | None] = lambda _lease: pb.LEASE_CODE_OK
        self.verdict: Callable[[pb.Lease], int] = lambda _lease: pb.VERDICT_CODE_KEEP
        self.answer_drain = True
        self.refuse_registration: pb.Error | None = None
        self.abort_with: tuple[grpc.StatusCode, str] | None = None
        self.capabilities = ["cancel", "progress", "chunks", "suspend"]
        self._changed = asyncio.Condition()
        self._server: aio.Server | None = None

    # --- its life

    async def start(self) -> "FakeServer":
        server = aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self._handler(),))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        self._server = server
        return self

    async def stop(self) -> None:
        """As a kill: streams break."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
        self.sessions.clear()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    # --- what a test does

    def assign(
        self,
        step_type: str,
        value: object = None,
        *,
        execution_id: str | None = None,
        raw: bytes | None = None,
        **more: Any,  # noqa: ANN401  # fields of Assignment
    ) -> str:
        execution_id = execution_id or f"e{len(self.handed) + len(self.queue)}"
        data = raw if raw is not None else json.dumps({} if value is None else value).encode()
        lease = pb.Lease(execution_id=execution_id, path="step", delivery=1, token=f"t-{execution_id}")
        fields: dict[str, Any] = {
            "attempt": 1,
            "idempotency_key": f"wfk_{execution_id}_step",
            "step_id": "step",
            **more,
        }
        self.queue.append(pb.Assignment(lease=lease, step_type=step_type, input=pb.Payload(data=data), **fields))
        self.hand_out()
        return execution_id

    def hand_out(self) -> None:
        for session in self.sessions:
            given = []
            while self.queue and self._has_room(session):
                assignment = self.queue.popleft()
                handed = key(assignment.lease)
                self.handed[handed] = assignment
                session.in_flight.add(handed)
                given.append(assignment)
            if given:
                session.out.put_nowait(pb.SessionResponse(assign=pb.Assign(items=given)))

    def _has_room(self, session: Joined) -> bool:
        return session.is_ready and not session.is_draining and len(session.in_flight) < session.slots.get("", 0)

    def send(self, frame: pb.SessionResponse) -> None:
        for session in self.sessions:
            session.out.put_nowait(frame)

    def cancel(self, execution_id: str, reason: str = "cancelled") -> None:
        lease = next(assignment.lease for assignment in self.handed.values() if is_of(assignment, execution_id))
        self.send(pb.SessionResponse(cancels=pb.Cancels(items=[pb.Cancel(lease=lease, reason=reason)])))

    def drop_streams(self) -> None:
        for session in self.sessions:
            session.out.put_nowait(None)

    async def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Waits for what workers send to make `condition` true."""

        async def wait() -> None:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(condition()))

        await asyncio.wait_for(wait(), seconds)

    def of_kind(self, kind: str) -> list[Any]:
        return [getattr(frame, kind) for frame in self.frames if frame.WhichOneof("frame") == kind]

    def output(self, execution_id: str) -> object:
        return json.loads(self.results[execution_id].output.data)

    # --- the protocol

    def _handler(self) -> grpc.GenericRpcHandler:
        session = grpc.stream_stream_rpc_method_handler(
            self._session,
            request_deserializer=pb.SessionRequest.FromString,
            response_serializer=pb.SessionResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler("workflow_engine.v1.WorkerService", {"Session": session})

    async def _session(
        self,
        request_iterator: AsyncIterator[pb.SessionRequest],
        context: aio.ServicerContext[pb.SessionRequest, pb.SessionResponse],
    ) -> AsyncIterator[pb.SessionResponse]:
        self.metadata = {str(name): str(value) for name, value in context.invocation_metadata() or ()}
        if self.abort_with is not None:
            await context.abort(*self.abort_with)
        session = Joined(pb.Hello())
        self.sessions.append(session)
        reader = asyncio.create_task(self._read(session, request_iterator))
        try:
            while (frame := await session.out.get()) is not None:
                yield frame
        finally:
            reader.cancel()
            if session in self.sessions:
                self.sessions.remove(session)
            await self._notify()

    async def _read(self, session: Joined, frames: AsyncIterator[pb.SessionRequest]) -> None:
        async for frame in frames:
            self.frames.append(frame)
            for answer in self._answers(session, frame):
                session.out.put_nowait(answer)
            self.hand_out()
            await self._notify()
        session.out.put_nowait(None)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _answers(self, session: Joined, frame: pb.SessionRequest) -> Iterable[pb.SessionResponse]:
        kind = frame.WhichOneof("frame") or ""
        answer = getattr(self, f"_on_{kind}", None)
        if answer is not None:
            yield from answer(session, getattr(frame, kind))
        if session.is_draining and self.answer_drain and not session.in_flight:
            yield pb.SessionResponse(drained=pb.Drained())

    def _on_hello(self, session: Joined, hello: pb.Hello) -> Iterable[pb.SessionResponse]:
        yield self._welcome(session, hello)

    def _on_register(self, _session: Joined, register: pb.Register) -> Iterable[pb.SessionResponse]:
        yield self._registered(register)

    def _on_resume(self, session: Joined, resume: pb.Resume) -> Iterable[pb.SessionResponse]:
        verdicts = [self._judge(session, lease) for lease in resume.held]
        yield pb.SessionResponse(verdicts=pb.Verdicts(items=verdicts))

    def _on_credits(self, session: Joined, given: pb.Credits) -> Iterable[pb.SessionResponse]:
        session.slots = dict(given.slots)
        return ()

    def _on_ready(self, session: Joined, _ready: pb.Ready) -> Iterable[pb.SessionResponse]:
        session.is_ready = True
        return ()

    def _on_drain(self, session: Joined, _drain: pb.Drain) -> Iterable[pb.SessionResponse]:
        session.is_draining = True
        return ()

    def _on_renew(self, _session: Joined, renew: pb.Renew) -> Iterable[pb.SessionResponse]:
        answers = [self._answer(lease, self.answer_renewal(lease)) for lease in renew.leases]
        yield pb.SessionResponse(renewed=pb.Renewed(items=[answer for answer in answers if answer]))

    def _on_chunks(self, _session: Joined, chunks: pb.Chunks) -> Iterable[pb.SessionResponse]:
        for chunk in chunks.items:
            self._chunk(chunk)
        return ()

    def _on_results(self, session: Joined, results: pb.Results) -> Iterable[pb.SessionResponse]:
        answers = [self._result(session, result) for result in results.items]
        yield pb.SessionResponse(result_acks=pb.ResultAcks(items=[answer for answer in answers if answer]))

    def _on_cancel_acks(self, session: Joined, acks: pb.CancelAcks) -> Iterable[pb.SessionResponse]:
        session.in_flight -= {key(lease) for lease in acks.leases}
        return ()

    def _on_rejects(self, session: Joined, rejects: pb.Rejects) -> Iterable[pb.SessionResponse]:
        session.in_flight -= {key(reject.lease) for reject in rejects.items}
        return ()

    def _welcome(self, session: Joined, hello: pb.Hello) -> pb.SessionResponse:
        session.hello = hello
        self.hellos.append(hello)
        terms = self.terms
        return pb.SessionResponse(
            welcome=pb.Welcome(
                proto=1,
                session_id=f"s{len(self.hellos)}",
                epoch=len(self.hellos),
                capabilities=self.capabilities,
                ping_every_seconds=terms.ping_every,
                dead_after_seconds=terms.dead_after,
                lease_seconds=terms.lease,
                ack_within_seconds=5,
                max_inline_bytes=terms.max_inline,
                max_frame_bytes=terms.max_frame,
                max_checkpoint_bytes=terms.max_checkpoint,
                max_chunk_bytes=terms.max_chunk,
            )
        )

    def _registered(self, register: pb.Register) -> pb.SessionResponse:
        if self.refuse_registration is not None:
            return pb.SessionResponse(error=self.refuse_registration)
        self.contracts = list(register.steps)
        self.serves = list(register.serves)
        return pb.SessionResponse(registered=pb.Registered())

    def _judge(self, session: Joined, lease: pb.Lease) -> pb.Verdict:
        code = self.verdict(lease)
        if code == pb.VERDICT_CODE_KEEP:
            session.in_flight.add(key(lease))
        got = len(self.chunks.get(lease.execution_id, []))
        return pb.Verdict(lease=bare(lease), code=code, next_chunk=got)  # type: ignore[arg-type]  # an int on the wire

    def _result(self, session: Joined, result: pb.Result) -> pb.LeaseAnswer | None:
        code = self.answer_result(result)
        if code == pb.LEASE_CODE_OK:
            self.results[result.lease.execution_id] = result
        if code not in (None, pb.LEASE_CODE_UNAVAILABLE, pb.LEASE_CODE_INVALID):
            session.in_flight.discard(key(result.lease))
        return self._answer(result.lease, code)

    def _answer(self, lease: pb.Lease, code: int | None) -> pb.LeaseAnswer | None:
        if code is None:
            return None
        got = len(self.chunks.get(lease.execution_id, []))
        return pb.LeaseAnswer(lease=bare(lease), code=code, next_chunk=got)  # type: ignore[arg-type]  # as above

    def _chunk(self, chunk: pb.Chunk) -> None:
        kept = self.chunks.setdefault(chunk.lease.execution_id, [])
        if chunk.seq == len(kept):
            kept.append(chunk)


def key(lease: pb.Lease) -> Handed:
    return (lease.execution_id, lease.path, lease.delivery)


def bare(lease: pb.Lease) -> pb.Lease:
    """Servers answer without the token: it is nobody's name."""
    return pb.Lease(execution_id=lease.execution_id, path=lease.path, delivery=lease.delivery)


def is_of(assignment: pb.Assignment, execution_id: str) -> bool:
    return assignment.lease.execution_id == execution_id
