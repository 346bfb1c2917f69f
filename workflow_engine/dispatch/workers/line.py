"""The line of one version of a step type: who waits to be done, oldest first, and who could do it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from workflow_engine.dispatch.workers.handover import HandOver, Stage

if TYPE_CHECKING:
    from workflow_engine.dispatch.workers.session import Session


@dataclass(slots=True, eq=False)
class Line:
    """`pin` is `name@version`. What is new stands behind what is old: nothing is given to a worker past the line."""

    namespace: str
    pin: str
    sessions: "dict[Session, None]" = field(default_factory=dict)
    """Those that serve this version."""
    hungry: "dict[Session, None]" = field(default_factory=dict)
    """Of these, those that had room when they were last looked at, in the order of their turn."""
    last_seen: float | None = None
    """When a worker last served it: UTC epoch seconds; None while one does, or when none ever did."""
    losses: int = 0
    """How often in a row a worker was lost while it had such a step."""
    lost_with: tuple[str, int] | None = None
    quarantined: bool = False
    _heap: list[tuple[tuple[int, int], int, HandOver]] = field(default_factory=list)
    _pushed: int = 0
    _cleaned_at: int = 1_000
    """So many entries, and those that left the line are thrown out."""
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.pin.partition("@")[0]

    def add(self, handover: HandOver) -> None:
        self._pushed += 1
        heappush(self._heap, (handover.order, self._pushed, handover))
        if len(self._heap) > self._cleaned_at:
            self._heap = [entry for entry in self._heap if entry[2].stage is Stage.WAITING]
            heapify(self._heap)
            self._cleaned_at = 2 * len(self._heap) + 1_000

    def first(self) -> HandOver | None:
        """Who is to be done next. Whoever left the line is passed over."""
        if self.quarantined:
            return None
        while self._heap:
            if self._heap[0][2].stage is Stage.WAITING:
                return self._heap[0][2]
            heappop(self._heap)
        return None

    def first_for(self, session: "Session") -> HandOver | None:
        """As `first`, for one worker: what he let lapse himself is for others."""
        passed: list[HandOver] = []
        while (first := self.first()) is not None and first.is_lapsed_from(session):
            passed.append(heappop(self._heap)[2])
        for handover in passed:
            self.add(handover)
        return first

    def match(self) -> "tuple[HandOver, Session] | None":
        """Who is next, and whose turn it is to do it. Workers take turns; those without room are hungry no longer."""
        first = self.first()
        if first is None:
            return None
        found: tuple[HandOver, Session] | None = None
        passed: list[Session] = []
        while self.hungry and found is None:
            session = next(iter(self.hungry))
            del self.hungry[session]
            handover = self.first_for(session) if first.is_lapsed_from(session) else first
            if handover is None:
                passed.append(session)
            elif session.takes(handover, self):
                self.hungry[session] = None
                found = handover, session
            else:
                session.is_hungry = False
        self.hungry.update(dict.fromkeys(passed))
        return found

    def waiting(self) -> Iterator[HandOver]:
        return (entry[2] for entry in self._heap if entry[2].stage is Stage.WAITING)

    # --- the circuit

    def count_loss(self, worker: tuple[str, int], limit: int) -> bool:
        """A worker was lost while it had such a step; once for each worker. Tells whether the circuit opens now."""
        if self.lost_with == worker:
            return False
        self.lost_with = worker
        self.losses += 1
        if self.quarantined or self.losses < limit:
            return False
        self.quarantined = True
        return True

    def heal(self) -> None:
        """Somebody did such a step to its end, or a person says that it is well."""
        self.losses = 0
        self.lost_with = None
