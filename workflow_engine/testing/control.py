"""Power over the process of the server, for scenarios that need it."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from workflow_engine.testing.errors import NotPlayed


class ServerControl(Protocol):
    """Given by whoever runs the kit. Both return when the server takes work again, on the same addresses and data."""

    async def crash(self) -> None:
        """Kill it at once, without a word, and start it again. Raises `NotPlayed` when that cannot be done here."""
        ...

    async def restart(self) -> None:
        """Ask it to stop, as an operator would, wait until it has, and start it again. Raises `NotPlayed`."""
        ...


@dataclass(frozen=True, slots=True)
class ShellControl:
    """Shell commands of the person who runs the kit; each ends when the server takes work again."""

    crash_command: str | None = None
    restart_command: str | None = None
    longest_seconds: float = 60.0

    async def crash(self) -> None:
        await self._run("--crash-command", self.crash_command)

    async def restart(self) -> None:
        await self._run("--restart-command", self.restart_command)

    async def _run(self, option: str, command: str | None) -> None:
        if command is None:
            raise NotPlayed(f"it needs power over the server's process: give {option}")
        process = await asyncio.create_subprocess_shell(command)
        try:
            async with asyncio.timeout(self.longest_seconds):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NotPlayed(f"the command of {option} did not end within {self.longest_seconds:g} s") from None
        if code:
            raise NotPlayed(f"the command of {option} ended with {code}")
