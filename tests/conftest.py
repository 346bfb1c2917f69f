"""What many rooms need to be tested: a journal of each kind, a real PostgreSQL, and server processes.

Every test gets a database of its own. Where no PostgreSQL can be had the tests that need it are skipped, and the last
line says so; with `CI=true` they fail. The same holds for the programs that some tests need.
"""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgresql import empty_schema, running_postgresql
from tests.serving.process import Serve, server_processes
from tests.tools import HOW_TO_GET, MissingTool, RequiresTool, find_tools
from workflow_engine.journal.contract import Journal
from workflow_engine.journal.opening import journal_for

NO_POSTGRESQL = "no PostgreSQL to test on"
KEEPERS = ("memory", "sqlite", "postgresql")


def pytest_configure() -> None:
    # A job in the background of a script ignores interrupts, and so would every program that is started here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, for tests that bring a schema of their own."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_postgresql())
        except Exception as error:
            # Whatever it is, it is told: as a failure in CI, else in the last line.
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"{NO_POSTGRESQL}: {error}")
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty schema, dropped after the test."""
    with empty_schema(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def requires_tool() -> RequiresTool:
    """Ends a test that needs a program which is not there: `requires_tool("node", "npm")`."""

    def required(*names: str) -> None:
        try:
            find_tools(*names)
        except MissingTool as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))

    return required


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes server processes, not started; whatever of them still runs is killed after the test."""
    with server_processes(tmp_path) as made:
        yield made


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
    for report in terminalreporter.stats.get("passed", []):
        for name, line in report.user_properties:
            if name == "shown":
                terminalreporter.write_line(line)
    skipped = terminalreporter.stats.get("skipped", [])
    missing = [report for report in skipped if NO_POSTGRESQL in str(report.longrepr)]
    if missing:
        terminalreporter.write_line(
            f"NOT TESTED ON POSTGRESQL: {len(missing)} tests, because there is {missing[0].longrepr[2]}. Install the "
            "dev dependencies (uv sync), or name a server in TEST_DATABASE_URL.",
            red=True,
            bold=True,
        )
    for tool, how in HOW_TO_GET.items():
        untested = [report for report in skipped if str(MissingTool(tool)) in str(report.longrepr)]
        if untested:
            terminalreporter.write_line(
                f"NOT TESTED: {len(untested)} tests, because {tool} is missing. Get it by: {how}", red=True, bold=True
            )
