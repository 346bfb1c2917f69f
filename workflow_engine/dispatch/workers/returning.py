"""After a start of the server: who may still hold what was handed out before.

Nothing says which waiting step a worker has, and nothing must: a step waits until every worker that could have it came
back and told what it holds, or until its lease has run out for certain.
"""

from collections.abc import Iterable


class Returning:
    """The workers the server knew before it was stopped. `until` is monotonic."""

    def __init__(self) -> None:
        self._away: dict[tuple[str, str], frozenset[str]] = {}
        self.until = 0.0

    def expect(self, workers: Iterable[tuple[str, str, Iterable[str]]], until: float) -> None:
        """Namespace, worker id and the pins it served, of each."""
        self._away = {(namespace, worker_id): frozenset(pins) for namespace, worker_id, pins in workers}
        self.until = until

    def came_back(self, place: tuple[str, str]) -> frozenset[str]:
        """Tells the pins for which somebody less is missed."""
        return self._away.pop(place, frozenset())

    def gone(self, now: float) -> list[tuple[str, str]]:
        """Who did not come back in time; from now on nobody waits for them."""
        if now < self.until:
            return []
        gone = list(self._away)
        self._away.clear()
        return gone

    def may_hold(self, namespace: str, pin: str, now: float) -> bool:
        return now < self.until and any(namespace == place[0] and pin in pins for place, pins in self._away.items())
