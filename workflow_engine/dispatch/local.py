"""Steps that run in this process: coroutines on the loop, plain functions in threads; bounded, each failing alone."""

import asyncio
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, TypeAlias

from workflow_engine.clock import Clock
from workflow_engine.dispatch.contract import Report, ReportsLater, Task
from workflow_engine.dispatch.failures import report_of
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.threads import Call, StepThreads
from workflow_engine.execution.inputs import Failed, Succeeded
from workflow_engine.logs import logger
from workflow_engine.steps.contract import StepFailure, StepFunction, StepType

FunctionOf: TypeAlias = Callable[[StepType], StepFunction | None]
"""The function that serves a type in this process; None when nothing here does."""

FRAMES_LOGGED: Final = -8
"""The last ones: where it happened."""

# A step that calls `sys.exit()` or is cancelled from within fails like any other; it does not end the server.
RAISED_BY_STEPS: Final = (Exception, SystemExit, asyncio.CancelledError)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A step type, what does its work here, and whether that would block the loop."""

    type: StepType
    function: StepFunction | None
    in_thread: bool


@dataclass(frozen=True, slots=True)
class Running:
    """A hand-over and the coroutine that works on it."""

    task: Task
    run: "asyncio.Task[None]"


class LocalSteps:
    """Runs tasks in this process. At most `max_running` coroutines at once; the rest wait in order."""

    def __init__(
        self,
        function_of: FunctionOf,
        gates: Gates,
        clock: Clock,
        threads: StepThreads,
        max_running: int,
    ) -> None:
        self._function_of = function_of
        self._gates = gates
        self._clock = clock
        self._threads = threads
        self._max_running = max_running
        self._waiting: dict[tuple[str, str], Task] = {}
        self._line: list[tuple[int, int, tuple[str, str]]] = []
        self._came = 0
        self._served: dict[int, Served] = {}
        self._running: dict[tuple[str, str], Running] = {}
        self._in_threads: dict[tuple[str, str], Call] = {}
        self._draining = False
        self._stopping = False

    def report_to(self, report: Report, lend: Callable[[Task], None]) -> None:
        """Where results go: the runtime, which is made after its dispatchers; and who looks after what a webhook will
        report later.
        """
        self._report = report
        self._lend = lend

    def run_inline(self, task: Task) -> Succeeded | Failed:
        """Run a plain function here and now, on the calling thread."""
        started = self._clock.monotonic()
        try:
            return self._answered(task, started, self._function(task)(task.request))
        except RAISED_BY_STEPS as failure:
            return self._failed(task, started, failure)

    def dispatch(self, task: Task) -> None:
        if self._draining:
            return
        if self._serving(task.type).in_thread:
            self._begin_in_thread(task)
        elif len(self._running) < self._max_running:
            self._begin(task)
        else:
            self._queue(task)

    def restore(self, task: Task) -> None:
        """What ran in a process that is gone is handed over anew; there is nothing to take up again."""

    def abort(self, execution_id: str, path: str) -> None:
        key = (execution_id, path)
        self._waiting.pop(key, None)
        if (running := self._running.pop(key, None)) is not None:
            running.run.cancel()
            self._begin_waiting()
        if (in_thread := self._in_threads.pop(key, None)) is not None:
            self._threads.give_up(in_thread)

    async def stop(self, grace_seconds: float) -> None:
        self._draining = True
        self._waiting.clear()
        deadline = self._clock.monotonic() + grace_seconds
        while (self._running or self._in_threads) and (left := deadline - self._clock.monotonic()) > 0:
            if not self._running:
                await asyncio.sleep(0.02)
                continue
            await asyncio.wait([running.run for running in self._running.values()], timeout=left)
        self._stopping = True
        for running in self._running.values():
            running.run.cancel()
        self._threads.stop()

    def holds(self, execution_id: str, path: str) -> bool:
        """Whether a task of this step runs or waits here."""
        key = (execution_id, path)
        if self._stopping:
            return False
        return key in self._running or key in self._in_threads or key in self._waiting

    @property
    def busy(self) -> tuple[int, int]:
        """How many tasks run, and how many wait for a place."""
        return len(self._running) + len(self._in_threads), len(self._waiting)

    def _begin(self, task: Task) -> None:
        run = asyncio.get_running_loop().create_task(self._run(task))
        self._running[task.key] = Running(task, run)

    def _queue(self, task: Task) -> None:
        """By priority, then in order. The place of one that is called back stays in the line and is passed over."""
        self._came += 1
        self._waiting[task.key] = task
        heappush(self._line, (-task.priority, self._came, task.key))

    def _begin_in_thread(self, task: Task) -> None:
        def done(report: Succeeded | Failed) -> None:
            self._in_threads.pop(task.key, None)
            self._tell(task, report)

        try:
            self._in_threads[task.key] = self._threads.run(task.type.pin, lambda: self.run_inline(task), done)
        except StepFailure as failure:
            report = self._failed(task, self._clock.monotonic(), failure)
            asyncio.get_running_loop().call_soon(self._tell, task, report)

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < self._max_running:
            task = self._waiting.pop(heappop(self._line)[2], None)
            if task is not None:
                self._begin(task)

    async def _run(self, task: Task) -> None:
        started = self._clock.monotonic()
        try:
            answer = self._function(task)(task.request)
            if inspect.isawaitable(answer):
                answer = await answer
            report: Succeeded | Failed = self._answered(task, started, answer)
        except ReportsLater:
            self._end_lent(task)
            return
        except RAISED_BY_STEPS as failure:
            if isinstance(failure, asyncio.CancelledError) and self._is_called_back(task):
                raise
            report = self._failed(task, started, failure)
        self._make_room(task)
        self._tell(task, report)

    def _end_lent(self, task: Task) -> None:
        if self._is_current(task) and not self._stopping:
            self._lend(task)
        self._make_room(task)

    def _make_room(self, task: Task) -> None:
        if self._is_current(task):
            del self._running[task.key]
            if self._waiting:
                self._begin_waiting()

    def _is_called_back(self, task: Task) -> bool:
        return self._stopping or not self._is_current(task)

    def _is_current(self, task: Task) -> bool:
        """Whether this hand-over of the step is the one that runs; a later one may have taken its place."""
        running = self._running.get(task.key)
        return running is not None and running.task is task

    def _tell(self, task: Task, report: Succeeded | Failed) -> None:
        if not self._stopping:
            self._report(task, report)

    def _function(self, task: Task) -> StepFunction:
        function = self._serving(task.type).function
        if function is None:
            message = f"No installed plugin offers the function of step type {task.type.name}"
            raise StepFailure("step-not-served", message, retryable=False)
        return function

    def _serving(self, step_type: StepType) -> Served:
        """Looked up once for each contract: its identity is that of the value, which the entry keeps alive."""
        served = self._served.get(id(step_type))
        if served is None:
            function = self._function_of(step_type)
            in_thread = function is not None and not _is_async(function)
            served = self._served[id(step_type)] = Served(step_type, function, in_thread)
        return served

    def _answered(self, task: Task, started: float, answer: object) -> Succeeded:
        verdict = self._gates.check_answer(task.type, answer)
        took = (self._clock.monotonic() - started) * 1000
        return Succeeded(self._clock.now(), task.request.path, task.request.delivery, verdict, took)

    def _failed(self, task: Task, started: float, failure: BaseException) -> Failed:
        took = (self._clock.monotonic() - started) * 1000
        report = report_of(task.request.path, task.request.delivery, failure, self._clock.now(), took)
        if not isinstance(failure, StepFailure):
            log.warning(
                "step raised",
                step_type=task.type.pin,
                execution_id=task.request.execution_id,
                path=task.request.path,
                reason=report.error.message,
                # The frames alone: what a step raises may be of any size, and this is the loop of everybody.
                trace="".join(traceback.format_tb(failure.__traceback__, FRAMES_LOGGED)),
            )
        return report


def _is_async(function: StepFunction) -> bool:
    """A coroutine function, also below decorators; or an object that is called like one."""
    inner = inspect.unwrap(function)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
