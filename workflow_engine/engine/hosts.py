"""Hosts the server may call beyond the public ones: a list in the database, changed at run time, kept in memory."""

from collections import defaultdict
from collections.abc import Sequence

from workflow_engine.addresses import HostPattern
from workflow_engine.clock import Clock
from workflow_engine.engine.caller import Caller
from workflow_engine.errors import NotFound
from workflow_engine.journal.contract import AllowedHost, Journal


class HostNotListed(NotFound):
    code = "host-not-listed"

    def __init__(self) -> None:
        super().__init__("Host not listed")


class Hosts:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._listed: dict[str, dict[str, AllowedHost]] = defaultdict(dict)

    async def load(self, namespace: str) -> None:
        for entry in await self._journal.allowed_hosts(namespace):
            self._listed[namespace][entry.pattern] = entry

    def patterns(self, namespace: str) -> Sequence[str]:
        """What the HTTP guard asks at every call."""
        return tuple(self._listed[namespace])

    async def allow(self, caller: Caller, pattern: str, note: str = "") -> AllowedHost:
        """Takes effect with the next call. Raises `InvalidHostPattern`."""
        caller.require("admin")
        pattern = pattern.strip().lower()
        HostPattern.parse(pattern)
        entry = AllowedHost(caller.namespace, pattern, self._clock.now(), caller.principal, note)
        await self._journal.allow_host(entry)
        self._listed[caller.namespace][pattern] = entry
        return entry

    def list(self, caller: Caller) -> tuple[AllowedHost, ...]:
        caller.require("admin")
        return tuple(self._listed[caller.namespace].values())

    async def disallow(self, caller: Caller, pattern: str) -> None:
        """Raises `HostNotListed`."""
        caller.require("admin")
        pattern = pattern.strip().lower()
        if not await self._journal.disallow_host(caller.namespace, pattern):
            raise HostNotListed
        self._listed[caller.namespace].pop(pattern, None)
