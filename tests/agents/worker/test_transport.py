"""The way out, over httpx's own in-process transport."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from workflow_engine.agents.worker.exchange import CURRENT, Exchange
from workflow_engine.agents.worker.transport import Watched

Answering = Callable[[httpx.Request], httpx.Response]


async def asked(answering: Answering, *, most: int = 1_000, expects_end: bool = False) -> tuple[Exchange, str]:
    """What was seen, and the body or the name of the error."""
    exchange = Exchange(expects_end=expects_end)
    token = CURRENT.set(exchange)
    try:
        async with httpx.AsyncClient(transport=Watched(httpx.MockTransport(answering), most)) as client:
            return exchange, (await client.get("http://x/")).text
    except httpx.HTTPError as failure:
        return exchange, type(failure).__name__
    finally:
        CURRENT.reset(token)


def parts(*texts: bytes) -> Answering:
    async def body() -> AsyncIterator[bytes]:
        for text in texts:
            yield text

    return lambda _request: httpx.Response(200, content=body())


async def test_status_and_retry_after_are_written_down() -> None:
    exchange, _ = await asked(lambda _request: httpx.Response(429, headers={"retry-after": "12"}))
    assert (exchange.last.status, exchange.last.retry_after) == (429, 12.0)


@pytest.mark.parametrize(
    ("header", "seconds"), [("-1", None), ("soon", None), ("1e9", 86_400.0), ("0", 0.0), ("nan", None)]
)
async def test_only_sensible_seconds_are_taken(header: str, seconds: float | None) -> None:
    exchange, _ = await asked(lambda _request: httpx.Response(503, headers={"retry-after": header}))
    assert exchange.last.retry_after == seconds


async def test_an_answer_is_read_up_to_its_bound_and_no_further() -> None:
    assert (await asked(parts(b"x" * 600, b"x" * 400)))[1] == "x" * 1_000
    exchange, error = await asked(parts(b"x" * 600, b"x" * 401))
    assert error == "Refused"
    assert exchange.last.unreadable == "it has more than 1000 bytes"


async def test_nothing_compressed_is_asked_for_nor_read() -> None:
    def compressed(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"bomb"))

    exchange, error = await asked(compressed)
    assert error == "Refused"
    assert "compressed" in (exchange.last.unreadable or "")


async def test_a_redirect_is_never_followed() -> None:
    exchange, error = await asked(lambda _request: httpx.Response(307, headers={"location": "http://y/"}))
    assert (error, len(exchange.requests)) == ("Refused", 1)


@pytest.mark.parametrize(
    "texts",
    [
        (b'data: {"choices": []}\n\n', b"data: [DO", b"NE]\n\n"),
        (b'data: {"choices": [{"finish_reason": "stop"}]}\n\n',),
        (b'data: {"candidates": [{"finishReason": "STOP"}]}\n\n',),
        (b'event: message_stop\ndata: {"type": "message_stop"}\n\n',),
    ],
)
async def test_a_stream_that_says_that_it_is_over_is_whole(texts: tuple[bytes, ...]) -> None:
    assert (await asked(parts(*texts), expects_end=True))[1] == b"".join(texts).decode()


@pytest.mark.parametrize("texts", [(), (b"<html>",), (b'data: {"choices": [{"finish_reason": null}]}\n\n',)])
async def test_a_stream_that_only_stops_was_dropped(texts: tuple[bytes, ...]) -> None:
    exchange, error = await asked(parts(*texts), expects_end=True)
    assert (error, exchange.last.broken) == ("Dropped", "Dropped")


async def test_whatever_breaks_a_connection_is_written_down_and_asked_once() -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("no HTTP")

    exchange, error = await asked(broken)
    assert (error, exchange.last.broken, len(exchange.requests)) == ("ReadError", "RemoteProtocolError", 1)
