"""The way out of this process for every provider: no redirect, nothing compressed, nothing without an end."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx

from workflow_engine.agents.worker.exchange import Request, current

LARGEST_RETRY_AFTER: Final = 86_400.0
LONGEST_MARK: Final = 64
LONGEST_LINE: Final = 1024 * 1024
"""Of a stream of events: whoever reads it looks for the end of a line again with every piece."""
_OVER: Final = re.compile(  # how a provider says that its answer is over
    rb'data:\s*\[DONE\]|"finish_?[rR]eason"\s*:\s*"[A-Za-z_]'  # OpenAI, Gemini
    rb'|"(?:type|event)"\s*:\s*"message_stop"|event:\s*message_stop'  # Anthropic
)

Making = Callable[..., httpx.AsyncBaseTransport]


class Refused(httpx.ReadError):
    """An answer that is not read."""


class Dropped(httpx.ReadError):
    """A stream that stopped before it was over."""

    def __init__(self) -> None:
        super().__init__("the stream stopped before the answer was complete")


class Watched(httpx.AsyncBaseTransport):
    """Writes down what it sees, and bounds it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, most_bytes: int) -> None:
        self._inner = inner
        self._most = most_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = current()
        seen = exchange.begin()
        request.headers["accept-encoding"] = "identity"
        try:
            response = await self._inner.handle_async_request(request)
        except (httpx.NetworkError, httpx.TimeoutException) as failure:
            _note(seen, failure)
            raise
        except Exception as failure:  # what is no HTTP ends in all kinds of errors
            _note(seen, failure)
            # No RemoteProtocolError: litellm repeats a request after that, though it may have been served.
            raise httpx.ReadError(type(failure).__name__, request=request) from failure
        seen.status = response.status_code
        seen.retry_after = _seconds(response.headers.get("retry-after"))
        if (why := _unacceptable(response)) is not None:
            seen.unreadable = why
            await response.aclose()
            raise Refused(why, request=request)
        expects_end = exchange.expects_end and response.status_code < 300
        is_events = response.headers.get("content-type", "").startswith("text/event-stream")
        longest = LONGEST_LINE if is_events else self._most
        response.stream = _Bounded(response.stream, seen, self._most, longest, expects_end=expects_end)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(
        self,
        inner: Any,  # noqa: ANN401  # httpx says it is a byte stream of either kind
        seen: Request,
        most_bytes: int,
        longest_line: int,
        *,
        expects_end: bool,
    ) -> None:
        self._inner = inner
        self._seen = seen
        self._most = most_bytes
        self._longest_line = longest_line
        self._line = 0
        self._waits_for_end = expects_end
        self._tail = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        try:
            async for part in self._inner:
                self._seen.started = True
                left -= len(part)
                if left < 0:
                    self._seen.unreadable = f"it has more than {self._most} bytes"
                    raise Refused(self._seen.unreadable)
                self._measure_line(part)
                if self._waits_for_end:
                    self._look_for_the_end(part)
                yield part
            if self._waits_for_end:
                raise Dropped
        except httpx.TransportError as failure:
            _note(self._seen, failure)
            raise

    def _measure_line(self, part: bytes) -> None:
        at = part.rfind(b"\n")
        self._line = len(part) - at - 1 if at >= 0 else self._line + len(part)
        if self._line > self._longest_line:
            self._seen.unreadable = f"one line of its stream has more than {self._longest_line} bytes"
            raise Refused(self._seen.unreadable)

    def _look_for_the_end(self, part: bytes) -> None:
        """Together with the end of what came before: a mark may have been torn."""
        text = self._tail + part
        self._waits_for_end = _OVER.search(text) is None
        self._tail = text[-LONGEST_MARK:]

    async def aclose(self) -> None:
        await self._inner.aclose()


def _note(seen: Request, failure: Exception) -> None:
    if isinstance(failure, Refused):
        return
    seen.timed_out = isinstance(failure, httpx.TimeoutException)
    seen.broken = type(failure).__name__


def _unacceptable(response: httpx.Response) -> str | None:
    if 300 <= response.status_code < 400:
        return f"it redirects (HTTP {response.status_code}), which is never followed"
    if response.headers.get("content-encoding", "identity") != "identity":
        return "it is compressed, though an uncompressed one was asked for"
    return None


def _seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After; a date is left to the engine's own backoff."""
    try:
        seconds = float(header) if header else -1.0
    except ValueError:
        return None
    return min(seconds, LARGEST_RETRY_AFTER) if seconds >= 0 else None


def watched(make: Making, most_bytes: int) -> Making:
    """The same factory of transports, each of them watched."""

    def making(*arguments: Any, **named: Any) -> httpx.AsyncBaseTransport:  # noqa: ANN401  # those of the factory
        return Watched(make(*arguments, **named), most_bytes)

    return making
