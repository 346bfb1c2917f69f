"""Streams by themselves: heartbeats when nothing happens, and an honest end when something breaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from workflow_engine.engine.places import Places, TooManyStreams
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.journal.contract import JournalUnavailable
from workflow_engine.rest.streams import EventStream

EVENT = PublicEvent(1, "step_completed", 0.0, "a", {"output": "two\nlines"})


class Client:
    """Hangs up when told to; keeps what it was sent."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.gone = asyncio.Event()
        self.news = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.received.append(message)
        self.news.set()

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.received).decode()

    async def until(self, wanted: str) -> None:
        while wanted not in self.text:
            self.news.clear()
            await self.news.wait()


async def silence() -> AsyncIterator[PublicEvent]:
    await asyncio.Event().wait()
    yield EVENT


async def one_event() -> AsyncIterator[PublicEvent]:
    yield EVENT


async def broken(error: Exception) -> AsyncIterator[PublicEvent]:
    yield EVENT
    raise error


async def test_an_event_is_one_line_of_json() -> None:
    client = Client()
    await EventStream(one_event(), Places(1), asyncio.Event())({}, client.receive, client.send)
    assert client.text.endswith(
        "id: 1\nevent: step_completed\n"
        'data: {"seq":1,"kind":"step_completed","at":"1970-01-01T00:00:00.000000Z",'
        '"data":{"output":"two\\nlines"},"path":"a"}\n\n'
    )
    assert client.received[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_silence_is_filled_with_comments_until_the_client_hangs_up() -> None:
    client, places = Client(), Places(1)
    stream = EventStream(silence(), places, asyncio.Event(), heartbeat_seconds=0.001)
    running = asyncio.create_task(stream({}, client.receive, client.send))
    await client.until(": still here\n\n: still here\n\n")
    assert places.taken == 1
    client.gone.set()
    await asyncio.wait_for(running, 5)
    assert places.taken == 0


async def test_a_stop_ends_the_stream() -> None:
    client, stopping = Client(), asyncio.Event()
    running = asyncio.create_task(EventStream(silence(), Places(1), stopping)({}, client.receive, client.send))
    await client.until(": open")
    stopping.set()
    await asyncio.wait_for(running, 5)


async def test_without_a_place_nothing_is_sent() -> None:
    client = Client()
    with pytest.raises(TooManyStreams):
        await EventStream(one_event(), Places(0), asyncio.Event())({}, client.receive, client.send)
    assert client.received == []


async def test_a_storage_that_goes_away_ends_the_stream_so_that_the_client_comes_back() -> None:
    client = Client()
    events = broken(JournalUnavailable("gone"))
    await EventStream(events, Places(1), asyncio.Event())({}, client.receive, client.send)
    assert "id: 1" in client.text


async def test_a_bug_is_not_taken_for_the_end() -> None:
    client, places = Client(), Places(1)
    with pytest.raises(ZeroDivisionError):
        await EventStream(broken(ZeroDivisionError()), places, asyncio.Event())({}, client.receive, client.send)
    assert client.received[-1].get("more_body") is True
    assert places.taken == 0
