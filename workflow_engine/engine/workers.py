"""Workers of client teams: how one joins, what is seen of it, and whether a step type is served."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from workflow_engine.clock import Clock
from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.dispatch.workers.errors import ForeignNamespace
from workflow_engine.dispatch.workers.hearing import Hearing
from workflow_engine.dispatch.workers.messages import Answer, Hello, LeaseRef, Result, Said, Verdict
from workflow_engine.dispatch.workers.polling import Polling
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.steps import RegisteredAll, Steps, StepTypeNotFound
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.journal.contract import Journal, WorkerRow
from workflow_engine.jsontext import JsonObject, pointer
from workflow_engine.logs import logger
from workflow_engine.steps.catalogue import BUILTIN_OWNER, Catalogue
from workflow_engine.steps.contract import ExecutionType, StepType
from workflow_engine.steps.registration import BuiltinServedByUs, ForeignStepType, may_serve

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """Instants are UTC epoch seconds; `status`: connected, draining or lost (gone, while its leases run on)."""

    worker_id: str
    build_id: str
    sdk: str
    transport: str
    status: str
    epoch: int
    serves: tuple[str, ...]
    slots: Mapping[str, int]
    in_flight: int
    connected_at: float
    last_seen_at: float
    labels: Mapping[str, str]
    principal: str
    completed: int
    failed: int
    ignored_cancels: int
    unknown_frames: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many connected workers serve a version of a type, and `served`, `unserved` or `quarantined`."""

    workers: int
    status: str


@dataclass(frozen=True, slots=True)
class Load:
    """How much workers have to do: those connected, steps in flight, and by step type how many wait in line."""

    connected: int
    in_flight: int
    waiting: Mapping[str, int]
    quarantined: Sequence[str]


@dataclass(frozen=True, slots=True)
class Brought:
    """What a worker can do, before it has a session for it. `pins` are `name@version`."""

    registered: RegisteredAll | None
    pins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of the contracts a worker brought, and all it serves now, as `name@version`."""

    registered: RegisteredAll | None
    serves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a worker without a stream begins. `slots` None: one step at a time."""

    hello: Hello
    contracts: tuple[JsonObject, ...] = ()
    serves: tuple[str, ...] = ()
    slots: Mapping[str, int] | None = None
    held: tuple[LeaseRef, ...] = ()
    explicit_acks: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    session: Session
    joined: Joined
    verdicts: tuple[Verdict, ...]


POLL: Final = "poll"
NOT_WORKERS: Final = tuple(kind.value for kind in ExecutionType if not kind.is_by_workers)
NOT_BY_WORKERS: Final = "A worker serves types of execution_type grpc or poll; leave it out"
ONE_SLOT: Final = MappingProxyType({"": 1})


class Workers:
    """`sessions`, `hearing` and `polling` are what a transport talks to once a session is open."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        sessions: Sessions,
        hearing: Hearing,
        steps: Steps,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._desk = desk
        self._steps = steps
        self._catalogue = catalogue
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self.terms = desk.terms
        self.sessions = sessions
        self.hearing = hearing
        self.polling = Polling(desk, hearing)

    async def expect(self) -> None:
        """Expect the workers of before: until they are back, or their leases have run out, nobody gets what they may
        hold.
        """
        rows = await self._journal.workers()
        self._known = {(row.namespace, row.worker_id): row.serves for row in rows}
        until = self._clock.monotonic() + self.terms.lease
        self._desk.returning.expect(((row.namespace, row.worker_id, row.serves) for row in rows), until)
        if rows:
            asyncio.get_running_loop().call_later(self.terms.lease, self._give_up_on_the_absent)

    # --- joining

    def open(self, caller: Caller, hello: Hello, transport: str, *, explicit_acks: bool = True) -> Session:
        """Raises `MissingScope`, `ForeignNamespace`, `InvalidHello`, `UnsupportedProtocol`, `TooManySessions`."""
        caller.require("register")
        if hello.namespace not in ("", caller.namespace):
            raise ForeignNamespace
        return self.sessions.open(caller.principal, caller.namespace, hello, transport, explicit_acks=explicit_acks)

    async def join(
        self, caller: Caller, session: Session, contracts: Sequence[JsonObject], serves: Sequence[str]
    ) -> Joined:
        """Register what is new, and serve it, and what is registered already. Raises what `Steps.register_all` raises,
        and `InvalidDocument` for a type nobody registered.
        """
        brought = await self._brought(caller, session.transport, contracts, serves)
        return await self._serve(session, brought)

    async def open_polling(self, caller: Caller, asked: Asked) -> Opened:
        """Everything a worker without a stream says at its beginning, in one verb. Raises what `open` and `join` raise,
        and `InvalidCredits`; the session before goes on then.
        """
        caller.require("register")
        self.sessions.check_credits(asked.slots or ONE_SLOT)
        brought = await self._brought(caller, POLL, asked.contracts, asked.serves)
        session = self.open(caller, asked.hello, POLL, explicit_acks=asked.explicit_acks)
        try:
            joined = await self._serve(session, brought)
            self.sessions.credits(session, asked.slots or ONE_SLOT)
            verdicts = await self.sessions.resume(session, asked.held)
        except BaseException:
            self.sessions.close(session)
            raise
        self.sessions.ready(session)
        return Opened(session, joined, tuple(verdicts))

    async def _brought(
        self, caller: Caller, transport: str, contracts: Sequence[JsonObject], serves: Sequence[str]
    ) -> Brought:
        """What a worker can do: its contracts, registered on the way, and what is registered already."""
        found = [
            Problem("unknown-value", NOT_BY_WORKERS, pointer("steps", number, "execution_type"))
            for number, body in enumerate(contracts)
            if body.get("execution_type") in NOT_WORKERS
        ]
        if found:
            raise InvalidDocument(found)
        by = ExecutionType.POLL if transport == POLL else ExecutionType.GRPC
        registered = await self._steps.register_all(caller, contracts, execution_type=by) if contracts else None
        pins = [f"{one.name}@{one.version}" for one in registered.steps] if registered else []
        pins += [self._pin(caller, reference, number) for number, reference in enumerate(serves)]
        return Brought(registered, tuple(dict.fromkeys(pins)))

    async def _serve(self, session: Session, brought: Brought) -> Joined:
        await self._remember(session, brought.pins)
        self.sessions.serve(session, brought.pins)
        return Joined(brought.registered, tuple(line.pin for line in session.lines))

    def find(self, caller: Caller, session_id: str) -> Session:
        """An open session of this caller. Raises `SessionNotFound`, `MissingScope`."""
        caller.require("register")
        return self.sessions.find(caller.namespace, caller.principal, session_id)

    async def report(self, caller: Caller, results: Sequence[Result]) -> list[Answer]:
        """Results of steps whose leases are held without a session: those of webhooks that answered 202."""
        caller.require("register")
        visitor = self.sessions.visitor(caller.principal, caller.namespace)
        return (await self.hearing.everything(visitor, Said(results=tuple(results))))[1]

    def drain(self, session: Session, deadline_seconds: float) -> bool:
        """Whether nothing is in flight any more; then the session is over."""
        self.sessions.drain(session, deadline_seconds)
        if session.in_flight == 0 and session.transport == "poll":
            self.sessions.close(session)
        return session.in_flight == 0

    def _pin(self, caller: Caller, reference: str, number: int) -> str:
        step = self._catalogue.resolve(caller.namespace, reference)
        if step is None or not step.execution_type.is_by_workers:
            message = f"No worker-served step type {reference!r} is registered; send its contract"
            raise InvalidDocument([Problem("unknown-step-type", message, pointer("serves", number))])
        if not may_serve(step, caller.principal, caller.scopes):
            raise BuiltinServedByUs(step.pin) if step.owner == BUILTIN_OWNER else ForeignStepType
        return step.pin

    async def _remember(self, session: Session, pins: Sequence[str]) -> None:
        """Before it gets any step: after a crash it must be known that it may have one."""
        known = self._known.get(session.place, ())
        wanted = tuple(sorted({*known, *pins}))
        if known == wanted:
            return
        await self._journal.save_worker(WorkerRow(*session.place, wanted, session.connected_at))
        self._known[session.place] = wanted

    def gone(self, place: tuple[str, str]) -> None:
        """Nothing is left that this worker could hold."""
        if self._known.pop(place, None) is not None:
            task = asyncio.get_running_loop().create_task(self._forget(place))
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    async def _forget(self, place: tuple[str, str]) -> None:
        try:
            await self._journal.forget_worker(*place)
            if (pins := self._known.get(place)) is not None:  # it came back meanwhile
                await self._journal.save_worker(WorkerRow(*place, pins, self._clock.now()))
        except Exception as failure:  # noqa: BLE001  # only the next start would wait for it a little; it is logged
            log.warning("a worker could not be forgotten", worker=place[1], reason=str(failure))

    def _give_up_on_the_absent(self) -> None:
        for place in self._desk.returning.give_up(self._clock.monotonic()):
            if not self.sessions.is_here(place):
                self.gone(place)

    async def stop(self) -> None:
        self.sessions.stop()
        await asyncio.gather(*self._errands, return_exceptions=True)

    # --- looking

    def list(self, caller: Caller) -> tuple[WorkerView, ...]:
        """By worker id."""
        found = [_view(session) for session in self.sessions if session.namespace == caller.namespace]
        return tuple(sorted(found, key=lambda view: view.worker_id))

    def serving(self, namespace: str, pin: str) -> Sequence[Session]:
        """The sessions that serve this version of a type now."""
        return tuple(self._desk.line(namespace, pin).sessions)

    def absent(self, namespace: str, pin: str) -> Sequence[str]:
        """The ids of workers that served it and are not here, while they may still come back to what they hold."""
        return tuple(
            place[1]
            for place, pins in self._known.items()
            if place[0] == namespace and pin in pins and not self.sessions.is_here(place)
        )

    def was_served(self, namespace: str, pin: str) -> bool:
        """Whether somebody served it since this process began, and nobody does now."""
        return self._desk.line(namespace, pin).last_seen is not None

    def is_missed(self, pin: str) -> bool:
        """Whether a step of this version waits, in any namespace, and nobody has served it there since the start, or is
        expected back who did.
        """
        lines = [line for line in self._desk.lines() if line.pin == pin and next(line.waiting(), None) is not None]
        unserved = [line for line in lines if not line.sessions and line.last_seen is None]
        return any(not self.absent(line.namespace, pin) for line in unserved)

    def load(self) -> Load:
        """Over all namespaces."""
        waiting: Counter[str] = Counter()
        for line in self._desk.lines():
            waiting[line.name] += sum(1 for _ in line.waiting())
        sessions = [session for session in self.sessions if session.alive]
        return Load(
            connected=len(sessions),
            in_flight=sum(session.in_flight for session in sessions),
            waiting=waiting,
            quarantined=sorted({line.name for line in self._desk.lines() if line.quarantined}),
        )

    def standing(self, caller: Caller, step: StepType) -> Standing:
        if not step.execution_type.is_by_workers:
            return Standing(0, self._steps.status(step))
        line = self._desk.line(caller.namespace, step.pin)
        served = "served" if line.sessions else "unserved"
        return Standing(len(line.sessions), "quarantined" if line.quarantined else served)

    def reset(self, caller: Caller, name: str) -> int:
        """Close the circuit of a quarantined type; answers how many versions were open. Raises `StepTypeNotFound`."""
        caller.require("admin")
        if not self._catalogue.versions(caller.namespace, name):
            raise StepTypeNotFound
        lines = [line for line in self._desk.lines() if line.namespace == caller.namespace and line.name == name]
        quarantined = [line for line in lines if line.quarantined]
        for line in quarantined:
            line.quarantined = False
            line.heal()
            self._desk.serve(line)
        return len(quarantined)


def _view(session: Session) -> WorkerView:
    hello = session.hello
    connected = "draining" if session.draining else "connected"
    return WorkerView(
        worker_id=hello.worker_id,
        build_id=hello.build_id,
        sdk=hello.sdk,
        transport=session.transport,
        status=connected if session.alive else "lost",
        epoch=session.epoch,
        serves=tuple(line.pin for line in session.lines),
        slots=session.slots,
        in_flight=session.in_flight,
        connected_at=session.connected_at,
        last_seen_at=session.last_seen_at,
        labels=hello.labels,
        principal=session.principal,
        completed=session.completed,
        failed=session.failed,
        ignored_cancels=session.ignored_cancels,
        unknown_frames=session.unknown_frames,
    )
