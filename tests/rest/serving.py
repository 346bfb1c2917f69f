"""A real server for tests: an engine and its REST face on a loop of their own, in a thread, on a free port."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2
import uvloop

from workflow_engine.assembly import Engine
from workflow_engine.clock import SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.metrics import Metrics
from workflow_engine.rest.app import create_app
from workflow_engine.rest.server import HttpServer
from workflow_engine.settings import Settings
from workflow_engine.steps.contract import OfferedStep

LONGEST_START = 30.0

T = TypeVar("T")


@dataclass(slots=True)
class Served:
    """`stop` begins the stop that a signal begins, and waits until the port is closed."""

    settings: Settings
    steps: Sequence[OfferedStep] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    engine: Engine | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stopping: asyncio.Event | None = None
    _listening: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), name="served")
        self._thread.start()
        assert self._listening.wait(LONGEST_START)
        assert self.port, "the server did not start; see the output of its thread"

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join(LONGEST_START)
            assert not self._thread.is_alive()

    def run(self, work: Callable[[Engine], Coroutine[None, None, T]]) -> T:
        """Do something with the engine, on its own loop."""
        assert self.engine is not None
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work(self.engine), self._loop).result(LONGEST_START)

    def client(self, **options: float) -> httpx2.Client:
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=options.get("timeout", 20)
        )

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        metrics, errors = Metrics(), ErrorLog(SystemClock())
        try:
            async with Engine.open(
                "memory://",
                settings=self.settings,
                steps=self.steps,
                observers=[metrics.observe, errors.observe],
                environment=self.environment,
            ) as engine:
                await engine.ready()
                app = create_app(engine.face, self.settings, stopping=self._stopping, metrics=metrics, errors=errors)
                server = HttpServer(app, self.settings, self._stopping)
                await server.start()
                self.engine, self.port = engine, server.port
                self._listening.set()
                await self._stopping.wait()
                await server.stop()
        finally:
            self._listening.set()


@contextmanager
def serving(
    settings: Settings | None = None,
    steps: Sequence[OfferedStep] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    served = Served(settings or Settings(port=0, shutdown_grace_seconds=1), steps, environment or {})
    served.start()
    try:
        yield served
    finally:
        served.stop()


# --- raw bytes, for what no HTTP client would send


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 when the connection was closed without an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(port: int, *parts: bytes, timeout: float = 20.0) -> Answer:
    """Send the parts, read one answer; a server that hangs up while it is still being sent to may have answered."""
    with connected(port, timeout) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break
        return read_answer(connection)


@contextmanager
def connected(port: int, timeout: float = 20.0) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        yield connection


def read_answer(connection: socket.socket) -> Answer:
    received = b""
    try:
        while b"\r\n\r\n" not in received:
            more = connection.recv(65_536)
            if not more:
                return Answer(0, {}, received)
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65_536)
    except OSError:
        return Answer(0, {}, received)
    return Answer(int(status_line.split()[1]), headers, body)


def is_closed_by_server(connection: socket.socket) -> bool:
    """Waits until the server ends the connection, as long as the socket's timeout allows."""
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
