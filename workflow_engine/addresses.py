"""Which addresses the server may connect to: public ones, those an operator listed, and loopback when that was allowed.

Judges resolved addresses only, never spellings: however a URL writes 127.0.0.1, the resolver has made it an address by
then.
"""

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from workflow_engine.errors import InvalidRequest, Problem

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_NOT_PUBLIC: Final = tuple(
    # `is_global` lets these pass, though they lead to the nearest router, relay or cloud platform.
    ipaddress.IPv4Network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments, such as the anycast addresses of PCP and TURN
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
        "168.63.129.16/32",  # Azure's own services, as seen from a machine there
    )
)


class InvalidHostPattern(InvalidRequest):
    """An entry of the list of allowed hosts that means nothing."""

    code = "invalid-host-pattern"

    def __init__(self) -> None:
        super().__init__("An allowed host is a name, name:port, *.domain, an address, address:port, or a CIDR block")

    def problems(self) -> tuple[Problem, ...]:
        return (Problem(self.code, str(self), "/pattern"),)


def without_disguise(address: Address) -> Address:
    """The IPv4 address that really is meant by an IPv6 one that carries it: mapped, compatible, NAT64, 6to4."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if (inner := address.ipv4_mapped or address.sixtofour) is not None:
        return inner
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether anybody on the Internet could reach it, so that reaching it gives nobody anything new."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST
    return not any(address in block for block in _NOT_PUBLIC)


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One entry of the list. A `name` of `*.example.com` means every name below example.com, but not that itself."""

    name: str = ""
    network: Network | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "HostPattern":
        """Raises `InvalidHostPattern`."""
        written = text.strip().lower()
        if (network := _network(_unbracketed(written))) is not None:
            return cls(network=network)
        host, colon, port = written.rpartition(":")
        if not colon:
            return cls(name=_name(written))
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise InvalidHostPattern
        if (network := _network(_unbracketed(host))) is not None:
            return cls(network=network, port=int(port))
        return cls(name=_name(host), port=int(port))

    def names(self, host: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address in self.network
        return host.endswith(self.name[1:]) if self.name.startswith("*.") else host == self.name


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _unbracketed(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _name(text: str) -> str:
    labels = text.removeprefix("*.").rstrip(".").split(".")
    if len(text) > 255 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidHostPattern
    return text.rstrip(".")


def why_not(
    host: str,
    addresses: Iterable[Address],
    port: int,
    allowed: Iterable[str],
    loopback: bool,
    *,
    with_key: bool = False,
) -> str | None:
    """Why this host may not be called, or None. All addresses must pass: one that is forbidden is enough to refuse.

    `with_key`: a key goes with the call, which somebody named who may not see it. Then being public is not enough.
    """
    patterns = _readable(allowed)
    known = host.lower().rstrip(".")
    for found in addresses:
        address = without_disguise(found)
        listed = any(pattern.names(known, address, port) for pattern in patterns)
        if listed or (loopback and address.is_loopback) or (is_public(address) and not with_key):
            continue
        if is_public(address):
            return "a key is sent to it only when the list of allowed hosts names it"
        return f"{_kind(address)} is not allowed unless the list of allowed hosts names it"
    return None


def _readable(entries: Iterable[str]) -> list[HostPattern]:
    """An entry that means nothing allows nothing, and must not stop the calls that others allow."""
    patterns: list[HostPattern] = []
    for entry in entries:
        with suppress(InvalidHostPattern):
            patterns.append(HostPattern.parse(entry))
    return patterns


def _kind(address: Address) -> str:
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    return "a private address" if address.is_private else "an address that is not public"
