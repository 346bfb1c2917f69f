"""The latest errors, counted and kept within bounds: what `/analytics/errors` and `/health/detailed` tell."""

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflow_engine.clock import Clock
from workflow_engine.history.events import ExecutionFailed, StepFailed
from workflow_engine.journal.contract import Commit
from workflow_engine.runtime.live import Live

MOST_TYPES: Final = 200
"""Workers choose their error codes, so there may be any number; beyond this they are counted as one."""
OTHER: Final = "other"
COMPONENTS: Final = ("step", "execution", "server")
_MINUTES: Final = 60


class Severity(StrEnum):
    """How bad: a handled failure, a failed step, a failed execution, a fault of the server."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class LoggedError:
    """`component` is one of `COMPONENTS`; `error_type` is the code of the error."""

    at: float
    component: str
    error_type: str
    severity: Severity
    message: str
    execution_id: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorStatistics:
    """`recent` is how many there were within the last hour, to the minute."""

    total: int
    recent: int
    by_type: dict[str, int]
    by_severity: dict[str, int]
    latest: tuple[LoggedError, ...]
    """Newest first."""


class ErrorLog:
    def __init__(self, clock: Clock, keep: int = 100) -> None:
        self._clock = clock
        self._latest: deque[LoggedError] = deque(maxlen=keep)
        self._counts: Counter[tuple[str, str, Severity]] = Counter()
        self._types: set[str] = set()
        self._minutes: Counter[tuple[str, int]] = Counter()

    def observe(self, live: Live, commit: Commit) -> None:
        """Told of every commit, on the hot path: most hold no error."""
        for event in commit.events:
            if type(event) is StepFailed:
                severity = Severity.MEDIUM if event.handled_by is None else Severity.LOW
                error = event.error
                self.record(LoggedError(event.at, "step", error.code, severity, error.message, live.id, event.path))
            elif type(event) is ExecutionFailed:
                error = event.error
                self.record(LoggedError(event.at, "execution", error.code, Severity.HIGH, error.message, live.id))

    def record(self, error: LoggedError) -> None:
        self._latest.appendleft(error)
        self._counts[error.component, self._bounded(error.error_type), error.severity] += 1
        minute = int(error.at // 60)
        if (error.component, minute) not in self._minutes:
            self._forget_minutes_before(minute - _MINUTES)
        self._minutes[error.component, minute] += 1

    def fault(self, error_type: str, message: str) -> None:
        """An exception in the server that nobody expected."""
        self.record(LoggedError(self._clock.now(), "server", error_type, Severity.CRITICAL, message))

    def statistics(self, component: str | None = None) -> ErrorStatistics:
        """Of one component, or of all."""
        by_type: Counter[str] = Counter()
        by_severity: Counter[str] = Counter({severity.value: 0 for severity in Severity})
        for (where, error_type, severity), count in self._counts.items():
            if component in (None, where):
                by_type[error_type] += count
                by_severity[severity.value] += count
        since = int(self._clock.now() // 60) - _MINUTES
        return ErrorStatistics(
            total=by_type.total(),
            recent=sum(n for (where, at), n in self._minutes.items() if at > since and component in (None, where)),
            by_type=dict(by_type),
            by_severity=dict(by_severity),
            latest=tuple(error for error in self._latest if component in (None, error.component)),
        )

    def _bounded(self, error_type: str) -> str:
        if error_type in self._types or len(self._types) < MOST_TYPES:
            self._types.add(error_type)
            return error_type
        return OTHER

    def _forget_minutes_before(self, minute: int) -> None:
        for key in [key for key in self._minutes if key[1] < minute]:
            del self._minutes[key]
