"""The duty that keeps the agent worker running: one process beside the server, which calls models for it.

It is started when the server is ready, started again when it ends, and drained when the server stops. The server itself
never loads what that process needs.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflow_engine.agents.child import Child, Command
from workflow_engine.agents.redaction import Redaction
from workflow_engine.clock import Clock
from workflow_engine.logs import logger

log = logger(__name__)

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_INFO: Final = 20
_SAID_ALREADY: Final = frozenset({"event", "level", "timestamp", "logger"})
_LOOK_EVERY_SECONDS: Final = 1.0
"""How soon a step is noticed that waits for a worker which was not wanted until then."""


class Life(StrEnum):
    OFF = "off"
    """This server starts none."""
    IDLE = "idle"
    """Nothing is configured; it is started when the first step waits for it."""
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the supervisor knows of the process. `since` is in UTC epoch seconds; `restarts` counts since the start."""

    life: Life
    since: float | None = None
    pid: int | None = None
    restarts: int = 0


NO_WORKER: Final = WorkerState(Life.OFF)


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: the pause before the first restart, the longest pause, and how long a drain may take."""

    restart_after: float
    restart_at_most: float
    drain: float


class Supervisor:
    """`ready` returns when the server is; `wanted` says whether there is anything for the process to do, and is asked
    until there is.
    """

    def __init__(
        self,
        command: Command,
        terms: Terms,
        clock: Clock,
        *,
        ready: Callable[[], Awaitable[None]],
        wanted: Callable[[], bool],
    ) -> None:
        self._command = command
        self._redacted = Redaction(command.environment)
        self._terms = terms
        self._clock = clock
        self._ready = ready
        self._wanted = wanted
        self._state = WorkerState(Life.STARTING if wanted() else Life.IDLE, clock.now())
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> WorkerState:
        return self._state

    async def start(self) -> None:
        """Returns at once; the process begins when the server is ready."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_tell_of_a_bug)

    async def stop(self) -> None:
        """Let it finish what it has in hand, as long as the drain may take; then it is killed."""
        self._stopping.set()
        if (child := self._child) is not None:
            child.terminate()
            try:
                async with asyncio.timeout(self._terms.drain):
                    await child.ended()
            except TimeoutError:
                log.warning("the agent worker is killed: it has calls in hand", after_seconds=self._terms.drain)
        await self.kill()

    async def kill(self) -> None:
        """End it at once: what it has in hand is done again by the next one. Safe to call without `start`."""
        self._stopping.set()
        if (child := self._child) is not None:
            child.kill()
            await child.ended()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._state = NO_WORKER

    async def _run(self) -> None:
        await self._ready()
        while not self._wanted():  # noqa: ASYNC110 - seldom and cheap; an event would have to pass through every room
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        pause = self._terms.restart_after
        while not self._stopping.is_set():
            began = self._clock.monotonic()
            why = await self._one_life()
            if self._stopping.is_set():
                return
            if self._clock.monotonic() - began >= self._terms.restart_at_most:
                pause = self._terms.restart_after
            log.warning("the agent worker ended; it is started again", restart_in_seconds=pause, **why)
            self._state = WorkerState(Life.RESTARTING, self._clock.now(), restarts=self._state.restarts + 1)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._terms.restart_at_most)

    async def _one_life(self) -> dict[str, object]:
        """From its start to its end; answers what there is to say of the end."""
        try:
            child = self._child = Child(self._command, lambda line: _relay(line, self._redacted))
        except OSError as failure:
            return {"reason": f"it cannot be started: {failure.strerror}"}
        self._state = WorkerState(Life.RUNNING, self._clock.now(), child.pid, self._state.restarts)
        log.info("the agent worker is started", pid=child.pid)
        code = await child.ended()
        self._child = None
        return {"exit_code": code, "last_lines": [self._redacted(line) for line in child.last_lines]}


def _tell_of_a_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.error("nobody watches over the agent worker any more", exc_info=failure)


def _relay(line: str, redacted: Redaction) -> None:
    """What the process logs becomes a line of this one's log; what it only prints becomes a debug line."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "event" not in said:
        log.debug("the agent worker says", line=redacted(line))
        return
    level = _LEVELS.get(str(said.get("level")), _INFO)
    facts = {name: redacted(str(value)) for name, value in said.items() if name not in _SAID_ALREADY}
    logger(f"agent-worker.{said.get('logger', '')}").log(level, redacted(str(said["event"])), **facts)
