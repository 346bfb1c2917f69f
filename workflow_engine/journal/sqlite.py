"""History in SQLite: WAL, synchronous=FULL, one writer that also checkpoints, and a lock file for the one engine."""

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from workflow_engine.journal.bulk import Bulk, Value, Values
from workflow_engine.journal.contract import Failpoints, JournalLost, JournalRefused, JournalUnavailable
from workflow_engine.journal.database import Database
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.journal.lockfile import LockFile
from workflow_engine.journal.packing import PackedCommit
from workflow_engine.logs import logger

_LOG: Final = logger(__name__)

# Older ones can corrupt the database when two connections write or checkpoint at once. One writer avoids it.
SAFE_VERSION: Final = (3, 51, 3)

# Rows are bound 128, 64, ... 1 at a time, so that a handful of prepared statements serve every number of them.
_CHUNKS: Final = (128, 64, 32, 16, 8, 4, 2, 1)

# When about so much was written to the WAL, the writer moves it to the database file, after everybody is answered.
# The second bound, in pages, makes SQLite do it inside a commit should the first have been too optimistic.
_CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
_CHECKPOINT_PAGES: Final = 16 * 1024
_PAGE_BYTES: Final = 4096
_PAGES_A_TRANSACTION: Final = 4

# Primary result codes, from sqlite.org/rescode.html; the low byte of what the driver reports.
_CODES: Final[Mapping[int, str]] = {
    5: "another program has locked the database",
    6: "another program has locked the database",
    7: "there is no memory left",
    13: "the disk is full",
}
_FATAL_CODES: Final = frozenset({8, 10, 11, 14, 26})  # READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB
_SHARED_MEMORY_CODES: Final = frozenset({4618, 4874, 5130, 5386})  # SQLITE_IOERR_SHM*: nothing durable is in it


class SqliteDatabase(Database):
    """One file with its `-wal`, `-shm` and `.lock` beside it."""

    def __init__(self, url: URL, limits: JournalLimits, timeouts: JournalTimeouts, failpoints: Failpoints) -> None:
        super().__init__(failpoints)
        if not url.database or url.database == ":memory:":
            raise JournalRefused("SQLite in memory keeps nothing; write memory:// to say so, or name a file")
        self._path: Final = Path(url.database)
        self._sqlite: Final = sqlite_module()
        self._lock: Final = LockFile(self._path.with_name(self._path.name + ".lock"))
        self._timeout: Final = timeouts.busy_seconds
        self._writers: Final = self._engine(url, NullPool)
        self.readers = self._engine(url, QueuePool, pool_size=limits.reader_threads, max_overflow=0)
        self.refusals = (self._sqlite.IntegrityError,)
        self.unstorable = (self._sqlite.DataError, self._sqlite.InterfaceError, OverflowError)
        self._unchecked_bytes = 0
        event.listen(self._writers, "connect", self._prepare_writer)
        event.listen(self.readers, "connect", self._prepare_reader)

    def _engine(self, url: URL, pool: type[NullPool] | type[QueuePool], **options: Any) -> Engine:  # noqa: ANN401  # the driver's
        arguments = {"check_same_thread": False, "timeout": self._timeout, "cached_statements": 256}
        return create_engine(
            url.set(drivername="sqlite"),
            module=self._sqlite,
            poolclass=pool,
            connect_args=arguments,
            isolation_level="AUTOCOMMIT",
            **options,
        )

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    # --- conditions and ownership

    def own(self) -> None:
        if self._sqlite.sqlite_version_info < SAFE_VERSION:
            _LOG.warning("an old SQLite; install pysqlite3 for a newer one", version=self._sqlite.sqlite_version)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            raise JournalRefused(f"the folder {self._path.parent} cannot be written: {error.strerror}") from error
        with self.naming_errors():
            self.write_on(self._writers.connect())

    def begin_term(self) -> None:
        """The lock file says all."""

    def disown(self) -> None:
        # The writer last: whoever closes last moves what is left in the WAL.
        self.readers.dispose()
        if self._writing is not None:
            self._writing.close()
            self._writing = None
        self._writers.dispose()
        self._lock.release()

    def _prepare_writer(self, connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's
        self._prepare(connection)
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA cache_size = -16384")

    def _prepare_reader(self, connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's
        self._prepare(connection)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA query_only = ON")

    def _prepare(self, connection: Any) -> None:  # noqa: ANN401  # the driver's
        for setting, value, wanted in (
            ("journal_mode", "WAL", "wal"),
            ("synchronous", "FULL", 2),
            ("foreign_keys", "ON", 1),
        ):
            connection.execute(f"PRAGMA {setting} = {value}")
            (found,) = connection.execute(f"PRAGMA {setting}").fetchone()
            if found != wanted:
                raise JournalRefused(
                    f"SQLite keeps {setting} = {found} for {self._path}, and {value} is needed; is it on a local disk?"
                )

    # --- transactions

    def begin(self) -> None:
        self.driver.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.driver.execute("COMMIT")

    def roll_back(self) -> None:
        if self.driver.in_transaction:
            try:
                self.driver.execute("ROLLBACK")
            except self._sqlite.Error as error:
                # A transaction that neither commits nor ends: nothing may be written on top of it.
                self.lost = f"SQLite cannot roll back ({error}); restart to recover"

    def run(self, statement: str) -> None:
        self.driver.execute(statement)

    def put_rows(self, bulk: Bulk, rows: Sequence[Values]) -> int:
        driver = self.driver
        before: int = driver.total_changes
        start, left = 0, len(rows)
        for chunk in _CHUNKS:
            while left >= chunk:
                values: list[Value] = [value for row in rows[start : start + chunk] for value in row]
                driver.execute(_text(bulk, chunk), values)
                start, left = start + chunk, left - chunk
        after: int = driver.total_changes
        return after - before

    def write(self, packed: Sequence[PackedCommit]) -> None:
        super().write(packed)
        size = sum(item.size for item in packed)
        self._unchecked_bytes += size + (len(packed) + _PAGES_A_TRANSACTION) * _PAGE_BYTES

    def tidy(self) -> None:
        if self._unchecked_bytes < _CHECKPOINT_BYTES or self.lost:
            return
        self._unchecked_bytes = 0
        try:
            with self.naming_errors():
                self.driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except (JournalUnavailable, self._sqlite.Error) as error:
            # What was answered is in the WAL. If the disk failed, the next commit is refused.
            _LOG.error("SQLite could not checkpoint", error=str(error))

    def named(self, error: BaseException) -> BaseException:
        code = getattr(error, "sqlite_errorcode", 0)
        if why := _CODES.get(code & 0xFF):
            return JournalUnavailable(f"SQLite cannot write {self._path} now: {why}")
        if code in _SHARED_MEMORY_CODES:
            return JournalUnavailable(f"SQLite cannot write {self._path} now: {error}")
        if code & 0xFF in _FATAL_CODES:
            # Whether the last pages reached the disk is not known any more, and asking again may get a wrong yes.
            return JournalLost(f"SQLite cannot go on with {self._path}: {error}; check the disk, then restart")
        return error


@cache
def _text(bulk: Bulk, rows: int) -> str:
    one = f"({', '.join('?' * len(bulk.columns))})"
    return f"WITH v({bulk.names}) AS (VALUES {', '.join([one] * rows)}) {bulk.action}"


def sqlite_module() -> ModuleType:
    """The newer of the SQLite libraries. One process must never open a file with both: their locks do not see each
    other, and closing a file in one lets go of the locks of the other.
    """
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3.dbapi2")
