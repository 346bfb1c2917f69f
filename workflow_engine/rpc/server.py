"""Serving gRPC on a loop that serves others, too, started and stopped like any other duty."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from workflow_engine.errors import RefusedToStart
from workflow_engine.logs import logger
from workflow_engine.rpc.agent_service import AgentServicer
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.generated import (
    agent_pb2,
    agent_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    worker_pb2,
    worker_pb2_grpc,
    workflow_pb2,
    workflow_pb2_grpc,
)
from workflow_engine.rpc.guard import Guard
from workflow_engine.rpc.registry_service import RegistryServicer
from workflow_engine.rpc.worker_service import WorkerServicer
from workflow_engine.rpc.workflow_service import WorkflowServicer
from workflow_engine.settings import Settings
from workflow_engine.settings.groups import Rpc

Add: TypeAlias = Callable[[Any, Any], None]
"""What protoc makes for a service: `add_<name>Servicer_to_server(servicer, server)`."""
Option: TypeAlias = tuple[str, int]

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING

log = logger(__name__)


class CannotListenForGrpc(RefusedToStart):
    code = "cannot-listen-for-grpc"

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Cannot listen for gRPC on {host}:{port}. Is another server running? Choose another port by "
            "WORKFLOW_ENGINE_GRPC_PORT or --grpc-port."
        )


class UnusableCertificate(RefusedToStart):
    """A file of the TLS settings cannot be read, or does not hold what it should."""

    code = "unusable-certificate"

    def __init__(self, setting: str, path: Path, why: str) -> None:
        super().__init__(
            f"WORKFLOW_ENGINE_RPC__{setting.upper()} names {path}, which cannot be used: {why}. "
            "It must be a PEM file that this process may read; a key has no password and belongs to its certificate."
        )


class GrpcServer:
    """Listens from `start` to `stop`. Until `ready` returns, health says NOT_SERVING and nothing can be changed.

    `back_door` is a further address, without TLS: a socket that only processes of our own can reach (`unix:/PATH`).
    """

    def __init__(self, backing: Backing, ready: Callable[[], Awaitable[None]], back_door: str | None = None) -> None:
        self._back_door = back_door
        self._backing = backing
        self._settings = backing.settings
        self._ready = ready
        self._guard = Guard(backing)
        self._server = aio.server(interceptors=[self._guard], options=_options(backing.settings))
        self._health = health.HealthServicer()
        self._names = [""]
        self._becoming_ready: asyncio.Task[None] | None = None
        self.port = backing.settings.grpc_port
        self._add_all()

    def _add_all(self) -> None:
        self.add(
            registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name,
            registry_pb2_grpc.add_RegistryServiceServicer_to_server,
            RegistryServicer(self._backing),
        )
        self.add(
            workflow_pb2.DESCRIPTOR.services_by_name["WorkflowService"].full_name,
            workflow_pb2_grpc.add_WorkflowServiceServicer_to_server,
            WorkflowServicer(self._backing),
        )
        self.add(
            agent_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name,
            agent_pb2_grpc.add_AgentServiceServicer_to_server,
            AgentServicer(self._backing),
        )
        self.add(
            worker_pb2.DESCRIPTOR.services_by_name["WorkerService"].full_name,
            worker_pb2_grpc.add_WorkerServiceServicer_to_server,
            WorkerServicer(self._backing),
        )
        self.add(health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, _ADD_HEALTH, self._health)

    def add(self, name: str, add: Add, servicer: object) -> None:
        """Serve one more service, before `start`: `name` as in `workflow_engine.v1.WorkerService`."""
        add(servicer, self._server)
        self._names.append(name)

    @property
    def calls(self) -> int:
        """How many are under way, open streams included."""
        return self._guard.calls

    async def start(self) -> None:
        """Returns once it listens; `port` is then the real one. Raises `CannotListenForGrpc`, `UnusableCertificate`."""
        for name in self._names:
            await self._health.set(name, NOT_SERVING)
        reflection.enable_server_reflection([*self._names[1:], reflection.SERVICE_NAME], self._server)
        self.port = self._bind()
        if self._back_door is not None:
            self._server.add_insecure_port(self._back_door)
        await self._server.start()
        self._becoming_ready = asyncio.create_task(self._say_when_ready())
        log.info(
            "serving gRPC",
            address=f"{self._settings.host}:{self.port}",
            tls=self._settings.rpc.tls_certificate is not None,
        )

    def _bind(self) -> int:
        host, port = self._settings.host, self._settings.grpc_port
        credentials = server_credentials(self._settings.rpc)
        address = f"{_written(host)}:{port}"
        try:
            if credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise CannotListenForGrpc(host, port) from error

    async def _say_when_ready(self) -> None:
        await self._ready()
        for name in self._names:
            await self._health.set(name, SERVING)

    async def stop(self) -> None:
        """Say so, end waits and streams at once, give other calls their time, then close every connection."""
        self._backing.stopping.set()
        if self._becoming_ready is not None:
            self._becoming_ready.cancel()
        await self._health.enter_graceful_shutdown()
        ending = asyncio.ensure_future(self._server.stop(self._settings.shutdown_grace_seconds))
        nothing_left = asyncio.ensure_future(self._guard.nothing_left.wait())
        await asyncio.wait((ending, nothing_left), return_when=asyncio.FIRST_COMPLETED)
        nothing_left.cancel()
        await self._server.stop(None)
        await ending


_ADD_HEALTH: Final[Add] = health_pb2_grpc.add_HealthServicer_to_server


def _options(settings: Settings) -> Sequence[Option]:
    """No limit is set on how long a connection may be idle, or live: workers wait on theirs for days."""
    rpc, limits = settings.rpc, settings.limits
    return (
        # Without this a second server would share the port, and half of the calls would go astray.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", rpc.max_receive_bytes),
        ("grpc.max_send_message_length", rpc.max_send_bytes),
        ("grpc.max_concurrent_streams", rpc.max_streams_per_connection),
        ("grpc.max_metadata_size", limits.max_header_bytes),
        ("grpc.absolute_max_metadata_size", limits.max_header_bytes),
        ("grpc.server_handshake_timeout_ms", _milliseconds(limits.header_timeout_seconds)),
        ("grpc.keepalive_time_ms", _milliseconds(rpc.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", _milliseconds(rpc.keepalive_timeout_seconds)),
        # Without this an unanswered ping is waited for a minute, whatever the line before says.
        ("grpc.http2.ping_timeout_ms", _milliseconds(rpc.keepalive_timeout_seconds)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(rpc.min_ping_interval_seconds)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _milliseconds(rpc.min_ping_interval_seconds)),
    )


def _milliseconds(seconds: float) -> int:
    return min(max(round(seconds * 1_000), 1), 2**31 - 1)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host or "[::]"


# --- TLS


def server_credentials(rpc: Rpc) -> grpc.ServerCredentials | None:
    """The credentials the settings name; None without TLS. Raises `UnusableCertificate`."""
    if rpc.tls_certificate is None or rpc.tls_key is None:
        return None
    certificate, key = _read("tls_certificate", rpc.tls_certificate), _read("tls_key", rpc.tls_key)
    _check_pair(rpc.tls_certificate, rpc.tls_key)
    if rpc.tls_client_ca is None:
        return grpc.ssl_server_credentials([(key, certificate)])
    authorities = _read("tls_client_ca", rpc.tls_client_ca)
    _check_authorities(rpc.tls_client_ca)
    return grpc.ssl_server_credentials([(key, certificate)], authorities, require_client_auth=True)


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableCertificate(setting, path, error.strerror or str(error)) from error


def _check_pair(certificate: Path, key: Path) -> None:
    """gRPC itself would only say that the port cannot be opened."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or str(error)
        raise UnusableCertificate("tls_certificate", certificate, f"{why} (with the key {key})") from error


def _check_authorities(path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise UnusableCertificate("tls_client_ca", path, error.reason or str(error)) from error
