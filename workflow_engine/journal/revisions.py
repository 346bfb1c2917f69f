"""Which schema a database has, and bringing it to ours.

An empty database gets today's tables at once, and a test holds them equal to what the migrations make. Alembic costs
0.3 s to import, so it is imported only when a migration is due.
"""

from typing import Final

from sqlalchemy import Connection, inspect, text

from workflow_engine.journal.contract import JournalRefused
from workflow_engine.journal.tables import METADATA
from workflow_engine.layout import migrations_folder

HEAD: Final = "0003"
"""The newest revision in `migrations/versions`."""
TABLE: Final = "workflow_engine_revision"
"""Alembic's own table under a name that an application with migrations of its own does not use."""

_OF_ALEMBIC: Final = (
    f"CREATE TABLE {TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {TABLE}_pkc PRIMARY KEY (version_num))"
)


def revision_of(connection: Connection) -> str | None:
    """The revision of a database: None for one that we have never written to, "" before the first migration."""
    if not inspect(connection).has_table(TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalar_one_or_none()  # noqa: S608  # our own names
    return found or ""


def create(connection: Connection) -> None:
    """All tables of today in an empty database. Raises `JournalRefused` when it has tables of these names already."""
    if foreign := sorted(set(inspect(connection).get_table_names()) & set(METADATA.tables)):
        raise JournalRefused(
            f"the database has tables named {', '.join(foreign)} that are not ours; "
            "give the engine a database or a schema of its own"
        )
    METADATA.create_all(connection, checkfirst=False)
    connection.execute(text(_OF_ALEMBIC))
    connection.execute(text(f"INSERT INTO {TABLE} (version_num) VALUES (:head)"), {"head": HEAD})  # noqa: S608  # our own names


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are due. The caller's transaction holds them all: either every one happens or none."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise JournalRefused(f"the database cannot be migrated: {error}; was it written by a newer version?") from error
