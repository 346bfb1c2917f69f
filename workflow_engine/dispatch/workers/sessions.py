"""Which workers are connected: how one comes, comes back, drains and goes.

A worker id has one session at a time: a newer one supersedes the older, whose end then changes nothing. The end of a
session ends no lease: the worker may come back and go on with what it holds.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from workflow_engine.dispatch.workers.deadlines import Deadlines
from workflow_engine.dispatch.workers.desk import WEBHOOK, Desk
from workflow_engine.dispatch.workers.errors import (
    ForeignWorker,
    InvalidCredits,
    InvalidHello,
    SessionNotFound,
    TooManySessions,
    UnsupportedProtocol,
)
from workflow_engine.dispatch.workers.handover import HandOver, Stage
from workflow_engine.dispatch.workers.messages import GoAway, Hello, LeaseRef, Verdict
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.terms import PROTOCOL
from workflow_engine.identifiers import new_id
from workflow_engine.logs import logger

WORKER_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
MOST_TEXT: Final = 256
MOST_LABELS: Final = 32

Find = Callable[[str, str], Awaitable[None]]
"""Brings an execution into memory, if there is one of this namespace and id."""
Gone = Callable[[tuple[str, str]], None]
"""Told when nothing is left that a worker (namespace, id) could hold."""

log = logger(__name__)


class Sessions:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clock = desk.clock
        self._terms = desk.terms
        self._by_id: dict[str, Session] = {}
        self._by_place: dict[tuple[str, str], Session] = {}
        self._before: dict[tuple[str, str], Session] = {}
        """The session before, of workers that hold, or may hold, something from then."""
        self._epochs: dict[tuple[str, str], int] = {}
        self._pings = Deadlines(desk.clock, self._look_after)

    def connect(self, find: Find, gone: Gone) -> None:
        self._find = find
        self._gone = gone

    def __iter__(self) -> Iterator[Session]:
        """Those that are connected, and after them those that are lost while leases of theirs run on."""
        yield from self._by_id.values()
        for place, session in self._before.items():
            if place not in self._by_place and any(_is_held_by(one, session) for one in session.held.values()):
                yield session

    # --- coming

    def open(self, principal: str, namespace: str, hello: Hello, transport: str, *, explicit_acks: bool) -> Session:
        """Raises `InvalidHello`, `UnsupportedProtocol`, `ForeignWorker`, `TooManySessions`."""
        _check(hello)
        place = (namespace, hello.worker_id)
        older = self._by_place.get(place)
        for known in (older, self._before.get(place)):
            if known is not None and known.principal != principal:
                raise ForeignWorker
        if older is None and len(self._by_id) >= self._terms.max_sessions:
            raise TooManySessions(self._terms.max_sessions)
        now = self._clock.now()
        # Above every epoch of an earlier process, too: no clock runs a thousand sessions a second.
        epoch = max(self._epochs.get(place, 0) + 1, int(now * 1000))
        self._epochs[place] = epoch
        monotonic = self._clock.monotonic()
        session = Session(new_id(), principal, namespace, hello, transport, epoch, now, monotonic, now, explicit_acks)
        if older is not None:
            older.superseded = True
            self.close(older)
        if transport == "poll":
            session.poll_room = 0
        self._by_id[session.id] = self._by_place[place] = session
        self._pings.set(monotonic + self._terms.ping_every, session)
        log.debug("worker connected", worker=session.worker_id, transport=transport, epoch=epoch)
        return session

    def visitor(self, principal: str, namespace: str) -> Session:
        """Who has something to report, and is no worker that could be given anything."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        session = Session(new_id(), principal, namespace, Hello(WEBHOOK), "webhook", 0, now, monotonic, now)
        session.alive = False
        return session

    def find(self, namespace: str, principal: str, session_id: str) -> Session:
        """An open session of this principal, heard of now. Raises `SessionNotFound`."""
        session = self._by_id.get(session_id)
        if session is None or (session.namespace, session.principal) != (namespace, principal):
            raise SessionNotFound
        self.heard(session)
        return session

    def serve(self, session: Session, pins: Iterable[str]) -> None:
        """These versions, beside those it serves already."""
        for pin in pins:
            line = self._desk.line(session.namespace, pin)
            session.lines[line] = None
            if session.alive:
                line.sessions[session] = None
                line.last_seen = None
        session.is_hungry = False
        self._desk.feed(session)

    def credits(self, session: Session, slots: Mapping[str, int]) -> None:
        """The most unfinished assignments, absolute. Raises `InvalidCredits`."""
        self.check_credits(slots)
        session.slots = dict(slots)
        session.is_hungry = False
        self._desk.feed(session)

    def check_credits(self, slots: Mapping[str, int]) -> None:
        """Raises `InvalidCredits`."""
        if any(not 0 <= number <= self._terms.max_slots for number in slots.values()):
            raise InvalidCredits(self._terms.max_slots)

    async def resume(self, session: Session, held: Sequence[LeaseRef]) -> list[Verdict]:
        """What a worker holds from before: which of it still counts."""
        return [await self._verdict(session, lease) for lease in held]

    def ready(self, session: Session) -> None:
        """It has told what it holds: what it held before and did not name is lost."""
        session.ready = True
        before = self._before.pop(session.place, None)
        if before is not None:
            for handover in list(before.held.values()):
                if _is_held_by(handover, before):
                    self._desk.lapse(handover, lost=handover.acked)
        self._desk.came_back(session)
        self._desk.feed(session)

    async def _verdict(self, session: Session, lease: LeaseRef) -> Verdict:
        if not self._desk.proves(lease, self._desk.at(lease)):
            return Verdict(lease, keep=False)
        if self._desk.at(lease) is None:
            await self._find(session.namespace, lease.execution_id)
        handover = self._desk.at(lease)
        if handover is None or handover.task.request.namespace != session.namespace:
            return Verdict(lease, keep=False)
        return Verdict(lease, self.take_up(session, handover), handover.kept_chunks)

    def take_up(self, session: Session, handover: HandOver) -> bool:
        """A worker goes on with what it holds, unless the step is being given to somebody else."""
        if handover.stage in (Stage.WITHDRAWING, Stage.BEGINNING, Stage.GONE) or not session.alive:
            return False
        if handover.reported:
            return True
        if (holder := handover.holder) is not None and holder is not session:
            holder.release(handover)
            if holder.alive:
                self._desk.feed(holder)
                self.tell_if_drained(holder)
        self._desk.give(handover, session)
        if session.held.get(handover.key) is not handover:
            session.hold(handover)
        if handover.stage is not Stage.LEASED and handover.task.request.timeout_seconds is not None:
            handover.times_out_at = self._clock.monotonic() + handover.task.request.timeout_seconds
        handover.stage = Stage.LEASED
        handover.handed_out = handover.acked = True
        handover.since = handover.since or self._clock.now()
        handover.due = self._clock.monotonic() + self._terms.lease
        self._desk.watch(handover)
        return True

    def is_here(self, place: tuple[str, str]) -> bool:
        return place in self._by_place

    # --- staying

    def heard(self, session: Session) -> None:
        session.last_heard = self._clock.monotonic()
        session.last_seen_at = self._clock.now()

    def _look_after(self, session: Session, now: float) -> None:
        """Ping it; close it when it is silent. A worker that waits in a poll is not."""
        if not session.alive:
            return
        # A worker that polls says nothing while it works: its lease is what it must renew.
        longest = (
            self._terms.dead_after if session.transport == "stream" else max(self._terms.dead_after, self._terms.lease)
        )
        if not session.polls and now - session.last_heard > longest:
            log.info("worker silent", worker=session.worker_id, seconds=round(now - session.last_heard, 1))
            session.outbox.go_away(GoAway("nothing was heard from this worker", 0.0))
            self.close(session)
            return
        self.tell_if_drained(session)  # of what time alone has freed, such as a cancel that was never confirmed
        if session.transport == "stream":
            session.outbox.ping(int(now * 1000))
        self._pings.set(now + self._terms.ping_every, session)

    # --- going

    def drain(self, session: Session, deadline_seconds: float) -> None:
        """Nothing new is assigned. What is left after the deadline is given back; 0 waits for all of it."""
        session.draining = True
        for handover in session.outbox.take_back():
            self._desk.take_back_unsent(handover)
        if deadline_seconds > 0:
            asyncio.get_running_loop().call_later(deadline_seconds, self._give_up, session)
        self.tell_if_drained(session)

    def tell_if_drained(self, session: Session) -> None:
        if session.draining and not session.told_drained and session.in_flight == 0:
            session.told_drained = True
            session.outbox.drained()

    def _give_up(self, session: Session) -> None:
        for handover in list(session.held.values()):
            if session.alive and _is_held_by(handover, session):
                session.release(handover)
                self._desk.lapse(handover, lost=False)
        self.tell_if_drained(session)

    def close(self, session: Session) -> None:
        """The connection is gone, or must go. What the worker holds stays its own until the leases run out."""
        if not session.alive:
            return
        session.alive = False
        del self._by_id[session.id]
        if self._by_place.get(session.place) is session:
            del self._by_place[session.place]
        for line in session.lines:
            line.sessions.pop(session, None)
            line.hungry.pop(session, None)
            line.last_seen = self._clock.now() if not line.sessions else None
        session.cancelling.clear()
        for handover in session.outbox.take_back():
            self._desk.take_back_unsent(handover)
        session.outbox.close()
        self._remember(session)

    def _remember(self, session: Session) -> None:
        before = self._before.get(session.place)
        if before is not None:  # it did not get as far as to tell what it holds
            for handover in before.held.values():
                if _is_held_by(handover, before):
                    session.held.setdefault(handover.key, handover)
                    handover.holder = session
        self._before[session.place] = session
        pause = self._terms.lease if session.held else 0.0
        asyncio.get_running_loop().call_later(pause, self._forget, session)

    def _forget(self, session: Session) -> None:
        if self._before.get(session.place) is not session or session.place in self._by_place:
            return
        if any(_is_held_by(handover, session) for handover in session.held.values()):
            asyncio.get_running_loop().call_later(self._terms.lease, self._forget, session)
            return
        del self._before[session.place]
        self._epochs.pop(session.place, None)
        self._gone(session.place)

    def stop(self) -> None:
        self._pings.stop()
        for session in list(self._by_id.values()):
            session.outbox.go_away(GoAway("the server stops", self._terms.reconnect_after))
            session.outbox.close()


def _is_held_by(handover: HandOver, session: Session) -> bool:
    return handover.holder is session and handover.stage is Stage.LEASED and not handover.reported


def _check(hello: Hello) -> None:
    if not WORKER_ID.fullmatch(hello.worker_id):
        raise InvalidHello("a worker_id has 1 to 128 visible ASCII characters")
    if not 0 < hello.proto_min <= hello.proto_max:
        raise InvalidHello("proto_min and proto_max are a range of versions, from 1")
    if not hello.proto_min <= PROTOCOL <= hello.proto_max:
        raise UnsupportedProtocol(PROTOCOL, hello.proto_min, hello.proto_max)
    texts = (hello.build_id, hello.sdk, *hello.labels, *hello.labels.values(), *hello.capabilities)
    if len(hello.labels) > MOST_LABELS or len(hello.capabilities) > MOST_LABELS:
        raise InvalidHello(f"there are at most {MOST_LABELS} labels and {MOST_LABELS} capabilities")
    if any(len(text) > MOST_TEXT or "\x00" in text for text in texts):
        raise InvalidHello(f"build_id, sdk, labels and capabilities are texts of at most {MOST_TEXT} characters")
