"""From a URL to a journal. What a keeper needs is imported when it is chosen: memory needs no database library."""

from typing import Final, Literal, TypeAlias

from workflow_engine.journal.contract import Failpoints, Journal, JournalRefused
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.journal.memory import MemoryJournal

Migrate: TypeAlias = Literal["auto", "always", "never"]

_KINDS: Final = "memory://, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


def journal_for(
    url: str,
    *,
    limits: JournalLimits | None = None,
    timeouts: JournalTimeouts | None = None,
    failpoints: Failpoints | None = None,
    migrate: Migrate = "auto",
    wait_for_ownership: bool = False,
) -> Journal:
    """The journal of a URL, not yet open: `memory://`, `sqlite:///PATH` or `postgresql://...`.

    An empty database gets its tables on `open`. One that is behind is migrated when `migrate` is `always`, or `auto`
    on SQLite; otherwise `open` refuses. `wait_for_ownership` makes `open` wait, on PostgreSQL, until no other engine
    owns the database. Raises `JournalRefused` for any other URL.
    """
    limits, timeouts = limits or JournalLimits(), timeouts or JournalTimeouts()
    failpoints = failpoints or Failpoints()
    if url == "memory://":
        return MemoryJournal(limits, failpoints)

    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from workflow_engine.journal.sql import SqlJournal

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise JournalRefused(f"the database URL cannot be read; write {_KINDS}") from error
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        from workflow_engine.journal.sqlite import SqliteDatabase

        embedded = SqliteDatabase(parsed, limits, timeouts, failpoints)
        return SqlJournal(embedded, limits, "never" if migrate == "never" else "always")
    if kind in ("postgresql", "postgres"):
        from workflow_engine.journal.postgres import PostgresDatabase

        server = PostgresDatabase(parsed, limits, timeouts, failpoints, standby=wait_for_ownership)
        return SqlJournal(server, limits, "always" if migrate == "always" else "never")
    raise JournalRefused(f"there is no journal for {kind} databases; write {_KINDS}")
