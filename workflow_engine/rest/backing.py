"""What stands behind every route: one value, made once, carried by the application."""

import asyncio
from dataclasses import dataclass, field

from workflow_engine.clock import Clock, SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.face import Face
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.journal.contract import Failpoints
from workflow_engine.settings import Settings


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
