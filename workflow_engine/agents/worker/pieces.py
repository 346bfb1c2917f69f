"""Texts on their way to whoever watches: gathered for a moment, so that a thousand tokens are not a thousand frames."""

import asyncio
from collections.abc import Callable
from typing import Final

FLUSH_EVERY: Final = 0.05


class Pieces:
    """The first text leaves at once, the next ones together, at most every 50 ms."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")

    def add(self, text: str) -> None:
        self._waiting.append(text)
        due = self._sent_at + FLUSH_EVERY
        if self._loop.time() >= due:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_at(due, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._send("".join(self._waiting))
            self._waiting.clear()
            self._sent_at = self._loop.time()
