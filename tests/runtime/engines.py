"""Engines of their own for tests: quick to rest, on any journal, with a clock that can be moved."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypedDict, TypeVar, Unpack

from workflow_engine.assembly import Engine, Parts, Surroundings, assemble
from workflow_engine.clock import Clock, SystemClock
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.views import ResultsView
from workflow_engine.journal.contract import (
    Commit,
    Done,
    ExecutionRow,
    Journal,
    JournalUnavailable,
    RecordedEvent,
)
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.settings import Settings
from workflow_engine.settings.groups import Limits, Runtime
from workflow_engine.steps.contract import Effect, OfferedStep, StepFunction, StepRequest, StepType, Verdict

T = TypeVar("T")
J = TypeVar("J", bound=Journal)

SOON: Final = 0.01
LONGEST_WAIT: Final = 10.0


def settings(
    *,
    grace: float = 1.0,
    max_running_steps: int = 1_000,
    step_threads: int = 8,
    replacement_threads: int = 8,
    max_open_executions: int = 1_000_000,
    max_watcher_events: int = 10_000,
) -> Settings:
    """As usual, but what rests leaves memory at once."""
    return Settings(
        shutdown_grace_seconds=grace,
        runtime=Runtime(
            idle_after_seconds=SOON,
            max_running_steps=max_running_steps,
            step_threads=step_threads,
            replacement_threads=replacement_threads,
        ),
        limits=Limits(max_open_executions=max_open_executions, max_watcher_events=max_watcher_events),
    )


class Contract(TypedDict, total=False):
    """What a test may say of a step type."""

    config_schema: JsonObject
    input_schema: JsonObject
    output_schema: JsonObject
    effect: Effect
    inline: bool


def offered(function: StepFunction, name: str = "work", **contract: Unpack[Contract]) -> OfferedStep:
    return OfferedStep(StepType(name, **contract), function)


def document(*steps: JsonObject, **fields: Json) -> JsonObject:
    return {"name": "flow", "steps": list(steps), **fields}


def step(step_id: str, *dependencies: str, step_type: str = "work", **fields: Json) -> JsonObject:
    return {"step_id": step_id, "step_type": step_type, "dependencies": list(dependencies), **fields}


class Calls:
    """A step function that notes who called it, and goes on when it is told to."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.seen: list[StepRequest] = []
        self.cancelled: list[str] = []
        self.gate = asyncio.Event()
        if open_gate:
            self.gate.set()

    async def __call__(self, request: StepRequest) -> Verdict | Json:
        self.seen.append(request)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.path)
            raise
        return {"path": request.path}

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.seen]


class HeldJournal(MemoryJournal):
    """A disk that takes its time: commits are written when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.holding = False
        self.held: list[tuple[Commit, Done]] = []
        self.commits: list[Commit] = []

    def append(self, commit: Commit, done: Done) -> None:
        self.commits.append(commit)
        if self.holding:
            self.held.append((commit, done))
        else:
            super().append(commit, done)

    def let_go(self) -> None:
        held, self.held = self.held, []
        for commit, done in held:
            super().append(commit, done)


class FailingJournal(MemoryJournal):
    """A disk that is full for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.refused = 0

    def fail(self, failure: Exception | None = None) -> None:
        self.failure = failure or JournalUnavailable("the disk is full")

    def recover(self) -> None:
        self.failure = None

    def append(self, commit: Commit, done: Done) -> None:
        if self.failure is None:
            super().append(commit, done)
            return
        self.refused += 1
        asyncio.get_running_loop().call_soon(done, self.failure)


class CountingJournal(MemoryJournal):
    """Counts what is read of executions."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def history(
        self, namespace: str, execution_id: str, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        self.reads += 1
        return await super().history(namespace, execution_id, after, limit)

    async def execution(self, namespace: str, execution_id: str) -> ExecutionRow | None:
        self.reads += 1
        return await super().execution(namespace, execution_id)

    async def definition(self, digest: str) -> JsonObject | None:
        self.reads += 1
        return await super().definition(digest)


@asynccontextmanager
async def engine_on(
    journal: Journal, *steps: OfferedStep, clock: Clock | None = None, given: Settings | None = None
) -> AsyncIterator[tuple[Engine, Parts]]:
    """An engine on a journal that is open and stays so; its parts, too. It comes to rest in order at the end."""
    given = given or settings(grace=0.0)
    parts = await assemble(Surroundings(given, journal, clock or SystemClock(), steps))
    engine = Engine(parts, journal)
    await parts.recovery.start()
    await parts.recovery.done.wait()
    try:
        yield engine, parts
    finally:
        parts.ring.runtime.refuse_new()
        await parts.recovery.stop()
        await parts.ring.routes.stop(given.shutdown_grace_seconds)
        await parts.ring.runtime.close()
        await parts.http.aclose()


async def abandon(parts: Parts) -> None:
    """As if the process had died: what runs is gone, and nobody writes anything down."""
    await parts.recovery.stop()
    await parts.ring.local.stop(0)
    parts.ring.alarms.stop()
    await parts.http.aclose()


async def opened(journal: J) -> J:
    await journal.open()
    return journal


async def start(engine: Engine, body: JsonObject, *, key: str | None = None) -> str:
    return (await engine.executions.start(LOCAL, body, key=key)).execution_id


async def run(engine: Engine, body: JsonObject) -> ResultsView:
    return await ended(engine, await start(engine, body))


async def ended(engine: Engine, execution_id: str) -> ResultsView:
    results = await engine.executions.wait(LOCAL, execution_id, LONGEST_WAIT)
    assert results.status.is_terminal, results
    return results


async def until(happened: Callable[[], object], what: str = "it") -> None:
    """Let the loop run until this is true."""
    deadline = asyncio.get_running_loop().time() + LONGEST_WAIT
    while not happened():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.001)


async def until_status(engine: Engine, execution_id: str, status: str) -> None:
    deadline = asyncio.get_running_loop().time() + LONGEST_WAIT
    while (present := (await engine.executions.get(LOCAL, execution_id)).summary.status) != status:
        assert asyncio.get_running_loop().time() < deadline, f"it is {present}, not {status}"
        await asyncio.sleep(0.002)


async def settled(*waiting: Awaitable[T]) -> list[T | BaseException]:
    return await asyncio.gather(*waiting, return_exceptions=True)


async def idle(turns: int = 20) -> None:
    """Let everything happen that can happen without waiting for anything."""
    for _ in range(turns):
        await asyncio.sleep(0)
