"""Who watches which execution. A watcher is told of events after their commit; one that falls behind reads the journal
instead.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from workflow_engine.journal.contract import RecordedEvent


class Watcher:
    """One subscription. Holds at most `limit` events; past that it forgets them all and says so by `lagged`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: deque[RecordedEvent] = deque()
        self._news = asyncio.Event()
        self.lagged = False

    def tell(self, events: Sequence[RecordedEvent]) -> None:
        if len(self._events) + len(events) > self._limit:
            self._events.clear()
            self.lagged = True
        else:
            self._events.extend(events)
        self._news.set()

    async def news(self) -> Sequence[RecordedEvent]:
        """Wait for events; empty when some were forgotten."""
        await self._news.wait()
        self._news.clear()
        events = tuple(self._events)
        self._events.clear()
        return events


class Watchers:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._of: dict[str, set[Watcher]] = {}

    def watch(self, execution_id: str) -> Watcher:
        watcher = Watcher(self._limit)
        self._of.setdefault(execution_id, set()).add(watcher)
        return watcher

    def forget(self, execution_id: str, watcher: Watcher) -> None:
        watching = self._of.get(execution_id, set())
        watching.discard(watcher)
        if not watching:
            self._of.pop(execution_id, None)

    def watched(self, execution_id: str) -> bool:
        return execution_id in self._of

    def tell(self, execution_id: str, events: Sequence[RecordedEvent]) -> None:
        for watcher in self._of.get(execution_id, ()):
            watcher.tell(events)
