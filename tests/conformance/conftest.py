"""A real server for all cases of a module, on each kind of database, and everything done before the first look."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgresql import empty_schema
from tests.serving.client import Client
from tests.serving.process import server_processes

AT_ONCE = 16


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("conformance")
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'cases.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(empty_schema(request.getfixturevalue("postgres_server")))
        serve = stack.enter_context(server_processes(folder))
        yield serve(url).start().client


@pytest.fixture(scope="module")
def at_once() -> Iterator[ThreadPoolExecutor]:
    """The cases of a module do not wait for each other, so that the slowest says how long it takes."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
