"""What goes between the desk and a worker, whatever carries it.

What is made for every step is a tuple: it takes a third of the time of a frozen dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class LeaseRef(NamedTuple):
    """How a worker names one hand-over. `delivery` is the fence, `token` the proof that it was made to the sender."""

    execution_id: str
    path: str
    delivery: int
    token: str

    @property
    def key(self) -> tuple[str, str]:
        return self.execution_id, self.path


class Code(StrEnum):
    """What became of one item a worker sent."""

    OK = "ok"
    LEASE_SUPERSEDED = "lease_superseded"
    RESULT_CONFLICT = "result_conflict"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    CONTRACT_VIOLATION = "contract_violation"
    INVALID_TOKEN = "invalid_token"  # noqa: S105  # the name of a refusal, not a secret
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"


class Answer(NamedTuple):
    lease: LeaseRef
    code: Code
    message: str = ""
    next_chunk: int = 0


@dataclass(frozen=True, slots=True)
class Hello:
    """Who comes, and the range of protocol versions it speaks."""

    worker_id: str
    proto_min: int = 1
    proto_max: int = 1
    build_id: str = ""
    namespace: str = ""
    sdk: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    capabilities: tuple[str, ...] = ()


class Output(NamedTuple):
    """JSON text, not read yet: that it may be wrong is the fault of one step, not of the session."""

    data: bytes
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """`details` is JSON text, empty for none; `retry_after` in seconds."""

    code: str
    message: str
    details: bytes = b""
    retryable: bool | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Suspend:
    """`memo` is JSON text, empty for null."""

    seconds: float | None = None
    signal: str | None = None
    memo: bytes = b""


class Result(NamedTuple):
    lease: LeaseRef
    outcome: Output | Failure | Suspend
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Parts that are None are not mentioned."""

    lease: LeaseRef
    fraction: float | None = None
    note: str | None = None
    checkpoint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    lease: LeaseRef
    seq: int
    channel: str
    data: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """`reason`: cancelled, timeout, superseded or chunks-over-limit."""

    lease: LeaseRef
    reason: str
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a worker that came back may go on with what it holds."""

    lease: LeaseRef
    keep: bool
    next_chunk: int = 0


@dataclass(frozen=True, slots=True)
class GoAway:
    reason: str
    reconnect_after_seconds: float


@dataclass(frozen=True, slots=True)
class Said:
    """Everything a worker without a stream has to say in one call."""

    slots: Mapping[str, int] | None = None
    acks: tuple[LeaseRef, ...] = ()
    rejects: tuple[tuple[LeaseRef, str], ...] = ()
    renew: tuple[LeaseRef, ...] = ()
    progress: tuple[Progress, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    results: tuple[Result, ...] = ()
    cancel_acks: tuple[LeaseRef, ...] = ()
    logs: tuple[tuple[LeaseRef, str, str], ...] = ()
