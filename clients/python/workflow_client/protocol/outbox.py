"""What waits for the writer: when it wakes, everything of a kind leaves as one frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from google.protobuf.message import Message

from workflow_client.generated.worker_pb2 import (
    Acks,
    CancelAcks,
    Chunk,
    Chunks,
    Lease,
    Log,
    Logs,
    Progress,
    ProgressReports,
    Reject,
    Rejects,
    Renew,
    Result,
    Results,
    SessionRequest,
)
from workflow_client.protocol.held import Key

M = TypeVar("M", bound=Message)

ROOM_FOR_HEADERS: Final = 1_024
"""What a frame weighs beyond its items."""
MOST_LOGS: Final = 1_000
"""Lines that wait for a server that is away; the oldest give way."""


@dataclass(slots=True)
class Outbox:
    control: list[SessionRequest] = field(default_factory=list)
    acks: dict[Key, Lease] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    progress: dict[Key, Progress] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    results: dict[Key, Result] = field(default_factory=dict)
    cancel_acks: list[Lease] = field(default_factory=list)
    renew: dict[Key, Lease] = field(default_factory=dict)
    logs: list[Log] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.results
            or self.acks
            or self.control
            or self.chunks
            or self.progress
            or self.renew
            or self.cancel_acks
            or self.rejects
            or self.logs
        )

    def clear(self) -> None:
        """A stream is gone: what still matters is made anew from what is held."""
        for waiting in (self.control, self.rejects, self.chunks, self.cancel_acks, self.logs):
            waiting.clear()
        for keyed in (self.acks, self.progress, self.results, self.renew):
            keyed.clear()

    def log(self, line: Log) -> None:
        self.logs.append(line)
        del self.logs[:-MOST_LOGS]

    def forget(self, key: Key) -> None:
        """Nothing is to be said about this hand-over any more."""
        for keyed in (self.acks, self.progress, self.results, self.renew):
            keyed.pop(key, None)

    def take(self, most_bytes: int) -> list[SessionRequest]:
        """Everything that waits, in frames of at most `most_bytes`. Chunks go before the results they belong to."""
        frames = [*self.control, *self._frames(most_bytes)]
        self.clear()
        return frames

    def _frames(self, most: int) -> Iterator[SessionRequest]:
        if self.acks:
            yield from (SessionRequest(acks=Acks(leases=part)) for part in parts(self.acks.values(), most))
        if self.renew:
            yield from (SessionRequest(renew=Renew(leases=part)) for part in parts(self.renew.values(), most))
        if self.rejects:
            yield from (SessionRequest(rejects=Rejects(items=part)) for part in parts(self.rejects, most))
        if self.progress:
            reports = parts(self.progress.values(), most)
            yield from (SessionRequest(progress=ProgressReports(items=part)) for part in reports)
        if self.chunks:
            yield from (SessionRequest(chunks=Chunks(items=part)) for part in parts(self.chunks, most))
        if self.logs:
            yield from (SessionRequest(logs=Logs(items=part)) for part in parts(self.logs, most))
        if self.results:
            yield from (SessionRequest(results=Results(items=part)) for part in parts(self.results.values(), most))
        if self.cancel_acks:
            yield from (SessionRequest(cancel_acks=CancelAcks(leases=p)) for p in parts(self.cancel_acks, most))


def parts(items: Iterable[M], most_bytes: int) -> Iterator[list[M]]:
    """The items in runs that each fit into a frame."""
    part: list[M] = []
    room = most_bytes - ROOM_FOR_HEADERS
    left = room
    for item in items:
        size = item.ByteSize() + 8
        if size > left and part:
            yield part
            part, left = [], room
        part.append(item)
        left -= size
    if part:
        yield part
