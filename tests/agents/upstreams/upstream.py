"""A fake provider: a real HTTP server on loopback that answers what a test scripted and remembers what it was asked.

It speaks every wire format at once, by the path of the request, in a thread of its own:

    with Upstream(always(Reply("Hello"))) as upstream:
        ...  # call upstream.base("openai"), then look at upstream.calls
"""

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self, TypeAlias, TypeVar

from tests.agents.upstreams.anthropic import Anthropic
from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.bedrock import Bedrock
from tests.agents.upstreams.gemini import Gemini
from tests.agents.upstreams.http import TooMuch, Unreadable, read_request, write_answer, write_events
from tests.agents.upstreams.openai import OpenAI
from tests.agents.upstreams.reply import Reply, ToolCall
from tests.agents.upstreams.wire import Answer, Wire

Result = TypeVar("Result")
Respond: TypeAlias = Callable[[Asked], Reply]
"""Chooses the answer; called in the thread of the fake, one call at a time."""

BASES: Final = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "bedrock": ""}
"""What follows the address in the `api_base` of each format."""
CLOSE_SECONDS: Final = 10.0


class ScriptEnded(Exception):
    """The fake was asked more often than its script foresees."""

    def __init__(self, place: int) -> None:
        super().__init__(f"the script has no reply number {place + 1}")


def always(reply: Reply) -> Respond:
    return lambda _asked: reply


def by_turn(*replies: Reply) -> Respond:
    """By how often the model has spoken before in the conversation: a call that is repeated gets the same reply."""

    def respond(asked: Asked) -> Reply:
        return _at(replies, asked.turn)

    return respond


def one_by_one(*replies: Reply) -> Respond:
    """By how often the fake was called before, whoever calls."""
    coming = iter(range(len(replies) + 1))

    def respond(_asked: Asked) -> Reply:
        return _at(replies, next(coming, len(replies)))

    return respond


def _at(replies: Sequence[Reply], place: int) -> Reply:
    if place >= len(replies):
        raise ScriptEnded(place)
    return replies[place]


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked and what the script said. `number` counts all calls from 1; `reply` is None when the credentials
    were refused, or the script failed.
    """

    number: int
    asked: Asked
    reply: Reply | None


class Upstream:
    """Listens on `port` (0: a free one) from entering its context to leaving it.

    A script that raises is answered by a 500, and raises when the context is left.
    """

    def __init__(self, respond: Respond, *wires: Wire, port: int = 0) -> None:
        self.respond = respond
        """May be changed between calls."""
        self.port = port
        self.calls: list[Call] = []
        self.unread: list[str] = []
        """First lines of requests that no format knows."""
        self._wires: tuple[Wire, ...] = wires or (OpenAI(), Anthropic(), Gemini(), Bedrock())
        self._broken: list[Exception] = []
        self._changed = threading.Condition()
        self._in_flight = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._closing = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._on_loop(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._on_loop(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        self._loop.close()
        if kind is None:
            self.check_script()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def base(self, wire: str) -> str:
        """The `api_base` by which a model of this format is reached."""
        return self.url + BASES[wire]

    @property
    def asked(self) -> list[Asked]:
        return [call.asked for call in self.calls]

    @property
    def in_flight(self) -> int:
        """Calls that are not answered yet."""
        return self._in_flight

    def check_script(self) -> None:
        """Raises what the script raised, if it did since the last time."""
        broken, self._broken = self._broken, []
        if broken:
            raise broken[0]

    def wait_for(self, calls: int, seconds: float = 10.0) -> None:
        """Until it was called so often. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.calls) >= calls, seconds):
                raise TimeoutError(f"{len(self.calls)} of {calls} calls came within {seconds} s")

    # --- in the thread

    def _on_loop(self, work: Coroutine[object, object, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CLOSE_SECONDS)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(serving)
        serving.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except ConnectionError:
            return  # the caller went away, as some tests want it to
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow on the connection."""
        try:
            request = await read_request(reader)
        except (TooMuch, Unreadable) as error:
            await write_answer(writer, Answer(error.status, str(error).encode()))
            return False
        if request is None:
            return False
        for wire in self._wires:
            if (asked := wire.reads(request)) is not None:
                return await self._answered(wire, asked, writer)
        self.unread.append(f"{request.method} {request.target}")
        await write_answer(writer, Answer(404, b'{"error": "this fake knows no such path"}'))
        return True

    async def _answered(self, wire: Wire, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        said = wire.objection(asked) or self._scripted(wire, asked)
        call = Call(len(self.calls) + 1, asked, said if isinstance(said, Reply) else None)
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        if isinstance(said, Answer):
            return await write_answer(writer, said)
        self._in_flight += 1
        try:
            return await self._said(wire, call, said, writer)
        finally:
            self._in_flight -= 1

    def _scripted(self, wire: Wire, asked: Asked) -> Reply | Answer:
        try:
            return _forced(self.respond(asked), asked)
        except Exception as error:  # noqa: BLE001 - whatever a script raises is raised again where the test sees it
            self._broken.append(error)
            return wire.refusal(500, f"the script of this fake failed: {error}")

    async def _said(self, wire: Wire, call: Call, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        if reply.delay:
            await self._pass(reply.delay)
        if reply.status == 0:
            writer.write(reply.raw or b"")
            await writer.drain()
            return False
        if reply.status >= 400 and reply.raw is None:
            refusal = wire.refusal(reply.status, reply.text)
            await write_answer(writer, replace(refusal, headers={**refusal.headers, **reply.headers}))
            return True
        if call.asked.stream and reply.status < 400:
            events = [reply.raw] if reply.raw is not None else wire.events(reply, call.asked, call.number)
            return await write_events(writer, events, wire.stream_type, reply)
        body = reply.raw if reply.raw is not None else wire.answer(reply, call.asked, call.number)
        return await write_answer(writer, Answer(reply.status, body, reply.headers), reply.drop_after)

    async def _pass(self, seconds: float) -> None:
        """Returns when the time is over; a fake that is being closed cancels it."""
        if math.isinf(seconds):
            await self._closing.wait()
        else:
            await asyncio.sleep(seconds)


def _forced(reply: Reply, asked: Asked) -> Reply:
    """A model that may only call one tool says by it what it would have said."""
    plain = reply.text and not reply.tool_calls and reply.status < 400
    if asked.forced_tool is None or not plain:
        return reply
    return replace(reply, text="", tool_calls=(ToolCall(asked.forced_tool, reply.text),))
