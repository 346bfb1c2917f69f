"""What one transaction writes, as one statement a table: many rows are handed over at once as a virtual table `v`.

A statement a row would be shorter to write, but the driver gives up Python's lock at every statement, and a busy event
loop takes 5 ms to give it back: 200 rows beside a busy loop took 838 ms row by row and 36 ms in bulk. How `v` is
filled is the difference between the databases; what is done with it is the same text.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sqlalchemy import Column, Table

from workflow_engine.journal import tables
from workflow_engine.journal.contract import (
    Acceptance,
    Commit,
    ExecutionRecord,
    HistoryConflict,
    KeyTaken,
    Summary,
)
from workflow_engine.journal.packing import PackedCommit
from workflow_engine.jsontext import JsonObject, write

Value: TypeAlias = str | int | float | None
Values: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """One statement: the columns of `v`, and what is done with its rows."""

    columns: tuple[Column[Value], ...]
    action: str
    refused: Callable[[Commit], Exception]
    """What to tell a commit whose rows the database did not take."""
    counts: bool = True
    """Whether every row of `v` must change exactly one row of the table."""

    @property
    def names(self) -> str:
        return _names(self.columns)


def _names(columns: Iterable[Column[Value]], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{column.name}" for column in columns)


def _insert(table: Table, refused: Callable[[Commit], Exception], conflict: str = "", *, counts: bool = True) -> Bulk:
    columns = tuple(column for column in table.columns if column.autoincrement is not True)
    # "WHERE true" tells SQLite that the ON of ON CONFLICT does not belong to a join.
    action = f"INSERT INTO {table.name} ({_names(columns)}) SELECT {_names(columns)} FROM v WHERE true {conflict}"  # noqa: S608  # names of our own tables
    return Bulk(columns, action.strip(), refused, counts)


def _key_taken(commit: Commit) -> Exception:
    key = commit.acceptance.key if commit.acceptance else ""
    return KeyTaken("request under the idempotency key", key)


def _id_taken(commit: Commit) -> Exception:
    return KeyTaken("execution", commit.execution_id)


def _overtaken(commit: Commit) -> Exception:
    return HistoryConflict(commit.execution_id, commit.first_seq, "the database holds another one")


def _ended(commit: Commit) -> Exception:
    return HistoryConflict(commit.execution_id, commit.first_seq, "it has ended, or it was never opened")


# An expired key is free again once the execution it stood for has ended.
ACCEPT: Final = _insert(
    tables.ACCEPTANCE,
    _key_taken,
    f"""ON CONFLICT (namespace, operation, key) DO UPDATE SET body_digest = excluded.body_digest,
execution_id = excluded.execution_id, answer = excluded.answer, accepted_at = excluded.accepted_at,
expires_at = excluded.expires_at
WHERE acceptance.expires_at <= excluded.accepted_at AND NOT EXISTS (SELECT 1 FROM execution
WHERE execution.namespace = acceptance.namespace AND execution.execution_id = acceptance.execution_id
AND execution.status IN ({tables.quoted(tables.OPEN)}))""",  # noqa: S608  # our own statuses
)
DEFINE: Final = _insert(tables.DEFINITION, _id_taken, "ON CONFLICT DO NOTHING", counts=False)
OPEN: Final = _insert(tables.EXECUTION, _id_taken)
TAG: Final = _insert(tables.EXECUTION_TAG, _id_taken)
KEEP: Final = _insert(tables.PAYLOAD, _overtaken, "ON CONFLICT DO NOTHING", counts=False)
USE: Final = _insert(tables.PAYLOAD_USE, _overtaken)
APPEND: Final = _insert(tables.EVENT, _overtaken)
USED: Final = _insert(tables.USAGE, _overtaken)

_SUMMARY: Final = tuple(
    tables.EXECUTION.c[name]
    for name in (
        "status",
        "updated_at",
        "completed_at",
        "next_due_at",
        "current_step",
        "completed_steps",
        "failed_steps",
        "skipped_steps",
        "pending_steps",
        "total_steps",
        "reason",
        "error",
        "step_statuses",
    )
)
SUMMARISE: Final = Bulk(
    (tables.EXECUTION.c.namespace, tables.EXECUTION.c.execution_id, *_SUMMARY),
    f"UPDATE execution SET {', '.join(f'{column.name} = v.{column.name}' for column in _SUMMARY)} FROM v "  # noqa: S608  # our own names
    f"WHERE execution.namespace = v.namespace AND execution.execution_id = v.execution_id "
    f"AND execution.status NOT IN ({tables.quoted(tables.ENDED)})",
    _ended,
)

# Written in this order, so that a taken key is told as such and not as what follows from it.
ORDER: Final = (ACCEPT, DEFINE, OPEN, TAG, KEEP, USE, APPEND, USED, SUMMARISE)


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of many commits, by statement."""

    rows: dict[Bulk, list[Values]] = field(default_factory=dict)
    definitions: set[str] = field(default_factory=set)
    """Digests of the documents among them."""

    def __iter__(self) -> Iterator[tuple[Bulk, list[Values]]]:
        return ((bulk, self.rows[bulk]) for bulk in ORDER if bulk in self.rows)

    def add(self, bulk: Bulk, row: Values) -> None:
        self.rows.setdefault(bulk, []).append(row)


def batch_of(packed: Iterable[PackedCommit], stored: Container[str] = ()) -> Batch:
    """Everything these commits write, but for definitions whose digest is among the `stored`.

    Of several summaries of one execution only the last one is written.
    """
    batch = Batch()
    summaries: dict[tuple[str, str], Summary] = {}
    for item in packed:
        commit = item.commit
        key = (commit.namespace, commit.execution_id)
        for row in item.rows:
            batch.add(APPEND, (*key, row.first_seq, row.last_seq, row.payloads, row.body))
        if item.payloads:
            _add_payloads(batch, item)
        if commit.opened is not None and commit.summary is not None:
            batch.add(OPEN, (*_record(commit.opened), *_summary(commit.summary)))
            _add_tags(batch, commit.opened)
            _add_definition(batch, commit.opened.definition, commit.definition, stored)
        elif commit.summary is not None:
            summaries[key] = commit.summary
        if commit.acceptance is not None:
            batch.add(ACCEPT, _acceptance(commit.acceptance))
        for used in commit.usage:
            batch.add(USED, tuple(getattr(used, column.name) for column in USED.columns))
    for key, summary in summaries.items():
        batch.add(SUMMARISE, (*key, *_summary(summary)))
    return batch


def _add_payloads(batch: Batch, item: PackedCommit) -> None:
    namespace, execution_id = item.commit.namespace, item.commit.execution_id
    for payload in item.payloads:
        batch.add(KEEP, (namespace, payload.digest, payload.body))
        batch.add(USE, (namespace, execution_id, payload.seq, payload.digest))


def _add_definition(batch: Batch, digest: str, document: JsonObject | None, stored: Container[str]) -> None:
    if document is not None and digest not in stored and digest not in batch.definitions:
        batch.definitions.add(digest)
        batch.add(DEFINE, (digest, write(document).decode()))


def _add_tags(batch: Batch, record: ExecutionRecord) -> None:
    for tag in dict.fromkeys(record.tags):
        batch.add(TAG, (record.namespace, record.execution_id, tag))


def _record(record: ExecutionRecord) -> Values:
    return (
        record.namespace,
        record.execution_id,
        record.workflow_id,
        record.workflow_name,
        record.workflow_version,
        record.definition,
        record.started_at,
        record.principal,
        record.user_id,
        record.session_id,
        record.organization_id,
        record.correlation_id,
        record.trace_id,
        write(record.tags).decode(),
    )


def _summary(summary: Summary) -> Values:
    return (
        summary.status.value,
        summary.updated_at,
        summary.completed_at,
        summary.next_due_at,
        summary.current_step,
        summary.completed_steps,
        summary.failed_steps,
        summary.skipped_steps,
        summary.pending_steps,
        summary.total_steps,
        summary.reason,
        None if summary.error is None else write(summary.error).decode(),
        None if summary.step_statuses is None else write(summary.step_statuses).decode(),
    )


def _acceptance(acceptance: Acceptance) -> Values:
    return (
        acceptance.namespace,
        acceptance.operation,
        acceptance.key,
        acceptance.body_digest,
        acceptance.execution_id,
        write(acceptance.answer).decode(),
        acceptance.accepted_at,
        acceptance.expires_at,
    )
