"""Until when a drain waits: for its deadline, and for Drained when nothing is held any more."""

import math
from dataclasses import dataclass
from typing import Final

GRACE: Final = 5.0
"""Seconds to wait for Drained."""


@dataclass(slots=True)
class Draining:
    """Instants are on the monotonic clock. Off until `begin`."""

    until: float | None = None
    idle_since: float | None = None

    @property
    def is_on(self) -> bool:
        return self.until is not None

    def begin(self, now: float, deadline: float) -> None:
        """`deadline` in seconds, 0 waits for everything. The server, who gives back what is left, is given a grace."""
        self.until = now + deadline + GRACE if deadline else math.inf

    def seconds_left(self, now: float) -> float:
        """As Drain says it: 0 for no deadline."""
        left = math.inf if self.until is None else self.until - GRACE - now
        return max(left, 0.001) if left < math.inf else 0.0

    def note(self, now: float, *, holds: bool) -> None:
        if holds or not self.is_on:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = now

    def is_overdue(self, now: float) -> bool:
        return now >= self.due()

    def due(self) -> float:
        if self.until is None:
            return math.inf
        return min(self.until, math.inf if self.idle_since is None else self.idle_since + GRACE)
