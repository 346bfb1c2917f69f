"""Which steps of one body may be decided upon next. Kept up to date event by event, so that a decision costs nothing
per finished step.

A step is ready when everything it waits for has ended; a catch target, moreover, when a failure was routed to it or
none can be any more.
"""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Protocol

from workflow_engine.definition.plan import PlannedStep, Role
from workflow_engine.history.events import StepError


class Body(Protocol):
    """A set of steps that run together: the whole plan, or what a step owns (`agent#2.…`)."""

    @property
    def steps(self) -> Mapping[str, PlannedStep]: ...
    @property
    def dependents(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def routers(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def width(self) -> int: ...


class Frontier:
    __slots__ = (
        "_blockers",
        "_queued",
        "_ready",
        "_routed",
        "_routers_left",
        "_settled",
        "_targets_of",
        "body",
        "open",
        "prefix",
        "remaining",
    )

    def __init__(self, body: Body, prefix: str = "") -> None:
        self.body = body
        self.prefix = prefix
        self.open = 0
        self._settled: set[str] = set()
        self.remaining = sum(step.role is not Role.COMPENSATION for step in body.steps.values())
        self._blockers = {step.id: len(step.waits_for) for step in body.steps.values()}
        self._routers_left = {target: len(routers) for target, routers in body.routers.items()}
        self._targets_of = _inverse(body.routers)
        self._routed: dict[str, tuple[StepError, str]] = {}
        self._queued: set[str] = set()
        self._ready: list[tuple[int, str]] = []
        for step_id, blockers in self._blockers.items():
            if blockers == 0:
                self._queue_if_ready(step_id)

    def next_ready(self) -> PlannedStep | None:
        """Take the first ready step in order of rank, if there is a place for it.

        While a history is folded, steps become ready and begin without being taken: these are passed over.
        """
        while self._ready and (self.body.width == 0 or self.open < self.body.width):
            step_id = heappop(self._ready)[1]
            if step_id not in self._settled:
                return self.body.steps[step_id]
        return None

    def add(self, steps: Iterable[PlannedStep]) -> None:
        """Steps the body has now, which wait for nobody."""
        for step in steps:
            self.remaining += 1
            self._blockers[step.id] = 0
            self._queue_if_ready(step.id)

    def routed(self, step_id: str) -> tuple[StepError, str] | None:
        """The failure that was routed to this catch target, and the step it came from."""
        return self._routed.get(step_id)

    def began(self, step_id: str) -> None:
        self.open += 1
        self._settled.add(step_id)

    def route(self, target: str, error: StepError, source: str) -> None:
        """The first failure routed to a target is the one it runs for."""
        self._routed.setdefault(target, (error, source))
        self._queue_if_ready(target)

    def end(self, step_id: str, was_open: bool) -> None:
        """Account for a step that ended, and queue whoever waited for it alone."""
        self.open -= was_open
        self._settled.add(step_id)
        self.remaining -= self.body.steps[step_id].role is not Role.COMPENSATION
        for dependent in self.body.dependents.get(step_id, ()):
            self._blockers[dependent] -= 1
            if self._blockers[dependent] == 0:
                self._queue_if_ready(dependent)
        for target in self._targets_of.get(step_id, ()):
            self._routers_left[target] -= 1
            self._queue_if_ready(target)

    def _queue_if_ready(self, step_id: str) -> None:
        step = self.body.steps[step_id]
        if step_id in self._queued or self._blockers[step_id] > 0 or step.role is Role.COMPENSATION:
            return
        if step.role is Role.CATCH_TARGET and step_id not in self._routed and self._routers_left[step_id] > 0:
            return
        self._queued.add(step_id)
        heappush(self._ready, (step.rank, step_id))


def _inverse(routers: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {}
    for target, sources in routers.items():
        for source in sources:
            targets.setdefault(source, []).append(target)
    return targets
