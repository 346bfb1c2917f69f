"""A server: an engine with its faces on one loop, from the first signal of life to the last answer."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from workflow_engine.assembly import Engine
from workflow_engine.clock import SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.errors import RefusedToStart
from workflow_engine.journal.contract import Failpoints
from workflow_engine.rest.app import create_app
from workflow_engine.rest.server import HttpServer, stopped_by_signals
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.server import GrpcServer
from workflow_engine.settings import Settings, check_listening

T = TypeVar("T")

YOUNG_OBJECTS: Final = 50_000


class StorageLost(RefusedToStart):
    code = "storage-lost"

    def __init__(self) -> None:
        super().__init__("the storage failed or was taken over by another engine; start the server again")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server is reached, once it is: `port` by REST, `grpc_port` by gRPC. `storage` is the database without
    credentials.
    """

    host: str
    port: int
    grpc_port: int
    storage: str


async def serve(
    settings: Settings, on_listening: Callable[[Listening], None], *, failpoints: Failpoints | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, then drain: running steps finish within the grace, open streams end at once.

    Raises `RefusedToStart` for an address, a database or a plugin that cannot be used.
    """
    stopping = asyncio.Event()
    clock, metrics = SystemClock(), Metrics()
    errors = ErrorLog(clock)
    observers = (metrics.observe, errors.observe)
    with stopped_by_signals(stopping):
        async with Engine.open(
            settings=settings,
            clock=clock,
            observers=observers,
            failpoints=failpoints,
            check=lambda face: check_listening(settings.host, has_keys=face.keys.any_valid, insecure=settings.insecure),
        ) as engine:
            backing = Backing(
                face=engine.face,
                settings=settings,
                metrics=metrics,
                errors=errors,
                stopping=stopping,
                streams=Places(settings.limits.max_streams),
                failpoints=failpoints or Failpoints(),
            )
            async with _listening(backing, engine) as listening:
                collect_garbage_seldom()
                on_listening(listening)
                await _until_over(stopping, engine)


@asynccontextmanager
async def _listening(backing: Backing, engine: Engine) -> AsyncIterator[Listening]:
    """Both faces, each on its port; both are stopped at the same time, so that they share the grace."""
    settings = backing.settings
    app = create_app(
        engine.face,
        settings,
        stopping=backing.stopping,
        metrics=backing.metrics,
        errors=backing.errors,
        streams=backing.streams,
        failpoints=backing.failpoints,
    )
    http, rpc = HttpServer(app, settings, backing.stopping), GrpcServer(backing, engine.ready)
    try:
        await http.start()
        await rpc.start()
        yield Listening(settings.host, http.port, rpc.port, engine.journal.url)
    finally:
        await asyncio.gather(http.stop(), rpc.stop())


async def _until_over(stopping: asyncio.Event, engine: Engine) -> None:
    """Until a signal asks to stop. Raises `StorageLost`: a restart finds out what is durable and goes on from there."""
    waits = [asyncio.ensure_future(stopping.wait()), asyncio.ensure_future(engine.storage_lost())]
    done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    if waits[0] not in done:
        raise StorageLost


def collect_garbage_seldom() -> None:
    """What is there after the start stays to the end, and what a step makes dies young: look at neither often.

    A tenth to a third of a busy engine's time would go into the collector's default rhythm.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fast loop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)
