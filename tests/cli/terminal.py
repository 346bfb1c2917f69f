"""The command line as its users have it: fed and read, in this process or one of its own, on a terminal if need be."""

import contextlib
import fcntl
import io
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import structlog

from tests.serving.process import environment
from workflow_engine.cli.app import main

PROGRAM: Final = (sys.executable, "-m", "workflow_engine")
LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str = ""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs commands in `folder`, where no .env is, with these settings (named without their prefix)."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "") -> Said:
        """The whole program, but without the half second that a process of its own takes to start."""
        out, err = _Stream(), _Stream()
        with (
            contextlib.chdir(self.folder),
            self._environment(),
            _logging_as_it_was(),
            _stdin_of(stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = _left_with(arguments)
        return Said(code, out.text, err.text)

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(environment(self.settings) | dict(self.variables))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def in_a_process(self, *arguments: str, stdin: str = "") -> Said:
        process = self.begin(*arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin.encode(), timeout=LONGEST_SECONDS)
        return Said(process.returncode, out.decode(), err.decode())

    def begin(
        self, *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=environment(self.settings) | {"PYTHONIOENCODING": "utf-8"} | dict(self.variables),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def on_terminal(self, *arguments: str, columns: int = 110, rows: int = 30) -> Said:
        """The same on a terminal of this size; `out` is all it was sent, escape sequences included."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = self.begin(*arguments, stdout=theirs)
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        _, err = process.communicate(timeout=LONGEST_SECONDS)
        return Said(process.returncode, shown.decode(), err.decode())

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


class _Stream(io.TextIOWrapper):
    """What stands for stdout and stderr: text in UTF-8, as in a pipe."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


@contextlib.contextmanager
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@contextlib.contextmanager
def _stdin_of(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def _left_with(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux tells so that the other side is closed
        return b""
