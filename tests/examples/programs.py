"""The workers and callers of examples/workers as their users have them: built by the tools of their language, started
as processes, heard by what they print, stopped by signals.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.serving.process import CHECKOUT, environment

WORKERS: Final = CHECKOUT / "examples" / "workers"
MADE: Final = ("node_modules", "target", "workflowpb")
BUILD_SECONDS: Final = 300.0
"""For the first build, which downloads libraries."""
SAID_SECONDS: Final = 30.0
RUN_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.02


class BuildFailed(Exception):
    def __init__(self, command: tuple[str, ...], said: str) -> None:
        super().__init__(f"{' '.join(command)}:\n{said[-4_000:]}")


class NotSaid(Exception):
    def __init__(self, text: str, log: str) -> None:
        super().__init__(f"never said {text!r}:\n{log[-4_000:]}")


@dataclass(frozen=True, slots=True)
class Language:
    """How the programs of one language are built and started, word for word as their README says."""

    name: str
    step_type: str
    tools: tuple[str, ...]
    build: tuple[tuple[str, ...], ...]
    built: str
    """The last thing that the build makes: what is newer than all sources needs no other build."""
    worker: tuple[str, ...]
    caller: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return WORKERS / self.name


LANGUAGES: Final = (
    Language(
        name="node",
        step_type="node.slugify",
        tools=("node", "npm"),
        build=(("npm", "ci"),),
        built="node_modules/.package-lock.json",
        worker=("node", "worker.js"),
        caller=("node", "caller.js"),
    ),
    Language(
        name="go",
        step_type="go.checksum",
        tools=("go",),
        build=(("go", "generate", "./..."), ("go", "build", "-o", "target/", "./worker", "./caller")),
        built="target/worker",
        worker=("target/worker",),
        caller=("target/caller",),
    ),
    Language(
        name="java",
        step_type="java.wordcount",
        tools=("java", "mvn"),
        build=(("mvn", "-q", "package"),),
        built="target/workers.jar",
        worker=("java", "-cp", "target/workers.jar", "example.Worker"),
        caller=("java", "-cp", "target/workers.jar", "example.Caller"),
    ),
    Language(
        name="shell",
        step_type="shell.rot13",
        tools=("bash", "curl", "jq"),
        build=(),
        built="worker.sh",
        worker=("./worker.sh",),
        caller=("./caller.sh",),
    ),
)


def build(language: Language) -> None:
    """Build its programs, if something changed; tests in other processes wait. Raises `BuildFailed`."""
    with _alone_in(language.folder):
        if _is_current(language):
            return
        for command in language.build:
            done = subprocess.run(
                command,
                cwd=language.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=BUILD_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise BuildFailed(command, done.stdout)
        os.utime(language.folder / language.built)


def _is_current(language: Language) -> bool:
    built = language.folder / language.built
    sources = [*_sources(language.folder), *(CHECKOUT / "protos").rglob("*.proto")]
    return not language.build or (
        built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in sources)
    )


def _sources(folder: Path) -> Iterator[Path]:
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in MADE]
        yield from (Path(inside) / name for name in names)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    place = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


class Program:
    """A process of one of these programs; everything it prints is kept."""

    def __init__(self, command: tuple[str, ...], language: Language, log: Path) -> None:
        self.language = language
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=language.folder,
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def waits_to_say(self, text: str, times: int = 1, seconds: float = SAID_SECONDS) -> str:
        """Wait until it has said this so many times; all it said. Raises `NotSaid`, also when it ends before."""
        deadline = time.monotonic() + seconds
        while True:
            is_over = self._process.poll() is not None or time.monotonic() > deadline
            log = self.log
            if log.count(text) >= times:
                return log
            if is_over:
                raise NotSaid(text, log)
            time.sleep(POLL_SECONDS)

    def end(self, seconds: float = RUN_SECONDS) -> int:
        """Its exit code, once it ends by itself."""
        return self._process.wait(seconds)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
