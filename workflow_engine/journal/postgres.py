"""History in PostgreSQL: one connection writes and holds the advisory lock of the one engine.

The lock belongs to the very connection that writes, so whoever can commit owns the database. When that connection is
lost, a new one must get the lock first: from then on nothing of the old one can still happen, and what became of a
commit in doubt can be looked up. The term in `owner` tells whether somebody else owned the database in between.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import psycopg
from sqlalchemy import URL, create_engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import NullPool

from workflow_engine.journal.bulk import APPEND, Batch, Bulk, Values, batch_of
from workflow_engine.journal.contract import Failpoints, JournalLost, JournalOwned, JournalRefused, JournalUnavailable
from workflow_engine.journal.database import Database
from workflow_engine.journal.fence import Head
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.journal.packing import PackedCommit
from workflow_engine.journal.writer import ConnectionGone, InDoubt, RowRefused
from workflow_engine.jsontext import write

_STANDBY_SECONDS: Final = 0.5

# A schema of its own is a database of its own.
_LOCK_KEY: Final = "hashtextextended('workflow-engine:' || current_schema(), 0)"

_CONDITIONS: Final = (
    ("fsync", ("on",), "an answered request could be lost with the power"),
    ("synchronous_commit", ("on", "remote_apply"), "a commit could be answered before it is on disk"),
)


class PostgresDatabase(Database):
    """One schema of one database."""

    def __init__(
        self, url: URL, limits: JournalLimits, timeouts: JournalTimeouts, failpoints: Failpoints, *, standby: bool
    ) -> None:
        super().__init__(failpoints)
        self._address: Final = url
        self._standby: Final = standby
        self._timeouts: Final = timeouts
        driver_url = url.set(drivername="postgresql+psycopg")
        common: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "connect_args": self._connect_arguments()}
        self._writers: Final = create_engine(driver_url, poolclass=NullPool, **common)
        self.readers = create_engine(
            driver_url, pool_size=limits.reader_threads, max_overflow=0, pool_pre_ping=True, **common
        )
        # Cardinality: one key twice within a group.
        self.refusals = (psycopg.IntegrityError, psycopg.errors.CardinalityViolation)
        self.unstorable = (psycopg.DataError,)
        self._session: tuple[int, str] | None = None
        self._term: int | None = None
        event.listen(self._writers, "connect", self._limit_waiting)
        event.listen(self.readers, "connect", self._limit_waiting)

    def _connect_arguments(self) -> dict[str, object]:
        return {
            "connect_timeout": max(1, round(self._timeouts.connect_seconds)),
            "application_name": "workflow-engine",
            # A peer that is gone without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }

    @property
    def url(self) -> str:
        given = self._address
        return URL.create("postgresql", host=given.host, port=given.port, database=given.database).render_as_string()

    def _limit_waiting(self, connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's
        for setting, seconds in (
            ("lock_timeout", self._timeouts.lock_seconds),
            ("statement_timeout", self._timeouts.statement_seconds),
            ("idle_in_transaction_session_timeout", self._timeouts.idle_in_transaction_seconds),
        ):
            connection.execute("SELECT set_config(%s, %s, false)", (setting, str(round(seconds * 1000))))

    # --- conditions and ownership

    async def wait_for_ownership(self) -> None:
        while True:
            try:
                return await asyncio.to_thread(self.own)
            except JournalOwned:
                if not self._standby:
                    raise
            await asyncio.sleep(_STANDBY_SECONDS)

    def own(self) -> None:
        self.lost, self._term = "", None
        self._connect()
        if not self._take_lock():
            self._drop()
            raise JournalOwned(
                f"another engine owns {self.url}; stop it first, or let this one wait for it as a standby"
            )

    def _connect(self) -> None:
        with self.naming_errors():
            self.write_on(self._writers.connect())
            self._check_conditions()

    def _check_conditions(self) -> None:
        for setting, wanted, danger in _CONDITIONS:
            found = self.connection.execute(text(f"SHOW {setting}")).scalar_one()
            if found not in wanted:
                self._drop()
                raise JournalRefused(
                    f"PostgreSQL runs with {setting} = {found}, so {danger}; set it to {wanted[0]} for this database"
                )

    def _take_lock(self) -> bool:
        with self.naming_errors():
            taken: bool = self.connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK_KEY})")).scalar_one()
            if taken:
                backend = text("SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")
                self._session = tuple(self.connection.execute(backend).one())
        return taken

    def begin_term(self) -> None:
        def begin(connection: Any) -> int:  # noqa: ANN401  # the driver's
            next_term = text(
                "INSERT INTO owner (name, term) VALUES ('engine', 1) "
                "ON CONFLICT (name) DO UPDATE SET term = owner.term + 1 RETURNING term"
            )
            term: int = connection.execute(next_term).scalar_one()
            return term

        self._term = self.change(begin)

    def disown(self) -> None:
        self.readers.dispose()
        self._drop()
        self._writers.dispose()

    def ready(self) -> None:
        super().ready()
        if self._writing is None:
            try:
                self._come_back()
            except ConnectionGone as error:
                # The new connection, too: it is not worth a third one right now.
                raise JournalUnavailable(str(error)) from error

    def is_gone(self) -> bool:
        if self._writing is not None and self.driver.closed:
            self._drop()
        return self._writing is None

    def head(self, namespace: str, execution_id: str) -> Head | None:
        try:
            return super().head(namespace, execution_id)
        except ConnectionGone:
            return super().head(namespace, execution_id)

    def _come_back(self) -> None:
        """A new connection in place of a lost one: it may write only if nobody else did in between."""
        self._connect()
        self._end_former_session()
        is_owner = self._take_lock()
        term = self.connection.execute(text("SELECT term FROM owner WHERE name = 'engine'")).scalar_one_or_none()
        if term != self._term:
            self._drop()
            raise JournalLost(f"another engine took {self.url} while the connection was away; this one must restart")
        if not is_owner:
            self._drop()
            raise JournalUnavailable(f"somebody else holds {self.url} for the moment")

    def _end_former_session(self) -> None:
        """The server may not know yet that our old connection is gone; until it does, that one holds the lock."""
        pid, started = self._session or (0, "")
        ghost = text(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
            "WHERE pid = :pid AND backend_start::text = :started"
        )
        self.connection.execute(ghost, {"pid": pid, "started": started}).all()

    def _drop(self) -> None:
        if self._writing is not None:
            self._writing.invalidate()
            self._writing.close()
            self._writing = None

    # --- transactions

    def begin(self) -> None:
        self.driver.execute("BEGIN")

    def commit(self) -> None:
        try:
            self.driver.execute("COMMIT")
        except psycopg.OperationalError as error:
            self._raise_if_gone(error)
            raise

    def _raise_if_gone(self, error: psycopg.Error) -> None:
        if self.is_gone():
            raise InDoubt from error

    def roll_back(self) -> None:
        if self._writing is None:
            return
        try:
            self.driver.execute("ROLLBACK")
        except psycopg.Error:
            # The server rolls back what a closed connection left open.
            self._drop()

    def run(self, statement: str) -> None:
        self.driver.execute(statement)

    def put_rows(self, bulk: Bulk, rows: Sequence[Values]) -> int:
        changed: int = self._execute(bulk, rows).rowcount
        return changed

    def _execute(self, bulk: Bulk, rows: Sequence[Values]) -> Any:  # noqa: ANN401  # the driver's
        names = [column.name for column in bulk.columns]
        body = write([dict(zip(names, row, strict=True)) for row in rows]).decode()
        return self.driver.execute(_text(bulk), (body,), prepare=True)

    def begin_and_put(self, batch: Batch) -> None:
        """All statements in one go: the answers are waited for once."""
        sent = []
        try:
            with self.driver.pipeline():
                self.begin()
                for bulk, rows in batch:
                    sent.append((bulk, len(rows), self._execute(bulk, rows)))
        except (*self.refusals, *self.unstorable) as error:
            raise RowRefused(None) from error
        for bulk, count, cursor in sent:
            if bulk.counts and cursor.rowcount != count:
                raise RowRefused(bulk)

    def write(self, packed: Sequence[PackedCommit]) -> None:
        batch = batch_of(packed, self._definitions)
        if batch.rows.keys() == {APPEND}:
            self._append_alone(batch)
            self.settle(len(packed), batch)
        else:
            super().write(packed)

    def _append_alone(self, batch: Batch) -> None:
        """A single statement is a transaction: one way to the server and back instead of three."""
        with self.naming_errors():
            self.ready()
            self._failpoints.reach("before-commit")
            try:
                self.put(batch)
            except psycopg.OperationalError as error:
                self._raise_if_gone(error)
                raise
        self.written.transactions += 1
        self._failpoints.reach("after-commit")

    def named(self, error: BaseException) -> BaseException:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction):
            return JournalUnavailable(f"PostgreSQL at {self.url} cannot be used now: {str(error).strip()}")
        return error


@cache
def _text(bulk: Bulk) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    columns = ", ".join(f"{column.name} {column.type.compile(dialect=dialect)}" for column in bulk.columns)
    return f"WITH v AS (SELECT * FROM json_to_recordset(%s::json) AS v({columns})) {bulk.action}"  # noqa: S608  # our names
