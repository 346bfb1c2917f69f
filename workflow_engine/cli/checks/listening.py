"""The address a server would listen on: allowed, and free."""

import socket
from collections.abc import Iterator

from workflow_engine.bounds import journal_timeouts
from workflow_engine.cli.checks.finding import Finding, fail, ok
from workflow_engine.cli.choosing import address_of
from workflow_engine.cli.server import Server
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.examining import has_valid_key
from workflow_engine.settings import ListensWithoutKeys, Settings, check_listening


def check_listening_address(settings: Settings) -> Iterator[Finding]:
    try:
        check_listening(settings.host, has_keys=_has_keys(settings), insecure=settings.insecure)
    except ListensWithoutKeys as error:
        yield fail("address", str(error), "create a key, or set WORKFLOW_ENGINE_HOST=127.0.0.1")
    yield _check_port(settings)


def _has_keys(settings: Settings) -> bool:
    try:
        return has_valid_key(settings.database_url, journal_timeouts(settings))
    except WorkflowEngineError:  # the finding about the storage says what is wrong with it
        return False


def _check_port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    if settings.port == 0:
        return ok("port", "any free one")
    try:
        _bind(settings.host, settings.port)
    except OSError as error:
        if Server(address_of(settings)).is_up():
            return ok("port", f"{where} is taken by a workflow engine that is up")
        advice = "stop what listens there, or set WORKFLOW_ENGINE_PORT to another port"
        return fail("port", f"{where} cannot be listened on: {error.strerror or error}", advice)
    return ok("port", f"{where} is free")


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        # As the server binds: a port whose last connections are still being closed counts as free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
