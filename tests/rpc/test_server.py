"""The server itself: its port, its health, TLS, keys, and how it stops."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.rest.documents import hello, patient
from tests.rpc.certificates import Certificates, make_certificates
from tests.rpc.serving import Served, quick, refused, serving, workflows
from workflow_engine.engine.caller import LOCAL
from workflow_engine.rpc.generated import workflow_pb2 as pb
from workflow_engine.rpc.server import CannotListenForGrpc, GrpcServer, UnusableCertificate

HELLO = pb.ExecuteRequest(body=json.dumps(hello()).encode(), wait_seconds=20)
PATIENT = pb.ExecuteRequest(body=json.dumps(patient()).encode())
OURS = ("AgentService", "RegistryService", "WorkerService", "WorkflowService")


async def test_a_port_that_a_server_has_is_refused_to_a_second_one(served: Served) -> None:
    settings = quick(grpc_port=served.server.port)
    with pytest.raises(CannotListenForGrpc, match="WORKFLOW_ENGINE_GRPC_PORT"):
        async with serving(settings):
            pass


async def test_a_port_that_another_program_has_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenForGrpc, match=f"127.0.0.1:{port}"):
            async with serving(quick(grpc_port=port)):
                pass


async def test_a_server_that_never_started_can_be_stopped(served: Served) -> None:
    await GrpcServer(served.backing, served.engine.ready).stop()


async def test_health_is_told_of_every_service(channel: aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", *(f"workflow_engine.v1.{name}" for name in OURS)):
        answered = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answered.status == health_pb2.HealthCheckResponse.SERVING, service
    unknown = await refused(health.Check(health_pb2.HealthCheckRequest(service="nobody")))
    assert unknown.code is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_every_service(channel: aio.Channel) -> None:
    async def asked() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        yield reflection_pb2.ServerReflectionRequest(file_containing_symbol="workflow_engine.v1.WorkerService")

    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    listed, file = [each async for each in stub.ServerReflectionInfo(asked())]
    names = {each.name for each in listed.list_services_response.service}
    assert {f"workflow_engine.v1.{name}" for name in OURS} | {"grpc.health.v1.Health"} <= names
    assert file.file_descriptor_response.file_descriptor_proto


# --- connections

HTTP2: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a client begins: the preface, and settings that change nothing."""


async def closed_within(served: Served, seconds: float, *sent: bytes) -> bool:
    """Whether the server closes a connection that says this and then no more, not even the answer to a ping."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    writer.writelines(sent)
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(65_536):
                pass
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with serving(quick(limits={"header_timeout_seconds": 0.5})) as served:
        assert await closed_within(served, 10)


async def test_a_client_that_answers_no_ping_is_disconnected() -> None:
    async with serving(quick(rpc={"keepalive_seconds": 1, "keepalive_timeout_seconds": 0.5})) as served:
        assert await closed_within(served, 15, HTTP2)
    async with serving() as served:
        assert not await closed_within(served, 2, HTTP2)


# --- stopping


async def test_a_stop_ends_watches_and_waits_at_once_and_says_so_to_health() -> None:
    async with serving(quick(shutdown_grace_seconds=20)) as served, served.channel() as channel:
        flows, health = workflows(channel), health_pb2_grpc.HealthStub(channel)
        execution_id = (await flows.Execute(PATIENT)).execution_id
        watched = flows.Watch(pb.WatchRequest(execution_id=execution_id))
        await watched.read()
        state = health.Watch(health_pb2.HealthCheckRequest())
        assert (await state.read()).status == health_pb2.HealthCheckResponse.SERVING
        waits = asyncio.ensure_future(
            flows.GetResults(pb.GetResultsRequest(execution_id=execution_id, wait_seconds=60))
        )
        told = asyncio.create_task(refused(watched))
        await under_way(served, 3)
        stopping = asyncio.create_task(served.server.stop())
        ended = await asyncio.wait_for(told, 5)
        assert (ended.code, ended.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
        assert ended.retry_after is not None
        assert (await asyncio.wait_for(waits, 5)).results.status in ("running", "waiting")
        assert (await state.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await asyncio.wait_for(stopping, 5)


async def under_way(served: Served, calls: int) -> None:
    async with asyncio.timeout(10):
        while served.server.calls < calls:  # noqa: ASYNC110 - it is the server that counts, and it tells nobody
            await asyncio.sleep(0.01)


async def test_a_call_that_outlasts_the_grace_is_cut_and_told_so() -> None:
    began = asyncio.Event()

    async def slow(_request: object, _context: object) -> bytes:
        began.set()
        await asyncio.sleep(60)
        return b""

    def also(server: GrpcServer) -> None:
        server.add("workflow_engine.v1.Slow", added(slow), None)

    async with serving(quick(shutdown_grace_seconds=0.2), also=also) as served, served.channel() as channel:
        call: Any = channel.unary_unary("/workflow_engine.v1.Slow/Wait")
        told = asyncio.create_task(refused(call(b"", timeout=30)))
        await began.wait()
        await asyncio.wait_for(served.server.stop(), 5)
        assert (await told).code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert served.backing.errors.statistics().total == 0


def added(function: Callable[..., Awaitable[bytes]]) -> Callable[[Any, Any], None]:
    def add(_servicer: object, inner: Any) -> None:  # noqa: ANN401 - a server of grpc
        decode = health_pb2.HealthCheckRequest.FromString
        handlers: dict[str, Any] = {"Wait": grpc.unary_unary_rpc_method_handler(function, request_deserializer=decode)}
        inner.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("workflow_engine.v1.Slow", handlers),))

    return add


# --- keys


async def test_once_there_is_a_key_every_call_shows_one(served: Served, channel: aio.Channel) -> None:
    flows = workflows(channel)
    execution_id = (await flows.Execute(PATIENT)).execution_id
    made = await served.engine.face.keys.create(LOCAL, "ada", ["execute"])
    bearer = (("authorization", f"Bearer {made.secret}"),)
    told = await refused(flows.Execute(HELLO))
    assert (told.code, told.reason) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_REQUIRED")
    ran = await flows.Execute(HELLO, metadata=bearer)
    looked = await flows.GetExecution(pb.GetExecutionRequest(execution_id=ran.execution_id), metadata=bearer)
    assert looked.execution.principal == "ada"
    steps: Any = channel.unary_unary("/workflow_engine.v1.RegistryService/Deregister")
    foreign = await refused(steps(b"\x0a\x01a", metadata=bearer))
    assert (foreign.code, foreign.reason) == (grpc.StatusCode.PERMISSION_DENIED, "MISSING_SCOPE")
    watched = flows.Watch(pb.WatchRequest(execution_id=execution_id), metadata=bearer)
    await watched.read()
    await served.engine.face.keys.revoke(LOCAL, made.view.key_id)
    await served.engine.face.executions.signal(LOCAL, execution_id, "go")
    cut = await refused(watched)
    assert (cut.code, cut.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_KEY")
    health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING


# --- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def tls(certificates: Certificates, **more: object) -> dict[str, object]:
    pair = certificates.server
    return {"tls_certificate": pair.certificate, "tls_key": pair.key, **more}


def secure(served: Served, credentials: grpc.ChannelCredentials) -> aio.Channel:
    return aio.secure_channel(served.address, credentials, [("grpc.use_local_subchannel_pool", 1)])


async def test_with_a_certificate_calls_are_encrypted(certificates: Certificates) -> None:
    async with serving(quick(rpc=tls(certificates))) as served:
        trusting = grpc.ssl_channel_credentials(certificates.authority.read_bytes())
        async with secure(served, trusting) as channel:
            assert (await workflows(channel).Execute(HELLO)).results.status == "completed"
        async with served.channel() as channel:
            told = await refused(workflows(channel).Execute(HELLO, timeout=5))
            assert told.code is grpc.StatusCode.UNAVAILABLE


async def test_with_a_client_authority_only_its_clients_come_in(certificates: Certificates) -> None:
    async with serving(quick(rpc=tls(certificates, tls_client_ca=certificates.authority))) as served:
        root = certificates.authority.read_bytes()
        mine = certificates.client
        known = grpc.ssl_channel_credentials(root, mine.key.read_bytes(), mine.certificate.read_bytes())
        async with secure(served, known) as channel:
            assert (await workflows(channel).Execute(HELLO)).results.status == "completed"
        other = certificates.stranger
        foreign = grpc.ssl_channel_credentials(root, other.key.read_bytes(), other.certificate.read_bytes())
        for credentials in (grpc.ssl_channel_credentials(root), foreign):
            async with secure(served, credentials) as channel:
                told = await refused(workflows(channel).Execute(HELLO, timeout=5))
                assert told.code is grpc.StatusCode.UNAVAILABLE


def unusable(certificates: Certificates, folder: Path) -> dict[str, tuple[dict[str, object], str]]:
    rubbish = folder / "rubbish.pem"
    rubbish.write_text("no certificate\n")
    return {
        "a certificate that is not there": (tls(certificates, tls_certificate=folder / "no.pem"), "TLS_CERTIFICATE"),
        "a key that is not there": (tls(certificates, tls_key=folder / "no.key"), "TLS_KEY"),
        "an authority that is not there": (tls(certificates, tls_client_ca=folder / "no.pem"), "TLS_CLIENT_CA"),
        "a certificate that is none": (tls(certificates, tls_certificate=rubbish), "TLS_CERTIFICATE"),
        "the key of another": (tls(certificates, tls_key=certificates.client.key), "TLS_CERTIFICATE"),
        "an authority that is none": (tls(certificates, tls_client_ca=rubbish), "TLS_CLIENT_CA"),
    }


async def test_files_that_cannot_be_used_refuse_the_start(certificates: Certificates, tmp_path: Path) -> None:
    for what, (rpc, setting) in unusable(certificates, tmp_path).items():
        with pytest.raises(UnusableCertificate, match=f"WORKFLOW_ENGINE_RPC__{setting} names ") as refusal:
            async with serving(quick(rpc=rpc)):
                pass
        assert "PEM" in str(refusal.value), what
