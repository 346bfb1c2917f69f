"""Where steps wait for workers and workers for steps: the one queue behind every transport.

A step stands in the line of its type until a worker with room takes it. From then on it is leased. A lease that runs
out, is given back or is never acked puts the step back to its old place in the line; its late result still counts
until the step is given to somebody else, under a larger fence that is written down first.

Everything here happens on the loop and in memory. What must be durable is delivered to the execution, whose commit
answers by `then`.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from workflow_engine.clock import Clock
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.workers import reports
from workflow_engine.dispatch.workers.deadlines import Deadlines
from workflow_engine.dispatch.workers.handover import HandOver, Stage
from workflow_engine.dispatch.workers.line import Line
from workflow_engine.dispatch.workers.messages import Cancel, GoAway, LeaseRef
from workflow_engine.dispatch.workers.returning import Returning
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.terms import Terms
from workflow_engine.dispatch.workers.tokens import Tokens, equal
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Report
from workflow_engine.logs import logger
from workflow_engine.steps.contract import Effect

Then = Callable[[BaseException | None], None]
"""Told after the commit: None, or why it changed nothing."""

RETRY_PAUSE_SECONDS: Final = 1.0
REJECT_PAUSE_SECONDS: Final = 1.0
"""How long a worker that gave a step back gets none of that type: others go first, and nothing spins."""

WEBHOOK: Final = "webhook"
"""Stands for the worker of a step whose receiver answered 202."""

log = logger(__name__)


class Deliver(Protocol):
    """The way into an execution: `make` is handed the execution, in memory or brought back into it."""

    def __call__(self, namespace: str, execution_id: str, make: Callable[[Execution], Report], then: Then) -> None: ...


class Desk:
    """A `Dispatcher` for the step types that workers serve, and what their sessions are made of."""

    def __init__(self, clock: Clock, tokens: Tokens, terms: Terms) -> None:
        self.clock = clock
        self.tokens = tokens
        self.terms = terms
        self.returning = Returning()
        self._at: dict[tuple[str, str], HandOver] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._count = 0
        self._acks = Deadlines(clock, self._is_due)
        self._deadlines = Deadlines(clock, self._is_due)
        self._stopping = False

    def connect(self, deliver: Deliver) -> None:
        """Close the ring: executions hand over to the desk, and the desk delivers to executions."""
        self._deliver = deliver

    # --- what the runtime asks

    def dispatch(self, task: Task) -> None:
        self._enter(self._new(task))

    def restore(self, task: Task) -> None:
        before = self._at.get(task.key)
        if before is not None and before.lease.delivery == task.request.delivery:
            return
        if not task.type.execution_type.is_by_workers:
            self.lend(task)
            return
        handover = self._new(task)
        handover.handed_out = task.is_taken
        if self._may_be_out(handover):
            handover.handed_out = True
            handover.stage = Stage.RETURNING
            self.returning.wait(handover)
            self._deadlines.set(self.returning.until, handover)
            return
        self._enter(handover)

    def lend(self, task: Task) -> None:
        """A webhook accepted the step and reports later, with its lease: it is looked after like any other."""
        handover = self._new(task)
        handover.stage, handover.handed_out, handover.acked = Stage.LEASED, True, True
        handover.worker_id = WEBHOOK
        handover.since = self.clock.now()
        handover.due = math.inf
        handover.times_out_at = self.clock.monotonic() + self._longest(task)
        self.watch(handover)
        self.announce([handover])

    def _longest(self, task: Task) -> float:
        return task.request.timeout_seconds or self.terms.report_within

    def abort(self, execution_id: str, path: str) -> None:
        handover = self._at.pop((execution_id, path), None)
        if handover is not None:
            self._call_back(handover, "timeout" if self._is_late(handover) else "cancelled")
            handover.end()

    async def stop(self, grace_seconds: float) -> None:
        """Workers keep what they have and come back to the next server; nothing is waited for."""
        self._stopping = True
        away = GoAway("the server stops", self.terms.reconnect_after)
        for session in {session for line in self._lines.values() for session in line.sessions}:
            session.outbox.go_away(away)
        self._acks.stop()
        self._deadlines.stop()

    # --- lines

    def line(self, namespace: str, pin: str) -> Line:
        line = self._lines.get((namespace, pin))
        if line is None:
            line = self._lines[namespace, pin] = Line(namespace, pin)
        return line

    def line_of(self, task: Task) -> Line:
        return self.line(task.request.namespace, task.type.pin)

    def lines(self) -> Iterable[Line]:
        return self._lines.values()

    def at(self, lease: LeaseRef) -> HandOver | None:
        """The hand-over of this lease, unless the step was given to somebody else, or is over. Says nothing of the
        token.
        """
        handover = self._at.get(lease.key)
        return handover if handover is not None and handover.lease.delivery == lease.delivery else None

    def proves(self, lease: LeaseRef, handover: HandOver | None) -> bool:
        """Whether the token is that of the lease; `handover`, where there is one, has it at hand."""
        return self.tokens.proves(lease) if handover is None else equal(lease.token, handover.lease.token)

    def of_step(self, execution_id: str, path: str) -> HandOver | None:
        return self._at.get((execution_id, path))

    def serve(self, line: Line) -> None:
        """Give what stands in a line to those that have room, until one of the two is used up."""
        while not self._stopping and (found := line.match()) is not None:
            self._begin(*found)

    def feed(self, session: Session) -> None:
        """A worker has room: the oldest that it could do, over all its lines."""
        while not self._stopping and (handover := session.oldest()) is not None:
            self._begin(handover, session)
        session.grow_hungry()

    # --- hand-overs

    def _new(self, task: Task) -> HandOver:
        """In the place of the one before of this step, also in line."""
        before = self._at.get(task.key)
        if before is None:
            self._count += 1
        request = task.request
        lease = self.tokens.lease(request.execution_id, request.path, request.delivery)
        number = self._count if before is None else before.number
        handover = HandOver(task, lease, number, next_chunk=task.next_chunk, kept_chunks=task.next_chunk)
        self._at[task.key] = handover
        if before is not None:
            self._call_back(before, "superseded")
            before.end()
        return handover

    def _enter(self, handover: HandOver) -> None:
        """Into the line, at its old place. What may run once only and was out is over: nobody knows how it went."""
        handover.stage = Stage.WAITING
        if handover.handed_out and handover.task.type.effect is Effect.AT_MOST_ONCE:
            self._withdraw(handover, "worker-lost", untouched=False)
            return
        line = self.line_of(handover.task)
        if handover.task.simulate_unserved and not line.sessions and not handover.handed_out:
            self.tell(handover, lambda now: reports.made_up(handover, now), lambda _failure: self.over(handover))
            return
        line.add(handover)
        self.serve(line)

    def _begin(self, handover: HandOver, session: Session) -> None:
        if handover.handed_out:
            self._withdraw(handover, "worker-lost", untouched=False, room=session.promise(handover))
        elif handover.task.type.effect is Effect.AT_MOST_ONCE:
            self._write_down_first(handover, session)
        else:
            self._assign(handover, session)

    def _write_down_first(self, handover: HandOver, session: Session) -> None:
        """Whether a step that may run once was given away must be known after any crash."""
        handover.stage = Stage.BEGINNING
        session.hold(handover)

        def written(failure: BaseException | None) -> None:
            handover.announced = failure is None
            if handover.stage is Stage.BEGINNING and failure is None and session.can_begin:
                self._assign(handover, session)
                return
            session.release(handover)
            if handover.stage is Stage.BEGINNING:
                handover.handed_out = failure is None
                self._withdraw(handover, "not-sent", untouched=True)
            self.feed(session)

        self.tell(handover, lambda now: reports.taken(handover, now, session.worker_id), written)

    def _assign(self, handover: HandOver, session: Session) -> None:
        now = self.clock.monotonic()
        handover.stage = Stage.LEASED
        handover.handed_out = True
        self.give(handover, session)
        handover.since = self.clock.now()
        handover.due = now + self.terms.ack_within
        session.hold(handover)
        if (seconds := handover.task.request.timeout_seconds) is not None:
            handover.times_out_at = now + seconds
        self._acks.set(handover.due, handover)
        if handover.times_out_at is not None:
            self._deadlines.set(handover.times_out_at, handover)
        session.outbox.assign(handover)

    def give(self, handover: HandOver, session: Session) -> None:
        """From now on this worker holds it."""
        handover.holder, handover.worker_id, handover.epoch = session, session.worker_id, session.epoch

    def watch(self, handover: HandOver) -> None:
        """Look at it when the first of its deadlines is over."""
        late = math.inf if handover.times_out_at is None else handover.times_out_at
        # No later than a lease from now: what is done by then is let go of.
        self._deadlines.set(min(handover.due, late, self.clock.monotonic() + self.terms.lease), handover)

    def take_back_unsent(self, handover: HandOver) -> None:
        """It never left this process: the same lease may go to the next worker."""
        if handover.holder is not None:
            handover.holder.release(handover)
        if handover.stage is Stage.LEASED and not handover.acked:
            handover.holder, handover.times_out_at = None, None
            if handover.task.type.effect is Effect.AT_MOST_ONCE:
                self._withdraw(handover, "not-sent", untouched=True)
            else:
                handover.handed_out = False
                self._enter(handover)

    def give_back(self, handover: HandOver, reason: str) -> None:
        """A worker does not want it, and never began."""
        session = handover.holder
        if session is None:
            return
        session.release(handover)
        handover.holder = None
        line = self.line_of(handover.task)
        session.resting.add(line)
        asyncio.get_running_loop().call_later(REJECT_PAUSE_SECONDS, self._has_rested, session, line)
        log.debug("step rejected", worker=session.worker_id, step_type=line.pin, reason=reason[:200])
        self._withdraw(handover, "rejected", untouched=True)
        self.feed(session)

    def lapse(self, handover: HandOver, *, lost: bool) -> None:
        """Its worker did not ack, or let the lease run out. It may still report, until somebody else gets the step.

        A worker that took it may be at work on it, though it does not say so: for as long again its slot stays taken,
        and it is not given its own step anew.
        """
        if handover.stage is not Stage.LEASED or handover.reported:
            return
        session = handover.holder
        if lost or (session is not None and not session.alive):
            self._count_loss(handover)
        self.announce([handover])  # whoever starts after us must know that somebody may have it
        if session is None or not handover.is_lapsed_from(session):
            self._let_go(handover)
        else:
            handover.due = self.clock.monotonic() + self.terms.lease
            self._deadlines.set(handover.due, handover)
        self._enter(handover)

    def _let_go(self, handover: HandOver) -> None:
        """Its worker has nothing of it any more, as far as anybody can tell."""
        handover.acked = False
        if (session := handover.holder) is not None:
            session.release(handover)
            if session.alive:
                self.feed(session)

    def over(self, handover: HandOver) -> None:
        """Its result is durable."""
        if self._at.get(handover.key) is handover:
            del self._at[handover.key]
        handover.end()

    def tell(self, handover: HandOver, make: Callable[[float], Report], then: Then) -> None:
        request = handover.task.request
        self._deliver(request.namespace, request.execution_id, lambda _execution: make(self.clock.now()), then)

    def deliver(self, namespace: str, execution_id: str, make: Callable[[Execution], Report], then: Then) -> None:
        self._deliver(namespace, execution_id, make, then)

    def announce(self, handovers: Sequence[HandOver]) -> None:
        """Write down who has what takes longer than a moment; what is quicker is written with its result."""
        for handover in handovers:
            if handover.stage is Stage.LEASED and not (handover.reported or handover.announced or self._stopping):
                handover.announced = True
                self._announce(handover, handover.worker_id)

    def _announce(self, handover: HandOver, worker: str) -> None:
        def written(failure: BaseException | None) -> None:
            handover.announced = failure is None

        self.tell(handover, lambda now: reports.taken(handover, now, worker), written)

    def came_back(self, session: Session) -> None:
        """A worker of before told what it holds: whatever waited for it alone waits no longer."""
        for handover in self.returning.came_back(session.place):
            if handover.stage is Stage.RETURNING:
                self._enter(handover)

    def _withdraw(
        self, handover: HandOver, reason: str, *, untouched: bool, room: Callable[[], Session] | None = None
    ) -> None:
        """Ask for the next hand-over. When it is written down, it comes by `dispatch` and takes the place of this.
        `room`: gives back the slots that are kept for it meanwhile.
        """
        handover.stage = Stage.WITHDRAWING

        def again() -> None:
            if handover.stage is not Stage.WITHDRAWING or self._stopping:
                return
            if untouched:
                self._withdraw(handover, reason, untouched=True)
            else:
                self._enter(handover)

        def withdrawn(failure: BaseException | None) -> None:
            if room is not None:
                # After the next hand-over, which comes in this same pass of the loop.
                asyncio.get_running_loop().call_soon(lambda: self.feed(room()))
            if handover.stage is not Stage.WITHDRAWING:
                return
            if passes(failure):
                asyncio.get_running_loop().call_later(RETRY_PAUSE_SECONDS, again)
            elif failure is not None or (handover.task.type.effect is Effect.AT_MOST_ONCE and not untouched):
                # Whoever may still be at work on it is not told to stop: its word is the only one there will be.
                self._let_go(handover)
                self.over(handover)

        self.tell(handover, lambda now: reports.withdrawn(handover, now, reason, untouched=untouched), withdrawn)

    def _call_back(self, handover: HandOver, reason: str) -> None:
        session = handover.holder
        if session is None or handover.reported:
            return
        if session.outbox.withhold(handover):
            session.release(handover)
            self.feed(session)
            return
        handover.cancelled_for = reason
        session.call_back(handover)
        if session.alive:
            session.outbox.cancel(Cancel(handover.lease, reason, self.terms.cancel_grace))
            asyncio.get_running_loop().call_later(self.terms.cancel_grace, self._was_it_heard, session, handover)

    def _was_it_heard(self, session: Session, handover: HandOver) -> None:
        if handover.lease in session.cancelling and session.alive:
            session.ignored_cancels += 1
            log.info("cancel ignored", worker=session.worker_id, step_type=handover.task.type.pin)
            session.release(handover)
            self.feed(session)

    def _has_rested(self, session: Session, line: Line) -> None:
        session.resting.discard(line)
        session.is_hungry = False
        if not self._stopping and session.alive:
            self.feed(session)

    # --- time

    def _is_due(self, handover: HandOver, now: float) -> None:
        if handover.stage is Stage.RETURNING:
            self._did_not_return(handover, now)
        elif handover.stage is Stage.WAITING and handover.acked and handover.due <= now:
            self._let_go(handover)
            self.serve(self.line_of(handover.task))
        elif handover.stage is Stage.LEASED and handover.reported:
            self._deadlines.set(now + self.terms.ack_within, handover)
        elif handover.stage is Stage.LEASED:
            if self._is_late(handover):
                self._time_out(handover)
            elif handover.due <= now and handover.holder is not None and handover.holder.outbox.withhold(handover):
                self.take_back_unsent(handover)
            elif handover.due <= now:
                self.lapse(handover, lost=handover.acked)
            else:
                self.watch(handover)

    def _did_not_return(self, handover: HandOver, now: float) -> None:
        if now < self.returning.until:
            self._deadlines.set(self.returning.until, handover)
        else:
            self._enter(handover)

    def _is_late(self, handover: HandOver) -> bool:
        return handover.times_out_at is not None and handover.times_out_at <= self.clock.monotonic()

    def _time_out(self, handover: HandOver) -> None:
        seconds = self._longest(handover.task)

        def told(failure: BaseException | None) -> None:
            if handover.stage is not Stage.LEASED or failure is None:
                return
            if passes(failure):
                self._deadlines.set(self.clock.monotonic() + RETRY_PAUSE_SECONDS, handover)
            else:
                self._call_back(handover, "superseded")
                self.over(handover)

        self.tell(handover, lambda now: reports.timed_out(handover, now, seconds), told)

    def _may_be_out(self, handover: HandOver) -> bool:
        request = handover.task.request
        once = handover.task.type.effect is Effect.AT_MOST_ONCE and not handover.task.is_taken
        now = self.clock.monotonic()
        return not once and self.returning.may_hold(request.namespace, handover.task.type.pin, now)

    def _count_loss(self, handover: HandOver) -> None:
        line = self.line_of(handover.task)
        if line.count_loss((handover.worker_id, handover.epoch), self.terms.quarantine_after):
            log.warning("step type quarantined", step_type=line.pin, losses=line.losses)


def passes(failure: BaseException | None) -> bool:
    """Whether the same may succeed in a moment, because the storage is away or busy."""
    return isinstance(failure, WorkflowEngineError) and failure.retry_after_seconds is not None
