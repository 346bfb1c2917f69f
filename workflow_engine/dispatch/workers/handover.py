"""One hand-over of one step to a worker, from the line to its result."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.workers.messages import Chunk, LeaseRef, Progress

if TYPE_CHECKING:
    from workflow_engine.dispatch.workers.session import Session


class Stage(Enum):
    WAITING = auto()
    """In line for a worker."""
    BEGINNING = auto()
    """Chosen for a worker; that it has the step is being written down first."""
    LEASED = auto()
    """A worker has it, or is being sent it."""
    RETURNING = auto()
    """The server started anew: a worker may have it, and has not come back yet."""
    WITHDRAWING = auto()
    """Given up: the next hand-over is being written down."""
    GONE = auto()
    """Over: whoever still finds it passes it over."""


@dataclass(slots=True, eq=False)
class HandOver:
    """Instants are monotonic seconds, but for `since`. `lease` stays valid until the step is given to somebody else."""

    task: Task
    lease: LeaseRef
    number: int
    """Its place among all that ever came: the lower goes first, also when it is handed over again."""
    stage: Stage = Stage.WAITING
    handed_out: bool = False
    """A worker may have this lease, so that the step needs a larger fence before anybody else gets it."""
    holder: "Session | None" = None
    worker_id: str = ""
    epoch: int = 0
    acked: bool = False
    announced: bool = False
    """That a worker has it is written down, or about to be."""
    cancelled_for: str = ""
    """Why its worker was told to stop."""
    is_writing: bool = False
    """Something it said is on its way to the journal: what it says meanwhile goes behind it."""
    reported: bool = False
    """A result is on its way to the journal."""
    since: float = 0.0
    """When the worker got it, by the wall clock."""
    due: float = 0.0
    """When the ack is due; once acked, when the lease runs out."""
    times_out_at: float | None = None
    next_chunk: int = 0
    """Of chunks, the number of the next that is taken; `kept_chunks` of them are durable."""
    kept_chunks: int = 0
    said_bytes: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    """Received, and not yet written down."""
    progress: Progress | None = None
    is_telling: bool = False
    """What it says will be written down in a moment."""
    key: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.task.key

    @property
    def order(self) -> tuple[int, int]:
        return -self.task.priority, self.number

    @property
    def is_open(self) -> bool:
        return self.stage is not Stage.GONE

    def is_lapsed_from(self, session: "Session") -> bool:
        """Whether this worker let its lease run out, and may still be at work on it: others may have it, not he."""
        return self.handed_out and self.acked and self.holder is session and session.alive

    def end(self) -> None:
        self.stage = Stage.GONE
        self.chunks.clear()
        self.progress = None
