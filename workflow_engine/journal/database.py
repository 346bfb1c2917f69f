"""What SQLite and PostgreSQL have in common as stores: the shape of a transaction, and how a group goes into one.

A subclass says how to connect and own, how a bulk statement gets its rows, and what the driver's errors mean.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, bindparam, select
from sqlalchemy.exc import DBAPIError

from workflow_engine.errors import Conflict, WorkflowEngineError
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal import tables
from workflow_engine.journal.bulk import Batch, Bulk, Values, batch_of
from workflow_engine.journal.contract import Commit, Failpoints, JournalLost, UnwritableCommit, Written
from workflow_engine.journal.fence import Fence, Head
from workflow_engine.journal.packing import PackedCommit
from workflow_engine.journal.writer import Change, ConnectionGone, RowRefused

T = TypeVar("T")

_EVENT, _EXECUTION = tables.EVENT.c, tables.EXECUTION.c

_HEAD: Final = select(
    _EXECUTION.status,
    select(_EVENT.last_seq)
    .where(_EVENT.namespace == _EXECUTION.namespace, _EVENT.execution_id == _EXECUTION.execution_id)
    .order_by(_EVENT.first_seq.desc())
    .limit(1)
    .scalar_subquery(),
).where(_EXECUTION.namespace == bindparam("namespace"), _EXECUTION.execution_id == bindparam("execution_id"))

_LANDED: Final = select(_EVENT.body).where(
    _EVENT.namespace == bindparam("namespace"),
    _EVENT.execution_id == bindparam("execution_id"),
    _EVENT.first_seq == bindparam("first_seq"),
)


_MOST_DEFINITIONS: Final = 10_000


class Database(ABC):
    """A `Store`, and the way to it: `own`, `connect`, write, `disown`. Blocking; the journal calls it on threads."""

    readers: Engine
    """Pooled connections that read, in autocommit."""
    refusals: tuple[type[Exception], ...]
    """What the driver raises when a unique key, a check or a trigger says no."""
    unstorable: tuple[type[Exception], ...]
    """What the driver raises for a value that no column can hold."""

    def __init__(self, failpoints: Failpoints) -> None:
        self.written: Final = Written()
        self._failpoints: Final = failpoints
        self._writing: Connection | None = None
        self.driver: Any = None
        """The driver's own connection: on the hot path nothing stands between us and it."""
        # Digests known to be stored: most starts are of a workflow that was started before.
        self._definitions: set[str] = set()
        self.lost = ""
        """Why this process must not write any more; empty while it may."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def own(self) -> None:
        """Check the storage conditions and become the one engine. Raises `JournalRefused`, `JournalOwned`."""

    async def wait_for_ownership(self) -> None:
        """`own`, or, where a standby makes sense and is wanted, wait until it succeeds."""
        await asyncio.to_thread(self.own)

    @abstractmethod
    def begin_term(self) -> None:
        """The schema is as it should be: from here on writes count."""

    @abstractmethod
    def disown(self) -> None:
        """Close every connection and let another engine own the database."""

    @property
    def connection(self) -> Connection:
        """The writer's connection, in autocommit: transactions are begun and ended by `transaction` alone."""
        if self._writing is None:
            raise RuntimeError("the journal is not open")
        return self._writing

    def write_on(self, connection: Connection) -> None:
        """From now on this is the writer's connection."""
        self._writing, self.driver = connection, connection.connection.driver_connection

    # --- transactions

    @contextmanager
    def transaction(self, *, begun: bool = True) -> Iterator[None]:
        """Commits at the end of the block, unless it raises. With `begun=False` the block has to begin it itself."""
        with self.naming_errors():
            self.ready()
            try:
                if begun:
                    self.begin()
                yield
                self._failpoints.reach("before-commit")
                self.commit()
            except BaseException:
                self.roll_back()
                raise
        self.written.transactions += 1
        self._failpoints.reach("after-commit")

    @contextmanager
    def naming_errors(self) -> Iterator[None]:
        """The driver's errors on the writer's connection, said in the words of the contract."""
        try:
            yield
        except JournalLost as error:
            self.lost = str(error)
            raise
        except WorkflowEngineError:
            raise
        except Exception as error:
            named = self.named(error.orig or error if isinstance(error, DBAPIError) else error)
            if isinstance(named, JournalLost):
                self.lost = str(named)
            if named is error:
                raise
            if self.is_gone():
                raise ConnectionGone(str(named)) from error
            raise named from error

    def is_gone(self) -> bool:
        """Whether the writer's connection was lost, and with it what had not been committed."""
        return False

    def ready(self) -> None:
        """Before anything is sent on the writer's connection. Raises `JournalUnavailable` while there is none."""
        if self.lost:
            raise JournalLost(self.lost)

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def roll_back(self) -> None:
        """Never raises: what went wrong before is what must be told."""

    @abstractmethod
    def named(self, error: BaseException) -> BaseException:
        """`error` if it is not the driver's, else one of ours."""

    @abstractmethod
    def run(self, statement: str) -> None:
        """Execute a statement without parameters on the driver's connection."""

    @abstractmethod
    def put_rows(self, bulk: Bulk, rows: Sequence[Values]) -> int:
        """Execute one bulk statement; answers how many rows it changed."""

    def put(self, batch: Batch) -> None:
        """Execute the statements of a batch, in order. Raises `RowRefused`."""
        for bulk, rows in batch:
            try:
                changed = self.put_rows(bulk, rows)
            except self.unstorable as error:
                raise RowRefused(None) from error
            except self.refusals as error:
                raise RowRefused(bulk) from error
            if bulk.counts and changed != len(rows):
                raise RowRefused(bulk)

    def begin_and_put(self, batch: Batch) -> None:
        """Begin a transaction and `put`; which row was refused need not be known, only that one was."""
        self.begin()
        self.put(batch)

    # --- the store of the writer

    def write(self, packed: Sequence[PackedCommit]) -> None:
        batch = batch_of(packed, self._definitions)
        with self.transaction(begun=False):
            self.begin_and_put(batch)
        self.settle(len(packed), batch)

    def settle(self, commits: int, batch: Batch) -> None:
        """This batch is durable."""
        self.written.commits += commits
        self.written.rows += sum(len(rows) for _, rows in batch)
        if len(self._definitions) > _MOST_DEFINITIONS:
            self._definitions.clear()
        self._definitions |= batch.definitions

    def write_each(self, packed: Sequence[PackedCommit], fence: Fence) -> Sequence[Exception | None]:
        batches = [batch_of((item,)) for item in packed]
        with self.transaction():
            refusals = [self._write_one(item, batch, fence) for item, batch in zip(packed, batches, strict=True)]
        for refusal, batch in zip(refusals, batches, strict=True):
            if refusal is None:
                self.settle(1, batch)
        return refusals

    def _write_one(self, item: PackedCommit, batch: Batch, fence: Fence) -> Exception | None:
        self.run("SAVEPOINT one")
        try:
            with fence.admitting(item.commit):
                self.put(batch)
        except RowRefused as refusal:
            self.run("ROLLBACK TO SAVEPOINT one")
            return _told(refusal, item.commit)
        except Conflict as conflict:
            # The fence: what follows a refused commit is refused as well.
            self.run("ROLLBACK TO SAVEPOINT one")
            return conflict
        self.run("RELEASE SAVEPOINT one")
        return None

    def landed(self, packed: Sequence[PackedCommit]) -> Sequence[bool]:
        with self.naming_errors():
            self.ready()
            return [self._is_stored(item) for item in packed]

    def _is_stored(self, item: PackedCommit) -> bool:
        first, commit = item.rows[0], item.commit
        key = {"namespace": commit.namespace, "execution_id": commit.execution_id, "first_seq": first.first_seq}
        return self.connection.execute(_LANDED, key).scalar_one_or_none() == first.body

    def change(self, change: Change[T]) -> T:
        # It may delete definitions that nobody uses.
        self._definitions.clear()
        with self.transaction():
            return change(self.connection)

    def head(self, namespace: str, execution_id: str) -> Head | None:
        with self.naming_errors():
            self.ready()
            row = self.connection.execute(_HEAD, {"namespace": namespace, "execution_id": execution_id}).one_or_none()
        return None if row is None else Head(row[1] or 0, ExecutionStatus(row[0]).is_terminal)

    def tidy(self) -> None:  # noqa: B027  # not every database has something to tidy
        """Nothing, unless a database says otherwise."""


def _told(refusal: RowRefused, commit: Commit) -> Exception:
    if refusal.bulk is None:
        return UnwritableCommit(commit.execution_id, str(refusal.__cause__))
    return refusal.bulk.refused(commit)
