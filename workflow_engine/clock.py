"""The only reader of time. Durable instants are UTC epoch seconds; durations are measured on the monotonic clock."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Wall clock, UTC, seconds since the epoch. May jump."""

    def monotonic(self) -> float:
        """Seconds that never go back; meaningless outside this process."""


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock for tests and simulation: it stands still until told to move."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone, as an administrator or NTP would."""
        self._now += seconds


def iso(instant: float) -> str:
    """RFC 3339 text of an instant, in UTC with microseconds, e.g. `2026-11-01T12:00:00.000000Z`."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
