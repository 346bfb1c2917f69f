"""Where a server may listen: on this machine only, as long as nobody has to show a key."""

from ipaddress import IPv6Address, ip_address

from workflow_engine.errors import RefusedToStart
from workflow_engine.settings.listing import PREFIX


class ListensWithoutKeys(RefusedToStart):
    """Whoever reaches the port could do everything; until there are keys, only this machine may reach it."""

    code = "listens-without-keys"

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"Listening on {host or 'every address'} would let anybody on the network run workflows without a key. "
            "Create one first: `workflow-engine keys create NAME --scope admin`. Or "
            f"use {PREFIX}HOST=127.0.0.1, or on a trusted network allow it by {PREFIX}INSECURE=true (--insecure)."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Names other than localhost are not resolved: they count as open."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def check_listening(host: str, *, has_keys: bool, insecure: bool) -> None:
    """Raises ListensWithoutKeys where `host` is reachable from outside, there is no key that is not revoked, and nobody
    said that this is wanted.
    """
    if not has_keys and not insecure and not is_loopback(host):
        raise ListensWithoutKeys(host)
