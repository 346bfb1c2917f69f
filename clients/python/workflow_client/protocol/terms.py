"""The terms of a session, as the server sets them in Welcome. Durations in seconds."""

from dataclasses import dataclass

from workflow_client.generated.worker_pb2 import Welcome


@dataclass(frozen=True, slots=True)
class Terms:
    """The defaults are those of docs/worker-protocol.md; they stand until a server says otherwise."""

    lease: float = 60.0
    dead_after: float = 30.0
    max_inline_bytes: int = 1024 * 1024
    max_frame_bytes: int = 3 * 1024 * 1024
    max_checkpoint_bytes: int = 64 * 1024
    max_chunk_bytes: int = 64 * 1024
    capabilities: frozenset[str] = frozenset()

    @property
    def renew_every(self) -> float:
        return self.lease / 4


def terms_of(welcome: Welcome) -> Terms:
    """What the server left out keeps its default."""
    default = Terms()
    return Terms(
        lease=welcome.lease_seconds or default.lease,
        dead_after=welcome.dead_after_seconds or default.dead_after,
        max_inline_bytes=welcome.max_inline_bytes or default.max_inline_bytes,
        max_frame_bytes=welcome.max_frame_bytes or default.max_frame_bytes,
        max_checkpoint_bytes=welcome.max_checkpoint_bytes or default.max_checkpoint_bytes,
        max_chunk_bytes=welcome.max_chunk_bytes or default.max_chunk_bytes,
        capabilities=frozenset(welcome.capabilities),
    )
