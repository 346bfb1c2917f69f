"""Running in an engine inside this process: for a quick try, or where no server is wanted."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from workflow_engine.cli.events import Event
from workflow_engine.cli.place import DeadlineReached
from workflow_engine.jsontext import Json, JsonObject

if TYPE_CHECKING:
    from workflow_engine.assembly import Engine

_IN_MEMORY: Final = "memory://"


@dataclass(frozen=True, slots=True)
class Inside:
    """The engine moves only while something is asked of it, which is all the time but for drawing."""

    name: str
    outlives_us: bool
    _runner: asyncio.Runner
    _engine: "Engine"

    def validate(self, document: Json) -> JsonObject:
        from workflow_engine.engine.caller import LOCAL

        return self._runner.run(self._engine.workflows.validate(LOCAL, document)).to_json()

    def start(self, body: JsonObject) -> str:
        from workflow_engine.engine.caller import LOCAL

        return self._runner.run(self._engine.executions.start(LOCAL, body)).execution_id

    def events(self, execution_id: str, deadline: float | None) -> Iterator[Event]:
        from workflow_engine.engine.caller import LOCAL

        watching = self._engine.executions.watch(LOCAL, execution_id)

        async def next_one() -> Event | None:
            left = None if deadline is None else deadline - time.monotonic()
            async with asyncio.timeout(left):
                event = await anext(watching, None)
            return None if event is None else Event(event.seq, event.kind, event.at, event.path, event.data)

        try:
            while (event := self._runner.run(next_one())) is not None:
                yield event
        except TimeoutError:
            raise DeadlineReached from None

    def results(self, execution_id: str) -> JsonObject:
        from workflow_engine.engine.caller import LOCAL
        from workflow_engine.rest.wire import results_body

        return cast(JsonObject, results_body(self._runner.run(self._engine.executions.results(LOCAL, execution_id))))


@contextmanager
def opened_inside(database_url: str) -> Iterator[Inside]:
    """An engine on this database for the length of the block. Raises `RefusedToStart`."""
    from workflow_engine.assembly import Engine
    from workflow_engine.logs import configure
    from workflow_engine.settings import load_settings

    in_memory = database_url == _IN_MEMORY
    # What is in memory is lost with us, so there is nothing to wait for at the end.
    settings = load_settings(database_url=database_url, shutdown_grace_seconds=0.0 if in_memory else None)
    configure(settings.log_format, "error")
    with asyncio.Runner() as runner:
        closing = AsyncExitStack()
        engine = runner.run(closing.enter_async_context(Engine.open(settings=settings)))
        try:
            name = "an engine inside, in memory" if in_memory else f"an engine inside, on {engine.journal.url}"
            yield Inside(name, not in_memory, runner, engine)
        finally:
            runner.run(closing.aclose())
