"""A real HTTP server on loopback that answers byte for byte what a test scripted, and remembers what it was asked."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Loopback:
    port: int
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def reply(
    body: bytes = b"{}", status: str = "200 OK", headers: dict[str, str] | None = None, length: int | None = None
) -> Answer:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body) if length is None else length)}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in {**fields, **(headers or {})}.items())]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return answer


def bomb(inflated_bytes: int) -> Answer:
    """A small body that unpacks to a large one."""
    return reply(gzip.compress(bytes(inflated_bytes)), headers={"Content-Encoding": "gzip"})


def dripping(every_seconds: float) -> Answer:
    """Sends a byte now and then, so that no single read ever times out."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(every_seconds)

    return answer


async def hang_up(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Takes the request and closes the connection without a word."""


@asynccontextmanager
async def loopback(
    answers: Answer | dict[str, Answer], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Loopback]:
    """`answers`: one for every request, or one a path."""
    server = Loopback(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while (asked := await _read(reader)) is not None:
                server.asked.append(asked)
                chosen = answers if callable(answers) else answers[asked.target.partition("?")[0]]
                await chosen(asked, writer)
                if chosen is hang_up:
                    return
        except ConnectionError:
            return  # the client went away, as some tests want it to
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body)
