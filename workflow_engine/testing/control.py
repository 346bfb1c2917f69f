"""Power over the process of the server, for scenarios that need it: killed, and started again."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from workflow_engine.testing.errors import NotPlayed


class ServerControl(Protocol):
    """Given by whoever runs the kit. Each returns when it is done; after `start` the server takes work."""

    async def kill(self) -> None:
        """As a crash: at once, without a word."""
        ...

    async def stop(self) -> None:
        """As an operator: ask it to stop, and wait until it has."""
        ...

    async def start(self) -> None:
        """On the same addresses, with the same data."""
        ...


@dataclass(frozen=True, slots=True)
class ShellControl:
    """Shell commands of the person who runs the kit. Each must end when its work is done."""

    kill_command: str
    stop_command: str
    start_command: str
    longest_seconds: float = 60.0

    async def kill(self) -> None:
        await self._run(self.kill_command)

    async def stop(self) -> None:
        await self._run(self.stop_command)

    async def start(self) -> None:
        await self._run(self.start_command)

    async def _run(self, command: str) -> None:
        process = await asyncio.create_subprocess_shell(command)
        async with asyncio.timeout(self.longest_seconds):
            if code := await process.wait():
                raise NotPlayed(f"the command {command!r} ended with {code}")
