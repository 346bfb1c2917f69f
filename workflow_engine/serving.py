"""A server: an engine with its faces on one loop, from the first signal of life to the last answer."""

import asyncio
import gc
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from workflow_engine.agents.supervisor import Supervisor, Terms
from workflow_engine.agents.worker_command import Reaching, has_something_to_call, reachable, worker_command
from workflow_engine.assembly import Engine
from workflow_engine.clock import Clock, SystemClock
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
from workflow_engine.steps.agent_steps import WORKER_STEPS

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
    settings: Settings,
    on_listening: Callable[[Listening], None],
    *,
    failpoints: Failpoints | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then drain: first the agent worker while there is somebody to report to, then
    running steps finish within the grace, and open streams end at once.

    `environment` is what the agent worker gets, with the keys of providers; without one none is started. Raises
    `RefusedToStart` for an address, a database or a plugin that cannot be used.
    """
    told_to_stop, stopping = asyncio.Event(), asyncio.Event()
    keeps_worker = environment is not None and settings.agents.worker != "off"
    environment = environment if environment is not None and keeps_worker else {}
    clock, metrics = SystemClock(), Metrics()
    errors = ErrorLog(clock)
    observers = (metrics.observe, errors.observe)
    with stopped_by_signals(told_to_stop), _back_door(settings, keeps_worker) as back_door:
        async with Engine.open(
            settings=settings,
            clock=clock,
            observers=observers,
            failpoints=failpoints,
            check=lambda face: check_listening(settings.host, has_keys=face.keys.any_valid, insecure=settings.insecure),
            environment=environment,
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
            async with AsyncExitStack() as stack:
                listening = await stack.enter_async_context(_listening(backing, engine, back_door))
                if keeps_worker:
                    target = back_door or reachable(settings.host, listening.grpc_port)
                    await stack.enter_async_context(_agent_worker(engine, settings, clock, environment, target))
                collect_garbage_seldom()
                on_listening(listening)
                await _until_over(told_to_stop, engine)


@asynccontextmanager
async def _listening(backing: Backing, engine: Engine, back_door: str | None) -> AsyncIterator[Listening]:
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
    http, rpc = HttpServer(app, settings, backing.stopping), GrpcServer(backing, engine.ready, back_door)
    try:
        await http.start()
        await rpc.start()
        yield Listening(settings.host, http.port, rpc.port, engine.journal.url)
    finally:
        await asyncio.gather(http.stop(), rpc.stop())


@contextmanager
def _back_door(settings: Settings, keeps_worker: bool) -> Iterator[str | None]:
    """Where gRPC has TLS, a socket in a folder that nobody else may enter: our own worker needs no certificate."""
    if not keeps_worker or settings.rpc.tls_certificate is None or sys.platform == "win32":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="wfe-", ignore_cleanup_errors=True) as folder:
        yield f"unix:{Path(folder) / 'grpc'}"


@asynccontextmanager
async def _agent_worker(
    engine: Engine, settings: Settings, clock: Clock, environment: Mapping[str, str], target: str
) -> AsyncIterator[None]:
    """Kept beside the server, from when it is ready; after a failure, nobody hears what it still has to report."""
    agents = settings.agents
    worth_it = agents.worker == "on" or has_something_to_call(environment, settings)
    supervisor = Supervisor(
        worker_command(settings, Reaching(target, engine.keys.internal(["register"])), environment),
        Terms(agents.worker_restart_seconds, agents.worker_restart_most_seconds, agents.worker_drain_seconds),
        clock,
        ready=engine.ready,
        wanted=lambda: worth_it or any(engine.workers.is_missed(step.pin) for step in WORKER_STEPS),
    )
    engine.providers.supervised(lambda: supervisor.state)
    await supervisor.start()
    try:
        yield
    except BaseException:
        await supervisor.kill()
        raise
    await supervisor.stop()


async def _until_over(told_to_stop: asyncio.Event, engine: Engine) -> None:
    """Until a signal asks to stop. Raises `StorageLost`: a restart finds out what is durable and goes on from there."""
    waits = [asyncio.ensure_future(told_to_stop.wait()), asyncio.ensure_future(engine.storage_lost())]
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
