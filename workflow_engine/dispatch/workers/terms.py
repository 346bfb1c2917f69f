"""The terms every session is held to."""

from dataclasses import dataclass
from typing import Final

PROTOCOL: Final = 1
MOST_FRAME_BYTES: Final = 3 * 1024 * 1024
CAPABILITIES: Final = ("cancel", "chunks", "progress", "suspend")


@dataclass(frozen=True, slots=True)
class Terms:
    """Durations in seconds. See the settings of the group `workers` for what each means."""

    ping_every: float = 10.0
    dead_after: float = 30.0
    lease: float = 60.0
    ack_within: float = 5.0
    cancel_grace: float = 10.0
    progress_every: float = 0.25
    chunks_every: float = 0.05
    report_within: float = 86_400.0
    reconnect_after: float = 1.0
    max_sessions: int = 10_000
    max_slots: int = 10_000
    max_inline_bytes: int = 1024 * 1024
    max_frame_bytes: int = MOST_FRAME_BYTES
    max_checkpoint_bytes: int = 64 * 1024
    max_chunk_bytes: int = 64 * 1024
    max_stream_bytes: int = 4 * 1024 * 1024
    quarantine_after: int = 5
