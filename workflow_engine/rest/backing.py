"""What stands behind every route: one value, made once, carried by the application."""

import asyncio
from dataclasses import dataclass, field

from workflow_engine.clock import Clock, SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.face import Face
from workflow_engine.engine.metrics import Metrics
from workflow_engine.errors import OverLimit
from workflow_engine.journal.contract import Failpoints
from workflow_engine.settings import Settings


class TooManyStreams(OverLimit):
    code = "too-many-streams"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} event streams are open, which is the limit of this server; read pages, or try again later"
        )


class Places:
    """A counted number of places: `with places:` takes one, or raises `TooManyStreams`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._limit:
            raise TooManyStreams(self._limit)
        self.taken += 1

    def __exit__(self, *_exception: object) -> None:
        self.taken -= 1


@dataclass(frozen=True, slots=True)
class Backing:
    """`stopping` is set as the first thing of a stop: waits and streams end at once, nothing new is accepted."""

    face: Face
    settings: Settings
    metrics: Metrics
    errors: ErrorLog
    stopping: asyncio.Event
    streams: Places
    clock: Clock = field(default_factory=SystemClock)
    failpoints: Failpoints = field(default_factory=Failpoints)
