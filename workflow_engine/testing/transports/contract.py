"""What every transport can do: a raw worker that says nothing by itself, so that a scenario says it all.

The frames are the messages of worker.proto on every transport. What a worker says is one `ReportRequest`; what it hears
arrives in its inbox.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from workflow_engine.jsontext import Json
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.errors import NothingCame, SessionEnded, Violation, expect

T = TypeVar("T")

OK: Final = pb.LEASE_CODE_OK
PATIENCE_SECONDS: Final = 10.0
"""How long anything may take that should happen at once: machines are slow, and servers busy."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a worker begins. `held` None resumes nothing; an empty one says that nothing is held."""

    worker_id: str
    contracts: tuple[Contract, ...] = ()
    serves: tuple[str, ...] = ()
    slots: Mapping[str, int] = field(default_factory=lambda: {"": 1})
    held: tuple[pb.Lease, ...] | None = None
    explicit_acks: bool = True
    protocols: tuple[int, int] = (1, 1)
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def hello(self) -> pb.Hello:
        return pb.Hello(
            proto_min=self.protocols[0],
            proto_max=self.protocols[1],
            worker_id=self.worker_id,
            build_id="conformance-kit",
            namespace=self.namespace,
            sdk="workflow_engine.testing",
            labels=self.labels,
            capabilities=["cancel", "progress", "chunks", "suspend", "telepathy"],
        )

    def register(self) -> pb.Register:
        return pb.Register(steps=[one.message() for one in self.contracts], serves=self.serves)

    def request(self) -> pb.OpenSessionRequest:
        resume = None if self.held is None else pb.Resume(held=self.held)
        return pb.OpenSessionRequest(
            hello=self.hello(),
            register=self.register(),
            credits=pb.Credits(slots=self.slots),
            resume=resume,
            explicit_acks=self.explicit_acks,
        )


class Mailbox(Generic[T]):
    """What came of one kind, in its order."""

    def __init__(self, what: str, ended: "asyncio.Future[BaseException | None]") -> None:
        self._what = what
        self._ended = ended
        self._queue: asyncio.Queue[T] = asyncio.Queue()

    def put(self, item: T) -> None:
        self._queue.put_nowait(item)

    def __len__(self) -> int:
        return self._queue.qsize()

    async def take(self, within: float = PATIENCE_SECONDS) -> T:
        """The next one. Raises `NothingCame`, `SessionEnded`."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        getting = asyncio.ensure_future(self._queue.get())
        either: list[asyncio.Future[Any]] = [getting, self._ended]
        await asyncio.wait(either, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
        if self._ended.done():
            raise SessionEnded(self._what, self._ended.result())
        raise NothingCame(self._what, within)


class Inbox:
    """What a worker hears. `ended` holds why the session is over, once it is."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.assignments = Mailbox[pb.Assignment]("assignment", self.ended)
        self.cancels = Mailbox[pb.Cancel]("cancel", self.ended)
        self.registered = Mailbox[pb.Registered | pb.Error]("answer to Register", self.ended)
        self.verdicts = Mailbox[pb.Verdict]("verdict", self.ended)
        self.renewed = Mailbox[pb.LeaseAnswer]("answer to Renew", self.ended)
        self.result_acks = Mailbox[pb.LeaseAnswer]("answer to a result", self.ended)
        self.go_away = Mailbox[pb.GoAway]("GoAway", self.ended)
        self.drained = Mailbox[pb.Drained]("Drained", self.ended)
        self.pings = Mailbox[pb.Ping]("ping", self.ended)

    def end(self, why: BaseException | None) -> None:
        if not self.ended.done():
            self.ended.set_result(why)


class WorkerSession(ABC):
    """One open session, from its Welcome on. Every action is one thing a worker may do, and nothing else."""

    def __init__(self, opening: Opening, inbox: Inbox) -> None:
        self.opening = opening
        self.inbox = inbox
        self.welcome = pb.Welcome()
        self.registered = pb.Registered()
        self.verdicts: dict[int, pb.Verdict] = {}
        """By delivery, of what was resumed."""

    # --- what the keepers write

    @abstractmethod
    async def say(self, said: pb.ReportRequest) -> pb.ReportResponse:
        """All of it at once; the answers to what is renewed and to the results. Raises `Refused`."""

    @abstractmethod
    async def start_draining(self, deadline_seconds: float) -> None:
        """Ask for the end of assignments; `inbox.drained` hears when nothing is in flight."""

    @abstractmethod
    async def fall_silent(self) -> None:
        """As a path that died unseen, or a process that hangs: nothing is said any more, and nothing is closed."""

    @abstractmethod
    async def drop(self) -> None:
        """Cut the connection without a word, as a killed process does."""

    # --- assignments

    async def receive(self, count: int = 1, within: float = PATIENCE_SECONDS) -> list[pb.Assignment]:
        """The next assignments, not acked."""
        return [await self.inbox.assignments.take(within) for _ in range(count)]

    async def take(self, count: int = 1, within: float = PATIENCE_SECONDS) -> list[pb.Assignment]:
        """The next assignments, acked as they come."""
        taken: list[pb.Assignment] = []
        for _ in range(count):
            taken.append(await self.inbox.assignments.take(within))
            await self.ack(taken[-1])
        return taken

    async def take_one(self, within: float = PATIENCE_SECONDS) -> pb.Assignment:
        return (await self.take(1, within))[0]

    async def gets_nothing(self, seconds: float, why: str) -> None:
        """Raises `Violation` when something is assigned in this time; `why` says what should keep it away."""
        try:
            assignment = await self.inbox.assignments.take(seconds)
        except NothingCame:
            return
        raise Violation(f"{assignment.lease.path} (delivery {assignment.lease.delivery}) was assigned, though {why}")

    # --- what is said

    async def ack(self, *assignments: pb.Assignment) -> None:
        await self.say(pb.ReportRequest(acks=_leases(assignments)))

    async def reject(self, assignment: pb.Assignment, reason: str = "not now") -> None:
        await self.say(pb.ReportRequest(rejects=[pb.Reject(lease=assignment.lease, reason=reason)]))

    async def renew(self, *assignments: pb.Assignment) -> list[pb.LeaseAnswer]:
        return list((await self.say(pb.ReportRequest(renew=_leases(assignments)))).renewed)

    async def credits(self, slots: Mapping[str, int]) -> None:
        await self.say(pb.ReportRequest(credits=pb.Credits(slots=slots)))

    async def progress(
        self,
        assignment: pb.Assignment,
        *,
        fraction: float | None = None,
        note: str = "",
        checkpoint: bytes | None = None,
    ) -> None:
        item = pb.Progress(lease=assignment.lease, fraction=fraction, note=note, checkpoint=checkpoint)
        await self.say(pb.ReportRequest(progress=[item]))

    async def chunks(self, assignment: pb.Assignment, first: int, texts: Iterable[str]) -> None:
        """Chunks of the channel `text`, numbered from `first`."""
        items = [pb.Chunk(lease=assignment.lease, seq=first + n, data=text) for n, text in enumerate(texts)]
        await self.say(pb.ReportRequest(chunks=items))

    async def report(self, *results: pb.Result) -> list[pb.LeaseAnswer]:
        """The answer to each, in whatever order they come."""
        return list((await self.say(pb.ReportRequest(results=results))).result_acks)

    async def complete(self, assignment: pb.Assignment, output: Json = None, *, simulated: bool = False) -> None:
        """Raises `Violation` when the result is not accepted."""
        _accepted(await self.report(completed(assignment, output, simulated=simulated)))

    async def fail(
        self,
        assignment: pb.Assignment,
        code: str = "kit-failure",
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        failure = pb.Failure(code=code, message=f"failed as {code}", retryable=retryable)
        if retry_after is not None:
            failure.retry_after_seconds = retry_after
        _accepted(await self.report(pb.Result(lease=assignment.lease, failure=failure)))

    async def suspend(
        self, assignment: pb.Assignment, *, seconds: float | None = None, signal: str = "", memo: Json = None
    ) -> None:
        outcome = pb.Suspend(seconds=seconds, signal=signal, memo=payload(memo))
        _accepted(await self.report(pb.Result(lease=assignment.lease, suspend=outcome)))

    async def confirm_cancel(self, cancel: pb.Cancel) -> None:
        await self.say(pb.ReportRequest(cancel_acks=[cancel.lease]))


class Transport(Protocol):
    """One way to reach the server. `name` is stream, unary or rest; `is_stream`: pings and pushed frames."""

    name: str
    is_stream: bool

    async def open(self, opening: Opening) -> WorkerSession:
        """A session that is ready for work. Raises `Refused`."""
        ...

    async def close(self) -> None: ...


def payload(value: Json) -> pb.Payload:
    return pb.Payload(data=json.dumps(value).encode())


def value_of(sent: pb.Payload) -> Json:
    value: Json = json.loads(sent.data or b"null")
    return value


def completed(assignment: pb.Assignment, output: Json = None, *, simulated: bool = False) -> pb.Result:
    return pb.Result(lease=assignment.lease, output=payload(output), simulated=simulated)


def code_name(answer: pb.LeaseAnswer) -> str:
    return pb.LeaseCode.Name(answer.code).removeprefix("LEASE_CODE_")


def _leases(assignments: Iterable[pb.Assignment]) -> list[pb.Lease]:
    return [one.lease for one in assignments]


def _accepted(answers: list[pb.LeaseAnswer]) -> None:
    seen = [code_name(one) for one in answers]
    expect(seen == ["OK"], f"the result was answered {', '.join(seen)}: {' '.join(one.message for one in answers)}")
