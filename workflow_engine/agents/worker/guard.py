"""Addresses that agents name: judged when they are named, and again at each connection that is made for them.

A name may resolve to a public address when it is looked at and to a private one when it is dialled. So the loop of
this process looks at every socket before it connects, whichever library opens it.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from workflow_engine.addresses import Address, why_not
from workflow_engine.agents.worker.exchange import current
from workflow_engine.agents.worker.failures import HostNotAllowed


@dataclass(frozen=True, slots=True)
class Permit:
    """Where the step of this task may connect to. `known` are addresses that names of the list resolved to."""

    allowed: tuple[str, ...]
    loopback: bool
    known: set[tuple[str, int]]

    def why_not(self, address: Address, port: int) -> str | None:
        if (str(address), port) in self.known:
            return None
        return why_not("", [address], port, self.allowed, self.loopback)


_PORTS: Final = {"http": 80, "https": 443}
MOST_KNOWN: Final = 10_000
_PERMIT: Final[ContextVar[Permit | None]] = ContextVar("permit", default=None)
"""Of the step that this task serves; None connects anywhere, as an operator's own addresses do."""


class GuardedLoop(asyncio.SelectorEventLoop):
    """An event loop that connects nowhere the permit of the task forbids."""

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:  # noqa: ANN401  # a family's own form
        permit = _PERMIT.get()
        if permit is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            found = ipaddress.ip_address(address[0].partition("%")[0])
            why = permit.why_not(found, address[1])
            if why is not None:
                current().refused = why
                raise PermissionError(f"{why}, so nothing is connected")
        await super().sock_connect(sock, address)


class Guard:
    """`allowed` are patterns of hosts; `loopback` whether this machine's own addresses may be called."""

    def __init__(self, allowed: tuple[str, ...], *, loopback: bool) -> None:
        self._allowed = allowed
        self._permit = Permit(allowed, loopback, set())

    async def check(self, what: str, url: str, *, with_key: bool = False) -> None:
        """Raises `HostNotAllowed` for an address that an agent may not name. `what` begins the message.

        `with_key`: the agent also names a credential. It must not be able to have it sent to a host of its own.
        """
        host, port = _host_and_port(what, url)
        addresses = await _resolved(host, port)
        why = why_not(host, addresses, port, self._allowed, self._permit.loopback, with_key=with_key)
        if why is not None:
            raise HostNotAllowed(what, why)
        self._know(addresses, port)

    async def trust(self, url: str) -> None:
        """An address of the operator's own, which may be called together with those that agents name."""
        host, port = _host_and_port("The operator's address", url)
        self._know(await _resolved(host, port), port)

    def _know(self, addresses: Iterable[Address], port: int) -> None:
        """Only what the list or an operator names: a public address needs nobody's word."""
        if len(self._permit.known) > MOST_KNOWN:
            self._permit.known.clear()
        found = (address for address in addresses if self._permit.why_not(address, port) is not None)
        self._permit.known.update((str(address), port) for address in found)

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Within it this task, and what it starts, connects to public and allowed addresses only."""
        token = _PERMIT.set(self._permit)
        try:
            yield
        finally:
            _PERMIT.reset(token)


def _host_and_port(what: str, url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise HostNotAllowed(what, "its address cannot be read") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise HostNotAllowed(what, "its address must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise HostNotAllowed(what, "its address must not hold a user or password; name a credential instead")
    return parts.hostname, port or _PORTS[parts.scheme]


async def _resolved(host: str, port: int) -> list[Address]:
    """What cannot be resolved cannot be reached either, and the call that tries will say so."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
