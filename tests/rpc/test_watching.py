"""What has piled up travels together, in order, and ends with its source or with the server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.rpc.watching import MOST_IN_A_MESSAGE, batches


def event(seq: int) -> PublicEvent:
    return PublicEvent(seq, "step_completed", 0.0, None, {})


async def many(count: int) -> AsyncIterator[PublicEvent]:
    for seq in range(1, count + 1):
        yield event(seq)


async def some_and_then(ending: asyncio.Event) -> AsyncIterator[PublicEvent]:
    yield event(1)
    await ending.wait()
    raise LookupError


async def test_a_backlog_comes_in_few_messages_without_gap_or_duplicate() -> None:
    found = [batch async for batch in batches(many(1_000), asyncio.Event())]
    assert [each.seq for batch in found for each in batch] == list(range(1, 1_001))
    assert len(found) <= 2 + 1_000 // MOST_IN_A_MESSAGE


async def test_nothing_is_read_ahead_of_a_client_that_does_not_read() -> None:
    taken = 0

    async def counted() -> AsyncIterator[PublicEvent]:
        nonlocal taken
        async for each in many(5_000):
            taken = each.seq
            yield each

    watched = batches(counted(), asyncio.Event())
    await anext(watched)
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert taken <= 2 * MOST_IN_A_MESSAGE + 1
    await watched.aclose()  # type: ignore[attr-defined]  # an async generator, typed by what it yields


async def test_what_ends_the_source_ends_the_stream_behind_the_last_event() -> None:
    ending = asyncio.Event()
    watched = batches(some_and_then(ending), asyncio.Event())
    assert [each.seq for each in await anext(watched)] == [1]
    ending.set()
    with pytest.raises(LookupError):
        await anext(watched)


async def test_a_stop_ends_a_quiet_stream_and_its_source() -> None:
    stopping, closed = asyncio.Event(), asyncio.Event()

    async def quiet() -> AsyncIterator[PublicEvent]:
        try:
            yield event(1)
            await asyncio.Event().wait()
        finally:
            closed.set()

    watched = batches(quiet(), stopping)
    await anext(watched)
    asyncio.get_running_loop().call_soon(stopping.set)
    assert [batch async for batch in watched] == []
    assert closed.is_set()
