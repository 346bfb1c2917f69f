"""A real server for tests: an engine and its gRPC face on the loop of the test, on a free port, asked over channels."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from workflow_engine.assembly import Engine
from workflow_engine.clock import SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.engine.vitals import Vitals
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.generated.agent_pb2_grpc import AgentServiceStub
from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceStub
from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceStub
from workflow_engine.rpc.server import GrpcServer
from workflow_engine.settings import Settings

if TYPE_CHECKING:
    from workflow_engine.rpc.generated.agent_pb2_grpc import AgentServiceAsyncStub
    from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceAsyncStub
    from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceAsyncStub

DETAILS: Final = "grpc-status-details-bin"


@dataclass(slots=True)
class Served:
    """A server that listens. `close` ends what a signal ends."""

    settings: Settings
    engine: Engine
    server: GrpcServer
    backing: Backing

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def channel(self, *options: tuple[str, Any]) -> aio.Channel:
        # A pool of its own: otherwise all channels of a process to one address share one connection.
        return aio.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1), *options])


def quick(**groups: Any) -> Settings:  # noqa: ANN401 - groups of settings
    return Settings.model_validate({"port": 0, "grpc_port": 0, "shutdown_grace_seconds": 1, **groups})


@asynccontextmanager
async def serving(
    settings: Settings | None = None,
    *,
    url: str = "memory://",
    ready: asyncio.Event | None = None,
    also: Callable[[GrpcServer], None] = lambda _server: None,
) -> AsyncIterator[Served]:
    """`ready`: pretend that recovery lasts until it is set. `also` adds services."""
    settings = settings or quick()
    metrics, errors = Metrics(), ErrorLog(SystemClock())
    async with Engine.open(url, settings=settings, observers=[metrics.observe, errors.observe]) as engine:
        await engine.ready()
        face, is_ready = engine.face, engine.ready
        if ready is not None:
            vitals = Vitals(engine.vitals._runtime, ready.is_set, lambda: (0, 0), url)
            face, is_ready = replace(face, vitals=vitals), partial(_until, ready)
        places = Places(settings.limits.max_streams)
        backing = Backing(face, settings, metrics, errors, asyncio.Event(), places)
        server = GrpcServer(backing, is_ready)
        also(server)
        await server.start()
        try:
            yield Served(settings, engine, server, backing)
        finally:
            await server.stop()


async def _until(ready: asyncio.Event) -> None:
    await ready.wait()


def workflows(channel: aio.Channel) -> "WorkflowServiceAsyncStub":
    return WorkflowServiceStub(channel)


def agent_service(channel: aio.Channel) -> "AgentServiceAsyncStub":
    return AgentServiceStub(channel)


def registry(channel: aio.Channel) -> "RegistryServiceAsyncStub":
    return RegistryServiceStub(channel)


# --- what was refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status, with its details unpacked."""

    code: grpc.StatusCode
    message: str
    reason: str
    facts: dict[str, str]
    violations: tuple[tuple[str, str], ...]
    """Field and reason of each."""
    retry_after: float | None


def refusal_of(error: aio.AioRpcError) -> Refusal:
    sent = dict(error.trailing_metadata()).get(DETAILS, b"")
    assert isinstance(sent, bytes)
    status = status_pb2.Status.FromString(sent)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    found: dict[str, Any] = {}
    for detail in status.details:
        for kind in (info, bad, retry):
            if detail.Unpack(kind):
                found[kind.DESCRIPTOR.name] = kind
    if sent:
        assert status.code == error.code().value[0]
        assert status.message == error.details()
    return Refusal(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        facts=dict(info.metadata),
        violations=tuple((each.field, each.reason) for each in bad.field_violations),
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if "RetryInfo" in found else None,
    )


async def refused(call: Any) -> Refusal:  # noqa: ANN401 - any call, unary or streaming
    """What a call is refused with."""
    try:
        if hasattr(call, "read"):
            while await call.read() is not aio.EOF:
                pass
        else:
            await call
    except aio.AioRpcError as error:
        return refusal_of(error)
    raise AssertionError("the call was answered")
