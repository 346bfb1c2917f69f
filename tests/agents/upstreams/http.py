"""As much HTTP/1.1 as a fake needs, so that it can also break off where no framework would."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from tests.agents.upstreams.asked import Request
from tests.agents.upstreams.reply import Reply
from tests.agents.upstreams.wire import Answer

MAX_BODY_BYTES: Final = 64 * 1024 * 1024


class Unreadable(Exception):
    status = 400


class TooMuch(Exception):
    status = 413

    def __init__(self, length: int) -> None:
        super().__init__(f"a body of {length} bytes; this fake takes {MAX_BODY_BYTES}")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """None: the caller has ended the connection. Raises `Unreadable`, `TooMuch`."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "transfer-encoding" in headers:
            raise Unreadable("this fake wants a Content-Length")
        length = int(headers.get("content-length", 0))
        if length > MAX_BODY_BYTES:
            raise TooMuch(length)
        return Request(method, target, headers, await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None
    except (asyncio.LimitOverrunError, ValueError) as error:
        raise Unreadable(f"no request: {error}") from error


async def write_answer(writer: asyncio.StreamWriter, answer: Answer, drop_after: int | None = None) -> bool:
    """Whether the connection stays open. `drop_after`: how many halves of the body are sent before it is cut."""
    length = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
    writer.write(_head(answer.status, {**length, **answer.headers}))
    if drop_after is None:
        writer.write(answer.body)
    else:
        half = len(answer.body) // 2
        writer.write(b"".join((answer.body[:half], answer.body[half:-1])[:drop_after]))
    await writer.drain()
    return drop_after is None


async def write_events(writer: asyncio.StreamWriter, events: Sequence[bytes], content_type: str, reply: Reply) -> bool:
    """A chunked stream. Whether the connection stays open: not when it is dropped before its end."""
    head = {"Content-Type": content_type, "Transfer-Encoding": "chunked", "Cache-Control": "no-cache"}
    writer.write(_head(reply.status, {**head, **reply.headers}))
    await writer.drain()
    for sent in filter(None, events[: reply.drop_after]):
        writer.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
        await writer.drain()
        if reply.pace:
            await asyncio.sleep(reply.pace)
    if reply.drop_after is not None:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"  # 529 is Anthropic's own
