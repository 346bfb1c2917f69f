"""The tables, as SQLModel sees them: the one description of the schema, compared with the migrations by a test.

Rows never leave this package. Every key begins with a namespace, except for what is the same everywhere: a definition
(named by the SHA-256 of its content), a secret of the installation, and the owner.
"""

from typing import Any, ClassVar, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlmodel import Field, SQLModel

from workflow_engine.history.statuses import ExecutionStatus

# Keys are compared byte by byte on both databases: the order of lists does not hang on somebody's locale.
KEY: Final = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite numbers rows by itself only in a column called INTEGER.
COUNT: Final = BigInteger().with_variant(Integer(), "sqlite")

ENDED: Final = tuple(status.value for status in ExecutionStatus if status.is_terminal)
OPEN: Final = tuple(status.value for status in ExecutionStatus if not status.is_terminal)


def quoted(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


class Row(SQLModel):
    """Base of all rows, with a metadata of their own: an application that embeds us may have SQLModel tables too."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )


def _key(*, primary: bool = True) -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(sa_column=Column(KEY, primary_key=primary, nullable=False))


def _key_or_none() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(default=None, sa_column=Column(KEY, nullable=True))


def _text() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(sa_column=Column(Text, nullable=False))


def _text_or_none() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(default=None, sa_column=Column(Text, nullable=True))


def _count() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(sa_column=Column(COUNT, nullable=False))


def _number_or_none() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(default=None, sa_column=Column(Double, nullable=True))


def _instant() -> Any:  # noqa: ANN401  # so does SQLModel's own Field
    return Field(sa_column=Column(Double, nullable=False))


class EventRow(Row, table=True):
    """The log: the events of one transition, or a part of them, as one JSON array. Append-only, its index aside."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("namespace", "execution_id", "first_seq"),
        CheckConstraint("first_seq >= 1 AND last_seq >= first_seq", name="seq"),
    )

    position: int | None = Field(default=None, sa_column=Column(COUNT, primary_key=True, autoincrement=True))
    namespace: str = _key(primary=False)
    execution_id: str = _key(primary=False)
    first_seq: int = _count()
    last_seq: int = _count()
    payloads: int = _count()
    """How many step outputs of these events are kept in `payload`."""
    body: str = _text()


class PayloadRow(Row, table=True):
    """A large step output, kept once under the SHA-256 of its text."""

    __tablename__ = "payload"

    namespace: str = _key()
    digest: str = _key()
    body: str = _text()


class PayloadUseRow(Row, table=True):
    """Which event has its output in `payload`."""

    __tablename__ = "payload_use"
    __table_args__ = (
        ForeignKeyConstraint(["namespace", "digest"], ["payload.namespace", "payload.digest"]),
        Index(None, "namespace", "digest"),
    )

    namespace: str = _key()
    execution_id: str = _key()
    seq: int = Field(sa_column=Column(COUNT, primary_key=True, autoincrement=False, nullable=False))
    digest: str = _key(primary=False)


class ExecutionTable(Row, table=True):
    """One execution: its fixed facts and its summary."""

    __tablename__ = "execution"
    __table_args__ = (
        CheckConstraint(f"status IN ({quoted(tuple(ExecutionStatus))})", name="status"),
        Index(None, "namespace", "started_at", "execution_id"),
        Index(None, "namespace", "status", "started_at", "execution_id"),
        Index(None, "namespace", "workflow_id", "started_at", "execution_id"),
        Index(None, "namespace", "user_id", "started_at", "execution_id"),
        Index(None, "definition"),
    )

    namespace: str = _key()
    execution_id: str = _key()
    workflow_id: str | None = _key_or_none()
    workflow_name: str = _text()
    workflow_version: str = _text()
    definition: str = _key(primary=False)
    started_at: float = _instant()
    principal: str = _text()
    user_id: str | None = _key_or_none()
    session_id: str | None = _text_or_none()
    organization_id: str | None = _text_or_none()
    correlation_id: str | None = _text_or_none()
    trace_id: str | None = _text_or_none()
    tags: str = _text()
    status: str = _key(primary=False)
    updated_at: float = _instant()
    completed_at: float | None = _number_or_none()
    next_due_at: float | None = _number_or_none()
    current_step: str | None = _text_or_none()
    completed_steps: int = _count()
    failed_steps: int = _count()
    skipped_steps: int = _count()
    pending_steps: int = _count()
    total_steps: int = _count()
    reason: str | None = _text_or_none()
    error: str | None = _text_or_none()
    step_statuses: str | None = _text_or_none()


class ExecutionTagRow(Row, table=True):
    """The tags of an execution once more, to find it by one."""

    __tablename__ = "execution_tag"
    __table_args__ = (
        ForeignKeyConstraint(["namespace", "execution_id"], ["execution.namespace", "execution.execution_id"]),
        Index(None, "namespace", "tag", "execution_id"),
    )

    namespace: str = _key()
    execution_id: str = _key()
    tag: str = _key()


class DefinitionRow(Row, table=True):
    __tablename__ = "definition"

    digest: str = _key()
    document: str = _text()


class WorkflowTable(Row, table=True):
    """A saved workflow: which of its versions is the current one."""

    __tablename__ = "workflow"
    __table_args__ = (
        CheckConstraint("version_number >= 1", name="version_number"),
        Index(None, "namespace", "updated_at", "workflow_id"),
    )

    namespace: str = _key()
    workflow_id: str = _key()
    version_number: int = _count()
    created_at: float = _instant()
    updated_at: float = _instant()


class WorkflowVersionRow(Row, table=True):
    __tablename__ = "workflow_version"
    __table_args__ = (
        CheckConstraint("version_number >= 1", name="version_number"),
        ForeignKeyConstraint(["namespace", "workflow_id"], ["workflow.namespace", "workflow.workflow_id"]),
        ForeignKeyConstraint(["definition"], ["definition.digest"]),
        Index(None, "definition"),
    )

    namespace: str = _key()
    workflow_id: str = _key()
    version_number: int = Field(sa_column=Column(COUNT, primary_key=True, autoincrement=False, nullable=False))
    definition: str = _key(primary=False)
    saved_at: float = _instant()


class StepTypeTable(Row, table=True):
    __tablename__ = "step_type"

    namespace: str = _key()
    name: str = _key()
    version: str = _key()
    contract: str = _text()
    contract_hash: str = _text()
    owner: str = _text()
    step_id: str = _text()
    registered_at: float = _instant()
    updated_at: float = _instant()
    removed: bool = Field(sa_column=Column(Boolean, nullable=False))


class AcceptanceRow(Row, table=True):
    """What was answered under an `Idempotency-Key`."""

    __tablename__ = "acceptance"
    __table_args__ = (Index(None, "expires_at"),)

    namespace: str = _key()
    operation: str = _key()
    key: str = _key()
    body_digest: str = _text()
    execution_id: str = _key(primary=False)
    answer: str = _text()
    accepted_at: float = _instant()
    expires_at: float = _instant()


class AllowedHostRow(Row, table=True):
    __tablename__ = "allowed_host"

    namespace: str = _key()
    pattern: str = _key()
    created_at: float = _instant()
    created_by: str = _text()
    note: str = _text()


class WorkerTable(Row, table=True):
    __tablename__ = "worker"

    namespace: str = _key()
    worker_id: str = _key()
    serves: str = _text()
    connected_at: float = _instant()


class ApiKeyTable(Row, table=True):
    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("key_id"),)

    namespace: str = _key()
    key_id: str = _key()
    principal: str = _text()
    digest: str = _text()
    scopes: str = _text()
    note: str = _text()
    created_at: float = _instant()
    created_by: str = _text()
    revoked_at: float | None = _number_or_none()


class AgentTable(Row, table=True):
    __tablename__ = "agent"
    __table_args__ = (CheckConstraint("version_number >= 1", name="version_number"),)

    namespace: str = _key()
    agent_id: str = _key()
    version_number: int = _count()
    document: str = _text()
    owner: str = _text()
    created_at: float = _instant()
    updated_at: float = _instant()


class UsageTable(Row, table=True):
    """What a model call used and cost. It refers to nothing: it outlives the execution it belongs to."""

    __tablename__ = "usage"
    __table_args__ = (
        Index(None, "namespace", "at"),
        Index(None, "namespace", "execution_id"),
        Index(None, "at"),
    )

    position: int | None = Field(default=None, sa_column=Column(COUNT, primary_key=True, autoincrement=True))
    namespace: str = _key(primary=False)
    execution_id: str = _key(primary=False)
    path: str = _text()
    step_id: str = _key(primary=False)
    turn: int = _count()
    agent: str = _key(primary=False)
    agent_id: str | None = _key_or_none()
    model: str = _key(primary=False)
    provider: str = _text()
    user_id: str | None = _key_or_none()
    principal: str = _key(primary=False)
    workflow_id: str | None = _key_or_none()
    input_tokens: int = _count()
    output_tokens: int = _count()
    cost_usd: float | None = _number_or_none()
    simulated: bool = Field(sa_column=Column(Boolean, nullable=False))
    at: float = _instant()


class SecretRow(Row, table=True):
    __tablename__ = "secret"

    name: str = _key()
    value: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class OwnerRow(Row, table=True):
    """How often the database changed hands: an engine that lost its connection sees whether it is still the one."""

    __tablename__ = "owner"

    name: str = _key()
    term: int = _count()


def table(row: type[Row]) -> Table:
    """The Core table of a row class; SQLModel's own types do not know that there is one."""
    found: Table = row.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table classes
    return found


METADATA: Final = Row.metadata
EVENT: Final = table(EventRow)
PAYLOAD: Final = table(PayloadRow)
PAYLOAD_USE: Final = table(PayloadUseRow)
EXECUTION: Final = table(ExecutionTable)
EXECUTION_TAG: Final = table(ExecutionTagRow)
DEFINITION: Final = table(DefinitionRow)
WORKFLOW: Final = table(WorkflowTable)
WORKFLOW_VERSION: Final = table(WorkflowVersionRow)
STEP_TYPE: Final = table(StepTypeTable)
ACCEPTANCE: Final = table(AcceptanceRow)
ALLOWED_HOST: Final = table(AllowedHostRow)
WORKER: Final = table(WorkerTable)
API_KEY: Final = table(ApiKeyTable)
AGENT: Final = table(AgentTable)
USAGE: Final = table(UsageTable)
SECRET: Final = table(SecretRow)
OWNER: Final = table(OwnerRow)

# Recovery reads only what is open, and the pruner only what has ended; both are few among many.
_OPEN = EXECUTION.c.status.in_(OPEN)
_ENDED = EXECUTION.c.status.in_(ENDED)
Index("ix_execution_open", EXECUTION.c.started_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_execution_ended", EXECUTION.c.updated_at, sqlite_where=_ENDED, postgresql_where=_ENDED)

# An execution that has ended stays as it is, whoever writes.
ENDED_GUARD_SQLITE: Final = (
    f"""CREATE TRIGGER execution_ended BEFORE UPDATE ON execution
WHEN OLD.status IN ({quoted(ENDED)})
BEGIN SELECT RAISE(ABORT, 'an ended execution never changes'); END""",
)
ENDED_GUARD_POSTGRESQL: Final = (
    """CREATE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'an ended execution never changes' USING ERRCODE = 'check_violation'; END $$""",
    f"""CREATE TRIGGER execution_ended BEFORE UPDATE ON execution FOR EACH ROW
WHEN (OLD.status IN ({quoted(ENDED)})) EXECUTE FUNCTION refuse_change_of_ended_execution()""",
)
for _dialect, _guard in (("sqlite", ENDED_GUARD_SQLITE), ("postgresql", ENDED_GUARD_POSTGRESQL)):
    for _statement in _guard:
        event.listen(EXECUTION, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]  # SQLAlchemy's DDL has no types
