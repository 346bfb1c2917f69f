"""Runs step functions where they belong: quick ones on the loop, other sync ones in threads, async ones in tasks."""

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from workflow_client.calls import Call
from workflow_client.context import StepContext
from workflow_client.generated.worker_pb2 import Result
from workflow_client.protocol.conversation import Conversation
from workflow_client.protocol.held import Held, Key, Phase
from workflow_client.protocol.results import failed, unexpected
from workflow_client.steps import StepType
from workflow_client.threads import Inbox, Threads

SLICE: Final = 0.005
"""Seconds the loop spends on quick functions before it looks at the stream again."""


class Runner:
    """`wake` is called when the core may have something to write."""

    def __init__(self, core: Conversation, steps: Mapping[str, StepType], slots: int, wake: Callable[[], None]) -> None:
        self._core = core
        self._steps = steps
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._loop, wake)
        self._threads = Threads(slots, self._inbox, self._loop)
        self._tasks: dict[Key, asyncio.Task[Result]] = {}
        self._contexts: dict[Key, StepContext] = {}
        self._quick: deque[Call] = deque()
        self._says = (core.progress, core.chunk, core.log_line)

    def start(self, steps: tuple[Held, ...]) -> None:
        idle = not self._quick
        for held in steps:
            step = self._step_of(held)
            if step is None:
                self._core.reject(held.lease, f"this worker does not serve {held.assignment.step_type}")
            else:
                self._place(held, step)
        if idle and self._quick:
            self._run_quick()

    def _step_of(self, held: Held) -> StepType | None:
        """One that was declared without a version serves whichever the server gave it."""
        pin = held.assignment.step_type
        return self._steps.get(pin) or self._steps.get(pin.partition("@")[0])

    def _place(self, held: Held, step: StepType) -> None:
        context = self._context(held) if step.signature.wants_context else None
        call = Call(held, step, self._core.terms, context)
        if step.place == "loop":
            self._quick.append(call)
        elif step.place == "thread":
            self._threads.run(self._in_thread(call))
        else:
            self._in_task(call)

    def _context(self, held: Held) -> StepContext:
        context = StepContext(held, self._inbox.put, self._says, self._core.terms.max_checkpoint_bytes)
        self._contexts[held.key] = context
        return context

    # --- the three places

    def _run_quick(self) -> None:
        """A slice of them; what is done goes out before the next slice."""
        until = time.monotonic() + SLICE
        while self._quick:
            call = self._quick.popleft()
            if call.held.phase is Phase.RUNNING:
                self._ended(call.held, contextvars.copy_context().run(call.run))
            if time.monotonic() > until:
                self._loop.call_later(0, self._run_quick)
                break
        self._wake()

    def _in_thread(self, call: Call) -> Callable[[], None]:
        around = contextvars.copy_context()
        held, ended, finished = call.held, self._ended, self._threads.finished

        def job() -> None:
            if held.phase is not Phase.RUNNING:  # stopped before a thread was free
                finished(lambda: ended(held, Result(lease=held.lease)))
                return
            result = around.run(call.run)
            finished(lambda: ended(held, result))

        return job

    def _in_task(self, call: Call) -> None:
        """A task that is cancelled before it began runs nothing at all, so its end is seen from outside."""
        task = self._loop.create_task(call.run_async())
        self._tasks[call.held.key] = task
        task.add_done_callback(lambda done: self._task_ended(call.held, done))

    def _task_ended(self, held: Held, task: asyncio.Task[Result]) -> None:
        self._tasks.pop(held.key, None)
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._ended(held, task.result() if failure is None else failed(held.lease, unexpected(failure), 0.0))
        self._wake()

    def _ended(self, held: Held, result: Result) -> None:
        self._contexts.pop(held.key, None)
        self._core.ended(held, result)

    # --- stopping

    def abort(self, held: Held) -> None:
        context = self._contexts.get(held.key)
        if context is not None:
            context.cancel()
        task = self._tasks.get(held.key)
        if task is not None:
            task.cancel()
            return
        step = self._step_of(held)
        if step is not None and step.place == "thread":
            self._threads.widen()

    async def close(self, seconds: float = 1.0) -> None:
        """Stops whatever still runs; waits a moment for tasks to notice."""
        for context in self._contexts.values():
            context.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        self._threads.close()
