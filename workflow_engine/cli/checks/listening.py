"""Where a server would listen: the address allowed, both ports free, and the certificate of gRPC usable."""

import socket
from collections.abc import Iterator

from workflow_engine.bounds import journal_timeouts
from workflow_engine.cli.checks.finding import Finding, fail, ok
from workflow_engine.cli.choosing import address_of
from workflow_engine.cli.server import Server
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.examining import has_valid_key
from workflow_engine.settings import ListensWithoutKeys, Settings, check_listening
from workflow_engine.settings.groups import Rpc


def check_listening_address(settings: Settings) -> Iterator[Finding]:
    try:
        check_listening(settings.host, has_keys=_has_keys(settings), insecure=settings.insecure)
    except ListensWithoutKeys as error:
        yield fail("address", str(error), "create a key, or set WORKFLOW_ENGINE_HOST=127.0.0.1")
    yield _check_port(settings, "port", settings.port, "WORKFLOW_ENGINE_PORT")
    yield _check_port(settings, "gRPC port", settings.grpc_port, "WORKFLOW_ENGINE_GRPC_PORT")
    if settings.rpc.tls_certificate is not None:
        yield _check_tls(settings.rpc)


def _has_keys(settings: Settings) -> bool:
    try:
        return has_valid_key(settings.database_url, journal_timeouts(settings))
    except WorkflowEngineError:  # the finding about the storage says what is wrong with it
        return False


def _check_port(settings: Settings, subject: str, port: int, setting: str) -> Finding:
    where = f"{settings.host}:{port}"
    if port == 0:
        return ok(subject, "any free one")
    try:
        _bind(settings.host, port)
    except OSError as error:
        if Server(address_of(settings)).is_up():  # one that is up listens on both
            return ok(subject, f"{where} is taken by a workflow engine that is up")
        advice = f"stop what listens there, or set {setting} to another port"
        return fail(subject, f"{where} cannot be listened on: {error.strerror or error}", advice)
    return ok(subject, f"{where} is free")


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        # As the server binds: a port whose last connections are still being closed counts as free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)


def _check_tls(rpc: Rpc) -> Finding:
    from workflow_engine.rpc.server import UnusableCertificate, server_credentials  # grpc, which the rest does without

    try:
        server_credentials(rpc)
    except UnusableCertificate as error:
        return fail("TLS", str(error), "name another file, or unset the setting to serve gRPC without TLS")
    demanded = "" if rpc.tls_client_ca is None else "; clients must show a certificate"
    return ok("TLS", f"gRPC is served with {rpc.tls_certificate}{demanded}")
