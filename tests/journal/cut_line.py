"""A line to PostgreSQL that can be cut at a chosen moment: bytes pass through it until a text comes by."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from sqlalchemy import URL, make_url


class Line:
    """`async with Line(url) as line:` and connect to `line.url`."""

    def __init__(self, url: str) -> None:
        self._target: URL = make_url(url)
        self._text = b""
        self._after_answer = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_down = False
        self.cuts = 0
        self.cut = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        query = {**self._target.query, "sslmode": "disable", "gssencmode": "disable"}
        query.pop("host", None)
        return self._target.set(host="127.0.0.1", port=port, query=query).render_as_string(hide_password=False)

    def cut_at(self, text: bytes, *, after_answer: bool) -> None:
        """Hang up when the engine next sends this: before the server gets it, or after it has answered."""
        self._text, self._after_answer = text, after_answer

    def hang_up(self) -> None:
        for writer in self._open:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.close()
            return
        host, port = self._target.query.get("host", self._target.host), self._target.port or 5432
        if isinstance(host, str) and host.startswith("/"):
            there, server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            there, server = await asyncio.open_connection(str(host or "127.0.0.1"), port)
        self._open |= {writer, server}
        answers = asyncio.Event()
        hung_up = asyncio.Event()
        self._pump(self._forwarding(reader, server, answers, hung_up))
        self._pump(self._answering(there, writer, answers, hung_up))

    def _pump(self, pumping: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(pumping)
        self._tasks.add(task)

    async def _forwarding(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        answers: asyncio.Event,
        hung_up: asyncio.Event,
    ) -> None:
        while data := await reader.read(65536):
            if self._text and self._text in data:
                self._text = b""
                self.cuts += 1
                self.cut.set()
                hung_up.set()
                if self._after_answer:
                    answers.clear()
                    server.write(data)
                    await answers.wait()
                break
            server.write(data)
        self.hang_up()

    async def _answering(
        self,
        there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.Event,
        hung_up: asyncio.Event,
    ) -> None:
        while data := await there.read(65536):
            answers.set()
            if not hung_up.is_set():
                writer.write(data)
        writer.close()
