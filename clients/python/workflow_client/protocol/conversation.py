"""The worker's half of the protocol as a pure state machine: frames, outcomes and time go in, actions come out.

    AWAY ──connected──> GREETING ──Welcome──> JOINING ──Registered, Verdicts──> READY
      ^                                                                           │
      └───────────────────────────── disconnected ────────────────────────────────┘

Losing a stream is not losing a step: what is held stays, and is named in Resume when the next stream stands. It knows
no clock; `now` is a monotonic instant in seconds that the caller reads.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Final

from workflow_client.errors import Problem, ProtocolRefused, RegistrationRefused
from workflow_client.generated.worker_pb2 import (
    LEASE_CODE_OK,
    LEASE_CODE_UNAVAILABLE,
    VERDICT_CODE_ABORT,
    Assign,
    Cancels,
    Credits,
    Drain,
    Drained,
    Error,
    GoAway,
    Hello,
    Lease,
    LeaseAnswer,
    Log,
    Ping,
    Pong,
    Progress,
    Ready,
    Register,
    Registered,
    Reject,
    Renewed,
    Result,
    ResultAcks,
    Resume,
    SessionRequest,
    SessionResponse,
    Verdicts,
    Welcome,
)
from workflow_client.protocol.actions import Abort, Action, Leave, Reconnect, Start
from workflow_client.protocol.answers import Answer, judge
from workflow_client.protocol.backoff import delay
from workflow_client.protocol.chunks import ChunkLog
from workflow_client.protocol.draining import Draining
from workflow_client.protocol.held import Held, Key, Phase, key_of
from workflow_client.protocol.outbox import Outbox
from workflow_client.protocol.results import replacement
from workflow_client.protocol.terms import Terms, terms_of

PROTOCOL: Final = 1
CAPABILITIES: Final = ("cancel", "progress", "chunks", "suspend")
LATE: Final = 1.0
"""Seconds a tick may be late before our own process is to blame for a silence."""

log = logging.getLogger("workflow_client.protocol")


class Stage(Enum):
    AWAY = auto()
    GREETING = auto()
    JOINING = auto()
    READY = auto()


class Conversation:
    """What one worker process holds and owes. Not safe for threads: one event loop owns it."""

    def __init__(self, hello: Hello, register: Register, slots: Mapping[str, int]) -> None:
        self._hello = hello
        self._register = register
        self._slots = dict(slots)
        self.terms = Terms()
        self.stage = Stage.AWAY
        self.outbox = Outbox()
        self.held: dict[Key, Held] = {}
        self.due = math.inf
        """When `tick` wants to be called."""
        self.unknown_frames = 0
        self._registered = False
        self._settled = False
        self._heard_at = 0.0
        self._renew_at = math.inf
        self._postponed: dict[Key, float] = {}
        self._draining = Draining()
        self._answers: dict[str, Callable[[SessionResponse, float], list[Action]]] = {
            "welcome": lambda frame, now: self._welcome(frame.welcome, now),
            "registered": lambda frame, now: self._on_registered(frame.registered),
            "assign": lambda frame, now: self._assign(frame.assign, now),
            "cancels": lambda frame, now: self._cancels(frame.cancels),
            "renewed": lambda frame, now: self._renewed(frame.renewed, now),
            "result_acks": lambda frame, now: self._result_acks(frame.result_acks, now),
            "ping": lambda frame, now: self._ping(frame.ping),
            "go_away": lambda frame, now: self._go_away(frame.go_away),
            "drained": lambda frame, now: self._drained(frame.drained),
            "verdicts": lambda frame, now: self._verdicts(frame.verdicts),
            "error": lambda frame, now: self._error(frame.error),
        }

    # --- the stream

    def connected(self, now: float) -> None:
        """A stream stands; the first frame is Hello."""
        self.outbox.clear()
        self.stage, self._registered, self._settled = Stage.GREETING, False, False
        self._heard_at = now
        self._control(SessionRequest(hello=self._hello))
        self._schedule(now)

    def disconnected(self, now: float) -> None:
        """Leases run on; renewals that had no answer count for nothing."""
        self.stage, self._settled = Stage.AWAY, False
        self.outbox.clear()
        self._postponed.clear()
        for held in list(self.held.values()):
            held.renewal_asked_at = None
            if held.phase is Phase.STOPPING:  # Resume leaves it out, which says enough
                self._drop(held)
        self._schedule(now)

    def received(self, frame: SessionResponse, now: float) -> list[Action]:
        self._heard_at = now
        answer = self._answers.get(frame.WhichOneof("frame") or "")
        if answer is None:
            self.unknown_frames += 1
            log.debug("A frame of a kind this SDK does not know was ignored")
            return []
        return answer(frame, now)

    def take(self) -> list[SessionRequest]:
        """The frames to write now."""
        return self.outbox.take(self.terms.max_frame_bytes)

    # --- joining

    def _welcome(self, welcome: Welcome, now: float) -> list[Action]:
        if welcome.proto not in (0, PROTOCOL):
            why = f"The server speaks version {welcome.proto} of the worker protocol, this SDK {PROTOCOL}; update one"
            return [Leave(ProtocolRefused("protocol-version", why))]
        self.terms = terms_of(welcome)
        self.stage = Stage.JOINING
        self._renew_at = now + self.terms.renew_every
        self._control(SessionRequest(register=self._register))
        if self.held:
            self._control(SessionRequest(resume=Resume(held=[held.lease for held in self.held.values()])))
        else:
            self._settled = True
        self._control(SessionRequest(credits=Credits(slots=self._slots)))
        self._schedule(now)
        return []

    def _on_registered(self, registered: Registered) -> list[Action]:
        self._registered = True
        for step in registered.steps:
            for warning in step.warnings:
                log.warning("%s@%s: %s", step.name, step.version, warning)
        return self._join()

    def _verdicts(self, verdicts: Verdicts) -> list[Action]:
        actions: list[Action] = []
        for verdict in verdicts.items:
            held = self.held.get(key_of(verdict.lease))
            if held is None:
                continue
            if verdict.code == VERDICT_CODE_ABORT:
                actions += self._abort(held, "superseded")
            elif held.chunks is not None:
                self._resend_chunks(held.chunks, verdict.next_chunk)
        self._settled = True
        for held in self.held.values():
            self._say_again(held)
        return actions + self._join()

    def _resend_chunks(self, chunks: ChunkLog, wanted: int) -> None:
        lost = chunks.lost
        self.outbox.chunks += chunks.resend(wanted)
        if chunks.lost > lost:
            log.warning("%d chunks were lost: the server was away for longer than they are kept", chunks.lost - lost)

    def _say_again(self, held: Held) -> None:
        if held.progress is not None and not held.is_completed:
            self.outbox.progress[held.key] = held.progress
        if held.result is not None:
            self.outbox.acks.pop(held.key, None)  # the result says it, too
            self.outbox.results[held.key] = held.result

    def _join(self) -> list[Action]:
        if self.stage is not Stage.JOINING or not (self._registered and self._settled):
            return []
        self.stage = Stage.READY
        if not self._draining.is_on:
            self._control(SessionRequest(ready=Ready()))
        else:
            left = self._draining.seconds_left(self._heard_at)
            self._control(SessionRequest(drain=Drain(deadline_seconds=left)))
        return []

    # --- steps

    def _assign(self, assign: Assign, now: float) -> list[Action]:
        fresh: list[Held] = []
        expires_at = now + self.terms.lease
        for assignment in assign.items:
            lease = assignment.lease
            key = (lease.execution_id, lease.path, lease.delivery)
            known = self.held.get(key)
            if known is not None:
                self._again(known)
            elif self._draining.is_on:
                self.reject(lease, "draining")
            else:
                held = Held(key, assignment, expires_at)
                self.held[key] = held
                self.outbox.acks[key] = lease
                fresh.append(held)
        return [Start(tuple(fresh))] if fresh else []

    def _again(self, held: Held) -> None:
        """The server did not see our answer: it gets it again, the step is not done again."""
        self.outbox.acks[held.key] = held.lease
        self._say_again(held)

    def reject(self, lease: Lease, reason: str) -> None:
        """Gives an assignment back; costs no attempt."""
        held = self.held.get(key_of(lease))
        if held is not None:
            self._drop(held)
        self.outbox.rejects.append(Reject(lease=lease, reason=reason))

    def ended(self, held: Held, result: Result) -> None:
        """The function has ended. What a stopped step made is dropped, and the stop is confirmed."""
        if held.phase is Phase.RUNNING:
            held.phase = Phase.FINISHED
            held.result = result
            if self._settled:
                self.outbox.acks.pop(held.key, None)  # the result says it, too
                if held.is_completed:  # else its checkpoint is for the next attempt
                    self.outbox.progress.pop(held.key, None)
                self.outbox.results[held.key] = result
        elif held.phase is Phase.STOPPING:
            self._drop(held)
            self.outbox.cancel_acks.append(held.lease)

    def _cancels(self, cancels: Cancels) -> list[Action]:
        actions: list[Action] = []
        for cancel in cancels.items:
            held = self.held.get(key_of(cancel.lease))
            if held is None or held.phase is Phase.FINISHED:
                self.outbox.cancel_acks.append(cancel.lease if held is None else held.lease)
            elif held.phase is Phase.RUNNING:
                held.phase = Phase.STOPPING
                held.stop_reason = cancel.reason or "cancelled"
                actions.append(Abort(held, held.stop_reason))
        return actions

    def _abort(self, held: Held, reason: str) -> list[Action]:
        """The step is not ours any more: whatever comes of it is ignored."""
        working = held.phase is Phase.RUNNING
        self._drop(held)
        held.stop_reason = reason
        return [Abort(held, reason)] if working else []

    def _drop(self, held: Held) -> None:
        held.phase = Phase.DROPPED
        self.held.pop(held.key, None)
        self._postponed.pop(held.key, None)
        self.outbox.forget(held.key)

    # --- what a step says while it runs

    def progress(self, held: Held, fraction: float | None, note: str, checkpoint: bytes | None) -> None:
        """Only the latest counts; an earlier checkpoint stays when this one has none."""
        if held.phase is not Phase.RUNNING or "progress" not in self.terms.capabilities:
            return
        merged = held.progress or Progress(lease=held.lease)
        if fraction is not None:
            merged.fraction = fraction
        if note:
            merged.note = note
        if checkpoint is not None:
            merged.checkpoint = checkpoint
        held.progress = merged
        if self._settled:
            self.outbox.progress[held.key] = merged

    def chunk(self, held: Held, channel: str, text: str) -> None:
        if held.phase is not Phase.RUNNING or "chunks" not in self.terms.capabilities:
            return
        if held.chunks is None:
            held.chunks = ChunkLog(held.lease, held.assignment.next_chunk)
        added = held.chunks.add(channel, text, self.terms.max_chunk_bytes)
        if not self._settled:
            return
        self.outbox.chunks += added
        if held.chunks.is_half_full and held.renewal_asked_at is None:
            self._renew([held], self._heard_at)  # its answer tells how far the server is

    def log_line(self, held: Held, level: str, message: str) -> None:
        if held.phase is Phase.RUNNING and self._settled:
            self.outbox.log(Log(lease=held.lease, level=level, message=message))

    # --- answers

    def _renewed(self, renewed: Renewed, now: float) -> list[Action]:
        actions: list[Action] = []
        for item in renewed.items:
            held = self.held.get(key_of(item.lease))
            if held is None:
                continue
            asked_at, held.renewal_asked_at = held.renewal_asked_at, None
            if item.code == LEASE_CODE_OK:
                held.expires_at = (now if asked_at is None else asked_at) + self.terms.lease
                if held.chunks is not None:
                    held.chunks.confirm(item.next_chunk)
            elif item.code != LEASE_CODE_UNAVAILABLE and held.phase is Phase.RUNNING:
                actions += self._abort(held, "superseded")
        return actions

    def _result_acks(self, acks: ResultAcks, now: float) -> list[Action]:
        for item in acks.items:
            lease = item.lease
            held = self.held.get((lease.execution_id, lease.path, lease.delivery))
            if held is None or held.result is None:
                continue
            if item.code == LEASE_CODE_OK:
                held.phase = Phase.DROPPED
                del self.held[held.key]
            else:
                self._refused(held, item, now)
        if self._draining.is_on and not self.held:
            self._draining.note(now, holds=False)
            self.due = min(self.due, self._draining.due())
        return []

    def _refused(self, held: Held, item: LeaseAnswer, now: float) -> None:
        answer = judge(held, item)
        if answer is Answer.AGAIN:
            at = now + delay(held.refusals, 0.1, 5.0)
            held.refusals += 1
            self._postponed[held.key] = at
            self.due = min(self.due, at)
        elif answer is Answer.REPLACE:
            held.corrected = True
            held.result = replacement(held, item.message)
            self.outbox.results[held.key] = held.result
        else:
            self._drop(held)

    def _ping(self, ping: Ping) -> list[Action]:
        self._control(SessionRequest(pong=Pong(nonce=ping.nonce)))
        return []

    def _go_away(self, go_away: GoAway) -> list[Action]:
        return [Reconnect(go_away.reconnect_after_seconds or None, go_away.reason or "the server asks to reconnect")]

    def _error(self, error: Error) -> list[Action]:
        if self.stage is Stage.JOINING and not self._registered:
            problems = [Problem(problem.code, problem.message, problem.pointer) for problem in error.problems]
            return [Leave(RegistrationRefused(error.code, error.message, problems))]
        log.warning("The server refused a frame: %s (%s)", error.message, error.code)
        return [Reconnect(None, error.message)] if error.fatal else []

    # --- draining

    def drain(self, now: float, deadline: float = 0.0) -> list[Action]:
        """Take nothing new; finish what is held. `deadline` in seconds, 0 waits for all of it."""
        if self._draining.is_on:
            return []
        self._draining.begin(now, deadline)
        self._draining.note(now, holds=bool(self.held))
        if self.stage is Stage.AWAY and not self.held:
            return [Leave()]
        if self.stage is Stage.READY:
            self._control(SessionRequest(drain=Drain(deadline_seconds=deadline)))
        self._schedule(now)
        return []

    def _drained(self, _drained: Drained) -> list[Action]:
        """Whatever is still held went back to the queue."""
        aborted: list[Action] = []
        for held in list(self.held.values()):
            aborted += self._abort(held, "drained")
        return [*aborted, Leave()]

    # --- time

    def tick(self, now: float) -> list[Action]:
        """Renews, gives up what could not be renewed, sends again what was refused for now, notices a dead stream."""
        if now > self.due + LATE:
            self._heard_at = max(self._heard_at, now - self.terms.dead_after / 2)  # perhaps it was us who slept
        actions: list[Action] = self._expire(now)
        if self.stage is not Stage.AWAY:
            if now >= self._heard_at + self.terms.dead_after:
                actions.append(Reconnect(None, f"the server was silent for {self.terms.dead_after:g} seconds"))
            if self._settled and now >= self._renew_at:
                self._renew_at = now + self.terms.renew_every
                self._renew((held for held in self.held.values() if held.phase is not Phase.STOPPING), now)
            self._send_postponed(now)
        actions += self._overdue_drain(now)
        self._schedule(now)
        return actions

    def _expire(self, now: float) -> list[Action]:
        """Only work is given up: a result is worth reporting late, since nobody else may have the step yet."""
        over = [held for held in self.held.values() if held.expires_at <= now and held.phase is Phase.RUNNING]
        actions: list[Action] = []
        for held in over:
            log.warning("The lease of %s of execution %s is over and could not be renewed", held.key[1], held.key[0])
            actions += self._abort(held, "lease-over")
        return actions

    def _renew(self, those: Iterable[Held], now: float) -> None:
        for held in those:
            if held.renewal_asked_at is None:
                held.renewal_asked_at = now
            self.outbox.renew[held.key] = held.lease

    def _send_postponed(self, now: float) -> None:
        for key in [key for key, at in self._postponed.items() if at <= now]:
            del self._postponed[key]
            self._say_again(self.held[key])

    def _overdue_drain(self, now: float) -> list[Action]:
        """A draining worker waits for Drained, but not for ever."""
        self._draining.note(now, holds=bool(self.held))
        if not self._draining.is_on:
            return []
        if self.stage is Stage.AWAY and not self.held:
            return [Leave()]
        return self._drained(Drained()) if self._draining.is_overdue(now) else []

    def _schedule(self, now: float) -> None:
        """A lease given later is over later than all of these, so it need not be looked at before the next tick."""
        times = [*self._postponed.values(), self._draining.due()]
        if self.stage is not Stage.AWAY:
            times += [self._heard_at + self.terms.dead_after, self._renew_at if self._settled else now + 1.0]
        times += [held.expires_at for held in self.held.values() if held.phase is Phase.RUNNING]
        self.due = max(min(times, default=math.inf), now + 0.001)

    def _control(self, frame: SessionRequest) -> None:
        self.outbox.control.append(frame)
