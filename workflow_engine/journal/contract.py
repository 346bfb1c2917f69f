"""Where history is kept: the promise that memory, SQLite and PostgreSQL keep alike.

One engine process owns a journal. Every change goes through one writer, which takes what is queued, writes it in one
transaction, and answers all waiters after the commit. Nothing is answered before it is durable; a write that cannot
be made leaves nothing behind. Instants are UTC epoch seconds. Every key begins with a namespace.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workflow_engine.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    OverLimit,
    RefusedToStart,
    Unavailable,
    WorkflowEngineError,
)
from workflow_engine.history.events import Event
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.agents import AgentRecords
from workflow_engine.journal.usage import UsageLedger, UsageRow
from workflow_engine.jsontext import Json, JsonObject


class JournalUnavailable(Unavailable):
    """The storage cannot be written or read now; nothing that was answered is lost."""

    code = "journal-unavailable"


class JournalLost(JournalUnavailable):
    """This process must not write any more: the disk failed, or another engine took the database. Restart it."""

    code = "journal-lost"


class QueueFull(OverLimit):
    """More commits wait for the writer than the limit allows."""

    code = "journal-queue-full"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} changes wait to be written already; try again later")


class JournalRefused(RefusedToStart):
    """The storage does not keep the conditions our guarantees rest on; the message says what to change."""

    code = "journal-refused"


class JournalOwned(JournalRefused):
    """Another engine process owns this database."""

    code = "journal-owned"


class HistoryConflict(Conflict):
    """The commit does not follow the last event: somebody else appended, or the execution has ended."""

    code = "history-conflict"

    def __init__(self, execution_id: str, first_seq: int, why: str) -> None:
        super().__init__(f"event {first_seq} cannot be appended to execution {execution_id}: {why}")


class KeyTaken(Conflict):
    """A unique key exists already (an id, a version, an idempotency key)."""

    code = "key-taken"

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"there is a {kind} {key!r} already")


class UnknownRow(NotFound):
    """The row a change is about does not exist."""

    code = "unknown-row"

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"there is no {kind} {key!r}")


class UnwritableCommit(WorkflowEngineError):
    """A value that the storage cannot hold. The edge refuses what users send, so this is a bug of ours or of a step."""

    code = "unwritable-commit"

    def __init__(self, execution_id: str, why: str) -> None:
        super().__init__(f"a change of execution {execution_id} cannot be stored: {why}")


class InvalidCursor(InvalidRequest):
    """A cursor that no page of this list gave out."""

    code = "invalid-cursor"

    def __init__(self) -> None:
        super().__init__("the cursor was not given by a page of this list; ask without one to start again")


@dataclass(frozen=True, slots=True)
class Summary:
    """One execution in one row: written in the same commit as the events it sums up, whenever its status changes."""

    status: ExecutionStatus
    updated_at: float
    completed_at: float | None = None
    next_due_at: float | None = None
    """When a timer of this execution is due next; None when none is set."""
    current_step: str | None = None
    completed_steps: int = 0
    failed_steps: int = 0
    skipped_steps: int = 0
    pending_steps: int = 0
    total_steps: int = 0
    reason: str | None = None
    """Why it is paused."""
    error: JsonObject | None = None
    """`{code, message, details}` once it failed."""
    step_statuses: Mapping[str, str] | None = None
    """Status by path, of an execution at rest or ended; a running one is asked in memory."""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """The fixed facts of an execution, written once at its start."""

    namespace: str
    execution_id: str
    workflow_id: str | None
    workflow_name: str
    workflow_version: str
    definition: str
    """Digest of the definition document."""
    started_at: float
    principal: str
    user_id: str | None = None
    session_id: str | None = None
    organization_id: str | None = None
    correlation_id: str | None = None
    trace_id: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What was answered to a request that carried an `Idempotency-Key`."""

    namespace: str
    operation: str
    """E.g. `execute`, `signal:<execution id>`."""
    key: str
    body_digest: str
    execution_id: str
    answer: Json
    accepted_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Commit:
    """One transition of one execution: its events and everything that must be true together with them."""

    namespace: str
    execution_id: str
    first_seq: int
    """Sequence number of the first event, from 1; the journal refuses a gap or an overlap with `HistoryConflict`,
    and everything after the commit whose summary ended the execution."""
    events: tuple[Event, ...]
    summary: Summary | None = None
    opened: ExecutionRecord | None = None
    definition: JsonObject | None = None
    """The document itself, on the commit that opens an execution (kept once per digest)."""
    acceptance: Acceptance | None = None
    usage: tuple[UsageRow, ...] = ()
    """What the model calls among these events used."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """A summary together with the fixed facts: all that lists and `GET /executions/{id}` need."""

    record: ExecutionRecord
    summary: Summary
    last_seq: int


@dataclass(frozen=True, slots=True)
class OpenExecution:
    """What must be known of an execution that has not ended to bring it back after a restart, and not a byte more."""

    namespace: str
    execution_id: str
    status: ExecutionStatus
    next_due_at: float | None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """What `GET /executions` may ask for; None = any. `cursor` is opaque and was given by the page before."""

    statuses: tuple[ExecutionStatus, ...] = ()
    workflow_id: str | None = None
    workflow_name: str | None = None
    user_id: str | None = None
    tag: str | None = None
    started_after: float | None = None
    started_before: float | None = None
    cursor: str | None = None
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    rows: tuple[ExecutionRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One version of a saved workflow. `version_number` grows by one with every save that changes the document."""

    namespace: str
    workflow_id: str
    version_number: int
    definition: str
    document: JsonObject
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class StepTypeRow:
    """One registered version of a step type, as data (`contract` is the wire form of `StepType`)."""

    namespace: str
    name: str
    version: str
    contract: JsonObject
    contract_hash: str
    owner: str
    step_id: str
    registered_at: float
    updated_at: float
    removed: bool = False
    """Taken away: not listed any more, but kept for executions that started with it."""


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """An entry of the list of hosts that the server may call: `host`, `host:port`, `*.example.com` or a CIDR block."""

    namespace: str
    pattern: str
    created_at: float
    created_by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker that may hold steps, whether it is connected now or not: after a restart the server waits for it."""

    namespace: str
    worker_id: str
    serves: tuple[str, ...]
    """Pins of the step types it can do."""
    connected_at: float


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """What is kept of a key: enough to recognise it, and nothing that would open the door."""

    namespace: str
    key_id: str
    """Public, and one of its kind over all namespaces: who shows a key does not name its namespace."""
    principal: str
    digest: str
    """HMAC-SHA256 of the secret, in hexadecimal."""
    scopes: tuple[str, ...]
    note: str
    created_at: float
    created_by: str
    revoked_at: float | None = None


@dataclass(slots=True)
class Written:
    """How much a journal has written since it was opened: for metrics, and for gates that time cannot blur."""

    transactions: int = 0
    """Each is one fsync."""
    commits: int = 0
    rows: int = 0


Done = Callable[[BaseException | None], None]


class Journal(AgentRecords, UsageLedger, Protocol):
    """The contract. Reads see every commit that was answered before them. Coroutines belong to the loop that opened the
    journal.
    """

    @property
    def url(self) -> str:
        """Where this journal keeps its data, without credentials: for people."""

    @property
    def written(self) -> Written: ...

    async def open(self) -> None:
        """Check the storage conditions, take ownership, migrate where allowed, start the writer. Raises
        `JournalRefused`.
        """

    async def close(self) -> None:
        """Write what is queued, then give ownership back. Safe to call twice."""

    def append(self, commit: Commit, done: Done) -> None:
        """Queue one transition; `done` is called on the loop after the commit, with None or with why nothing was
        written.

        Commits of one execution are written in the order they were queued.
        """

    # --- executions
    async def history(
        self, namespace: str, execution_id: str, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        """Events with seq > `after`, in order. Empty for an unknown execution."""

    async def execution(self, namespace: str, execution_id: str) -> ExecutionRow | None: ...

    async def executions(self, namespace: str, wanted: ExecutionFilter) -> ExecutionPage:
        """Newest first."""

    async def count_executions(
        self, namespace: str, statuses: Sequence[ExecutionStatus] = ()
    ) -> Mapping[ExecutionStatus, int]: ...

    async def open_executions(self) -> Sequence[OpenExecution]:
        """Every execution that has not ended, oldest first, over all namespaces."""

    async def definition(self, digest: str) -> JsonObject | None: ...

    async def acceptance(self, namespace: str, operation: str, key: str, now: float) -> Acceptance | None:
        """The acceptance under this key, unless it expired and its execution has ended."""

    async def prune(self, namespace: str | None, ended_before: float, now: float, limit: int) -> int:
        """Delete ended executions with all they own, expired acceptances and orphaned payloads and definitions, but
        not the usage of their model calls; answers how many executions went.
        """

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
        """Save the next version (the same digest again is a no-op). `create=True` refuses an existing id (`KeyTaken`),
        False an unknown one (`UnknownRow`).
        """

    async def workflow(
        self, namespace: str, workflow_id: str, version_number: int | None = None
    ) -> WorkflowRow | None: ...

    async def workflow_versions(self, namespace: str, workflow_id: str) -> Sequence[WorkflowRow]:
        """Newest first; empty for an unknown workflow."""

    async def workflows(self, namespace: str, limit: int, offset: int) -> tuple[Sequence[WorkflowRow], int]:
        """The current version of each, newest change first, and how many there are in all."""

    async def delete_workflow(self, namespace: str, workflow_id: str) -> bool: ...

    # --- step types
    async def save_step_types(self, rows: Sequence[StepTypeRow]) -> None:
        """All or none. Raises `KeyTaken` when a (namespace, name, version) exists with another hash; the same hash is a
        no-op.
        """

    async def step_types(self, namespace: str | None = None) -> Sequence[StepTypeRow]: ...

    async def remove_step_type(self, namespace: str, name: str, version: str | None = None) -> int:
        """Mark one version (or all) as removed; answers how many were not before. Saving it again brings it back."""

    # --- hosts the server may call
    async def allow_host(self, entry: AllowedHost) -> None: ...

    async def allowed_hosts(self, namespace: str) -> Sequence[AllowedHost]: ...

    async def disallow_host(self, namespace: str, pattern: str) -> bool: ...

    # --- workers
    async def save_worker(self, row: WorkerRow) -> None:
        """Remember a worker, or what it serves now."""

    async def forget_worker(self, namespace: str, worker_id: str) -> bool:
        """Answers whether it was known."""

    async def workers(self) -> Sequence[WorkerRow]:
        """Over all namespaces."""

    # --- keys
    async def save_api_key(self, row: ApiKeyRow) -> None:
        """Raises `KeyTaken` when the key id exists, in whatever namespace."""

    async def api_keys(self) -> Sequence[ApiKeyRow]:
        """Over all namespaces, the revoked ones too, oldest first."""

    async def revoke_api_key(self, namespace: str, key_id: str, now: float) -> bool:
        """Answers False for a key that is unknown or revoked already."""

    # --- secrets of this installation (webhook signing, tokens), made once
    async def secret(self, name: str) -> bytes:
        """32 random bytes, the same for ever under one name."""


@dataclass(frozen=True, slots=True)
class Failpoints:
    """Called at named places so that a crash test can die exactly there; the default does nothing."""

    reach: Callable[[str], None] = field(default=lambda _name: None)
