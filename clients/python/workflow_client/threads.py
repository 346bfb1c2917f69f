"""The threads of sync step functions, and the way from them back to the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, TypeAlias

Job: TypeAlias = Callable[[], None]

MOMENT: Final = 0.001
"""Seconds between two looks at the line of jobs."""


class Threads:
    """At most `most` threads that take jobs from one line, kept for the next ones. Daemons: none can hold up the exit.

    Waking a thread for every job would cost many times what a quick job does, and a job that blocks must not hold up
    those behind it. So one thread is woken first; a moment later it is clear how fast it is, and as many more are
    woken as the rest of the line needs to be gone in another such moment.
    """

    def __init__(self, most: int, inbox: "Inbox", loop: asyncio.AbstractEventLoop) -> None:
        self._most = most
        self._inbox = inbox
        self._loop = loop
        self._line: deque[Job] = deque()
        self._wakings: SimpleQueue[bool] = SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0
        self._idle = 0
        self._is_watched = False
        self._appended = 0
        self._taken_before = 0

    def run(self, job: Job) -> None:
        self._line.append(job)
        self._appended += 1
        if not self._is_watched:
            self._is_watched = True
            self._loop.call_soon(self._begin)

    def widen(self) -> None:
        """A job that was given up may keep its thread for ever; another may come in its place."""
        self._most += 1

    def close(self) -> None:
        """Idle threads end; the others end after their job."""
        self._line.clear()
        for _ in range(self._count):
            self._wakings.put(False)

    def _begin(self) -> None:
        self._wake(1)
        self._taken_before = self._taken
        self._loop.call_later(MOMENT, self._look)

    @property
    def _taken(self) -> int:
        return self._appended - len(self._line)

    def finished(self, then: Job) -> None:
        """Called by a job at its end: `then` runs on the loop. While jobs wait in line, the next look brings it there.

        Left first and looked after, as `_look` counts first and drains after: so one of the two sees the other.
        """
        self._inbox.leave(then)
        if not self._line:
            self._inbox.wake()

    def _look(self) -> None:
        left = len(self._line)
        self._inbox.drain()
        if left == 0:
            self._is_watched = False
            return
        taken = self._taken - self._taken_before
        self._taken_before += taken
        if left > taken:
            self._wake(-(-left // taken) if taken else left)
        self._loop.call_later(MOMENT, self._look)

    def _wake(self, number: int) -> None:
        with self._lock:
            idle = min(number, self._idle)
            self._idle -= idle
        for _ in range(idle):
            self._wakings.put(True)
        for _ in range(min(number - idle, self._most - self._count)):
            self._count += 1
            threading.Thread(target=self._work, name=f"workflow-step-{self._count}", daemon=True).start()

    def _work(self) -> None:
        go_on = True
        while go_on:
            self._take_jobs()
            with self._lock:
                self._idle += 1
            go_on = self._wakings.get()

    def _take_jobs(self) -> None:
        while True:
            try:
                job = self._line.popleft()
            except IndexError:
                return
            job()


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
        self.leave(job)
        self.wake()

    def leave(self, job: Job) -> None:
        """Without waking anybody: somebody will drain it soon."""
        self._waiting.append(job)

    def wake(self) -> None:
        if self._waking:  # two threads may both see False: one wake-up too many does no harm
            return
        self._waking = True
        try:
            self._loop.call_soon_threadsafe(self.drain)
        except RuntimeError:  # the loop is closed: the worker has left, and nobody wants to know any more
            self._waiting.clear()

    def drain(self) -> None:
        self._waking = False  # before looking: what comes from now on wakes again
        while self._waiting:
            self._waiting.popleft()()
        self._after()
