"""Serving the application: uvicorn on a loop that may serve others, too, started and stopped like any other duty."""

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from workflow_engine.errors import RefusedToStart
from workflow_engine.logs import logger
from workflow_engine.rest.connections import connection_class
from workflow_engine.settings import Settings

BACKLOG: Final = 2_048
KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection is kept; longer than the 60 s of most clients and proxies, so that they close first."""

log = logger(__name__)


class CannotListen(RefusedToStart):
    code = "cannot-listen"

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port}: {why}. Is another server running? Choose another port by "
            "WORKFLOW_ENGINE_PORT or --port."
        )


class _Uvicorn(uvicorn.Server):
    """uvicorn, without its signal handlers (the process has its own), and telling when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpServer:
    """Listens from `start` to `stop`. `stopping` is the event the application was made with."""

    def __init__(self, app: FastAPI, settings: Settings, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._server = _Uvicorn(_config(app, settings))
        self._serving: asyncio.Task[None] | None = None
        self.port = settings.port

    async def start(self) -> None:
        """Returns once it listens; `port` is then the real one. Raises `CannotListen`."""
        listener = _bound(self._settings.host, self._settings.port)
        self.port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve([listener]))
        listening = asyncio.ensure_future(self._server.listening.wait())
        await asyncio.wait((self._serving, listening), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._serving.done():
            await self._serving
        log.info("serving", url=f"http://{_written(self._settings.host)}:{self.port}")

    async def stop(self) -> None:
        """End waits and streams at once, give other requests their time, then close every connection."""
        self._stopping.set()
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connection_class(settings.limits),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # what it says of starts and stops, we say ourselves
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_seconds),
    )


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host or "localhost"


@contextlib.contextmanager
def stopped_by_signals(stopping: asyncio.Event) -> Iterator[None]:
    """Inside, SIGINT and SIGTERM set `stopping` before anything else happens; a second one interrupts."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        stopping.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
