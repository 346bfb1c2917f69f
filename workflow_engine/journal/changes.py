"""Every write that is not an append: each runs on the writer's thread, in a transaction of its own."""

import secrets
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, false, insert, select, true, tuple_, update

from workflow_engine.journal import queries, tables
from workflow_engine.journal.contract import (
    AllowedHost,
    ApiKeyRow,
    KeyTaken,
    StepTypeRow,
    UnknownRow,
    WorkerRow,
    WorkflowRow,
)
from workflow_engine.jsontext import JsonObject, write

_EVENT, _USE, _PAYLOAD = tables.EVENT.c, tables.PAYLOAD_USE.c, tables.PAYLOAD.c
_EXECUTION, _TAG, _DEFINITION = tables.EXECUTION.c, tables.EXECUTION_TAG.c, tables.DEFINITION.c
_WORKFLOW, _VERSION = tables.WORKFLOW.c, tables.WORKFLOW_VERSION.c
_ACCEPTANCE, _STEP_TYPE, _HOST = tables.ACCEPTANCE.c, tables.STEP_TYPE.c, tables.ALLOWED_HOST.c
_WORKER, _API_KEY, _SECRET = tables.WORKER.c, tables.API_KEY.c, tables.SECRET.c

# --- workflows


def save_workflow(
    connection: Connection,
    namespace: str,
    workflow_id: str,
    digest: str,
    document: JsonObject,
    now: float,
    create: bool | None,
) -> WorkflowRow:
    current = queries.workflow(connection, namespace, workflow_id, None)
    if current is not None and create is True:
        raise KeyTaken("workflow", workflow_id)
    if current is None and create is False:
        raise UnknownRow("workflow", workflow_id)
    if current is not None and current.definition == digest:
        return current
    if connection.execute(select(_DEFINITION.digest).where(_DEFINITION.digest == digest)).first() is None:
        connection.execute(insert(tables.DEFINITION).values(digest=digest, document=write(document).decode()))
    key = {"namespace": namespace, "workflow_id": workflow_id}
    number = 1 if current is None else current.version_number + 1
    if current is None:
        created = {"version_number": number, "created_at": now, "updated_at": now}
        connection.execute(insert(tables.WORKFLOW).values(**key, **created))
    else:
        this = and_(_WORKFLOW.namespace == namespace, _WORKFLOW.workflow_id == workflow_id)
        connection.execute(update(tables.WORKFLOW).where(this).values(version_number=number, updated_at=now))
    version = {"version_number": number, "definition": digest, "saved_at": now}
    connection.execute(insert(tables.WORKFLOW_VERSION).values(**key, **version))
    return _saved(connection, namespace, workflow_id)


def _saved(connection: Connection, namespace: str, workflow_id: str) -> WorkflowRow:
    row = queries.workflow(connection, namespace, workflow_id, None)
    if row is None:
        raise UnknownRow("workflow", workflow_id)
    return row


def delete_workflow(connection: Connection, namespace: str, workflow_id: str) -> bool:
    versions = and_(_VERSION.namespace == namespace, _VERSION.workflow_id == workflow_id)
    digests = connection.execute(select(_VERSION.definition).where(versions)).scalars().all()
    connection.execute(delete(tables.WORKFLOW_VERSION).where(versions))
    this = and_(_WORKFLOW.namespace == namespace, _WORKFLOW.workflow_id == workflow_id)
    connection.execute(delete(tables.WORKFLOW).where(this))
    _drop_unused_definitions(connection, set(digests))
    return bool(digests)


# --- pruning


def prune(connection: Connection, namespace: str | None, ended_before: float, now: float, limit: int) -> int:
    ended = (
        select(_EXECUTION.namespace, _EXECUTION.execution_id, _EXECUTION.definition)
        .where(_EXECUTION.status.in_(tables.ENDED), _EXECUTION.updated_at < ended_before)
        .where(true() if namespace is None else _EXECUTION.namespace == namespace)
        .order_by(_EXECUTION.updated_at)
        .limit(limit)
    )
    rows = connection.execute(ended).all()
    for start in range(0, len(rows), _AT_ONCE):
        _drop_executions(connection, [(row.namespace, row.execution_id) for row in rows[start : start + _AT_ONCE]])
    _drop_unused_definitions(connection, {row.definition for row in rows})
    _drop_expired(connection, namespace, now)
    return len(rows)


# Keys in one IN list: far below what either database takes.
_AT_ONCE: Final = 500


def _drop_executions(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    def of_these(namespace: ColumnElement[str], execution_id: ColumnElement[str]) -> ColumnElement[bool]:
        return tuple_(namespace, execution_id).in_(keys)

    used = of_these(_USE.namespace, _USE.execution_id)
    payloads = connection.execute(select(_USE.namespace, _USE.digest).where(used).distinct()).all()
    connection.execute(delete(tables.PAYLOAD_USE).where(used))
    connection.execute(delete(tables.EVENT).where(of_these(_EVENT.namespace, _EVENT.execution_id)))
    connection.execute(delete(tables.EXECUTION_TAG).where(of_these(_TAG.namespace, _TAG.execution_id)))
    connection.execute(delete(tables.EXECUTION).where(of_these(_EXECUTION.namespace, _EXECUTION.execution_id)))
    still_used = (
        select(_USE.digest).where(_USE.namespace == _PAYLOAD.namespace, _USE.digest == _PAYLOAD.digest).exists()
    )
    for namespace, digest in payloads:
        orphan = and_(_PAYLOAD.namespace == namespace, _PAYLOAD.digest == digest, ~still_used)
        connection.execute(delete(tables.PAYLOAD).where(orphan))


def _drop_unused_definitions(connection: Connection, digests: set[str]) -> None:
    executed = select(_EXECUTION.execution_id).where(_EXECUTION.definition == _DEFINITION.digest).exists()
    saved = select(_VERSION.workflow_id).where(_VERSION.definition == _DEFINITION.digest).exists()
    for digest in sorted(digests):
        connection.execute(delete(tables.DEFINITION).where(_DEFINITION.digest == digest, ~executed, ~saved))


def _drop_expired(connection: Connection, namespace: str | None, now: float) -> None:
    still_open = (
        select(_EXECUTION.execution_id)
        .where(
            _EXECUTION.namespace == _ACCEPTANCE.namespace,
            _EXECUTION.execution_id == _ACCEPTANCE.execution_id,
            _EXECUTION.status.in_(tables.OPEN),
        )
        .exists()
    )
    mine = true() if namespace is None else _ACCEPTANCE.namespace == namespace
    connection.execute(delete(tables.ACCEPTANCE).where(_ACCEPTANCE.expires_at <= now, mine, ~still_open))


# --- step types, hosts, workers, keys, secrets


def save_step_types(connection: Connection, rows: Sequence[StepTypeRow]) -> None:
    for row in rows:
        _save_step_type(connection, row)


def _save_step_type(connection: Connection, row: StepTypeRow) -> None:
    key = and_(_STEP_TYPE.namespace == row.namespace, _STEP_TYPE.name == row.name, _STEP_TYPE.version == row.version)
    found = connection.execute(select(_STEP_TYPE.contract_hash, _STEP_TYPE.removed).where(key)).one_or_none()
    if found is None:
        values = {**_values(row), "contract": write(row.contract).decode()}
        connection.execute(insert(tables.STEP_TYPE).values(values))
    elif found.contract_hash != row.contract_hash:
        raise KeyTaken("step type", f"{row.name}@{row.version}")
    elif found.removed:
        connection.execute(update(tables.STEP_TYPE).where(key).values(removed=False, updated_at=row.updated_at))


def remove_step_type(connection: Connection, namespace: str, name: str, version: str | None) -> int:
    chosen = and_(
        _STEP_TYPE.namespace == namespace,
        _STEP_TYPE.name == name,
        true() if version is None else _STEP_TYPE.version == version,
        _STEP_TYPE.removed == false(),
    )
    return connection.execute(update(tables.STEP_TYPE).where(chosen).values(removed=True)).rowcount


def allow_host(connection: Connection, entry: AllowedHost) -> None:
    disallow_host(connection, entry.namespace, entry.pattern)
    connection.execute(insert(tables.ALLOWED_HOST).values(_values(entry)))


def disallow_host(connection: Connection, namespace: str, pattern: str) -> bool:
    this = and_(_HOST.namespace == namespace, _HOST.pattern == pattern)
    return connection.execute(delete(tables.ALLOWED_HOST).where(this)).rowcount > 0


def save_worker(connection: Connection, row: WorkerRow) -> None:
    forget_worker(connection, row.namespace, row.worker_id)
    connection.execute(insert(tables.WORKER).values({**_values(row), "serves": write(list(row.serves)).decode()}))


def forget_worker(connection: Connection, namespace: str, worker_id: str) -> bool:
    this = and_(_WORKER.namespace == namespace, _WORKER.worker_id == worker_id)
    return connection.execute(delete(tables.WORKER).where(this)).rowcount > 0


def save_api_key(connection: Connection, row: ApiKeyRow) -> None:
    if connection.execute(select(_API_KEY.key_id).where(_API_KEY.key_id == row.key_id)).first() is not None:
        raise KeyTaken("key", row.key_id)
    connection.execute(insert(tables.API_KEY).values({**_values(row), "scopes": write(list(row.scopes)).decode()}))


def revoke_api_key(connection: Connection, namespace: str, key_id: str, now: float) -> bool:
    this = and_(_API_KEY.namespace == namespace, _API_KEY.key_id == key_id, _API_KEY.revoked_at.is_(None))
    return connection.execute(update(tables.API_KEY).where(this).values(revoked_at=now)).rowcount > 0


def _values(row: StepTypeRow | AllowedHost | WorkerRow | ApiKeyRow) -> dict[str, Any]:
    """The columns of a row: they are called like its fields."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def secret(connection: Connection, name: str) -> bytes:
    found: bytes | None = connection.execute(select(_SECRET.value).where(_SECRET.name == name)).scalar_one_or_none()
    if found is None:
        found = secrets.token_bytes(32)
        connection.execute(insert(tables.SECRET).values(name=name, value=found))
    return found
