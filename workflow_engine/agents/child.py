"""A process that this one starts: it ends when this one does, and everything it says is heard.

A plain `Popen` and two threads, because gRPC must not be forked, and the loop's own way of starting processes forks.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

LONGEST_LINE: Final = 16 * 1024
LAST_LINES: Final = 20
_HEARING_OUT_SECONDS: Final = 1.0
"""How long the last words of a dead process are waited for: what it started itself may keep its pipe open."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, and the whole environment it gets."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


class Child:
    """Running from the moment it is made. Its stdin is a pipe that ends with this process, whatever ends it.

    `heard` is told every line of its output, from another thread. Raises `OSError` when it cannot be started.
    """

    def __init__(self, command: Command, heard: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._ended: asyncio.Future[int] = self._loop.create_future()
        # A session of its own: Ctrl-C is ours to pass on, and whatever it starts goes with it.
        self._process = subprocess.Popen(  # noqa: S603 - the command is made by us, of our own program
            command.arguments,
            env=dict(command.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="agent worker output", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name="agent worker end", daemon=True)
        self._reader.start()
        self._waiter.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._last)

    async def ended(self) -> int:
        """Its exit code, once it has one; below zero the signal that killed it."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        """Ask it to finish what it has in hand and go."""
        self._process.terminate()

    def kill(self) -> None:
        """It, and whatever it started."""
        if self._ended.done():
            return
        if sys.platform == "win32":
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):  # it went by itself a moment ago
                os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None  # noqa: S101 - for the type checker: Popen was given a pipe
        for line in iter(lambda: output.readline(LONGEST_LINE), b""):
            text = line.decode(errors="replace").rstrip()
            if text:
                self._last.append(text)
                self._heard(text)
        output.close()

    def _wait(self) -> None:
        self._leave_nobody()
        code = self._process.wait()
        self._reader.join(_HEARING_OUT_SECONDS)
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.close()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._ended.set_result, code)

    def _leave_nobody(self) -> None:
        """Once it ended, end what it started: until it is waited for, its number belongs to nobody else."""
        if sys.platform == "win32":
            return
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says it the second way
            os.killpg(self._process.pid, signal.SIGKILL)
