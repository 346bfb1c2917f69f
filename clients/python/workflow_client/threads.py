"""The threads of sync step functions, and the way from them back to the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

Job: TypeAlias = Callable[[], None]


class Threads:
    """As many as there are jobs at once, kept for the next ones. Daemons: no job can hold up the exit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._count = 0
        self._idle = 0
        self._lock = threading.Lock()

    def run(self, job: Job) -> None:
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
                fresh = False
            else:
                fresh = self._count < self._most
                self._count += fresh
        self._jobs.put(job)
        if fresh:
            threading.Thread(target=self._work, name=f"workflow-step-{self._count}", daemon=True).start()

    def widen(self) -> None:
        """A job that was given up may keep its thread for ever; another may come in its place."""
        with self._lock:
            self._most += 1

    def close(self) -> None:
        """Idle threads end; the others end after their job."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()
            with self._lock:
                self._idle += 1


class Inbox:
    """Brings calls to the loop from any thread, in order, and wakes it once for all that came meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop, after: Callable[[], None]) -> None:
        self._loop = loop
        self._after = after
        self._thread = threading.get_ident()
        self._waiting: deque[Job] = deque()
        self._waking = False

    def put(self, job: Job) -> None:
        """Runs at once when called on the loop's own thread."""
        if threading.get_ident() == self._thread:
            job()
            self._after()
            return
        self._waiting.append(job)
        if not self._waking:  # two threads may both see False: one wake-up too many does no harm
            self._waking = True
            self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # the loop is closed: the worker has left, and nobody wants to know any more
            self._waiting.clear()

    def _drain(self) -> None:
        self._waking = False  # before looking: what comes from now on wakes again
        while self._waiting:
            self._waiting.popleft()()
        self._after()
