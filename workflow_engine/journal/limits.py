"""How much a journal takes on, and how long it waits: what every keeper is opened with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """Named limits of every keeper."""

    max_batch_commits: int = 1_000
    """Commits in one transaction."""
    max_batch_bytes: int = 8 * 1024 * 1024
    max_queued_commits: int = 100_000
    """Beyond this, `append` answers `OverLimit` at once."""
    row_bytes: int = 256 * 1024
    """Events of one transition are stored together in rows of about this size."""
    payload_bytes: int = 1024 * 1024
    """A step output above this is stored once by its SHA-256 beside the events."""
    reader_threads: int = 4


@dataclass(frozen=True, slots=True)
class JournalTimeouts:
    """How long a keeper waits for its database, in seconds."""

    busy_seconds: float = 5.0
    """SQLite: for a lock that another program holds."""
    connect_seconds: float = 5.0
    lock_seconds: float = 5.0
    """PostgreSQL's `lock_timeout`; the others likewise."""
    statement_seconds: float = 30.0
    idle_in_transaction_seconds: float = 30.0
