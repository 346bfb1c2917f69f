"""Events as stored text and back: one JSON array a row, with large step outputs kept outside under their SHA-256."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from workflow_engine.history.encoding import decode_events, encode_events
from workflow_engine.history.events import Event, ExecutionCompleted, StepCompleted
from workflow_engine.journal.contract import Commit, RecordedEvent
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.jsontext import load, write


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """One row of the log."""

    first_seq: int
    last_seq: int
    payloads: int
    """How many of these events have their output outside."""
    body: str


@dataclass(frozen=True, slots=True)
class StoredPayload:
    seq: int
    digest: str
    body: str


@dataclass(frozen=True, slots=True)
class PackedCommit:
    """A commit whose events are text already: what a transaction writes."""

    commit: Commit
    last_seq: int
    rows: tuple[StoredEvents, ...]
    payloads: tuple[StoredPayload, ...] = ()

    @property
    def size(self) -> int:
        return sum(len(row.body) for row in self.rows) + sum(len(payload.body) for payload in self.payloads)


def pack(commit: Commit, limits: JournalLimits) -> PackedCommit:
    """The rows of a commit. Raises what the encoder raises for values that are not JSON."""
    body = encode_events(commit.events)
    last_seq = commit.first_seq + len(commit.events) - 1
    if len(body) <= limits.row_bytes and len(body) <= limits.payload_bytes:
        return PackedCommit(commit, last_seq, (StoredEvents(commit.first_seq, last_seq, 0, body.decode()),))
    pieces = [_Piece.of(seq, event, limits) for seq, event in enumerate(commit.events, commit.first_seq)]
    payloads = tuple(piece.payload for piece in pieces if piece.payload is not None)
    return PackedCommit(commit, last_seq, tuple(_rows(pieces, limits.row_bytes)), payloads)


def unpack(rows: Sequence[StoredEvents], payloads: Mapping[int, str]) -> list[RecordedEvent]:
    """The events of rows in their order; `payloads` holds the texts that are kept outside, by seq."""
    recorded = []
    for row in rows:
        for seq, event in enumerate(decode_events(row.body), row.first_seq):
            if row.payloads and seq in payloads:
                event = _with_output(event, payloads[seq])
            recorded.append(RecordedEvent(seq, event))
    return recorded


_Producing: TypeAlias = StepCompleted | ExecutionCompleted


def _with_output(event: Event, body: str) -> Event:
    # Only these are ever stored without their output; anything else would be a damaged journal.
    if not isinstance(event, _Producing):
        raise TypeError(f"an event of kind {event.kind} has no output")
    return replace(event, output=load(body))


@dataclass(frozen=True, slots=True)
class _Piece:
    """One event of a commit that is too long for one row."""

    seq: int
    body: bytes
    payload: StoredPayload | None

    @classmethod
    def of(cls, seq: int, event: Event, limits: JournalLimits) -> "_Piece":
        payload = None
        if isinstance(event, _Producing) and len(output := write(event.output)) > limits.payload_bytes:
            payload = StoredPayload(seq, hashlib.sha256(output).hexdigest(), output.decode())
            event = replace(event, output=None)
        return cls(seq, encode_events((event,))[1:-1], payload)


def _rows(pieces: Sequence[_Piece], row_bytes: int) -> Iterator[StoredEvents]:
    held: list[_Piece] = []
    size = 0
    for piece in pieces:
        if held and size + len(piece.body) > row_bytes:
            yield _joined(held)
            held, size = [], 0
        held.append(piece)
        size += len(piece.body)
    yield _joined(held)


def _joined(pieces: Sequence[_Piece]) -> StoredEvents:
    outside = sum(piece.payload is not None for piece in pieces)
    body = b"[" + b",".join(piece.body for piece in pieces) + b"]"
    return StoredEvents(pieces[0].seq, pieces[-1].seq, outside, body.decode())
