"""What workers say of the steps they hold, item by item: nothing that is wrong with one touches another."""

import asyncio
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from workflow_engine.dispatch.workers.desk import RETRY_PAUSE_SECONDS, Desk, passes
from workflow_engine.dispatch.workers.handover import HandOver, Stage
from workflow_engine.dispatch.workers.messages import Answer, Cancel, Chunk, Code, LeaseRef, Progress, Result, Said
from workflow_engine.dispatch.workers.outcomes import Outcomes, Reading, storable
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.errors import NotFound, OverLimit, Unavailable
from workflow_engine.execution.errors import AlreadyReported, MissingChunks, OtherResult, StaleDelivery
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Chunked, Failed, Progressed, Report
from workflow_engine.history.events import StepError
from workflow_engine.jsontext import JsonObject
from workflow_engine.logs import logger

ANNOUNCED_AFTER_SECONDS: Final = 0.2
"""A step that takes longer is recorded as started before its result is."""
LONGEST_NOTE: Final = 1_024
LONGEST_LOG: Final = 4_096

AnswerTo = Callable[[Answer], None]

log = logger(__name__)


class Hearing:
    def __init__(self, desk: Desk, sessions: Sessions, outcomes: Outcomes) -> None:
        self._desk = desk
        self._sessions = sessions
        self._outcomes = outcomes
        self._terms = desk.terms

    # --- what a worker says while it works

    def acks(self, session: Session, leases: Iterable[LeaseRef]) -> None:
        taken = [handover for lease in leases if (handover := self._current(session, lease)) is not None]
        now = self._desk.clock.monotonic()
        for handover in taken:
            handover.acked = True
            handover.due = now + self._terms.lease
        asyncio.get_running_loop().call_later(ANNOUNCED_AFTER_SECONDS, self._desk.announce, taken)

    def rejects(self, session: Session, rejects: Iterable[tuple[LeaseRef, str]]) -> None:
        for lease, reason in rejects:
            handover = self._current(session, lease)
            if handover is not None and handover.holder is session:
                self._desk.give_back(handover, reason)
        self._sessions.tell_if_drained(session)

    def renew(self, session: Session, leases: Iterable[LeaseRef]) -> list[Answer]:
        return [self._renewed(session, lease) for lease in leases]

    def _renewed(self, session: Session, lease: LeaseRef) -> Answer:
        if not self._desk.proves(lease, self._desk.at(lease)):
            return Answer(lease, Code.INVALID_TOKEN, "the token does not belong to this lease")
        handover = self._current(session, lease, quietly=True)
        if handover is None:
            return Answer(lease, Code.LEASE_SUPERSEDED, "the step was given to somebody else, or is over")
        handover.acked = True
        handover.due = self._desk.clock.monotonic() + self._terms.lease
        return Answer(lease, Code.OK, next_chunk=handover.kept_chunks)

    def progress(self, session: Session, items: Iterable[Progress]) -> None:
        for item in items:
            handover = self._current(session, item.lease)
            if handover is None:
                continue
            handover.progress = self._merged(handover.progress, item)
            if not handover.is_telling:
                handover.is_telling = True
                self._later(self._terms.progress_every, handover)

    def chunks(self, session: Session, items: Iterable[Chunk]) -> None:
        for item in items:
            handover = self._current(session, item.lease)
            # What was received before is sent again after a reconnect, and what follows a gap will be, too.
            if handover is None or item.seq != handover.next_chunk:
                continue
            size = len(item.data.encode(errors="replace"))
            handover.said_bytes += size
            if size > self._terms.max_chunk_bytes or handover.said_bytes > self._terms.max_stream_bytes:
                self._fail_over_limit(handover)
                continue
            handover.next_chunk += 1
            handover.chunks.append(item)
            if len(handover.chunks) == 1:
                self._later(self._terms.chunks_every, handover)

    def cancel_acks(self, session: Session, leases: Iterable[LeaseRef]) -> None:
        for lease in leases:
            if (handover := session.cancelling.get(lease)) is not None:
                session.release(handover)
        self._after_release(session)

    def logs(self, session: Session, lines: Iterable[tuple[LeaseRef, str, str]]) -> None:
        """A line of a worker is shown as its own, never as ours."""
        for lease, level, message in lines:
            log.info(
                "worker says",
                worker=session.worker_id,
                level_given=level[:16],
                execution_id=lease.execution_id[:64],
                path=lease.path[:256],
                message=message[:LONGEST_LOG],
            )

    # --- all at once

    async def everything(self, session: Session, said: Said) -> tuple[list[Answer], list[Answer]]:
        """The answers to what is renewed, and to the results in their order, when each is durable or refused."""
        if said.slots is not None:
            self._sessions.credits(session, said.slots)
        self.logs(session, said.logs)
        self.acks(session, said.acks)
        self.progress(session, said.progress)
        self.chunks(session, said.chunks)
        renewed = self.renew(session, said.renew)
        answers = [asyncio.get_running_loop().create_future() for _ in said.results]
        for result, answer in zip(said.results, answers, strict=True):
            self._result(session, result, partial(_give, answer))
        self._after_release(session)
        self.rejects(session, said.rejects)
        self.cancel_acks(session, said.cancel_acks)
        return renewed, list(await asyncio.gather(*answers))

    # --- results

    def results(self, session: Session, results: Sequence[Result], answer: AnswerTo) -> None:
        """`answer` is called once for each, when it is durable or refused."""
        for result in results:
            self._result(session, result, answer)
        self._after_release(session)

    def _result(self, session: Session, result: Result, answer: AnswerTo) -> None:
        lease = result.lease
        handover = self._desk.at(lease)
        if not self._desk.proves(lease, handover):
            answer(Answer(lease, Code.INVALID_TOKEN, "the token does not belong to this lease"))
            return
        if handover is not None and handover.task.request.namespace != session.namespace:
            answer(Answer(lease, Code.NOT_FOUND, "Execution not found"))
            return
        if handover is not None:
            self._write(handover)
            handover.reported = True
            if (holder := handover.holder) is not None:
                holder.release(handover)
                if holder is not session and holder.alive:
                    self._after_release(holder)
        elif (called_back := session.cancelling.get(lease)) is not None:
            session.release(called_back)
        readings: list[Reading] = []

        def make(execution: Execution) -> Report:
            now = self._desk.clock.now()
            since = handover.since if handover is not None else now
            readings.append(self._outcomes.read(execution, result, now, session.worker_id, since))
            return readings[-1].report

        def then(failure: BaseException | None) -> None:
            session.unanswered -= 1
            answer(self._answer(session, handover, lease, readings[-1] if readings else None, failure))
            self._sessions.tell_if_drained(session)

        session.unanswered += 1
        self._desk.deliver(session.namespace, lease.execution_id, make, then)

    def _answer(
        self,
        session: Session,
        handover: HandOver | None,
        lease: LeaseRef,
        reading: Reading | None,
        failure: BaseException | None,
    ) -> Answer:
        if reading is not None and (failure is None or isinstance(failure, AlreadyReported)):
            if handover is not None:
                self._is_done(session, handover, reading)
            return Answer(lease, reading.code, reading.message)
        code = _code(failure)
        if handover is not None and code is Code.RESULT_CONFLICT:
            self._desk.over(handover)
        if code is Code.UNAVAILABLE and handover is not None and handover.is_open:
            handover.reported = False
            self._sessions.take_up(session, handover)
        if code is Code.LEASE_SUPERSEDED:
            log.debug("late result dropped", worker=session.worker_id, execution_id=lease.execution_id)
        return Answer(lease, code, str(failure))

    def _is_done(self, session: Session, handover: HandOver, reading: Reading) -> None:
        self._desk.over(handover)
        self._desk.line_of(handover.task).heal()
        if isinstance(reading.report, Failed):
            session.failed += 1
        else:
            session.completed += 1

    def _after_release(self, session: Session) -> None:
        self._desk.feed(session)
        self._sessions.tell_if_drained(session)

    # --- the parts

    def _current(self, session: Session, lease: LeaseRef, *, quietly: bool = False) -> HandOver | None:
        """The hand-over, if this lease still counts; a worker whose lease does not is told to stop."""
        handover = self._desk.at(lease)
        if (
            handover is not None
            and self._desk.proves(lease, handover)
            and handover.task.request.namespace == session.namespace
        ):
            if handover.holder is session and handover.stage is Stage.LEASED:
                return handover
            if self._sessions.take_up(session, handover):
                return handover
        if not quietly:
            session.outbox.cancel(Cancel(lease, "superseded", self._terms.cancel_grace))
        return None

    def _merged(self, before: Progress | None, item: Progress) -> Progress:
        """The latest of each part; one that cannot be is passed over."""
        fraction = item.fraction
        if fraction is None or not math.isfinite(fraction) or not 0 <= fraction <= 1:
            fraction = None if before is None else before.fraction
        note = None if item.note is None else item.note[:LONGEST_NOTE].replace("\x00", "")
        checkpoint = item.checkpoint
        if checkpoint is None or len(checkpoint) > self._terms.max_checkpoint_bytes:
            checkpoint = None if before is None else before.checkpoint
        return Progress(item.lease, fraction, note or (None if before is None else before.note), checkpoint)

    def _later(self, seconds: float, handover: HandOver) -> None:
        asyncio.get_running_loop().call_later(seconds, self._tell, handover)

    def _tell(self, handover: HandOver) -> None:
        """Write down what it said since the last time; one lot after the other, so that none overtakes another."""
        if not handover.is_writing:
            self._write(handover)

    def _write(self, handover: HandOver) -> None:
        progress, chunks = handover.progress, tuple(handover.chunks)
        handover.progress, handover.is_telling = None, False
        handover.chunks.clear()
        # A lease that ran out counts until somebody else has the step: what was said under it counts, too.
        if handover.stage not in (Stage.LEASED, Stage.WAITING) or handover.reported:
            return
        if progress is not None or chunks:
            self._desk.announce([handover])
        path, delivery = handover.lease.path, handover.lease.delivery
        if progress is not None:
            kept = None if progress.checkpoint is None else b64encode(progress.checkpoint).decode()
            self._desk.tell(
                handover,
                lambda now: Progressed(now, path, delivery, progress.fraction, progress.note, kept),
                lambda failure: self._progressed(failure, handover, progress),
            )
        if chunks:
            handover.is_writing = True
            said = tuple(_said(one) for one in chunks)
            self._desk.tell(
                handover,
                lambda now: Chunked(now, path, delivery, chunks[0].seq, said),
                lambda failure: self._chunked(failure, handover, chunks),
            )

    def _progressed(self, failure: BaseException | None, handover: HandOver, progress: Progress) -> None:
        """What could not be stored now is stored in a moment, unless something newer was said."""
        if passes(failure) and handover.is_open:
            newer = handover.progress
            handover.progress = progress if newer is None else self._merged(progress, newer)
            self._later(RETRY_PAUSE_SECONDS, handover)

    def _chunked(self, failure: BaseException | None, handover: HandOver, chunks: tuple[Chunk, ...]) -> None:
        handover.is_writing = False
        if failure is None:
            handover.kept_chunks = chunks[-1].seq + 1
            if handover.chunks:
                self._later(self._terms.chunks_every, handover)
        elif passes(failure) and handover.is_open:
            handover.chunks[:0] = chunks
            self._later(RETRY_PAUSE_SECONDS, handover)
        elif isinstance(failure, MissingChunks):
            # The worker hears by its next renewal from where on to send them again.
            handover.chunks.clear()
            handover.next_chunk = handover.kept_chunks

    def is_too_large(self, handover: HandOver, size: int) -> None:
        """What a step is to be given does not fit into a frame: it never leaves the server."""
        most = self._terms.max_frame_bytes
        self._fail(handover, f"The input of the step takes {size} bytes; a worker may be sent {most} at once")

    def _fail_over_limit(self, handover: HandOver) -> None:
        """It says more than may be kept: the attempt fails, and the worker is told to stop."""
        most = f"{self._terms.max_chunk_bytes} bytes a chunk, {self._terms.max_stream_bytes} an attempt"
        self._fail(handover, f"The chunks of step {handover.lease.path} are over the limit: {most}")

    def _fail(self, handover: HandOver, message: str) -> None:
        path, delivery = handover.lease.path, handover.lease.delivery
        error = StepError("payload-too-large", message)
        worker, since = handover.worker_id, handover.since
        self._desk.tell(
            handover,
            lambda now: Failed(now, path, delivery, error, 0.0, retryable=False, worker=worker, since=since),
            lambda _failure: None,
        )


def _give(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():  # whoever waited may be gone
        future.set_result(answer)


def _said(chunk: Chunk) -> JsonObject:
    return {"channel": storable(chunk.channel) or "text", "data": storable(chunk.data)}


def _code(failure: BaseException | None) -> Code:
    match failure:
        case AlreadyReported():
            return Code.OK
        case OtherResult():
            return Code.RESULT_CONFLICT
        case StaleDelivery():
            return Code.LEASE_SUPERSEDED
        case NotFound():
            return Code.NOT_FOUND
        case Unavailable() | OverLimit():
            return Code.UNAVAILABLE
    log.error("a result could not be taken", reason=repr(failure))
    return Code.UNAVAILABLE
