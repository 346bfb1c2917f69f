"""Which dispatcher takes a step: the one place where its execution type matters."""

from workflow_engine.dispatch.contract import Dispatcher, Task
from workflow_engine.steps.contract import ExecutionType

BY_WORKERS = frozenset({ExecutionType.GRPC, ExecutionType.POLL})
"""Done by a process that comes to the server; everything else is done, or called, by the server's own process."""


class Routes:
    """A `Dispatcher` made of two: `here` for what this process does or calls, `workers` for what comes and asks."""

    def __init__(self, here: Dispatcher, workers: Dispatcher) -> None:
        self._here = here
        self._workers = workers

    def dispatch(self, task: Task) -> None:
        self._of(task).dispatch(task)

    def abort(self, execution_id: str, path: str) -> None:
        self._here.abort(execution_id, path)
        self._workers.abort(execution_id, path)

    async def stop(self, grace_seconds: float) -> None:
        await self._workers.stop(grace_seconds)
        await self._here.stop(grace_seconds)

    def _of(self, task: Task) -> Dispatcher:
        return self._workers if task.type.execution_type in BY_WORKERS else self._here


class Unserved:
    """Takes the steps of worker-served types while no worker can connect: they stay handed over; `explain` says why."""

    def dispatch(self, task: Task) -> None:
        """The hand-over is durable already; a worker that comes later finds it in the history."""

    def abort(self, execution_id: str, path: str) -> None:
        """Nothing runs here."""

    async def stop(self, grace_seconds: float) -> None:
        """Nothing runs here."""
