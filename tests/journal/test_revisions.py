"""The schema: migrations make exactly the tables of the package, and a start brings a database to them or refuses."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from tests.journal.commits import append, opening
from workflow_engine.journal import revisions
from workflow_engine.journal.contract import JournalRefused
from workflow_engine.journal.opening import Migrate, journal_for
from workflow_engine.journal.sqlite import sqlite_module
from workflow_engine.journal.tables import METADATA
from workflow_engine.journal.usage import UsageFilter
from workflow_engine.layout import migrations_folder

CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace
    UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
    UNION ALL SELECT '', proname, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace
    UNION ALL SELECT table_name, column_name, concat_ws(' ', data_type, is_nullable, column_default, collation_name)
    FROM information_schema.columns WHERE table_schema = current_schema()
"""


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection outside of any journal, whose changes stay."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, module=sqlite_module())
    else:
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def schema_of(connection: Connection) -> set[tuple[str, ...]]:
    """Everything the database knows about its tables, as comparable text."""
    if connection.dialect.name == "postgresql":
        (schema,) = connection.execute(text("SELECT current_schema()")).one()
        found = connection.execute(text(CONSTRAINTS))
        return {tuple(str(value).replace(f"{schema}.", "") for value in row) for row in found}
    found = connection.execute(text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    # A table's columns and constraints are a set: the two ways to make it write its constraints in another order.
    return {(kind, name, *sorted(part.strip() for part in re.split(r"[,()]", sql))) for kind, name, sql in found}


def dropped(connection: Connection) -> None:
    METADATA.drop_all(connection)
    connection.execute(text(f"DROP TABLE {revisions.TABLE}"))
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION refuse_change_of_ended_execution"))


def test_migrations_make_exactly_the_tables_of_the_package(database_url: str) -> None:
    with connected(database_url) as connection:
        revisions.create(connection)
        created = schema_of(connection)
        dropped(connection)
        assert schema_of(connection) == set()

        revisions.upgrade(connection)

        assert schema_of(connection) == created
        context = MigrationContext.configure(connection, opts={"version_table": revisions.TABLE})
        assert compare_metadata(context, METADATA) == []
        assert revisions.revision_of(connection) == revisions.HEAD
    assert len(created) > len(METADATA.tables)


def test_the_newest_revision_is_the_one_the_package_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))

    assert ScriptDirectory.from_config(config).get_heads() == [revisions.HEAD]


async def test_an_empty_database_gets_its_tables_at_the_first_start(database_url: str) -> None:
    journal = journal_for(database_url, migrate="never")
    await journal.open()
    await append(journal, opening("e"))
    await journal.close()

    with connected(database_url) as connection:
        assert revisions.revision_of(connection) == revisions.HEAD
        assert set(METADATA.tables) <= set(inspect(connection).get_table_names())


def behind(url: str) -> None:
    """A database as it is before the first migration, but known to be ours."""
    with connected(url) as connection:
        revisions.create(connection)
        dropped(connection)
        connection.execute(
            text(
                f"CREATE TABLE {revisions.TABLE} (version_num VARCHAR(32) NOT NULL, "
                f"CONSTRAINT {revisions.TABLE}_pkc PRIMARY KEY (version_num))"
            )
        )


async def migrated(url: str, migrate: Migrate) -> None:
    behind(url)
    journal = journal_for(url, migrate=migrate)
    await journal.open()
    await append(journal, opening("e"))
    await journal.close()
    with connected(url) as connection:
        assert revisions.revision_of(connection) == revisions.HEAD


async def test_a_database_that_is_behind_is_migrated_where_that_is_allowed(database_url: str) -> None:
    await migrated(database_url, "always")


async def test_what_the_first_tables_hold_outlives_the_migration(database_url: str) -> None:
    with connected(database_url) as connection:
        revisions.upgrade(connection, "0001")
        connection.execute(text("INSERT INTO secret (name, value) VALUES ('kept', :value)"), {"value": b"x" * 32})

    journal = journal_for(database_url, migrate="always")
    await journal.open()
    assert await journal.secret("kept") == b"x" * 32
    assert list(await journal.api_keys()) == []
    assert list(await journal.workers()) == []
    assert list(await journal.agents()) == []
    assert [line.calls for line in await journal.usage(UsageFilter())] == [0]
    await journal.close()


async def test_an_embedded_database_is_migrated_by_itself(tmp_path: Path) -> None:
    await migrated(f"sqlite:///{tmp_path / 'j.db'}", "auto")


async def test_a_database_that_is_behind_is_refused_where_it_must_not_be_migrated(database_url: str) -> None:
    behind(database_url)

    with pytest.raises(JournalRefused, match="workflow-engine migrate"):
        await journal_for(database_url, migrate="never").open()

    with connected(database_url) as connection:
        assert inspect(connection).get_table_names() == [revisions.TABLE]


async def test_a_server_that_is_behind_is_not_migrated_by_itself(postgres_url: str) -> None:
    behind(postgres_url)

    with pytest.raises(JournalRefused, match="workflow-engine migrate"):
        await journal_for(postgres_url).open()


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str) -> None:
    set_revision(database_url, "9999")

    with pytest.raises(JournalRefused, match="newer version"):
        await journal_for(database_url, migrate="always").open()

    with connected(database_url) as connection:
        assert revisions.revision_of(connection) == "9999"


def set_revision(url: str, revision: str) -> None:
    with connected(url) as connection:
        revisions.create(connection)
        connection.execute(text(f"UPDATE {revisions.TABLE} SET version_num = '{revision}'"))


async def test_tables_of_somebody_else_are_not_touched(database_url: str) -> None:
    with connected(database_url) as connection:
        connection.execute(text("CREATE TABLE event (mine TEXT)"))

    with pytest.raises(JournalRefused, match="event"):
        await journal_for(database_url).open()

    with connected(database_url) as connection:
        assert inspect(connection).get_table_names() == ["event"]


def test_alembic_is_imported_only_when_a_migration_is_due(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from workflow_engine.journal.opening import journal_for\n"
        "async def run():\n"
        f"    journal = journal_for('sqlite:///{tmp_path / 'j.db'}')\n"
        "    await journal.open()\n"
        "    await journal.close()\n"
        "asyncio.run(run()); asyncio.run(run())\n"
        "print('alembic' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )

    assert process.stdout.split()[-1] == "False"
