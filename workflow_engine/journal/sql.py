"""`Journal` on a database, SQLite and PostgreSQL alike: reads on a few threads, writes through the one writer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, TypeAlias, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal import bookkeeping, changes, queries, revisions
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.contract import (
    Acceptance,
    AllowedHost,
    ApiKeyRow,
    Commit,
    Done,
    ExecutionFilter,
    ExecutionPage,
    ExecutionRow,
    JournalRefused,
    JournalUnavailable,
    OpenExecution,
    RecordedEvent,
    StepTypeRow,
    WorkerRow,
    WorkflowRow,
    Written,
)
from workflow_engine.journal.database import Database
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.usage import UsageFilter, UsageTotals
from workflow_engine.journal.writer import Writer
from workflow_engine.jsontext import JsonObject

T = TypeVar("T")
Migrate: TypeAlias = Literal["always", "never"]


class SqlJournal:
    """The contract over a `Database`."""

    def __init__(self, database: Database, limits: JournalLimits, migrate: Migrate) -> None:
        self.database: Final = database
        self._limits: Final = limits
        self._migrate: Final = migrate
        self._writer: Writer | None = None
        self._threads: ThreadPoolExecutor | None = None

    @property
    def url(self) -> str:
        return self.database.url

    @property
    def written(self) -> Written:
        return self.database.written

    # --- opening and closing

    async def open(self) -> None:
        try:
            await self.database.wait_for_ownership()
            await asyncio.to_thread(self._prepare)
        except BaseException as error:
            await asyncio.to_thread(self.database.disown)
            if isinstance(error, JournalUnavailable):
                raise JournalRefused(str(error)) from error
            raise
        self._threads = ThreadPoolExecutor(self._limits.reader_threads, thread_name_prefix="journal-reader")
        self._writer = Writer(self.database, self._limits)

    def _prepare(self) -> None:
        database = self.database
        with database.naming_errors():
            found = revisions.revision_of(database.connection)
        if found is None:
            database.change(revisions.create)
        elif found != revisions.HEAD:
            if self._migrate == "never":
                raise JournalRefused(
                    f"the schema of {database.url} is at revision {found or 0}, and {revisions.HEAD} is needed; "
                    "run `workflow-engine migrate`"
                )
            database.change(revisions.upgrade)
        database.begin_term()

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        threads, self._threads = self._threads, None
        if writer is not None:
            await writer.stop()
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        await asyncio.to_thread(self.database.disown)

    # --- the two ways to the database

    def append(self, commit: Commit, done: Done) -> None:
        if self._writer is None:
            asyncio.get_running_loop().call_soon(done, JournalUnavailable("the journal is closed"))
        else:
            self._writer.append(commit, done)

    async def _change(self, change: Callable[[Connection], T]) -> T:
        if self._writer is None:
            raise JournalUnavailable("the journal is closed")
        return await self._writer.change(change)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        if self._threads is None:
            raise JournalUnavailable("the journal is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._reading, query)

    def _reading(self, query: Callable[[Connection], T]) -> T:
        try:
            with self.database.readers.connect() as connection:
                return query(connection)
        except WorkflowEngineError:
            raise
        except DBAPIError as error:
            raise self.database.named(error.orig or error) from error

    # --- executions

    async def history(
        self, namespace: str, execution_id: str, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return await self._read(lambda connection: queries.history(connection, namespace, execution_id, after, limit))

    async def execution(self, namespace: str, execution_id: str) -> ExecutionRow | None:
        return await self._read(lambda connection: queries.execution(connection, namespace, execution_id))

    async def executions(self, namespace: str, wanted: ExecutionFilter) -> ExecutionPage:
        return await self._read(lambda connection: queries.executions(connection, namespace, wanted))

    async def count_executions(
        self, namespace: str, statuses: Sequence[ExecutionStatus] = ()
    ) -> Mapping[ExecutionStatus, int]:
        return await self._read(lambda connection: queries.count_executions(connection, namespace, statuses))

    async def open_executions(self) -> Sequence[OpenExecution]:
        return await self._read(queries.open_executions)

    async def definition(self, digest: str) -> JsonObject | None:
        return await self._read(lambda connection: queries.definition(connection, digest))

    async def acceptance(self, namespace: str, operation: str, key: str, now: float) -> Acceptance | None:
        return await self._read(lambda connection: queries.acceptance(connection, namespace, operation, key, now))

    async def prune(self, namespace: str | None, ended_before: float, now: float, limit: int) -> int:
        return await self._change(lambda connection: changes.prune(connection, namespace, ended_before, now, limit))

    # --- workflows

    async def save_workflow(
        self,
        namespace: str,
        workflow_id: str,
        digest: str,
        document: JsonObject,
        now: float,
        *,
        create: bool | None = None,
    ) -> WorkflowRow:
        return await self._change(
            lambda connection: changes.save_workflow(connection, namespace, workflow_id, digest, document, now, create)
        )

    async def workflow(self, namespace: str, workflow_id: str, version_number: int | None = None) -> WorkflowRow | None:
        return await self._read(lambda connection: queries.workflow(connection, namespace, workflow_id, version_number))

    async def workflow_versions(self, namespace: str, workflow_id: str) -> Sequence[WorkflowRow]:
        return await self._read(lambda connection: queries.workflow_versions(connection, namespace, workflow_id))

    async def workflows(self, namespace: str, limit: int, offset: int) -> tuple[Sequence[WorkflowRow], int]:
        return await self._read(lambda connection: queries.workflows(connection, namespace, limit, offset))

    async def delete_workflow(self, namespace: str, workflow_id: str) -> bool:
        return await self._change(lambda connection: changes.delete_workflow(connection, namespace, workflow_id))

    # --- step types

    async def save_step_types(self, rows: Sequence[StepTypeRow]) -> None:
        await self._change(lambda connection: changes.save_step_types(connection, rows))

    async def step_types(self, namespace: str | None = None) -> Sequence[StepTypeRow]:
        return await self._read(lambda connection: queries.step_types(connection, namespace))

    async def remove_step_type(self, namespace: str, name: str, version: str | None = None) -> int:
        return await self._change(lambda connection: changes.remove_step_type(connection, namespace, name, version))

    # --- hosts the server may call

    async def allow_host(self, entry: AllowedHost) -> None:
        await self._change(lambda connection: changes.allow_host(connection, entry))

    async def allowed_hosts(self, namespace: str) -> Sequence[AllowedHost]:
        return await self._read(lambda connection: queries.allowed_hosts(connection, namespace))

    async def disallow_host(self, namespace: str, pattern: str) -> bool:
        return await self._change(lambda connection: changes.disallow_host(connection, namespace, pattern))

    # --- workers

    async def save_worker(self, row: WorkerRow) -> None:
        await self._change(lambda connection: changes.save_worker(connection, row))

    async def forget_worker(self, namespace: str, worker_id: str) -> bool:
        return await self._change(lambda connection: changes.forget_worker(connection, namespace, worker_id))

    async def workers(self) -> Sequence[WorkerRow]:
        return await self._read(queries.workers)

    # --- agents and usage

    async def save_agent(
        self,
        namespace: str,
        agent_id: str,
        document: JsonObject,
        owner: str,
        now: float,
        *,
        create: bool | None = None,
    ) -> AgentRow:
        return await self._change(
            lambda connection: bookkeeping.save_agent(connection, namespace, agent_id, document, owner, now, create)
        )

    async def agent(self, namespace: str, agent_id: str) -> AgentRow | None:
        return await self._read(lambda connection: bookkeeping.agent(connection, namespace, agent_id))

    async def agents(self, namespace: str | None = None) -> Sequence[AgentRow]:
        return await self._read(lambda connection: bookkeeping.agents(connection, namespace))

    async def delete_agent(self, namespace: str, agent_id: str) -> bool:
        return await self._change(lambda connection: bookkeeping.delete_agent(connection, namespace, agent_id))

    async def usage(self, wanted: UsageFilter) -> Sequence[UsageTotals]:
        return await self._read(lambda connection: bookkeeping.usage(connection, wanted))

    async def prune_usage(self, before: float, limit: int) -> int:
        return await self._change(lambda connection: bookkeeping.prune_usage(connection, before, limit))

    # --- keys and secrets

    async def save_api_key(self, row: ApiKeyRow) -> None:
        await self._change(lambda connection: changes.save_api_key(connection, row))

    async def api_keys(self) -> Sequence[ApiKeyRow]:
        return await self._read(queries.api_keys)

    async def revoke_api_key(self, namespace: str, key_id: str, now: float) -> bool:
        return await self._change(lambda connection: changes.revoke_api_key(connection, namespace, key_id, now))

    async def secret(self, name: str) -> bytes:
        return await self._change(lambda connection: changes.secret(connection, name))
