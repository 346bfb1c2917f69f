"""Everything that may enter an execution. `now` is UTC epoch seconds, read once by whoever submits."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from workflow_engine.history.events import StepError
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Verdict


@dataclass(frozen=True, slots=True)
class Start:
    now: float
    input: JsonObject
    definition: str
    pins: dict[str, str]
    seed: int
    options: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A step answered. Counts only under the latest `delivery` of its path."""

    now: float
    path: str
    delivery: int
    verdict: Verdict
    duration_ms: float
    worker: str | None = None
    """The worker that did it, and since when; None when it was done in this process."""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A step failed. `retryable` and `retry_after` (seconds) are the worker's word and win over the defaults."""

    now: float
    path: str
    delivery: int
    error: StepError
    duration_ms: float
    retryable: bool | None = None
    retry_after: float | None = None
    worker: str | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A worker took the step, at `since`. Counts only under the latest `delivery`, as everything a worker says."""

    now: float
    path: str
    delivery: int
    worker: str
    since: float


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a worker is; `checkpoint` (base64) is for the next attempt."""

    now: float
    path: str
    delivery: int
    fraction: float | None = None
    note: str | None = None
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Chunked:
    """Pieces of what a step says, from number `first` on; those that are recorded already are passed over."""

    now: float
    path: str
    delivery: int
    first: int
    chunks: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A hand-over to a worker came to nothing: the same attempt is handed over again.

    `untouched`: the worker surely never began, so that even a step that may run at most once can be handed on.
    """

    now: float
    path: str
    delivery: int
    reason: str
    untouched: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by: fire whatever is due."""

    now: float


@dataclass(frozen=True, slots=True)
class Signal:
    now: float
    name: str
    payload: Json = None


@dataclass(frozen=True, slots=True)
class Cancel:
    now: float
    reason: str
    compensate: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    now: float
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    now: float


class Loss(StrEnum):
    """How running steps lost whoever held them."""

    DIED = "server-died"
    """The process is gone. Told at the next start, also after an orderly stop."""
    STOPPED = "server-stopped"
    """The server stops in order and gives them up."""
    REFOLDED = "turn-lost"
    """A turn could not be stored, and the execution was folded again."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Nobody holds these running steps any more."""

    now: float
    lost: tuple[str, ...]
    loss: Loss


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says what became of a step whose outcome is unknown: it completed, it failed, or (neither given) it may
    be run again.
    """

    now: float
    path: str
    output: Json = None
    completed: bool = False
    error: StepError | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A user says something to an agent: `{"role", "content"}`, and `"metadata"` where there is some."""

    now: float
    path: str
    message: JsonObject


Report: TypeAlias = Succeeded | Failed | Taken | Progressed | Chunked | Withdrawn
"""What is said of one hand-over, and counts only while nobody else has the step."""

Input: TypeAlias = Start | Report | Tick | Signal | Cancel | Pause | Resume | Recover | Resolve | Message
