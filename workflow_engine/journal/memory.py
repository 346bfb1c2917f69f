"""History in memory: for tests, simulation and trying things out. The same contract, forgotten at the end.

Events are kept as the very text the databases keep, so that folding is always tested on what is really stored.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.contract import (
    Acceptance,
    AllowedHost,
    ApiKeyRow,
    Commit,
    Done,
    ExecutionFilter,
    ExecutionPage,
    ExecutionRecord,
    ExecutionRow,
    Failpoints,
    JournalUnavailable,
    KeyTaken,
    OpenExecution,
    RecordedEvent,
    StepTypeRow,
    Summary,
    UnknownRow,
    UnwritableCommit,
    WorkerRow,
    WorkflowRow,
    Written,
)
from workflow_engine.journal.cursors import cursor_after, place_of
from workflow_engine.journal.fence import Fence, Head
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.packing import PackedCommit, StoredEvents, pack, unpack
from workflow_engine.journal.saving import saved_agent
from workflow_engine.journal.usage import UsageFilter, UsageRow, UsageTotals, sum_up
from workflow_engine.jsontext import JsonObject, load, write

_Key = tuple[str, str]


@dataclass(slots=True)
class _Kept:
    """One execution."""

    record: ExecutionRecord
    summary: Summary
    rows: list[StoredEvents] = field(default_factory=list)
    payloads: dict[int, str] = field(default_factory=dict)
    """Digests of what is kept outside, by seq."""

    @property
    def row(self) -> ExecutionRow:
        return ExecutionRow(self.record, self.summary, self.rows[-1].last_seq)

    @property
    def ended(self) -> bool:
        return self.summary.status.is_terminal


@dataclass(slots=True)
class _Saved:
    """One workflow and its versions, the oldest first."""

    versions: list[WorkflowRow]

    @property
    def current(self) -> WorkflowRow:
        return self.versions[-1]


class MemoryJournal:
    """`Journal` on dictionaries. Single-threaded: everything happens on the loop that calls."""

    def __init__(self, limits: JournalLimits | None = None, failpoints: Failpoints | None = None) -> None:
        self._limits: Final = limits or JournalLimits()
        self._failpoints: Final = failpoints or Failpoints()
        self._written: Final = Written()
        self._fence: Final = Fence(self._head)
        self._open = False
        self._executions: Final[dict[_Key, _Kept]] = {}
        self._payloads: Final[dict[_Key, str]] = {}
        self._definitions: Final[dict[str, bytes]] = {}
        self._acceptances: Final[dict[tuple[str, str, str], tuple[Acceptance, bytes]]] = {}
        self._workflows: Final[dict[_Key, _Saved]] = {}
        self._step_types: Final[dict[tuple[str, str, str], StepTypeRow]] = {}
        self._hosts: Final[dict[_Key, AllowedHost]] = {}
        self._workers: Final[dict[_Key, WorkerRow]] = {}
        self._api_keys: Final[dict[str, ApiKeyRow]] = {}
        self._agents: Final[dict[_Key, AgentRow]] = {}
        self._usage: list[UsageRow] = []
        self._secrets: Final[dict[str, bytes]] = {}

    @property
    def url(self) -> str:
        return "memory://"

    @property
    def written(self) -> Written:
        return self._written

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False

    # --- appending

    def append(self, commit: Commit, done: Done) -> None:
        asyncio.get_running_loop().call_soon(done, self._appended(commit))

    def _appended(self, commit: Commit) -> Exception | None:
        if not self._open:
            return JournalUnavailable("the journal is closed")
        try:
            packed = pack(commit, self._limits)
            with self._fence.admitting(commit):
                self._check_acceptance(commit)
                self._check_opening(commit)
        except WorkflowEngineError as error:
            return error
        except (TypeError, ValueError) as error:
            return UnwritableCommit(commit.execution_id, str(error))
        self._failpoints.reach("before-commit")
        self._keep(packed)
        self._fence.settle()
        self._count(packed)
        self._failpoints.reach("after-commit")
        return None

    def _head(self, namespace: str, execution_id: str) -> Head | None:
        kept = self._executions.get((namespace, execution_id))
        return None if kept is None else Head(kept.row.last_seq, kept.ended)

    def _check_acceptance(self, commit: Commit) -> None:
        if (wanted := commit.acceptance) is None:
            return
        found = self._acceptances.get((wanted.namespace, wanted.operation, wanted.key))
        if found is not None and self._stands(found[0], wanted.accepted_at):
            raise KeyTaken("request under the idempotency key", wanted.key)

    def _check_opening(self, commit: Commit) -> None:
        if commit.opened is not None and (commit.namespace, commit.execution_id) in self._executions:
            raise KeyTaken("execution", commit.execution_id)

    def _stands(self, acceptance: Acceptance, now: float) -> bool:
        kept = self._executions.get((acceptance.namespace, acceptance.execution_id))
        return acceptance.expires_at > now or (kept is not None and not kept.ended)

    def _keep(self, packed: PackedCommit) -> None:
        commit = packed.commit
        key = (commit.namespace, commit.execution_id)
        if commit.opened is not None and commit.summary is not None:
            self._executions[key] = _Kept(commit.opened, commit.summary)
            if commit.definition is not None:
                self._definitions.setdefault(commit.opened.definition, write(commit.definition))
        kept = self._executions[key]
        kept.rows.extend(packed.rows)
        kept.summary = commit.summary or kept.summary
        for payload in packed.payloads:
            self._payloads.setdefault((commit.namespace, payload.digest), payload.body)
            kept.payloads[payload.seq] = payload.digest
        self._usage.extend(commit.usage)
        if (accepted := commit.acceptance) is not None:
            stored = (replace(accepted, answer=None), write(accepted.answer))
            self._acceptances[(accepted.namespace, accepted.operation, accepted.key)] = stored

    def _count(self, packed: PackedCommit) -> None:
        self._written.transactions += 1
        self._written.commits += 1
        self._written.rows += len(packed.rows)

    # --- executions

    async def history(
        self, namespace: str, execution_id: str, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        kept = self._executions.get((namespace, execution_id))
        if kept is None:
            return ()
        outside = {seq: self._payloads[(namespace, digest)] for seq, digest in kept.payloads.items()}
        rows = [row for row in kept.rows if row.last_seq > after]
        return [event for event in unpack(rows, outside) if event.seq > after][:limit]

    async def execution(self, namespace: str, execution_id: str) -> ExecutionRow | None:
        kept = self._executions.get((namespace, execution_id))
        return None if kept is None else kept.row

    async def executions(self, namespace: str, wanted: ExecutionFilter) -> ExecutionPage:
        place = None if wanted.cursor is None else place_of(wanted.cursor, namespace)
        found = [kept.row for kept in self._in(namespace) if _matches(kept, wanted)]
        found.sort(key=lambda row: _place(row.record), reverse=True)
        if place is not None:
            found = [row for row in found if _place(row.record) < place]
        page = found[wanted.offset : wanted.offset + wanted.limit]
        more = len(found) > wanted.offset + wanted.limit
        return ExecutionPage(tuple(page), cursor_after(page[-1].record) if more and page else None)

    def _in(self, namespace: str) -> Iterable[_Kept]:
        return (kept for (owner, _), kept in self._executions.items() if owner == namespace)

    async def count_executions(
        self, namespace: str, statuses: Sequence[ExecutionStatus] = ()
    ) -> Mapping[ExecutionStatus, int]:
        counted = Counter(kept.summary.status for kept in self._in(namespace))
        return {status: counted[status] for status in statuses or ExecutionStatus}

    async def open_executions(self) -> Sequence[OpenExecution]:
        waiting = sorted((kept for kept in self._executions.values() if not kept.ended), key=lambda k: _place(k.record))
        return [
            OpenExecution(
                kept.record.namespace, kept.record.execution_id, kept.summary.status, kept.summary.next_due_at
            )
            for kept in waiting
        ]

    async def definition(self, digest: str) -> JsonObject | None:
        body = self._definitions.get(digest)
        return None if body is None else _object(body)

    async def acceptance(self, namespace: str, operation: str, key: str, now: float) -> Acceptance | None:
        found = self._acceptances.get((namespace, operation, key))
        if found is None or not self._stands(found[0], now):
            return None
        return replace(found[0], answer=load(found[1]))

    # --- pruning

    async def prune(self, namespace: str | None, ended_before: float, now: float, limit: int) -> int:
        old = [
            key
            for key, kept in self._executions.items()
            if kept.ended and kept.summary.updated_at < ended_before and namespace in (None, key[0])
        ]
        old.sort(key=lambda key: self._executions[key].summary.updated_at)
        for key in old[:limit]:
            del self._executions[key]
        self._drop_expired(namespace, now)
        self._drop_orphans()
        return len(old[:limit])

    def _drop_expired(self, namespace: str | None, now: float) -> None:
        for key, (acceptance, _) in list(self._acceptances.items()):
            if namespace in (None, key[0]) and not self._stands(acceptance, now):
                del self._acceptances[key]

    def _drop_orphans(self) -> None:
        used = {(owner, digest) for (owner, _), kept in self._executions.items() for digest in kept.payloads.values()}
        for key in self._payloads.keys() - used:
            del self._payloads[key]
        wanted = {kept.record.definition for kept in self._executions.values()}
        wanted.update(version.definition for saved in self._workflows.values() for version in saved.versions)
        for digest in self._definitions.keys() - wanted:
            del self._definitions[digest]

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
        saved = self._workflows.get((namespace, workflow_id))
        if saved is not None and create is True:
            raise KeyTaken("workflow", workflow_id)
        if saved is None and create is False:
            raise UnknownRow("workflow", workflow_id)
        self._definitions.setdefault(digest, write(document))
        if saved is None:
            row = WorkflowRow(namespace, workflow_id, 1, digest, {}, now, now)
            saved = self._workflows[(namespace, workflow_id)] = _Saved([row])
        elif saved.current.definition != digest:
            number = saved.current.version_number + 1
            row = replace(saved.current, version_number=number, definition=digest, updated_at=now)
            saved.versions.append(row)
        return self._with_document(saved.current)

    def _with_document(self, row: WorkflowRow) -> WorkflowRow:
        return replace(row, document=_object(self._definitions[row.definition]))

    async def workflow(self, namespace: str, workflow_id: str, version_number: int | None = None) -> WorkflowRow | None:
        saved = self._workflows.get((namespace, workflow_id))
        if saved is None:
            return None
        wanted = saved.current.version_number if version_number is None else version_number
        for version in saved.versions:
            if version.version_number == wanted:
                return self._with_document(version)
        return None

    async def workflow_versions(self, namespace: str, workflow_id: str) -> Sequence[WorkflowRow]:
        saved = self._workflows.get((namespace, workflow_id))
        return [] if saved is None else [self._with_document(version) for version in reversed(saved.versions)]

    async def workflows(self, namespace: str, limit: int, offset: int) -> tuple[Sequence[WorkflowRow], int]:
        current = [saved.current for (owner, _), saved in self._workflows.items() if owner == namespace]
        current.sort(key=lambda row: (row.updated_at, row.workflow_id), reverse=True)
        return [self._with_document(row) for row in current[offset : offset + limit]], len(current)

    async def delete_workflow(self, namespace: str, workflow_id: str) -> bool:
        found = self._workflows.pop((namespace, workflow_id), None)
        self._drop_orphans()
        return found is not None

    # --- step types

    async def save_step_types(self, rows: Sequence[StepTypeRow]) -> None:
        saved = dict(self._step_types)
        for row in rows:
            key = (row.namespace, row.name, row.version)
            found = saved.get(key)
            if found is None:
                saved[key] = replace(row, contract=_object(write(row.contract)))
            elif found.contract_hash != row.contract_hash:
                raise KeyTaken("step type", f"{row.name}@{row.version}")
            elif found.removed:
                saved[key] = replace(found, removed=False, updated_at=row.updated_at)
        self._step_types.update(saved)

    async def step_types(self, namespace: str | None = None) -> Sequence[StepTypeRow]:
        return [row for key, row in sorted(self._step_types.items()) if namespace in (None, key[0])]

    async def remove_step_type(self, namespace: str, name: str, version: str | None = None) -> int:
        gone = [
            key
            for key, row in self._step_types.items()
            if key[:2] == (namespace, name) and version in (None, key[2]) and not row.removed
        ]
        for key in gone:
            self._step_types[key] = replace(self._step_types[key], removed=True)
        return len(gone)

    # --- hosts the server may call

    async def allow_host(self, entry: AllowedHost) -> None:
        self._hosts[(entry.namespace, entry.pattern)] = entry

    async def allowed_hosts(self, namespace: str) -> Sequence[AllowedHost]:
        return [entry for key, entry in sorted(self._hosts.items()) if key[0] == namespace]

    async def disallow_host(self, namespace: str, pattern: str) -> bool:
        return self._hosts.pop((namespace, pattern), None) is not None

    # --- workers

    async def save_worker(self, row: WorkerRow) -> None:
        self._workers[(row.namespace, row.worker_id)] = row

    async def forget_worker(self, namespace: str, worker_id: str) -> bool:
        return self._workers.pop((namespace, worker_id), None) is not None

    async def workers(self) -> Sequence[WorkerRow]:
        return [row for _, row in sorted(self._workers.items())]

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
        wanted = AgentRow(namespace, agent_id, 1, _object(write(document)), owner, now, now)
        saved = saved_agent(self._agents.get((namespace, agent_id)), wanted, create)
        self._agents[(namespace, agent_id)] = saved
        return saved

    async def agent(self, namespace: str, agent_id: str) -> AgentRow | None:
        return self._agents.get((namespace, agent_id))

    async def agents(self, namespace: str | None = None) -> Sequence[AgentRow]:
        return [row for key, row in sorted(self._agents.items()) if namespace in (None, key[0])]

    async def delete_agent(self, namespace: str, agent_id: str) -> bool:
        return self._agents.pop((namespace, agent_id), None) is not None

    async def usage(self, wanted: UsageFilter) -> Sequence[UsageTotals]:
        return sum_up(self._usage, wanted)

    async def prune_usage(self, before: float, limit: int) -> int:
        old = sorted((row for row in self._usage if row.at < before), key=lambda row: row.at)[:limit]
        gone = {id(row) for row in old}
        self._usage = [row for row in self._usage if id(row) not in gone]
        return len(old)

    # --- keys and secrets

    async def save_api_key(self, row: ApiKeyRow) -> None:
        if row.key_id in self._api_keys:
            raise KeyTaken("key", row.key_id)
        self._api_keys[row.key_id] = row

    async def api_keys(self) -> Sequence[ApiKeyRow]:
        return sorted(self._api_keys.values(), key=lambda row: (row.created_at, row.key_id))

    async def revoke_api_key(self, namespace: str, key_id: str, now: float) -> bool:
        found = self._api_keys.get(key_id)
        if found is None or found.namespace != namespace or found.revoked_at is not None:
            return False
        self._api_keys[key_id] = replace(found, revoked_at=now)
        return True

    async def secret(self, name: str) -> bytes:
        return self._secrets.setdefault(name, secrets.token_bytes(32))


def _place(record: ExecutionRecord) -> tuple[float, str]:
    return record.started_at, record.execution_id


def _matches(kept: _Kept, wanted: ExecutionFilter) -> bool:
    record = kept.record
    return (
        (not wanted.statuses or kept.summary.status in wanted.statuses)
        and wanted.workflow_id in (None, record.workflow_id)
        and wanted.workflow_name in (None, record.workflow_name)
        and wanted.user_id in (None, record.user_id)
        and (wanted.tag is None or wanted.tag in record.tags)
        and (wanted.started_after is None or record.started_at > wanted.started_after)
        and (wanted.started_before is None or record.started_at < wanted.started_before)
    )


def _object(body: bytes) -> JsonObject:
    value = load(body)
    if not isinstance(value, dict):
        raise TypeError("what is stored here is an object")
    return value
