"""`workflow-engine migrate`."""

import sqlite3
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine
from tests.serving.process import Serve
from workflow_engine.journal.revisions import HEAD, TABLE


def test_an_empty_database_gets_its_tables_once(cli: CommandLine, database_url: str) -> None:
    due = cli("migrate", "--check", "--database-url", database_url)
    assert (due.code, due.out) == (1, f"a migration is due: the database is empty, this version needs {HEAD}\n")
    done = cli("migrate", "--database-url", database_url)
    assert (done.code, done.out) == (0, f"migrated: the database was empty and is at revision {HEAD} now\n")
    again = cli("migrate", "--check", "--database-url", database_url)
    assert (again.code, again.out) == (0, f"the database is at revision {HEAD}, as this version needs it\n")


def test_a_check_makes_no_file(cli: CommandLine, tmp_path: Path) -> None:
    assert cli("migrate", "--check", "--database-url", f"sqlite:///{tmp_path}/deep/flows.db").code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/flows.db"
    cli("migrate", "--database-url", url)
    with sqlite3.connect(tmp_path / "flows.db") as connection:
        connection.execute(f"UPDATE {TABLE} SET version_num = '9999'")
    connection.close()
    said = cli("migrate", "--database-url", url)
    assert said.code == 1
    assert "was it written by a newer version?" in said.err


def test_a_database_that_an_engine_owns_can_be_checked_and_needs_no_migration(
    cli: CommandLine, serve: Serve, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/flows.db"
    serve(url).start()
    assert cli("migrate", "--check", "--database-url", url).code == 0


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "sqlite:///flow.json/flows.db", "nonsense"])
def test_a_database_that_cannot_be_reached_is_told(cli: CommandLine, url: str) -> None:
    cli.write("flow.json", "")
    said = cli("migrate", "--database-url", url)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
