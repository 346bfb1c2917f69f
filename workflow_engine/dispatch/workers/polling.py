"""How a worker without a stream takes what there is for it: by asking, for as long as it likes to wait."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.hearing import Hearing
from workflow_engine.dispatch.workers.messages import Cancel, GoAway
from workflow_engine.dispatch.workers.outbox import Outgoing
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.jsontext import write

ITEM_BYTES: Final = 2_048
"""What an assignment takes beside input and config, at most."""


class Polling:
    """A session that polls has room only while it asks: nothing lies about for a worker that does not come back."""

    def __init__(self, desk: Desk, hearing: Hearing) -> None:
        self._desk = desk
        self._hearing = hearing

    async def poll(
        self, session: Session, wait_seconds: float, room: int, stopping: asyncio.Event | None = None
    ) -> Outgoing:
        """What there is, at once; else the first that comes, or nothing when the time is over. `room`: at most so many
        assignments; 0 takes as many as there are slots.
        """
        session.polls += 1
        session.poll_room = room or self._desk.terms.max_slots
        session.is_hungry = False
        try:
            self._desk.feed(session)
            ends = () if stopping is None else (stopping.wait(),)
            await _first([session.outbox.news(), *ends], wait_seconds)
        except BaseException:
            self._end(session)
            self._take_back(session)
            raise
        self._end(session)
        outgoing = session.outbox.take()
        outgoing.assignments = self._fitting(outgoing.assignments)
        known = {cancel.lease for cancel in outgoing.cancels}
        outgoing.cancels += [cancel for cancel in self._unconfirmed(session) if cancel.lease not in known]
        outgoing.drained = session.told_drained
        if stopping is not None and stopping.is_set() and outgoing.go_away is None:
            outgoing.go_away = GoAway("the server stops", self._desk.terms.reconnect_after)
        if not session.explicit_acks:
            self._hearing.acks(session, [handover.lease for handover in outgoing.assignments])
        return outgoing

    def _end(self, session: Session) -> None:
        session.polls -= 1
        session.last_heard = self._desk.clock.monotonic()
        if not session.polls:
            session.poll_room = 0

    def _unconfirmed(self, session: Session) -> list[Cancel]:
        """Every cancel the worker did not confirm: the answer that held it before may be lost."""
        grace = self._desk.terms.cancel_grace
        return [Cancel(lease, handover.cancelled_for, grace) for lease, handover in session.cancelling.items()]

    def _fitting(self, handovers: Sequence[HandOver]) -> list[HandOver]:
        """As many as one answer holds; the rest goes to whoever polls next, and what fits into none fails."""
        fitting: list[HandOver] = []
        left = self._desk.terms.max_frame_bytes
        for handover in handovers:
            size = len(write(handover.task.request.input)) + len(write(handover.task.request.config)) + ITEM_BYTES
            if size > self._desk.terms.max_frame_bytes:
                self._hearing.is_too_large(handover, size)
            elif size > left:
                self._desk.take_back_unsent(handover)
            else:
                fitting.append(handover)
                left -= size
        return fitting

    def _take_back(self, session: Session) -> None:
        """Whoever asked is gone."""
        for handover in session.outbox.take_back():
            self._desk.take_back_unsent(handover)


async def _first(waits: Sequence[Coroutine[Any, Any, object]], seconds: float) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
