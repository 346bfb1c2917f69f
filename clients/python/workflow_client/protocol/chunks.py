"""The chunks of one attempt: numbered without gaps, kept until the server has them, sent again from where it waits."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from workflow_client.generated.worker_pb2 import Chunk, Lease

MOST_KEPT: Final = 10_000
MOST_KEPT_BYTES: Final = 4 * 1024 * 1024


class ChunkLog:
    """Bounded by number and bytes. What falls out was sent, and is missing only if a stream broke just then."""

    __slots__ = ("_bytes", "_kept", "_lease", "_next", "lost")

    def __init__(self, lease: Lease, first: int = 0) -> None:
        self._lease = lease
        self._next = first
        self._kept: deque[Chunk] = deque()
        self._bytes = 0
        self.lost = 0

    def add(self, channel: str, text: str, most_bytes: int) -> list[Chunk]:
        """The chunks `text` makes, each at most `most_bytes` of UTF-8."""
        added = [self._append(channel, part) for part in split(text, most_bytes)]
        while len(self._kept) > MOST_KEPT or self._bytes > MOST_KEPT_BYTES:
            self._bytes -= len(self._kept.popleft().data)
        return added

    def _append(self, channel: str, text: str) -> Chunk:
        chunk = Chunk(lease=self._lease, seq=self._next, channel=channel, data=text)
        self._next += 1
        self._kept.append(chunk)
        self._bytes += len(text)
        return chunk

    @property
    def is_half_full(self) -> bool:
        return 2 * len(self._kept) > MOST_KEPT or 2 * self._bytes > MOST_KEPT_BYTES

    def confirm(self, wanted: int) -> None:
        """The server has everything before `wanted`."""
        while self._kept and self._kept[0].seq < wanted:
            self._bytes -= len(self._kept.popleft().data)

    def resend(self, wanted: int) -> list[Chunk]:
        """What to send again. Numbers close up over what fell out, because the server takes no gap."""
        self.confirm(wanted)
        missing = self._kept[0].seq - wanted if self._kept else 0
        if missing > 0:
            self.lost += missing
            self._next -= missing
            for chunk in self._kept:
                chunk.seq -= missing
        return list(self._kept)


def split(text: str, most_bytes: int) -> Iterator[str]:
    """Parts of at most `most_bytes` of UTF-8, never within a character; lone surrogates become `?`."""
    data = text.encode(errors="replace")
    if len(data) <= most_bytes:
        yield data.decode()
        return
    start = 0
    while start < len(data):
        end = min(start + max(most_bytes, 4), len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end].decode()
        start = end
