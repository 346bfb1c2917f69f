"""What waits to be sent to one worker. Whoever writes takes all of it at once: load makes large frames."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import Answer, Cancel, GoAway, Verdict

ACKS_EVERY_SECONDS: Final = 0.005


@dataclass(slots=True)
class Outgoing:
    """One lot, in the order in which it must be sent."""

    replies: list[object] = field(default_factory=list)
    """Of the transport itself, as it wants them."""
    verdicts: list[Verdict] = field(default_factory=list)
    cancels: list[Cancel] = field(default_factory=list)
    assignments: list[HandOver] = field(default_factory=list)
    renewed: list[Answer] = field(default_factory=list)
    result_acks: list[Answer] = field(default_factory=list)
    ping: int | None = None
    drained: bool = False
    go_away: GoAway | None = None


class Outbox:
    def __init__(self) -> None:
        self._outgoing = Outgoing()
        self._acks: list[Answer] = []
        self._flush: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self.closed = False

    def reply(self, reply: object) -> None:
        self._outgoing.replies.append(reply)
        self._news.set()

    def assign(self, handover: HandOver) -> None:
        self._outgoing.assignments.append(handover)
        self._news.set()

    def cancel(self, cancel: Cancel) -> None:
        self._outgoing.cancels.append(cancel)
        self._news.set()

    def renewed(self, answers: Sequence[Answer]) -> None:
        self._outgoing.renewed.extend(answers)
        self._news.set()

    def result(self, answer: Answer) -> None:
        """Nobody waits for it, so that a moment later many go at once."""
        self._acks.append(answer)
        if self.closed:
            self._flush_acks()
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(ACKS_EVERY_SECONDS, self._flush_acks)

    def _flush_acks(self) -> None:
        self._flush = None
        self._outgoing.result_acks.extend(self._acks)
        self._acks.clear()
        self._news.set()

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        self._outgoing.verdicts.extend(verdicts)
        self._news.set()

    def ping(self, nonce: int) -> None:
        self._outgoing.ping = nonce
        self._news.set()

    def drained(self) -> None:
        """Behind all acks: a worker that is told so may go."""
        self._outgoing.result_acks.extend(self._acks)
        self._acks.clear()
        self._outgoing.drained = True
        self._news.set()

    def go_away(self, go_away: GoAway) -> None:
        self._outgoing.go_away = go_away
        self._news.set()

    def close(self) -> None:
        """Nothing more will come; what waits is still taken."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush_acks()
        self.closed = True
        self._news.set()

    @property
    def unsent(self) -> int:
        """Assignments that wait."""
        return len(self._outgoing.assignments)

    def withhold(self, handover: HandOver) -> bool:
        """Do not send it. False: it was sent."""
        if handover not in self._outgoing.assignments:
            return False
        self._outgoing.assignments.remove(handover)
        return True

    def take_back(self) -> list[HandOver]:
        """The assignments that were not sent; the rest stays."""
        unsent, self._outgoing.assignments = self._outgoing.assignments, []
        return unsent

    async def news(self) -> None:
        """Wait until there is something to take, or the box is closed."""
        await self._news.wait()

    def take(self) -> Outgoing:
        """Everything there is."""
        taken, self._outgoing = self._outgoing, Outgoing()
        self._news.clear()
        return taken
