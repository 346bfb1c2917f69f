"""What a worker holds: hand-overs that it works on, or whose results the server has not acknowledged."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from workflow_client.generated.worker_pb2 import Assignment, Lease, Progress, Result
from workflow_client.protocol.chunks import ChunkLog

Key: TypeAlias = tuple[str, str, int]
"""Execution, path, delivery: the name of one hand-over. The token is its proof, not its name."""


def key_of(lease: Lease) -> Key:
    return (lease.execution_id, lease.path, lease.delivery)


class Phase(Enum):
    RUNNING = auto()
    STOPPING = auto()
    """The server cancelled it; it is told so once the function has ended."""
    FINISHED = auto()
    """Its result is kept until the server says that it is durable."""
    DROPPED = auto()
    """Somebody else's now, or nobody's: whatever comes of it is ignored."""


@dataclass(eq=False, slots=True)
class Held:
    """`expires_at` is on our own monotonic clock."""

    key: Key
    assignment: Assignment
    expires_at: float
    phase: Phase = Phase.RUNNING
    result: Result | None = None
    progress: Progress | None = None
    """The latest, merged: sent again after a reconnect, so that a checkpoint is not lost with a stream."""
    chunks: ChunkLog | None = None
    renewal_asked_at: float | None = None
    """When the oldest renewal that has no answer was asked for; a lease runs from there."""
    refusals: int = 0
    """How often in a row the server could not take the result."""
    corrected: bool = False
    """Its result could not be read and was replaced by a failure that says so."""
    stop_reason: str = field(default="")

    @property
    def lease(self) -> Lease:
        return self.assignment.lease

    @property
    def is_completed(self) -> bool:
        """It has an output, so there is no further attempt."""
        return self.result is not None and self.result.HasField("output")
