"""Old executions leave by themselves: those that ended longer ago than the retention, a few at a time.

What their model calls used is bookkeeping: it stays longer, with a retention of its own.
"""

import asyncio
from typing import Final

from workflow_engine.clock import Clock
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.contract import Journal
from workflow_engine.logs import logger

DAY: Final = 86_400.0

log = logger(__name__)


class Pruner:
    """A retention of 0 days keeps everything."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        retention_days: float,
        every_seconds: float,
        a_few: int,
        usage_retention_days: float = 0.0,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._retention = retention_days * DAY
        self._usage_retention = usage_retention_days * DAY
        self._every = every_seconds
        self._a_few = a_few
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._retention > 0 or self._usage_retention > 0:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def prune(self) -> int:
        """Delete what is older than the retention now; answers how many executions went."""
        now, gone = self._clock.now(), 0
        if self._retention <= 0:
            return gone
        while (some := await self._journal.prune(None, now - self._retention, now, self._a_few)) > 0:
            gone += some
        return gone

    async def prune_usage(self) -> int:
        """Delete what was used longer ago than its retention; answers how many calls are forgotten."""
        before, gone = self._clock.now() - self._usage_retention, 0
        if self._usage_retention <= 0:
            return gone
        while (some := await self._journal.prune_usage(before, self._a_few)) > 0:
            gone += some
        return gone

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                gone, forgotten = await self.prune(), await self.prune_usage()
            except WorkflowEngineError as failure:
                log.warning("pruning failed; it is tried again", reason=str(failure))
            else:
                log.info("pruned", executions=gone, usage=forgotten)
