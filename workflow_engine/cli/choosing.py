"""Which server a command speaks to, and whether a workflow runs there or in an engine of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.cli.on_server import OnServer
from workflow_engine.cli.place import Place
from workflow_engine.cli.server import Server

if TYPE_CHECKING:
    from workflow_engine.settings import Settings

_IN_MEMORY: Final = "memory://"
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - read here, not listened on


def server_of(url: str | None, api_key: str | None = None) -> Server:
    """The server of `--server`, else the one our settings describe; the key likewise.

    Raises `InvalidArgument`, `InvalidSettings`.
    """
    if url is not None and api_key is not None:
        return Server.at(url, api_key)
    from workflow_engine.settings import load_settings

    settings = load_settings()
    return Server.at(url or address_of(settings), api_key or settings.api_key)


def address_of(settings: "Settings") -> str:
    """The URL at which a server of these settings is reached from its own machine."""
    return url_of(settings.host, settings.port)


def url_of(host: str, port: int) -> str:
    """As `address_of`, of an address to listen on: one that means every address is reached by loopback."""
    reached = _EVERY_ADDRESS.get(host, host).strip("[]")
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"


@contextmanager
def chosen_place(
    server: str | None, *, embedded: bool, database_url: str | None = None, api_key: str | None = None
) -> Iterator[Place]:
    """The server that was named; else the configured one if it is up; else an engine inside this process.

    Naming a database means an engine inside, because a database belongs to one engine. Raises `InvalidArgument`.
    """
    if server is not None and (embedded or database_url is not None):
        raise InvalidArgument("--server names a running server; --embedded and --database-url mean an engine inside")
    if server is not None:
        yield OnServer(server_of(server, api_key))
        return
    if not embedded and database_url is None and (configured := server_of(None, api_key)).is_up():
        yield OnServer(configured)
        return
    from workflow_engine.cli.inside import opened_inside

    with opened_inside(database_url or _IN_MEMORY) as place:
        yield place
