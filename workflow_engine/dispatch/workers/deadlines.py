"""Instants of the monotonic clock at which something must be looked at: one timer of the loop for all of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from workflow_engine.clock import Clock

T = TypeVar("T")


class Deadlines(Generic[T]):
    """`due` is called with each item when its time has come. An item may be set several times; it is for `due` to see
    whether there is anything left to do.

    Most deadlines are set in the order in which they fall due: these wait in a queue, the others in a heap.
    """

    def __init__(self, clock: Clock, due: Callable[[T, float], None]) -> None:
        self._clock = clock
        self._due = due
        self._queue: deque[tuple[float, T]] = deque()
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0

    def set(self, at: float, item: T) -> None:
        if not self._queue or at >= self._queue[-1][0]:
            self._queue.append((at, item))
        else:
            self._count += 1
            heappush(self._heap, (at, self._count, item))
        if self._timer is None or at < self._wakes_at:
            self._arm()

    def stop(self) -> None:
        self._queue.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        firsts = [line[0][0] for line in (self._queue, self._heap) if line]
        if not firsts:
            return
        self._wakes_at = min(firsts)
        pause = max(self._wakes_at - self._clock.monotonic(), 0.0)
        self._timer = asyncio.get_running_loop().call_later(pause, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._queue and self._queue[0][0] <= now:
            self._due(self._queue.popleft()[1], now)
        while self._heap and self._heap[0][0] <= now:
            self._due(heappop(self._heap)[2], now)
        self._arm()
