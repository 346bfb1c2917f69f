"""Which dispatcher takes a step: the one place where its execution type matters."""

from workflow_engine.dispatch.contract import Dispatcher, Task


class Routes:
    """A `Dispatcher` made of two: `here` for what this process does or calls, `workers` for what comes and asks."""

    def __init__(self, here: Dispatcher, workers: Dispatcher) -> None:
        self._here = here
        self._workers = workers

    def dispatch(self, task: Task) -> None:
        self._of(task).dispatch(task)

    def restore(self, task: Task) -> None:
        """What somebody outside is known to have is looked after by the desk, whoever called him."""
        (self._workers if task.is_taken else self._of(task)).restore(task)

    def abort(self, execution_id: str, path: str) -> None:
        self._here.abort(execution_id, path)
        self._workers.abort(execution_id, path)

    async def stop(self, grace_seconds: float) -> None:
        await self._workers.stop(grace_seconds)
        await self._here.stop(grace_seconds)

    def _of(self, task: Task) -> Dispatcher:
        return self._workers if task.type.execution_type.is_by_workers else self._here
