"""One worker, as long as it is connected: what it serves, what it holds, how much more it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.line import Line
from workflow_engine.dispatch.workers.messages import Hello, LeaseRef
from workflow_engine.dispatch.workers.outbox import Outbox

ALL = ""
"""The class of all slots together."""


@dataclass(slots=True, eq=False)
class Session:
    """Instants ending in `_at` are UTC epoch seconds, `last_heard` is monotonic."""

    id: str
    principal: str
    namespace: str
    hello: Hello
    transport: str
    """`stream` or `poll`."""
    epoch: int
    connected_at: float
    last_heard: float
    last_seen_at: float
    explicit_acks: bool = True
    outbox: Outbox = field(default_factory=Outbox)
    lines: dict[Line, None] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    held: dict[tuple[str, str], HandOver] = field(default_factory=dict)
    cancelling: dict[LeaseRef, HandOver] = field(default_factory=dict)
    """Called back, and not confirmed yet: these still take slots."""
    resting: set[Line] = field(default_factory=set)
    """It gave back a step of these a moment ago."""
    used: dict[str, int] = field(default_factory=dict)
    promised: int = 0
    """Slots that are kept for steps whose next hand-over is being written down."""
    unanswered: int = 0
    """Results that are on their way to the journal."""
    ready: bool = False
    draining: bool = False
    told_drained: bool = False
    alive: bool = True
    superseded: bool = False
    is_hungry: bool = False
    poll_room: int | None = None
    """How many more assignments the open poll takes; None on a stream."""
    polls: int = 0
    completed: int = 0
    failed: int = 0
    ignored_cancels: int = 0
    unknown_frames: int = 0

    @property
    def worker_id(self) -> str:
        return self.hello.worker_id

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace, self.worker_id

    @property
    def in_flight(self) -> int:
        return len(self.held) + len(self.cancelling) + self.unanswered

    @property
    def can_begin(self) -> bool:
        return self.ready and self.alive and not self.draining

    def takes(self, handover: HandOver, line: Line) -> bool:
        """Whether there is room for one of this line."""
        cost = handover.task.type.slot_cost
        if not self.can_begin or line in self.resting:
            return False
        if self.poll_room is not None and self.outbox.unsent >= self.poll_room:
            return False
        return self._has_room(ALL, cost) and (line.name not in self.slots or self._has_room(line.name, cost))

    def oldest(self) -> HandOver | None:
        """Who came first, over all its lines, of those it has room for."""
        best: HandOver | None = None
        for line in self.lines:
            first = line.first_for(self)
            if first is not None and (best is None or first.order < best.order) and self.takes(first, line):
                best = first
        return best

    def grow_hungry(self) -> None:
        """It has room, and nothing that waits is for it: whatever comes next may be."""
        if self.can_begin and not self.is_hungry:
            self.is_hungry = True
            for line in self.lines:
                line.hungry[self] = None

    def _has_room(self, kind: str, cost: int) -> bool:
        used, slots = self.used.get(kind, 0), self.slots.get(kind, 0)
        # A step that costs more than there is at all would wait for ever: it gets all of it.
        return used + cost <= slots or (used == 0 and 0 < slots < cost)

    def hold(self, handover: HandOver) -> None:
        """It takes its slots once, however often this is said: a step that may run once is held before it is sent."""
        if self.held.get(handover.key) is handover:
            return
        self.held[handover.key] = handover
        self._use(handover, handover.task.type.slot_cost)

    def promise(self, handover: HandOver) -> "Callable[[], Session]":
        """Keep room for the next hand-over of a step until that is written down; what is answered gives it back."""
        cost = handover.task.type.slot_cost
        self._use(handover, cost)
        self.promised += cost

        def give_back() -> Session:
            self._use(handover, -cost)
            self.promised -= cost
            return self

        return give_back

    def release(self, handover: HandOver) -> None:
        """It is no longer in flight here; safe to call for what is not."""
        if self.held.get(handover.key) is handover:
            del self.held[handover.key]
        elif self.cancelling.pop(handover.lease, None) is None:
            return
        self._use(handover, -handover.task.type.slot_cost)

    def call_back(self, handover: HandOver) -> None:
        """From held to being called back."""
        if self.held.get(handover.key) is handover:
            del self.held[handover.key]
            self.cancelling[handover.lease] = handover

    def _use(self, handover: HandOver, cost: int) -> None:
        for kind in (ALL, handover.task.type.name):
            self.used[kind] = self.used.get(kind, 0) + cost
