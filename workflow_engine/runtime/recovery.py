"""What was open when the process ended comes back: running executions are folded and go on, waiting ones only get their
alarm set. Paused ones are folded last: steps of theirs may have been running, but nobody waits for them.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import Journal, JournalUnavailable, OpenExecution
from workflow_engine.logs import logger
from workflow_engine.runtime.runtime import Runtime

AT_ONCE: Final = 32
RESTING: Final = frozenset({ExecutionStatus.WAITING, ExecutionStatus.PAUSED})
PAUSE_SECONDS: Final = 0.5

log = logger(__name__)


class Recovery:
    """A duty that ends by itself. `done` is set when every open execution is back; then the server is ready."""

    def __init__(self, journal: Journal, runtime: Runtime) -> None:
        self._journal = journal
        self._runtime = runtime
        self._task: asyncio.Task[None] | None = None
        self.done = asyncio.Event()

    async def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        open_executions = await self._open_executions()
        waiting = [one for one in open_executions if one.status is ExecutionStatus.WAITING]
        paused = [one for one in open_executions if one.status is ExecutionStatus.PAUSED]
        running = [one for one in open_executions if one.status not in RESTING]
        for one in waiting:
            self._runtime.remember(one)
        await self._recover(running)
        if open_executions:
            log.info("recovered", running=len(running), waiting=len(waiting), paused=len(paused))
        self.done.set()
        await self._recover(paused)

    async def _open_executions(self) -> Sequence[OpenExecution]:
        while True:
            try:
                return await self._journal.open_executions()
            except JournalUnavailable as failure:
                log.warning("recovery waits for the storage", reason=str(failure))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _recover(self, running: Sequence[OpenExecution]) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def recover(one: OpenExecution) -> None:
            async with places:
                await self._runtime.recover(one)

        await asyncio.gather(*(recover(one) for one in running))
