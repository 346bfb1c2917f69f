"""Executions in memory: who is here, how one comes back, and how one leaves.

Running executions stay; those that wait for a person, a timer or a signal leave after a while and come back when
something arrives; ended ones leave at once.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from workflow_engine.clock import Clock
from workflow_engine.dispatch.contract import Task
from workflow_engine.errors import OverLimit, Unavailable, WorkflowEngineError
from workflow_engine.execution.errors import UnknownStep
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Failed, Input, Loss, Pause, Recover, Report, Start, Succeeded, Tick
from workflow_engine.execution.reports import refusal_of
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import Acceptance, JournalLost, JournalUnavailable, OpenExecution
from workflow_engine.logs import logger
from workflow_engine.runtime.alarms import Alarms
from workflow_engine.runtime.crank import Crank
from workflow_engine.runtime.live import Letter, Live
from workflow_engine.runtime.loading import ExecutionNotFound, Loader

T = TypeVar("T")

Make = Callable[[Execution], Report]
Then = Callable[[BaseException | None], None]

RELOAD_PAUSE: Final = 0.5
"""Seconds before an execution is brought back after the storage failed, and between attempts."""
INTERNAL_ERROR: Final = "internal-error"

log = logger(__name__)


class TooManyExecutions(OverLimit):
    code = "too-many-open-executions"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} executions are open, which is the limit of this server; try again when some have ended"
        )


class ShuttingDown(Unavailable):
    code = "shutting-down"

    def __init__(self) -> None:
        super().__init__("the server is shutting down; try again in a moment")


class Runtime:
    """The executions of one engine. Coroutines belong to its loop."""

    def __init__(
        self,
        loader: Loader,
        clock: Clock,
        unheld: Callable[[Live], Sequence[str]],
        *,
        idle_after_seconds: float,
        max_open: int,
    ) -> None:
        self._loader = loader
        self._clock = clock
        self._unheld = unheld
        self._idle_after = idle_after_seconds
        self._max_open = max_open
        self._lives: dict[str, Live] = {}
        self._namespaces: dict[str, str] = {}
        self._loading: dict[str, asyncio.Future[Live]] = {}
        self._waiting_for_end: dict[str, list[asyncio.Future[Live]]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._closing = False
        self.open_count = 0
        self.storage_lost = asyncio.Event()
        """This process must not go on: it cannot know what its storage holds."""

    def connect(self, crank: Crank, alarms: Alarms) -> None:
        """Close the ring: the crank answers to the runtime, and the runtime drives the crank."""
        self._crank = crank
        self._alarms = alarms

    # --- what the engine asks

    async def start(self, live: Live, start: Start, acceptance: Acceptance | None, look: Callable[[Live], T]) -> T:
        """Begin an execution; answers after its first commit. Raises `TooManyExecutions`, `ShuttingDown`,
        `JournalUnavailable`.
        """
        if self._closing:
            raise ShuttingDown
        if self.open_count >= self._max_open:
            raise TooManyExecutions(self._max_open)
        self.open_count += 1
        self._lives[live.id] = live
        return await self._send(live, start, acceptance, look)

    async def send(
        self,
        namespace: str,
        execution_id: str,
        entering: Input,
        acceptance: Acceptance | None,
        look: Callable[[Live], T],
    ) -> T:
        """Hand an input to an execution, in memory or not; answers after the commit. Raises what `decide` raises."""
        return await self._send(await self.find(namespace, execution_id), entering, acceptance, look)

    async def look(self, namespace: str, execution_id: str, look: Callable[[Live], T]) -> T:
        """Read an execution as it was last committed. Raises `ExecutionNotFound`."""
        live = self._lives.get(execution_id)
        if live is not None and live.namespace == namespace:
            return look(live) if live.is_quiet else await self._send(live, None, None, look)
        return look(await self._loader.load(namespace, execution_id))

    @contextmanager
    def end_of(self, execution_id: str) -> Iterator["asyncio.Future[Live]"]:
        """A future for the execution when it has ended durably. Take it first, then ask whether that was before."""
        ended: asyncio.Future[Live] = asyncio.get_running_loop().create_future()
        waiting = self._waiting_for_end.setdefault(execution_id, [])
        waiting.append(ended)
        try:
            yield ended
        finally:
            waiting.remove(ended)
            if not waiting:
                self._waiting_for_end.pop(execution_id, None)

    def live(self, namespace: str, execution_id: str) -> Live | None:
        live = self._lives.get(execution_id)
        return live if live is not None and live.namespace == namespace else None

    @property
    def in_memory(self) -> int:
        return len(self._lives)

    async def find(self, namespace: str, execution_id: str) -> Live:
        """The live execution; brought back from the journal when it is not in memory."""
        live = self._lives.get(execution_id)
        if live is None:
            live = await self._bring_back(namespace, execution_id)
        if live.namespace != namespace:
            raise ExecutionNotFound
        return live

    async def _send(
        self, live: Live, entering: Input | None, acceptance: Acceptance | None, look: Callable[[Live], T]
    ) -> T:
        if self._closing and entering is not None:
            raise ShuttingDown
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._crank.submit(live, Letter(entering, answer, acceptance, look))
        return await answer

    # --- what comes back by itself

    def report(self, task: Task, report: Succeeded | Failed) -> None:
        """A result from a dispatcher; one for an execution that left memory is brought to it."""
        self._deliver(task.request.namespace, task.request.execution_id, report)

    def ring(self, execution_id: str) -> None:
        """A timer of this execution is due."""
        live = self._lives.get(execution_id)
        namespace = self._namespaces.get(execution_id) if live is None else live.namespace
        if namespace is not None:
            self._deliver(namespace, execution_id, Tick(self._clock.now()))

    def _deliver(self, namespace: str, execution_id: str, entering: Input) -> None:
        live = self._lives.get(execution_id)
        if live is not None:
            self._crank.submit(live, Letter(entering))
        elif not self._closing:
            self._run_errand(self._bring_and_submit(namespace, execution_id, lambda _live: [entering]))

    async def _bring_and_submit(
        self, namespace: str, execution_id: str, entering: Callable[[Live], Sequence[Input]]
    ) -> None:
        live = await self._bring_back_surely(namespace, execution_id)
        if live is not None and live.execution.state.ended is None:
            for one in entering(live):
                self._crank.submit(live, Letter(one))

    def deliver(self, namespace: str, execution_id: str, make: Make, then: Then) -> None:
        """What a worker says. `make` is handed the execution; `then` is told after the commit: None, or why not."""
        live = self._lives.get(execution_id)
        if live is not None:
            self._submit_report(live, namespace, make, then)
        else:
            self._run_errand(self._bring_and_deliver(namespace, execution_id, make, then))

    async def _bring_and_deliver(self, namespace: str, execution_id: str, make: Make, then: Then) -> None:
        try:
            live = await self._bring_back(namespace, execution_id)
        except Exception as failure:
            if not isinstance(failure, WorkflowEngineError):
                log.exception("an execution cannot be brought back", execution_id=execution_id)
            then(failure)
            return
        self._submit_report(live, namespace, make, then)

    def _submit_report(self, live: Live, namespace: str, make: Make, then: Then) -> None:
        if live.namespace != namespace:
            then(ExecutionNotFound())
            return
        try:
            report = make(live.execution)
        except KeyError:
            then(UnknownStep())
            return
        if live.execution.state.ended is not None:
            then(refusal_of(live.execution, report))
        else:
            self._crank.submit(live, Letter(report, then=then))

    async def bring(self, namespace: str, execution_id: str) -> None:
        """See that an execution is in memory, if there is one of this id in this namespace that has not ended."""
        try:
            await self.find(namespace, execution_id)
        except ExecutionNotFound:
            return

    # --- recovery

    def remember(self, open_execution: OpenExecution) -> None:
        """An execution at rest after a restart: nothing of it is in memory but its alarm."""
        self.open_count += 1
        if open_execution.next_due_at is not None:
            self._namespaces[open_execution.execution_id] = open_execution.namespace
            self._alarms.set(open_execution.execution_id, open_execution.next_due_at)

    async def recover(self, open_execution: OpenExecution) -> None:
        """Fold a running execution again and hand over what was lost with the process."""
        self.open_count += 1
        await self._bring_and_submit(
            open_execution.namespace, open_execution.execution_id, lambda live: [self._recovery_of(live, Loss.DIED)]
        )

    def _recovery_of(self, live: Live, loss: Loss) -> Recover:
        return Recover(self._clock.now(), tuple(self._unheld(live)), loss)

    def refuse_new(self) -> None:
        """From now on nobody's requests are taken, so that what runs can come to an end."""
        self._closing = True

    async def close(self) -> None:
        """Write down that running local steps were given up in order, so that the next start knows it was no crash."""
        self._closing = True
        for errand in self._errands:
            errand.cancel()
        self._alarms.stop()
        answers: list[asyncio.Future[None]] = []
        for live in list(self._lives.values()):
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            recovery = self._recovery_of(live, Loss.STOPPED)
            self._crank.submit(live, Letter(recovery if recovery.lost else None, answer))
            answers.append(answer)
        await asyncio.gather(*answers, return_exceptions=True)

    # --- how one leaves

    def at_rest(self, live: Live) -> None:
        """Called after every turn that leaves an execution ended, waiting or paused."""
        if live.execution.state.ended is not None:
            self._retire(live)
        elif live.id in self._lives:
            asyncio.get_running_loop().call_later(self._idle_after, self._leave_if_idle, live)

    def _retire(self, live: Live) -> None:
        if self._lives.pop(live.id, None) is None:
            return
        self.open_count -= 1
        self._namespaces.pop(live.id, None)
        self._alarms.set(live.id, None)
        for ended in self._waiting_for_end.get(live.id, ()):
            if not ended.done():
                ended.set_result(live)

    def _leave_if_idle(self, live: Live) -> None:
        if self._lives.get(live.id) is live and live.is_quiet and _rests(live):
            del self._lives[live.id]
            if live.execution.state.next_due_at is not None:
                self._namespaces[live.id] = live.namespace

    # --- how one comes back

    async def _bring_back(self, namespace: str, execution_id: str) -> Live:
        """Load once, however many ask. An ended execution is handed out without taking a place in memory."""
        if (present := self._lives.get(execution_id)) is not None:
            return present
        loading = self._loading.get(execution_id)
        if loading is None:
            loading = asyncio.ensure_future(self._loader.load(namespace, execution_id))
            self._loading[execution_id] = loading
            loading.add_done_callback(lambda _done: self._loading.pop(execution_id, None))
        live = await asyncio.shield(loading)
        if live.execution.state.ended is not None:
            return live
        if execution_id not in self._lives:
            self._lives[execution_id] = live
            self._crank.restore(live)
        return self._lives[execution_id]

    async def _bring_back_surely(self, namespace: str, execution_id: str) -> Live | None:
        """As `_bring_back`, for errands nobody waits for: tries again while the storage is away."""
        while not self._closing:
            try:
                return await self._bring_back(namespace, execution_id)
            except JournalUnavailable:
                await asyncio.sleep(RELOAD_PAUSE)
            except Exception:
                log.exception("an execution cannot be brought back", execution_id=execution_id)
                return None
        return None

    def lost(self, live: Live, letters: Sequence[Letter], failure: BaseException) -> None:
        """A turn could not be stored: what is in memory is ahead of the truth, so it is folded again."""
        if isinstance(failure, JournalLost):
            self.storage_lost.set()
        waiting = [*letters, *live.inbox]
        live.inbox.clear()
        live.in_turn = True  # nobody turns this copy again
        for letter in waiting:
            if letter.then is not None:
                letter.then(failure)
            elif letter.answer is not None and not letter.answer.done():
                letter.answer.set_exception(failure)
        if self._lives.get(live.id) is live:
            del self._lives[live.id]
        if live.written is None:
            self.open_count -= 1  # it was never accepted
            return
        if isinstance(failure, Unavailable | OverLimit):
            reports = [letter.entering for letter in waiting if isinstance(letter.entering, Succeeded | Failed)]
            self._run_errand(self._fold_again(live, reports))
        elif live.written.reason != INTERNAL_ERROR:
            self._run_errand(self._set_aside(live))

    async def _fold_again(self, live: Live, reports: Sequence[Input]) -> None:
        """Nothing that a step reported is lost because the storage was away."""
        await asyncio.sleep(RELOAD_PAUSE)
        await self._bring_and_submit(
            live.namespace, live.id, lambda back: [*reports, self._recovery_of(back, Loss.REFOLDED)]
        )

    async def _set_aside(self, live: Live) -> None:
        """After a mistake of ours: pause it until somebody looks; only then see to its steps, lest that fails, too."""
        back = await self._bring_back_surely(live.namespace, live.id)
        if back is None or back.execution.state.ended is not None:
            return
        paused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crank.submit(back, Letter(Pause(self._clock.now(), INTERNAL_ERROR), paused))
        await asyncio.wait([paused])
        if paused.exception() is None:
            self._crank.submit(back, Letter(self._recovery_of(back, Loss.REFOLDED)))

    def _run_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _rests(live: Live) -> bool:
    """Nothing of it runs: a paused execution stays while its last steps do."""
    state = live.execution.state
    if state.status is ExecutionStatus.PAUSED:
        return all(step.held or step.status is StepStatus.WAITING for step in state.open.values())
    return state.status is ExecutionStatus.WAITING
