"""The events of an execution as a stream: what has piled up travels in one message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from workflow_engine.engine.public_events import PublicEvent

MOST_IN_A_MESSAGE: Final = 200
"""Events that are held for a slow client, too; beyond it the source waits."""


async def batches(events: AsyncIterator[PublicEvent], stopping: asyncio.Event) -> AsyncIterator[list[PublicEvent]]:
    """The events in order, as many at once as are there; ends with them, or when `stopping` is set."""
    waiting: asyncio.Queue[PublicEvent] = asyncio.Queue(MOST_IN_A_MESSAGE)
    news = asyncio.Event()
    source = asyncio.ensure_future(_fill(waiting, news, events))
    stop = asyncio.ensure_future(stopping.wait())
    for ending in (source, stop):
        ending.add_done_callback(lambda _: news.set())
    try:
        while not stopping.is_set():
            if not waiting.empty():
                yield [waiting.get_nowait() for _ in range(waiting.qsize())]
            elif source.done():
                await source  # raises what ended it
                return
            else:
                await news.wait()
                news.clear()
    finally:
        stop.cancel()
        source.cancel()
        await asyncio.gather(source, stop, return_exceptions=True)


async def _fill(waiting: "asyncio.Queue[PublicEvent]", news: asyncio.Event, events: AsyncIterator[PublicEvent]) -> None:
    async with aclosing(events) as source:  # type: ignore[type-var]  # an async generator, typed by its face
        async for event in source:
            await waiting.put(event)
            news.set()
