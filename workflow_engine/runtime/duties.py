"""One start/stop protocol for everything that runs beside the requests."""

from typing import Protocol


class Duty(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Come to rest; safe to call without `start`."""
