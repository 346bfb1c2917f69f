"""Server-Sent Events: one execution, event by event, until its end, the client's or the server's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from workflow_engine.engine.places import Places
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import write
from workflow_engine.logs import logger
from workflow_engine.rest.wire import event_body

HEARTBEAT_SECONDS: Final = 15.0
"""Shorter than what proxies take for silence."""

log = logger(__name__)


class EventStream(Response):
    """Sends `events` as they come, and ends when `stopping` is set.

    Takes one of `places` while it lasts; raises `TooManyStreams` before anything is sent. `admitted` is asked before
    every event and at every heartbeat whether who reads may still do so.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[PublicEvent],
        places: Places,
        stopping: asyncio.Event,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        admitted: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(None, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]  # it is not known
        self._events = events
        self._places = places
        self._stopping = stopping
        self._heartbeat = heartbeat_seconds
        self._admitted = admitted
        self._quiet = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send(_part(b": open\n\n"))
            endings = [
                asyncio.ensure_future(coroutine)
                for coroutine in (self._forward(send), self._stopping.wait(), _until_gone(receive))
            ]
            try:
                while not await _one_of(endings, self._heartbeat) and self._admitted():
                    await self._beat(send)
            finally:
                for ending in endings:
                    ending.cancel()
                await asyncio.gather(*endings, return_exceptions=True)
            _raise_bug(endings[0])
            await send(_part(b"", more=False))

    async def _forward(self, send: Send) -> None:
        try:
            async with aclosing(self._events) as events:  # type: ignore[type-var]  # an async generator, typed by its face
                async for event in events:
                    if not self._admitted():
                        return
                    self._quiet = False
                    await send(_part(_written(event)))
        except WorkflowEngineError as refusal:
            # The head is sent, so there is no status left to say it with: the client reconnects and is told then.
            log.warning("an event stream ends early", code=refusal.code)

    async def _beat(self, send: Send) -> None:
        if self._quiet:
            await send(_part(b": still here\n\n"))
        self._quiet = True


async def _one_of(endings: Sequence["asyncio.Future[Any]"], seconds: float) -> bool:
    done, _ = await asyncio.wait(endings, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


def _raise_bug(forwarding: "asyncio.Future[Any]") -> None:
    if not forwarding.cancelled() and (bug := forwarding.exception()) is not None:
        raise bug


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _written(event: PublicEvent) -> bytes:
    """JSON on one line: our writer escapes line breaks."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.kind.encode(), write(event_body(event)))
