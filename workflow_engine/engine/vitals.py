"""How an engine is: ready or not, and how much is going on."""

from collections.abc import Callable
from dataclasses import dataclass

from workflow_engine.errors import Unavailable
from workflow_engine.runtime.runtime import Runtime


class NotReady(Unavailable):
    code = "not-ready"

    def __init__(self) -> None:
        super().__init__("The server is bringing back what was open when it stopped; try again in a moment")


@dataclass(frozen=True, slots=True)
class Pulse:
    """`ready` once recovery is done; `open_executions` have not ended, `in_memory` of them are live."""

    ready: bool
    open_executions: int
    in_memory: int
    steps_running: int
    steps_queued: int
    storage: str


class Vitals:
    def __init__(
        self, runtime: Runtime, ready: Callable[[], bool], busy: Callable[[], tuple[int, int]], storage: str
    ) -> None:
        self._runtime = runtime
        self._ready = ready
        self._busy = busy
        self._storage = storage

    @property
    def ready(self) -> bool:
        return self._ready()

    def pulse(self) -> Pulse:
        running, queued = self._busy()
        return Pulse(
            ready=self._ready(),
            open_executions=self._runtime.open_count,
            in_memory=self._runtime.in_memory,
            steps_running=running,
            steps_queued=queued,
            storage=self._storage,
        )
