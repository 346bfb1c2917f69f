"""Threads for plain step functions. A call that hangs is given up and its thread replaced, up to a limit for each
step type.

A thread cannot be killed from outside, so a function that never returns costs a thread for ever. Threads are daemons:
they never hold the process back when it stops.
"""

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflow_engine.steps.contract import StepFailure


class StepTypeQuarantined(StepFailure):
    """So many calls of this type never returned that it runs nothing more until one of them does."""

    def __init__(self, pin: str, stuck: int) -> None:
        message = f"Step type {pin} is quarantined: {stuck} of its calls were given up and have not returned"
        super().__init__("step-quarantined", message, retryable=False)


@dataclass(slots=True, eq=False)
class Call:
    """One function call on its way through a thread."""

    pin: str
    work: Callable[[], object]
    done: Callable[[Any], None]
    loop: asyncio.AbstractEventLoop
    begun: bool = False
    given_up: bool = False


class StepThreads:
    """`size` threads, and one more for each given-up call; at most `max_stuck` of those of one step type."""

    def __init__(self, size: int, max_stuck: int) -> None:
        self._size = size
        self._max_stuck = max_stuck
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._threads = 0
        self._pending = 0
        self._stuck: Counter[str] = Counter()
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, pin: str, work: Callable[[], object], done: Callable[[Any], None]) -> Call:
        """Run `work` in a thread, and hand its result to `done` on the calling loop. Raises `StepTypeQuarantined`."""
        if self._stuck[pin] >= self._max_stuck:
            raise StepTypeQuarantined(pin, self._stuck[pin])
        call = Call(pin, work, done, asyncio.get_running_loop())
        self._pending += 1
        self._calls.put(call)
        self._grow()
        return call

    def give_up(self, call: Call) -> None:
        """Nobody waits for this call any more: it does not begin, or if it hangs another thread takes its place."""
        with self._lock:
            call.given_up = True
            hangs = call.begun
        if hangs:
            self._stuck[call.pin] += 1
            self._grow()

    def stop(self) -> None:
        """No further call begins; those that run are left to themselves."""
        with self._lock:
            self._stopped = True
        for _ in range(self._threads):
            self._calls.put(None)

    def _grow(self) -> None:
        if self._threads < min(self._pending, self._size + self._stuck.total()):
            self._threads += 1
            threading.Thread(target=self._serve, name=f"step-{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            result = call.work() if self._begins(call) else None
            try:
                call.loop.call_soon_threadsafe(self._finished, call, result)
            except RuntimeError:
                return  # the loop closed while the function ran: nobody is left to tell

    def _begins(self, call: Call) -> bool:
        with self._lock:
            call.begun = not call.given_up and not self._stopped
            return call.begun

    def _finished(self, call: Call, result: object) -> None:
        self._pending -= 1
        if not call.begun:
            return
        if call.given_up:
            self._stuck[call.pin] -= 1
            self._shrink()
        else:
            call.done(result)

    def _shrink(self) -> None:
        if self._threads > self._size + self._stuck.total():
            self._threads -= 1
            self._calls.put(None)
