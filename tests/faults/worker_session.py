"""One worker of a fault test: its session with the server, and the steps it holds over all its sessions."""

import asyncio
import hashlib
import json
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from grpc import aio

from tests.faults.worker_notes import Notebook, What
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.generated.worker_pb2_grpc import WorkerServiceStub

HOLD: Final = "fault.hold"
"""Its steps last until the process is told to end them."""
ONCE: Final = "fault.once"
WORK: Final = "fault.work"
WELCOME_SECONDS: Final = 2.0
"""How long Welcome may take while no server has said yet after how long it counts as dead."""
FIRST_BACK_OFF_SECONDS: Final = 0.05
LONGEST_BACK_OFF_SECONDS: Final = 0.8
FAILING_SHARE: Final = 0.05
MOST_CHUNKS: Final = 4
LATEST_SECONDS: Final = 0.4
"""How much later a disorderly worker says something again."""
OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)
CODES: Final[Mapping[int, str]] = {value: name.removeprefix("LEASE_CODE_") for name, value in pb.LeaseCode.items()}

Key = tuple[str, str, int]


class Parted(Exception):
    """The session is over, and the next one may begin after so many seconds."""

    def __init__(self, after: float = 0.0) -> None:
        self.after = after
        super().__init__(after)


def value_of(step: str, given: Mapping[str, Any]) -> int:
    """What a step of the test's documents works out."""
    match step:
        case "right":
            return int(given["n"]) * 2
        case "join":
            return int(given["left"]) + int(given["right"]) + int(given["once"])
        case _:
            return int(given["n"]) + 1


@dataclass(slots=True, eq=False)
class Held:
    """One assignment, from its arrival until its result is answered."""

    assignment: pb.Assignment
    mark: str
    chunks: list[pb.Chunk] = field(default_factory=list)
    result: pb.Result | None = None
    unanswered: int = 0
    """How often the result was sent in this session and not answered yet."""
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    """All of them were."""
    may_speak: bool = True
    """The server of the present session knows that we hold it."""
    dropped: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The result was answered."""

    @property
    def lease(self) -> pb.Lease:
        return self.assignment.lease

    @property
    def key(self) -> Key:
        return key_of(self.lease)


class Steps:
    """What the steps of one process do, and for how long."""

    def __init__(self, chance: random.Random, long_share: float, disorderly: bool) -> None:
        self.chance = chance
        self.disorderly = disorderly
        self._long_share = long_share
        self._waiting: list[asyncio.Event] = []
        self._holds = True

    def seconds(self, lease_seconds: float) -> float:
        if self.chance.random() < self._long_share:
            return lease_seconds * self.chance.uniform(1.05, 1.3)
        return self.chance.uniform(0.01, 0.25)

    async def until_ended(self) -> None:
        if self._holds:
            ended = asyncio.Event()
            self._waiting.append(ended)
            await ended.wait()

    def end_share(self, share: float) -> None:
        """Those that wait longest."""
        count = int(len(self._waiting) * share)
        for each in self._waiting[:count]:
            each.set()
        del self._waiting[:count]

    def end_all(self) -> None:
        self._holds = False
        self.end_share(1.0)


class Seat:
    """A worker id. `serve` runs session after session until it is cancelled; what is held outlives them all."""

    def __init__(
        self,
        address: str,
        name: str,
        slots: int,
        serves: tuple[str, ...],
        notebook: Notebook,
        steps: Steps,
        chance: random.Random,
    ) -> None:
        self.name = name
        self.is_done = asyncio.Event()
        """It was told that it may go, and nothing is left."""
        self._drained = False
        self._address = address
        self._slots = slots
        self._serves = serves
        self._notebook = notebook
        self._steps = steps
        self._chance = chance
        self._life = f"{name}.{chance.randrange(16**6):06x}"
        self._held: dict[Key, Held] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._out: asyncio.Queue[pb.SessionRequest] = asyncio.Queue()
        self._renewing: dict[Key, deque[float]] = {}
        self._resumed_at = 0.0
        self._dead_after = WELCOME_SECONDS
        self._lease_seconds = 1.0
        self._draining = False
        self._live = False

    def drain(self) -> None:
        self._draining = True
        self._note(What.DRAINING)
        if self._live:
            self._say(pb.SessionRequest(drain=pb.Drain()))

    async def serve(self) -> None:
        back_off = FIRST_BACK_OFF_SECONDS
        while True:
            pause = 0.0
            try:
                await self._session()
            except Parted as parted:
                pause = parted.after
            except (aio.AioRpcError, aio.UsageError):
                pass  # the server is away, or sent us away: the next session finds out
            if self._live:
                self._note(What.PARTED)
            back_off = FIRST_BACK_OFF_SECONDS if self._live else min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
            self._live = False
            await asyncio.sleep(pause + self._chance.uniform(0, back_off))

    # --- one session

    async def _session(self) -> None:
        self._out = asyncio.Queue()
        await self._knock()
        async with aio.insecure_channel(self._address, OPTIONS) as channel:
            call = WorkerServiceStub(channel).Session()
            writing: asyncio.Task[None] | None = None
            try:
                await self._come(call)
                writing = asyncio.create_task(self._write(call))
                renewing = asyncio.create_task(self._renew())
                try:
                    await self._listen(call)
                finally:
                    renewing.cancel()
            finally:
                if writing is not None:
                    writing.cancel()
                call.cancel()

    async def _knock(self) -> None:
        """A channel is dear; while nobody listens, hundreds that are opened in vain would starve who is to listen."""
        host, _, port = self._address.rpartition(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            raise Parted from None
        writer.close()

    async def _come(self, call: Any) -> None:  # noqa: ANN401 - a stream of grpc.aio
        """Hello and Welcome, then who we are and what we hold."""
        hello = pb.Hello(proto_min=1, proto_max=1, worker_id=self.name, sdk="fault-test")
        try:
            async with asyncio.timeout(self._dead_after):
                await call.write(pb.SessionRequest(hello=hello))
                welcome = await call.read()
        except TimeoutError:
            self._note(What.SILENT)
            raise Parted from None
        if welcome is aio.EOF:
            raise Parted
        self._dead_after = welcome.welcome.dead_after_seconds
        self._lease_seconds = welcome.welcome.lease_seconds
        self._note(What.WELCOME, since=float(welcome.welcome.epoch))
        self._live = True
        kept = [held for held in self._held.values() if not held.dropped]
        for held in kept:
            held.may_speak = False
        for held in self._held.values():
            held.unanswered = 0
            held.quiet.set()
        self._renewing.clear()
        self._resumed_at = monotonic()
        self._say(pb.SessionRequest(register=pb.Register(serves=self._serves)))
        self._say(pb.SessionRequest(resume=pb.Resume(held=[held.lease for held in kept])))
        self._say(pb.SessionRequest(credits=pb.Credits(slots={"": self._slots})))
        self._say(pb.SessionRequest(ready=pb.Ready()))
        if self._draining:
            self._say(pb.SessionRequest(drain=pb.Drain()))
        for held in self._held.values():
            if held.dropped:
                self._report(held)

    async def _listen(self, call: Any) -> None:  # noqa: ANN401 - a stream of grpc.aio
        hear: dict[str, Callable[[Any], None]] = {
            "assign": self._assigned,
            "verdicts": self._judged,
            "renewed": self._renewed,
            "result_acks": self._answered,
            "cancels": self._cancelled,
            "ping": lambda ping: self._say(pb.SessionRequest(pong=pb.Pong(nonce=ping.nonce))),
            "go_away": self._sent_away,
            "drained": self._may_go,
            "registered": lambda _registered: None,
        }
        while True:
            heard = monotonic()
            try:
                async with asyncio.timeout(self._dead_after):
                    frame = await call.read()
            except TimeoutError:
                self._note(What.SILENT, since=heard)
                raise Parted from None
            if frame is aio.EOF:
                raise Parted
            kind = frame.WhichOneof("frame")
            hear[kind](getattr(frame, kind))

    async def _write(self, call: Any) -> None:  # noqa: ANN401 - a stream of grpc.aio
        try:
            while True:
                await call.write(await self._out.get())
        except (aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reader is told the same

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            leases = [one.lease for one in self._held.values() if one.may_speak and not (one.dropped or one.result)]
            for _ in range(1 + self._steps.disorderly) if leases else ():
                for lease in leases:
                    self._renewing.setdefault(key_of(lease), deque()).append(monotonic())
                self._say(pb.SessionRequest(renew=pb.Renew(leases=leases)))

    def _say(self, frame: pb.SessionRequest) -> None:
        if self._live:
            self._out.put_nowait(frame)

    # --- what is heard

    def _assigned(self, assign: pb.Assign) -> None:
        for one in assign.items:
            mark = f"{self._life}/{one.lease.execution_id}/{one.lease.path}/{one.lease.delivery}"
            held = Held(one, mark)
            self._note_of(held, What.ASSIGNED, step_type=one.step_type, attempt=one.attempt, key=one.idempotency_key)
            self._held[held.key] = held
            task = asyncio.create_task(self._work(held))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        for _ in range(1 + self._steps.disorderly):
            self._say(pb.SessionRequest(acks=pb.Acks(leases=[one.lease for one in assign.items])))

    def _judged(self, verdicts: pb.Verdicts) -> None:
        for one in verdicts.items:
            held = self._held.get(key_of(one.lease))
            if held is None:
                continue
            keep = one.code == pb.VERDICT_CODE_KEEP
            self._note_of(held, What.VERDICT, code="KEEP" if keep else "ABORT", since=self._resumed_at)
            if keep:
                held.may_speak = True
                for chunk in held.chunks[one.next_chunk :]:
                    self._say(pb.SessionRequest(chunks=pb.Chunks(items=[chunk])))
            else:
                self._drop(held)
            self._report(held)

    def _renewed(self, renewed: pb.Renewed) -> None:
        for one in renewed.items:
            key = key_of(one.lease)
            held, asked = self._held.get(key), self._renewing.get(key)
            since = asked.popleft() if asked else 0.0
            if held is None or held.over.is_set():
                continue
            self._note_of(held, What.RENEWED, code=CODES[one.code], since=since)
            if one.code != pb.LEASE_CODE_OK and held.result is None:
                self._drop(held)

    def _cancelled(self, cancels: pb.Cancels) -> None:
        for one in cancels.items:
            held = self._held.get(key_of(one.lease))
            if held is not None:
                self._note_of(held, What.CANCELLED, code=one.reason)
                self._drop(held)
            self._say(pb.SessionRequest(cancel_acks=pb.CancelAcks(leases=[one.lease])))

    def _answered(self, acks: pb.ResultAcks) -> None:
        for one in acks.items:
            held = self._held.get(key_of(one.lease))
            if held is None or held.result is None:
                continue
            self._note_of(held, What.ACKED, mark=held.mark, code=CODES[one.code])
            held.unanswered -= 1
            if not held.unanswered:
                held.quiet.set()
            if one.code == pb.LEASE_CODE_UNAVAILABLE:
                asyncio.get_running_loop().call_later(0.1, self._report, held)
            else:
                held.over.set()

    def _sent_away(self, away: pb.GoAway) -> None:
        raise Parted(away.reconnect_after_seconds)

    def _may_go(self, _drained: pb.Drained) -> None:
        self._note(What.DRAINED)
        self._drained = True
        self._go_if_done()

    def _go_if_done(self) -> None:
        if self._drained and not self._held:
            self.is_done.set()

    def _drop(self, held: Held) -> None:
        """We should stop. We do not: the result is sent all the same, and must change nothing."""
        if not held.dropped:
            held.dropped = True
            self._note_of(held, What.DROPPED)

    # --- the work itself

    async def _work(self, held: Held) -> None:
        self._note_of(held, What.STARTED)
        await self._do(held)
        held.result = self._result(held)
        self._report(held)
        await held.over.wait()
        if self._steps.disorderly and held.result.HasField("output") and self._chance.random() < 0.3:
            await self._contradict(held)
        del self._held[held.key]
        self._go_if_done()

    async def _do(self, held: Held) -> None:
        if held.assignment.step_type.startswith(HOLD):
            await self._steps.until_ended()
            return
        seconds = self._steps.seconds(self._lease_seconds)
        count = self._chance.randint(0, MOST_CHUNKS)
        for number in range(count):
            await asyncio.sleep(seconds / count)
            chunk = pb.Chunk(lease=held.lease, seq=number, data=f"{held.mark}:{number}")
            held.chunks.append(chunk)
            for _ in range(1 + self._steps.disorderly) if held.may_speak and not held.dropped else ():
                self._say(pb.SessionRequest(chunks=pb.Chunks(items=[chunk])))
        await asyncio.sleep(0 if count else seconds)

    def _result(self, held: Held) -> pb.Result:
        if held.assignment.step_type.startswith(WORK) and self._chance.random() < FAILING_SHARE:
            failure = pb.Failure(code="by-chance", message=held.mark, retryable=True)
            return pb.Result(lease=held.lease, failure=failure)
        return self._success(held)

    def _success(self, held: Held) -> pb.Result:
        given, config = (json.loads(one.data) for one in (held.assignment.input, held.assignment.config))
        output = {"value": value_of(config["step"], given), "by": held.mark, "chunks": len(held.chunks)}
        return pb.Result(lease=held.lease, output=pb.Payload(data=json.dumps(output).encode()))

    async def _contradict(self, held: Held) -> None:
        """Another result under the lease, when all answers are there and it is clear what the next one answers."""
        await held.quiet.wait()
        held.mark += "+"
        held.over = asyncio.Event()
        held.result = self._success(held)
        self._report(held)
        await held.over.wait()

    def _report(self, held: Held) -> None:
        """Send the result, if there is one: once, or as often as a disorderly worker likes, in no order."""
        self._send(held)
        for _ in range(self._chance.randint(0, 2) if self._steps.disorderly else 0):
            asyncio.get_running_loop().call_later(self._chance.uniform(0, LATEST_SECONDS), self._send, held)

    def _send(self, held: Held) -> None:
        result = held.result
        if result is None or held.over.is_set() or not self._live or not (held.may_speak or held.dropped):
            return
        self._note_of(held, What.SENT, mark=held.mark, failure=result.HasField("failure"), chunks=len(held.chunks))
        held.unanswered += 1
        held.quiet.clear()
        self._say(pb.SessionRequest(results=pb.Results(items=[result])))

    # --- notes

    def _note(self, what: What, **facts: Any) -> None:  # noqa: ANN401 - the fields of a Note
        self._notebook.write(self.name, what, **facts)

    def _note_of(self, held: Held, what: What, **facts: Any) -> None:  # noqa: ANN401 - the same
        lease = held.lease
        token = hashlib.sha256(lease.token.encode()).hexdigest()[:12]
        self._note(what, execution=lease.execution_id, path=lease.path, delivery=lease.delivery, token=token, **facts)


def key_of(lease: pb.Lease) -> Key:
    return lease.execution_id, lease.path, lease.delivery
