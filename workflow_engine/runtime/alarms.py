"""Durable timers, on the wall clock: one alarm an execution, and one wake-up of the loop for the earliest of them.

No timer fires early, and none is lost when the clock jumps: the wall clock is asked again at every wake-up, and at
least once a minute while any alarm is set. Without alarms nothing wakes.
"""

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

from workflow_engine.clock import Clock

LONGEST_SLEEP: Final = 60.0


class Alarms:
    def __init__(self, clock: Clock, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0

    def set(self, execution_id: str, due_at: float | None) -> None:
        """The next instant at which this execution is due; None = never by itself."""
        if due_at is None:
            self._due.pop(execution_id, None)
            return
        if self._due.get(execution_id) == due_at:
            return
        self._due[execution_id] = due_at
        heappush(self._heap, (due_at, execution_id))
        self._forget_stale_entries()
        self._arm()

    def stop(self) -> None:
        self._due.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def __len__(self) -> int:
        return len(self._due)

    def _forget_stale_entries(self) -> None:
        if len(self._heap) > 2 * len(self._due) + 1000:
            self._heap = [(due, execution_id) for execution_id, due in self._due.items()]
            heapify(self._heap)

    def _arm(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        if not self._heap:
            return
        loop = asyncio.get_running_loop()
        wakes_at = loop.time() + min(max(self._heap[0][0] - self._clock.now(), 0.0), LONGEST_SLEEP)
        if self._handle is not None and self._wakes_at <= wakes_at:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._wakes_at = wakes_at
        self._handle = loop.call_at(wakes_at, self._wake)

    def _wake(self) -> None:
        self._handle = None
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            due, execution_id = heappop(self._heap)
            if self._due.get(execution_id) == due:
                del self._due[execution_id]
                self._ring(execution_id)
        self._arm()
