"""After a start of the server: who may still hold what was handed out before.

Nothing says which waiting step a worker has, and nothing must: a step waits until every worker that could have it came
back and told what it holds, or until its lease has run out for certain.
"""

from collections import Counter
from collections.abc import Iterable

from workflow_engine.dispatch.workers.handover import HandOver


class Returning:
    """The workers the server knew before it was stopped, and the steps that wait for them. `until` is monotonic."""

    def __init__(self) -> None:
        self._away: dict[tuple[str, str], frozenset[str]] = {}
        self._missed: Counter[tuple[str, str]] = Counter()
        self._waiting: dict[tuple[str, str], list[HandOver]] = {}
        self.until = 0.0

    def expect(self, workers: Iterable[tuple[str, str, Iterable[str]]], until: float) -> None:
        """Namespace, worker id and the pins it served, of each."""
        self._away = {(namespace, worker_id): frozenset(pins) for namespace, worker_id, pins in workers}
        self._missed = Counter((place[0], pin) for place, pins in self._away.items() for pin in pins)
        self.until = until

    def may_hold(self, namespace: str, pin: str, now: float) -> bool:
        """Whether somebody who did not come back yet may have a step of this type."""
        return now < self.until and self._missed[namespace, pin] > 0

    def wait(self, handover: HandOver) -> None:
        task = handover.task
        self._waiting.setdefault((task.request.namespace, task.type.pin), []).append(handover)

    def came_back(self, place: tuple[str, str]) -> list[HandOver]:
        """A worker told what it holds. Answers the steps for which nobody is missed any more."""
        settled: list[HandOver] = []
        for pin in sorted(self._away.pop(place, ())):
            self._missed[place[0], pin] -= 1
            if self._missed[place[0], pin] <= 0:
                settled += self._waiting.pop((place[0], pin), [])
        return settled

    def give_up(self, now: float) -> list[tuple[str, str]]:
        """Who did not come back in time; from now on nothing waits for them."""
        if now < self.until:
            return []
        gone = list(self._away)
        self._away.clear()
        self._missed.clear()
        self._waiting.clear()
        return gone
