"""After a start of the server: who may still hold what was handed out before.

Nothing says which waiting step a worker has, and nothing must: a step waits until every worker that could have it came
back and told what it holds, or until its lease has run out for certain.
"""

from collections import Counter
from collections.abc import Iterable


class Returning:
    """The workers the server knew before it was stopped. `until` is monotonic."""

    def __init__(self) -> None:
        self._away: dict[tuple[str, str], frozenset[str]] = {}
        self._missed: Counter[tuple[str, str]] = Counter()
        self.until = 0.0

    def expect(self, workers: Iterable[tuple[str, str, Iterable[str]]], until: float) -> None:
        """Namespace, worker id and the pins it served, of each."""
        self._away = {(namespace, worker_id): frozenset(pins) for namespace, worker_id, pins in workers}
        self._missed = Counter((place[0], pin) for place, pins in self._away.items() for pin in pins)
        self.until = until

    def came_back(self, place: tuple[str, str]) -> list[str]:
        """A worker told what it holds. Answers the pins that nobody is missed for any more."""
        settled = []
        for pin in self._away.pop(place, ()):
            self._missed[place[0], pin] -= 1
            if self._missed[place[0], pin] <= 0:
                settled.append(pin)
        return sorted(settled)

    def gone(self, now: float) -> list[tuple[str, str]]:
        """Who did not come back in time; from now on nobody waits for them."""
        if now < self.until:
            return []
        gone = list(self._away)
        self._away.clear()
        self._missed.clear()
        return gone

    def may_hold(self, namespace: str, pin: str, now: float) -> bool:
        """Whether somebody who did not come back yet may have a step of this type."""
        return now < self.until and self._missed[namespace, pin] > 0
