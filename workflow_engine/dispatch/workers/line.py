"""The line of one version of a step type: who waits to be done, oldest first, and who could do it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
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

    @property
    def name(self) -> str:
        return self.pin.partition("@")[0]

    def add(self, handover: HandOver) -> None:
        self._pushed += 1
        heappush(self._heap, (handover.order, self._pushed, handover))

    def first(self) -> HandOver | None:
        """Who is to be done next. Whoever left the line is passed over."""
        if self.quarantined:
            return None
        while self._heap:
            if self._heap[0][2].stage is Stage.WAITING:
                return self._heap[0][2]
            heappop(self._heap)
        return None

    def take(self) -> None:
        """The first one leaves."""
        heappop(self._heap)

    def next_session(self) -> "Session | None":
        """Whose turn it is to take the first one."""
        while self.hungry:
            session = next(iter(self.hungry))
            del self.hungry[session]
            if session.takes(self):
                self.hungry[session] = None
                return session
            session.is_hungry = False
        return None

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
