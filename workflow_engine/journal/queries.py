"""What is read, as Core statements built once: SQLAlchemy compiles each a single time and caches it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Connection, Row, Select, bindparam, func, or_, select, tuple_

from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal import tables
from workflow_engine.journal.contract import (
    Acceptance,
    AllowedHost,
    ApiKeyRow,
    ExecutionFilter,
    ExecutionPage,
    ExecutionRecord,
    ExecutionRow,
    OpenExecution,
    RecordedEvent,
    StepTypeRow,
    Summary,
    WorkerRow,
    WorkflowRow,
)
from workflow_engine.journal.cursors import cursor_after, place_of
from workflow_engine.journal.packing import StoredEvents, unpack
from workflow_engine.jsontext import JsonObject, load

AnyRow: TypeAlias = Row[*tuple[Any, ...]]

_EVENT, _USE, _PAYLOAD = tables.EVENT.c, tables.PAYLOAD_USE.c, tables.PAYLOAD.c
_EXECUTION, _TAG, _DEFINITION = tables.EXECUTION.c, tables.EXECUTION_TAG.c, tables.DEFINITION.c
_WORKFLOW, _VERSION = tables.WORKFLOW.c, tables.WORKFLOW_VERSION.c
_ACCEPTANCE, _STEP_TYPE, _HOST = tables.ACCEPTANCE.c, tables.STEP_TYPE.c, tables.ALLOWED_HOST.c

# --- histories

_HISTORY: Final = (
    select(_EVENT.first_seq, _EVENT.last_seq, _EVENT.payloads, _EVENT.body)
    .where(
        _EVENT.namespace == bindparam("namespace"),
        _EVENT.execution_id == bindparam("execution_id"),
        # The row in which `after` stands begins at or before it; without this bound the index would be read from 1.
        _EVENT.first_seq
        >= select(func.coalesce(func.max(_EVENT.first_seq), 0))
        .where(
            _EVENT.namespace == bindparam("namespace"),
            _EVENT.execution_id == bindparam("execution_id"),
            _EVENT.first_seq <= bindparam("after") + 1,
        )
        .correlate(None)
        .scalar_subquery(),
        _EVENT.last_seq > bindparam("after"),
    )
    .order_by(_EVENT.first_seq)
)
_HISTORY_PAGE: Final = _HISTORY.limit(bindparam("limit"))
_OUTSIDE: Final = (
    select(_USE.seq, _PAYLOAD.body)
    .join_from(
        tables.PAYLOAD_USE,
        tables.PAYLOAD,
        (_PAYLOAD.namespace == _USE.namespace) & (_PAYLOAD.digest == _USE.digest),
    )
    .where(
        _USE.namespace == bindparam("namespace"),
        _USE.execution_id == bindparam("execution_id"),
        _USE.seq.between(bindparam("first"), bindparam("last")),
    )
)


def history(
    connection: Connection, namespace: str, execution_id: str, after: int, limit: int | None
) -> Sequence[RecordedEvent]:
    key = {"namespace": namespace, "execution_id": execution_id}
    if limit is None:
        found = connection.execute(_HISTORY, {**key, "after": after})
    else:
        # Every row holds at least one event, so that many rows are enough; the first may begin before `after`.
        found = connection.execute(_HISTORY_PAGE, {**key, "after": after, "limit": limit})
    rows = [StoredEvents(*row) for row in found]
    outside: dict[int, str] = {}
    if any(row.payloads for row in rows):
        span = {"first": rows[0].first_seq, "last": rows[-1].last_seq}
        outside = {int(seq): str(body) for seq, body in connection.execute(_OUTSIDE, {**key, **span})}
    return [event for event in unpack(rows, outside) if event.seq > after][:limit]


# --- executions

_LAST_SEQ: Final = (
    select(_EVENT.last_seq)
    .where(_EVENT.namespace == _EXECUTION.namespace, _EVENT.execution_id == _EXECUTION.execution_id)
    .order_by(_EVENT.first_seq.desc())
    .limit(1)
    .scalar_subquery()
)
_ROWS: Final = select(tables.EXECUTION, _LAST_SEQ.label("last_seq"))
_ONE: Final = _ROWS.where(
    _EXECUTION.namespace == bindparam("namespace"), _EXECUTION.execution_id == bindparam("execution_id")
)
_COUNTED: Final = (
    select(_EXECUTION.status, func.count()).where(_EXECUTION.namespace == bindparam("namespace"))
).group_by(_EXECUTION.status)
_OPEN: Final = (
    select(_EXECUTION.namespace, _EXECUTION.execution_id, _EXECUTION.status, _EXECUTION.next_due_at)
    .where(_EXECUTION.status.in_(tables.OPEN))
    .order_by(_EXECUTION.started_at, _EXECUTION.execution_id)
)


def execution(connection: Connection, namespace: str, execution_id: str) -> ExecutionRow | None:
    row = connection.execute(_ONE, {"namespace": namespace, "execution_id": execution_id}).one_or_none()
    return None if row is None else _execution_row(row)


def executions(connection: Connection, namespace: str, wanted: ExecutionFilter) -> ExecutionPage:
    statement = _filtered(_ROWS.where(_EXECUTION.namespace == namespace), wanted)
    if wanted.cursor is not None:
        place = place_of(wanted.cursor, namespace)
        statement = statement.where(tuple_(_EXECUTION.started_at, _EXECUTION.execution_id) < place)
    statement = statement.order_by(_EXECUTION.started_at.desc(), _EXECUTION.execution_id.desc())
    # One more than asked for tells whether there is a next page.
    found = connection.execute(statement.limit(wanted.limit + 1).offset(wanted.offset)).all()
    rows = tuple(_execution_row(row) for row in found[: wanted.limit])
    return ExecutionPage(rows, cursor_after(rows[-1].record) if rows and len(found) > len(rows) else None)


def _filtered(statement: Select[Any], wanted: ExecutionFilter) -> Select[Any]:
    if wanted.statuses:
        statement = statement.where(_EXECUTION.status.in_([status.value for status in wanted.statuses]))
    for column in ("workflow_id", "workflow_name", "user_id"):
        if (value := getattr(wanted, column)) is not None:
            statement = statement.where(_EXECUTION[column] == value)
    if wanted.tag is not None:
        tagged = select(_TAG.execution_id).where(
            _TAG.namespace == _EXECUTION.namespace,
            _TAG.execution_id == _EXECUTION.execution_id,
            _TAG.tag == wanted.tag,
        )
        statement = statement.where(tagged.exists())
    if wanted.started_after is not None:
        statement = statement.where(_EXECUTION.started_at > wanted.started_after)
    if wanted.started_before is not None:
        statement = statement.where(_EXECUTION.started_at < wanted.started_before)
    return statement


def _execution_row(row: AnyRow) -> ExecutionRow:
    record = ExecutionRecord(
        namespace=row.namespace,
        execution_id=row.execution_id,
        workflow_id=row.workflow_id,
        workflow_name=row.workflow_name,
        workflow_version=row.workflow_version,
        definition=row.definition,
        started_at=row.started_at,
        principal=row.principal,
        user_id=row.user_id,
        session_id=row.session_id,
        organization_id=row.organization_id,
        correlation_id=row.correlation_id,
        trace_id=row.trace_id,
        tags=_strings(row.tags),
    )
    return ExecutionRow(record, _summary(row), row.last_seq)


def _summary(row: AnyRow) -> Summary:
    return Summary(
        status=ExecutionStatus(row.status),
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        next_due_at=row.next_due_at,
        current_step=row.current_step,
        completed_steps=row.completed_steps,
        failed_steps=row.failed_steps,
        skipped_steps=row.skipped_steps,
        pending_steps=row.pending_steps,
        total_steps=row.total_steps,
        reason=row.reason,
        error=None if row.error is None else as_object(row.error),
        step_statuses=None if row.step_statuses is None else cast(dict[str, str], as_object(row.step_statuses)),
    )


def count_executions(
    connection: Connection, namespace: str, statuses: Sequence[ExecutionStatus]
) -> Mapping[ExecutionStatus, int]:
    counted = {str(status): int(count) for status, count in connection.execute(_COUNTED, {"namespace": namespace})}
    return {status: counted.get(status.value, 0) for status in statuses or ExecutionStatus}


def open_executions(connection: Connection) -> Sequence[OpenExecution]:
    return [
        OpenExecution(namespace, execution_id, ExecutionStatus(status), next_due_at)
        for namespace, execution_id, status, next_due_at in connection.execute(_OPEN)
    ]


_ONE_DEFINITION: Final = select(_DEFINITION.document).where(_DEFINITION.digest == bindparam("digest"))


def definition(connection: Connection, digest: str) -> JsonObject | None:
    document = connection.execute(_ONE_DEFINITION, {"digest": digest}).scalar_one_or_none()
    return None if document is None else as_object(document)


# --- acceptances

_STILL_OPEN: Final = (
    select(_EXECUTION.execution_id)
    .where(
        _EXECUTION.namespace == _ACCEPTANCE.namespace,
        _EXECUTION.execution_id == _ACCEPTANCE.execution_id,
        _EXECUTION.status.in_(tables.OPEN),
    )
    .exists()
)
_ACCEPTED: Final = select(tables.ACCEPTANCE).where(
    _ACCEPTANCE.namespace == bindparam("namespace"),
    _ACCEPTANCE.operation == bindparam("operation"),
    _ACCEPTANCE.key == bindparam("key"),
    or_(_ACCEPTANCE.expires_at > bindparam("now"), _STILL_OPEN),
)


def acceptance(connection: Connection, namespace: str, operation: str, key: str, now: float) -> Acceptance | None:
    wanted = {"namespace": namespace, "operation": operation, "key": key, "now": now}
    row = connection.execute(_ACCEPTED, wanted).one_or_none()
    return None if row is None else Acceptance(**{**row._mapping, "answer": load(row.answer)})


# --- workflows

_VERSIONS: Final = (
    select(
        _VERSION.namespace,
        _VERSION.workflow_id,
        _VERSION.version_number,
        _VERSION.definition,
        _DEFINITION.document,
        _WORKFLOW.created_at,
        _VERSION.saved_at,
    )
    .join_from(
        tables.WORKFLOW_VERSION,
        tables.WORKFLOW,
        (_WORKFLOW.namespace == _VERSION.namespace) & (_WORKFLOW.workflow_id == _VERSION.workflow_id),
    )
    .join(tables.DEFINITION, _DEFINITION.digest == _VERSION.definition)
    .where(_VERSION.namespace == bindparam("namespace"))
)
_CURRENT: Final = _VERSIONS.where(_VERSION.version_number == _WORKFLOW.version_number)
_OF_ONE: Final = _VERSION.workflow_id == bindparam("workflow_id")
_CURRENT_OF_ONE: Final = _CURRENT.where(_OF_ONE)
_ONE_VERSION: Final = _VERSIONS.where(_OF_ONE, _VERSION.version_number == bindparam("version_number"))
_VERSIONS_OF_ONE: Final = _VERSIONS.where(_OF_ONE).order_by(_VERSION.version_number.desc())
_WORKFLOWS: Final = (
    _CURRENT.order_by(_WORKFLOW.updated_at.desc(), _WORKFLOW.workflow_id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_WORKFLOW_COUNT: Final = (
    select(func.count()).select_from(tables.WORKFLOW).where(_WORKFLOW.namespace == bindparam("namespace"))
)


def workflow(
    connection: Connection, namespace: str, workflow_id: str, version_number: int | None
) -> WorkflowRow | None:
    key: dict[str, object] = {"namespace": namespace, "workflow_id": workflow_id}
    if version_number is None:
        row = connection.execute(_CURRENT_OF_ONE, key).one_or_none()
    else:
        row = connection.execute(_ONE_VERSION, {**key, "version_number": version_number}).one_or_none()
    return None if row is None else _workflow_row(row)


def workflow_versions(connection: Connection, namespace: str, workflow_id: str) -> Sequence[WorkflowRow]:
    found = connection.execute(_VERSIONS_OF_ONE, {"namespace": namespace, "workflow_id": workflow_id})
    return [_workflow_row(row) for row in found]


def workflows(connection: Connection, namespace: str, limit: int, offset: int) -> tuple[Sequence[WorkflowRow], int]:
    found = connection.execute(_WORKFLOWS, {"namespace": namespace, "limit": limit, "offset": offset})
    rows = [_workflow_row(row) for row in found]
    return rows, connection.execute(_WORKFLOW_COUNT, {"namespace": namespace}).scalar_one()


def _workflow_row(row: AnyRow) -> WorkflowRow:
    namespace, workflow_id, number, digest, document, created_at, saved_at = row
    return WorkflowRow(namespace, workflow_id, number, digest, as_object(document), created_at, saved_at)


# --- step types, hosts, workers, keys

_STEP_TYPES: Final = select(tables.STEP_TYPE).order_by(_STEP_TYPE.namespace, _STEP_TYPE.name, _STEP_TYPE.version)
_STEP_TYPES_OF_ONE: Final = _STEP_TYPES.where(_STEP_TYPE.namespace == bindparam("namespace"))
_HOSTS: Final = select(tables.ALLOWED_HOST).where(_HOST.namespace == bindparam("namespace")).order_by(_HOST.pattern)
_WORKERS: Final = select(tables.WORKER).order_by(tables.WORKER.c.namespace, tables.WORKER.c.worker_id)
_API_KEYS: Final = select(tables.API_KEY).order_by(tables.API_KEY.c.created_at, tables.API_KEY.c.key_id)


def step_types(connection: Connection, namespace: str | None) -> Sequence[StepTypeRow]:
    if namespace is None:
        found = connection.execute(_STEP_TYPES)
    else:
        found = connection.execute(_STEP_TYPES_OF_ONE, {"namespace": namespace})
    return [StepTypeRow(**{**row._mapping, "contract": as_object(row.contract)}) for row in found]


def allowed_hosts(connection: Connection, namespace: str) -> Sequence[AllowedHost]:
    return [AllowedHost(**row._mapping) for row in connection.execute(_HOSTS, {"namespace": namespace})]


def workers(connection: Connection) -> Sequence[WorkerRow]:
    return [WorkerRow(**{**row._mapping, "serves": _strings(row.serves)}) for row in connection.execute(_WORKERS)]


def api_keys(connection: Connection) -> Sequence[ApiKeyRow]:
    return [ApiKeyRow(**{**row._mapping, "scopes": _strings(row.scopes)}) for row in connection.execute(_API_KEYS)]


# --- what text columns hold


def as_object(text: str) -> JsonObject:
    value = load(text)
    if not isinstance(value, dict):
        raise TypeError("this column holds objects")
    return value


def _strings(text: str) -> tuple[str, ...]:
    value = load(text)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
