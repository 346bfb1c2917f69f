"""Executions: start one, look at it, watch it, and everything a person or another program may do to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from workflow_engine.clock import Clock
from workflow_engine.definition.envelope import Run
from workflow_engine.definition.model import OnMissingWorker
from workflow_engine.definition.plan import Plan
from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.engine.acceptances import Acceptances, Request
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.explanation import Reason, explain
from workflow_engine.engine.plans import Plans, Prepared, beside
from workflow_engine.engine.public_events import PublicEvent, public, public_page
from workflow_engine.engine.views import (
    ExecutionView,
    ResultsView,
    conversation_view,
    execution_view,
    results_view,
    row_view,
)
from workflow_engine.engine.workflows import Workflows, version_number
from workflow_engine.errors import Conflict, InvalidRequest
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Cancel, Input, Message, Pause, Resolve, Resume, Signal, Start
from workflow_engine.history.events import StepError
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.identifiers import SIGNAL_NAME, new_id, seed_of
from workflow_engine.journal.contract import Acceptance, ExecutionFilter, ExecutionRecord, Journal
from workflow_engine.jsontext import Json, JsonObject, digest
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.loading import ExecutionNotFound
from workflow_engine.runtime.runtime import Runtime
from workflow_engine.runtime.watchers import Watchers
from workflow_engine.steps.contract import Simulation

T = TypeVar("T")

EVENTS_A_PAGE: Final = 500


class NoWorker(Conflict):
    """The document asks to be refused rather than to wait for a worker."""

    code = "no-worker"

    def __init__(self, pin: str) -> None:
        super().__init__(f"no worker serves {pin}, and the workflow says on_missing_worker: reject")


class InvalidSignalName(InvalidRequest):
    code = "invalid-signal-name"

    def __init__(self) -> None:
        super().__init__("the name of a signal has 1 to 128 visible ASCII characters")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a start; id and time are the same again for every replay of its key."""

    execution_id: str
    started_at: float
    results: ResultsView | None = None
    """What came out, when the execution began and ended in one commit; whoever wants to wait need not."""


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[PublicEvent, ...]
    next_after: int | None
    """Pass it as `after` for the next page; None when this page reaches the present end."""


@dataclass(frozen=True, slots=True)
class ExecutionList:
    executions: tuple[ExecutionView, ...]
    next_cursor: str | None


class Executions:
    def __init__(
        self,
        journal: Journal,
        runtime: Runtime,
        watchers: Watchers,
        plans: Plans,
        workflows: Workflows,
        acceptances: Acceptances,
        clock: Clock,
        simulation: Simulation,
        desk: Desk,
    ) -> None:
        self._journal = journal
        self._runtime = runtime
        self._watchers = watchers
        self._plans = plans
        self._workflows = workflows
        self._acceptances = acceptances
        self._clock = clock
        self._simulation = simulation
        self._desk = desk

    async def start(self, caller: Caller, body: Json, *, key: str | None = None) -> Accepted:
        """Accept an execution of a document: when this answers, it is durable and under way.

        `body` is an envelope (`{"workflow_config": ..., "input_data": ...}`) or the document alone. Raises
        `InvalidDocument`, `IdempotencyMismatch`, `TooManyExecutions`, `ShuttingDown`, `JournalUnavailable`.
        """
        caller.require("execute")

        async def prepare() -> Prepared:
            return await beside(body, lambda: self._plans.prepare(caller.namespace, self._plans.read(body)))

        return await self._start(caller, Request("execute", key, "" if key is None else digest(body)), prepare)

    async def start_saved(self, caller: Caller, workflow_id: str, body: Json, *, key: str | None = None) -> Accepted:
        """As `start`, for a saved workflow; `body` has no document. May raise `WorkflowNotFound`, too."""
        caller.require("execute")

        async def prepare() -> Prepared:
            run = self._plans.read_saved(body).model_copy(update={"workflow_id": workflow_id})
            row = await self._workflows.get(caller, workflow_id, version_number(run.version))
            return await beside(row.document, lambda: self._plans.prepare_saved(caller.namespace, row.document, run))

        asked = Request(f"execute:{workflow_id}", key, "" if key is None else digest(body))
        return await self._start(caller, asked, prepare)

    async def _start(self, caller: Caller, asked: Request, prepare: Callable[[], Awaitable[Prepared]]) -> Accepted:
        results: ResultsView | None = None

        async def act(row: Callable[[str, Json], Acceptance | None]) -> Json:
            nonlocal results
            answer, results = await self._begin(caller, await prepare(), row)
            return answer

        answer = cast(dict[str, Json], await self._acceptances.once(caller, asked, act))
        return Accepted(cast(str, answer["execution_id"]), cast(float, answer["started_at"]), results)

    async def _begin(
        self, caller: Caller, prepared: Prepared, row: Callable[[str, Json], Acceptance | None]
    ) -> tuple[Json, ResultsView | None]:
        plan, run, given = prepared.plan, prepared.run, prepared.run.input_data or {}
        _refuse_unserved(plan, caller.namespace, self._desk)
        record = self._record(caller, run, plan)
        live = Live(record, Execution(record.execution_id, plan), prepared.document.json, self._simulation)
        seed = seed_of(record.execution_id)
        start = Start(record.started_at, given, plan.digest, dict(plan.pins), seed, _written(run))
        answer: Json = {"execution_id": record.execution_id, "started_at": record.started_at}
        return answer, await self._runtime.start(live, start, row(record.execution_id, answer), _if_ended)

    def _record(self, caller: Caller, run: Run, plan: Plan) -> ExecutionRecord:
        return ExecutionRecord(
            namespace=caller.namespace,
            execution_id=new_id(),
            workflow_id=run.workflow_id,
            workflow_name=plan.name,
            workflow_version=plan.version,
            definition=plan.digest,
            started_at=self._clock.now(),
            principal=caller.principal,
            user_id=run.user_id,
            session_id=run.session_id,
            organization_id=run.organization_id,
            correlation_id=run.correlation_id or caller.correlation_id or new_id(),
            trace_id=caller.trace_id or new_id().replace("-", ""),
            tags=plan.tags,
        )

    # --- looking

    async def get(self, caller: Caller, execution_id: str) -> ExecutionView:
        """Live state while it is live, else the summary row: never a fold. Raises `ExecutionNotFound`."""
        if self._runtime.live(caller.namespace, execution_id) is not None:
            return await self._runtime.look(caller.namespace, execution_id, execution_view)
        row = await self._journal.execution(caller.namespace, execution_id)
        if row is None:
            raise ExecutionNotFound
        return row_view(row)

    async def results(self, caller: Caller, execution_id: str) -> ResultsView:
        return await self._runtime.look(caller.namespace, execution_id, results_view)

    async def explain(self, caller: Caller, execution_id: str) -> Sequence[Reason]:
        return await self._runtime.look(caller.namespace, execution_id, lambda live: explain(live, self._desk))

    async def list(self, caller: Caller, wanted: ExecutionFilter) -> ExecutionList:
        """Newest first; the counts of running executions are those of this moment."""
        page = await self._journal.executions(caller.namespace, wanted)
        views = []
        for row in page.rows:
            live = self._runtime.live(caller.namespace, row.record.execution_id)
            fresh = live is not None and live.is_quiet
            views.append(execution_view(live) if live is not None and fresh else row_view(row))
        return ExecutionList(tuple(views), page.next_cursor)

    async def count(self, caller: Caller) -> Mapping[ExecutionStatus, int]:
        return await self._journal.count_executions(caller.namespace)

    async def events(self, caller: Caller, execution_id: str, after: int = 0, limit: int = EVENTS_A_PAGE) -> EventPage:
        recorded = await self._journal.history(caller.namespace, execution_id, after, limit + 1)
        if not recorded and await self._journal.execution(caller.namespace, execution_id) is None:
            raise ExecutionNotFound
        page = recorded[:limit]
        return EventPage(tuple(public_page(page)), page[-1].seq if len(recorded) > limit else None)

    async def watch(self, caller: Caller, execution_id: str, after: int = 0) -> AsyncIterator[PublicEvent]:
        """Every event behind `after`, those to come included, without gap or duplicate; ends after the terminal one."""
        watcher = self._watchers.watch(execution_id)
        try:
            async for event in self._past(caller, execution_id, after):
                yield event
                after = event.seq
                if event.is_last:
                    return
            if not await self._is_open(caller, execution_id):
                async for event in self._past(caller, execution_id, after):
                    yield event
                return
            while True:
                news = [public(entry) for entry in await watcher.news()]
                if watcher.lagged or (news and news[0].seq > after + 1):
                    watcher.lagged = False
                    news = [event async for event in self._past(caller, execution_id, after)]
                for event in news:
                    if event.seq > after:
                        yield event
                        after = event.seq
                        if event.is_last:
                            return
        finally:
            self._watchers.forget(execution_id, watcher)

    async def _past(self, caller: Caller, execution_id: str, after: int) -> AsyncIterator[PublicEvent]:
        while True:
            page = await self.events(caller, execution_id, after)
            for event in page.events:
                yield event
            if page.next_after is None:
                return
            after = page.next_after

    async def _is_open(self, caller: Caller, execution_id: str) -> bool:
        """Whether there is anything to wait for. Raises `ExecutionNotFound`."""
        live = self._runtime.live(caller.namespace, execution_id)
        if live is not None and live.is_quiet:
            return live.execution.state.ended is None
        row = await self._journal.execution(caller.namespace, execution_id)
        if row is None:
            raise ExecutionNotFound
        return not row.summary.status.is_terminal

    async def wait(self, caller: Caller, execution_id: str, seconds: float) -> ResultsView:
        """The results at the end, or as they are when the time is over."""
        with self._runtime.end_of(execution_id) as ended:
            if await self._is_open(caller, execution_id):
                await asyncio.wait([ended], timeout=seconds)
            if ended.done():
                return results_view(ended.result())
        return await self.results(caller, execution_id)

    # --- acting

    async def cancel(
        self, caller: Caller, execution_id: str, reason: str = "", *, compensate: bool = False
    ) -> ExecutionView:
        """Nothing new starts once this answers. Raises `ExecutionEnded`."""
        caller.require("execute")
        cancel = Cancel(self._clock.now(), reason or f"cancelled by {caller.principal}", compensate)
        return await self._act(caller, execution_id, cancel)

    async def pause(self, caller: Caller, execution_id: str, reason: str = "") -> ExecutionView:
        """Running steps finish; nothing new begins until it is resumed. Raises `AlreadyPaused`, `ExecutionEnded`."""
        caller.require("execute")
        return await self._act(
            caller, execution_id, Pause(self._clock.now(), reason or f"paused by {caller.principal}")
        )

    async def resume(self, caller: Caller, execution_id: str) -> ExecutionView:
        """Raises `NotPaused`, `ExecutionEnded`."""
        caller.require("execute")
        return await self._act(caller, execution_id, Resume(self._clock.now()))

    async def signal(
        self, caller: Caller, execution_id: str, name: str, payload: Json = None, *, key: str | None = None
    ) -> None:
        """Delivered to the step that waits for it, or kept for the one that will. Raises `ExecutionEnded`,
        `InvalidSignalName`.
        """
        caller.require("execute")
        if not SIGNAL_NAME.fullmatch(name):
            raise InvalidSignalName
        asked = Request(f"signal:{execution_id}:{name}", key, "" if key is None else digest(payload))

        async def act(row: Callable[[str, Json], Acceptance | None]) -> Json:
            signal = Signal(self._clock.now(), name, payload)
            await self._runtime.send(caller.namespace, execution_id, signal, row(execution_id, {}), _nothing)
            return {}

        await self._acceptances.once(caller, asked, act)

    async def send_message(
        self, caller: Caller, execution_id: str, path: str, message: JsonObject, *, key: str | None = None
    ) -> None:
        """Said to an agent: `{"role", "content"}` and perhaps `"metadata"`. Taken with its next turn. Raises
        `UnknownStep`, `NotConversing`, `TooManyMessages`, `ExecutionEnded`.
        """
        caller.require("execute")
        asked = Request(f"message:{execution_id}:{path}", key, "" if key is None else digest(message))

        async def act(row: Callable[[str, Json], Acceptance | None]) -> Json:
            said = Message(self._clock.now(), path, message)
            await self._runtime.send(caller.namespace, execution_id, said, row(execution_id, {}), _nothing)
            return {}

        await self._acceptances.once(caller, asked, act)

    async def messages(self, caller: Caller, execution_id: str, path: str) -> JsonObject:
        """`{"messages", "status"}`: what was said so far. Raises `UnknownStep`, `NotAnAgent`."""
        return await self._runtime.look(caller.namespace, execution_id, lambda live: conversation_view(live, path))

    async def resolve(
        self,
        caller: Caller,
        execution_id: str,
        path: str,
        *,
        output: Json = None,
        completed: bool = False,
        error: StepError | None = None,
    ) -> ExecutionView:
        """Say what became of a step whose outcome is unknown; neither completed nor failed means: run it again."""
        caller.require("execute")
        return await self._act(caller, execution_id, Resolve(self._clock.now(), path, output, completed, error))

    async def _act(self, caller: Caller, execution_id: str, entering: Input) -> ExecutionView:
        return await self._runtime.send(caller.namespace, execution_id, entering, None, execution_view)


def _written(run: Run) -> JsonObject:
    """The options that override the document, as they are stored with the start."""
    return {} if run.execution_options is None else run.execution_options.model_dump(mode="json", exclude_none=True)


def _refuse_unserved(plan: Plan, namespace: str, desk: Desk) -> None:
    if plan.on_missing_worker == OnMissingWorker.REJECT:
        for step in plan.steps.values():
            if step.type.execution_type.is_by_workers and not desk.line(namespace, step.type.pin).sessions:
                raise NoWorker(step.type.pin)


def _nothing(_live: Live) -> None:
    return None


def _if_ended(live: Live) -> ResultsView | None:
    return None if live.execution.state.ended is None else results_view(live)
