"""Looking at a database without becoming its engine: which schema it has, and whether it is fit to hold a journal."""

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from workflow_engine.journal import queries, revisions
from workflow_engine.journal.contract import JournalOwned, JournalUnavailable
from workflow_engine.journal.limits import JournalTimeouts
from workflow_engine.journal.opening import journal_for
from workflow_engine.journal.sql import SqlJournal
from workflow_engine.journal.sqlite import SAFE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_COMMITS: Final = 20


@dataclass(frozen=True, slots=True)
class Schema:
    """`found` is the revision of a database, None while it holds nothing of ours; `needed` is that of this version."""

    found: str | None
    needed: str

    @property
    def is_current(self) -> bool:
        return self.found == self.needed


@dataclass(frozen=True, slots=True)
class Examination:
    """What a database is. `commit_seconds` is the length of one durable commit, where it was measured."""

    product: str
    is_safe: bool
    is_in_use: bool
    commit_seconds: float | None = None


def schema_of(url: str, timeouts: JournalTimeouts | None = None) -> Schema:
    """Reads only, so a running engine is not disturbed. Raises `JournalRefused`, `JournalUnavailable`."""
    journal = journal_for(url, timeouts=timeouts, migrate="never")
    if not isinstance(journal, SqlJournal) or _is_absent(journal):
        return Schema(None, revisions.HEAD)
    with _reading(journal) as connection:
        return Schema(revisions.revision_of(connection), revisions.HEAD)


def has_valid_key(url: str, timeouts: JournalTimeouts | None = None) -> bool:
    """Whether a server on this database could be used from other machines. Raises as `schema_of` does."""
    if not schema_of(url, timeouts).is_current:
        return False
    with _reading(cast(SqlJournal, journal_for(url, timeouts=timeouts, migrate="never"))) as connection:
        return any(row.revoked_at is None for row in queries.api_keys(connection))


def examine(url: str, timeouts: JournalTimeouts | None = None) -> Examination:
    """Whether the storage keeps what an engine would ask of it. Raises `JournalRefused`, `JournalUnavailable`."""
    journal = journal_for(url, timeouts=timeouts, migrate="never")
    if not isinstance(journal, SqlJournal):
        return Examination("memory", is_safe=True, is_in_use=False)
    if make_url(journal.url).get_backend_name() == "sqlite":
        return _examine_sqlite(journal, timeouts)
    in_use = _is_in_use(journal)
    with _reading(journal) as connection:
        version: str = connection.execute(text("SHOW server_version")).scalar_one()
    return Examination(f"PostgreSQL {version}", is_safe=True, is_in_use=in_use)


def _examine_sqlite(journal: SqlJournal, timeouts: JournalTimeouts | None) -> Examination:
    """The conditions are tried on a database of a moment beside the real one, on the same disk."""
    folder = next(each for each in _file(journal).absolute().parents if each.exists())
    in_use = not _is_absent(journal) and _is_in_use(journal)
    try:
        with TemporaryDirectory(dir=folder, prefix=".trial-") as trial:
            beside = cast(SqlJournal, journal_for(f"sqlite:///{trial}/trial.db", timeouts=timeouts))
            seconds, version = _commits(beside)
    except OSError as error:
        raise JournalUnavailable(f"the folder {folder} cannot be written: {error.strerror or error}") from error
    safe = tuple(int(part) for part in version.split(".")) >= SAFE_VERSION
    return Examination(f"SQLite {version}", is_safe=safe, is_in_use=in_use, commit_seconds=seconds)


def _commits(journal: SqlJournal) -> tuple[float, str]:
    """Seconds of one durable commit, the median of a few; and the version of SQLite."""
    database, taken = journal.database, []
    try:
        database.own()
        with database.transaction():
            database.run("CREATE TABLE trial (n INTEGER)")
        for _ in range(_COMMITS):
            begun = time.perf_counter()
            with database.transaction():
                database.run("INSERT INTO trial VALUES (1)")
            taken.append(time.perf_counter() - begun)
        version: str = database.connection.execute(text("SELECT sqlite_version()")).scalar_one()
    finally:
        database.disown()
    return sorted(taken)[_COMMITS // 2], version


def _is_in_use(journal: SqlJournal) -> bool:
    """Whether an engine owns it. An engine that starts in this very moment may be refused and must be started again."""
    try:
        journal.database.own()
    except JournalOwned:
        return True
    finally:
        journal.database.disown()
    return False


@contextmanager
def _reading(journal: SqlJournal) -> "Iterator[Connection]":
    try:
        with journal.database.readers.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise journal.database.named(error.orig or error) from error
    finally:
        journal.database.readers.dispose()


def _file(journal: SqlJournal) -> Path:
    return Path(make_url(journal.url).database or "")


def _is_absent(journal: SqlJournal) -> bool:
    """To connect to a SQLite database that is not there would make it."""
    return make_url(journal.url).get_backend_name() == "sqlite" and not _file(journal).exists()
