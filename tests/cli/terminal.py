"""The command line as its users have it: a process that is started, fed and read, through pipes or on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.serving.process import environment

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


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux tells so that the other side is closed
        return b""
