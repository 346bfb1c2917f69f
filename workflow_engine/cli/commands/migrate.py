"""`workflow-engine migrate`: bring the schema of the database to this version, or tell whether that is due."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.failures import FAILED
from workflow_engine.cli.options import DatabaseUrl

if TYPE_CHECKING:
    from workflow_engine.settings import Settings


def migrate(
    database_url: DatabaseUrl = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 when a migration is due.")
    ] = False,
) -> None:
    """Bring the schema of the database to this version.

    No engine may run on the database meanwhile. It happens in one transaction: wholly or not at all.
    """
    from workflow_engine.bounds import journal_timeouts
    from workflow_engine.journal.examining import schema_of
    from workflow_engine.logs import configure
    from workflow_engine.settings import load_settings

    settings = load_settings(database_url=database_url)
    configure(settings.log_format, "error")
    schema = schema_of(settings.database_url, journal_timeouts(settings))
    if schema.is_current:
        out().print(words(f"the database is at revision {schema.found}, as this version needs it"))
    elif check:
        out().print(
            words(f"a migration is due: the database is {_at(schema.found)}, this version needs {schema.needed}")
        )
        raise typer.Exit(FAILED)
    else:
        _bring_up_to_date(settings)
        out().print(words(f"migrated: the database was {_at(schema.found)} and is at revision {schema.needed} now"))


def _bring_up_to_date(settings: "Settings") -> None:
    """Opening a journal does it, as the one owner of the database."""
    from workflow_engine.bounds import journal_timeouts
    from workflow_engine.journal.opening import journal_for

    async def open_and_close() -> None:
        journal = journal_for(settings.database_url, timeouts=journal_timeouts(settings), migrate="always")
        await journal.open()
        await journal.close()

    asyncio.run(open_and_close())


def _at(revision: str | None) -> str:
    return "empty" if revision is None else f"at revision {revision}"
