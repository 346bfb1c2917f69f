"""The server as its users have it: a process of its own on a free port, asked, stopped and killed from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from tests.serving.client import Client, Unreachable

CHECKOUT: Final = Path(__file__).parents[2]
PRODUCT: Final = (sys.executable, str(CHECKOUT / "main.py"))
"""What users start; `ServerProcess.program` may be changed between two lives."""
READY_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02
# What would make a server under test different from anybody's: settings, those of platforms, keys of providers.
FOREIGN: Final = ("WORKFLOW_ENGINE_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "AZURE_", "AWS_", "MISTRAL_")
FOREIGN_NAMES: Final = frozenset({"DATABASE_URL", "PORT", "LOG_LEVEL", "http_proxy", "HTTP_PROXY"})


class ServerEnded(Exception):
    """The process ended before it was ready; the text is what it had to say."""

    def __init__(self, exit_code: int, log: str) -> None:
        self.exit_code = exit_code
        self.log = log
        super().__init__(f"the server ended with {exit_code}:\n{log[-4_000:]}")


class NotReady(Exception):
    def __init__(self, seconds: float, log: str) -> None:
        super().__init__(f"the server was not ready after {seconds} s:\n{log[-4_000:]}")


class ServerProcess:
    """One server with its two ports and its database, started as often as a test wants; what it prints is kept.

    `settings` are named without their prefix (`shutdown_grace_seconds=2`, `storage__standby=True`); `surroundings` are
    further variables of its environment, such as keys of providers. It runs in `folder`, so that no `.env` of a
    checkout is read. Leaving the context kills what still runs.
    """

    def __init__(
        self,
        database_url: str,
        folder: Path,
        settings: Mapping[str, object],
        program: Sequence[str] = PRODUCT,
        surroundings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.grpc_port = free_port()
        self.client = Client("127.0.0.1", self.port)
        self.program = program
        self._folder = folder
        self._log = folder / f"server-{self.port}.log"
        self._environment = environment(
            {"port": self.port, "grpc_port": self.grpc_port, "database_url": database_url, "log_format": "json"}
            | dict(settings)
        ) | dict(surroundings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.is_running:
            self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def pid(self) -> int:
        return self._begun().pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything it printed, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def launch(self) -> Self:
        """Start the process and do not wait for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.program,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def start(self, seconds: float = READY_SECONDS) -> Self:
        """Start it and wait until it is ready. Raises `ServerEnded`, `NotReady`."""
        return self.launch().wait_until_ready(seconds)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> Self:
        deadline = time.monotonic() + seconds
        while not self._answers("/readyz"):
            if (code := self._begun().poll()) is not None:
                raise ServerEnded(code, self.log)
            if time.monotonic() > deadline:
                raise NotReady(seconds, self.log)
            time.sleep(POLL_SECONDS)
        return self

    def wait_for_end(self, seconds: float = READY_SECONDS) -> int:
        """The exit code of a process that is about to end; a signal is negative."""
        return self._begun().wait(seconds)

    def kill(self) -> None:
        """As a crash would: at once, without any word."""
        self.send(signal.SIGKILL)
        self.wait_for_end()

    def terminate(self, seconds: float = READY_SECONDS) -> int:
        """As an operator would: ask it to stop; its exit code."""
        self.send(signal.SIGTERM)
        return self.wait_for_end(seconds)

    def send(self, number: signal.Signals) -> None:
        self._begun().send_signal(number)

    def _answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status == 200
        except Unreachable:
            return False

    def _begun(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was never started"
        return self._process


class Serve(Protocol):
    """Makes a `ServerProcess`, not started: `serve(database_url, shutdown_grace_seconds=2)`."""

    def __call__(self, database_url: str, *, program: Sequence[str] = PRODUCT, **settings: object) -> ServerProcess: ...


@contextmanager
def server_processes(folder: Path) -> Iterator[Serve]:
    """A maker of servers that all run in this folder and are killed at the end."""
    with ExitStack() as stack:

        def made(database_url: str, *, program: Sequence[str] = PRODUCT, **settings: object) -> ServerProcess:
            return stack.enter_context(ServerProcess(database_url, folder, settings, program))

        yield made


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Ours without anything that concerns the server or a provider, with these settings.

    A server takes any free port for gRPC, unless they say which: tests run at the same time.
    """
    kept = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
    own = {f"WORKFLOW_ENGINE_{name.upper()}": str(value) for name, value in ({"grpc_port": 0} | dict(settings)).items()}
    return kept | own | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}


def _is_foreign(name: str) -> bool:
    return name.startswith(FOREIGN) or name in FOREIGN_NAMES


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
