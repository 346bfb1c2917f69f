"""A command line of its own for every test, and one running server for those that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine
from tests.serving.process import ServerProcess, free_port, server_processes


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around the tests may tell its width by COLUMNS; a pipe has none."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """Where no server is up."""
    return CommandLine(tmp_path, {"port": free_port(), "grpc_port": 0})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    with server_processes(folder) as serve:
        yield serve(f"sqlite:///{folder}/flows.db").start()


@pytest.fixture
def served(server: ServerProcess, tmp_path: Path) -> CommandLine:
    """Whose settings describe the server that is up."""
    return CommandLine(tmp_path, {"port": server.port})
