"""What workers write down of themselves while a fault test runs: append-only, a line at a time, so that what was
written survives whatever happens to the writer. Instants are monotonic seconds of this machine: one clock for all.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final


class What(StrEnum):
    """`sent` is written before the worker says it, everything else after it was heard."""

    BORN = "born"
    """A process begins: what was held before is forgotten."""
    WELCOME = "welcome"
    """A session begins; `since` is its epoch."""
    ASSIGNED = "assigned"
    STARTED = "started"
    RENEWED = "renewed"
    """The server answered a renewal that was sent at `since`."""
    VERDICT = "verdict"
    """The server answered a lease that was named in a Resume at `since`."""
    SENT = "sent"
    """A result, or the same once more; `mark` stands in it, and tells it from every other."""
    ACKED = "acked"
    CANCELLED = "cancelled"
    DROPPED = "dropped"
    """The worker gives this lease up, since it was told to."""
    SILENT = "silent"
    """Nothing was heard since `since`: the session is given up."""
    PARTED = "parted"
    """The session ended."""
    DRAINING = "draining"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Note:
    """Fields that mean nothing for `what` are left as they are. `token` is a digest, never the token."""

    at: float
    worker: str
    what: What
    execution: str = ""
    path: str = ""
    delivery: int = 0
    token: str = ""
    step_type: str = ""
    attempt: int = 0
    key: str = ""
    mark: str = ""
    code: str = ""
    """OK, LEASE_SUPERSEDED, ... of an answer; KEEP or ABORT of a verdict."""
    since: float = 0.0
    failure: bool = False
    """The result is that the attempt failed."""
    chunks: int = 0
    """How many were said before this result."""
    slots: int = 0

    @property
    def step(self) -> tuple[str, str]:
        return self.execution, self.path

    @property
    def lease(self) -> tuple[str, str, int]:
        return self.execution, self.path, self.delivery


_DEFAULTS: Final = {field.name: field.default for field in fields(Note)}


class Notebook:
    """Where the workers of one process write. Each note is on its way to the disk's cache before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, worker: str, what: What, **facts: Any) -> None:  # noqa: ANN401 - the fields of a Note
        note = asdict(Note(time.monotonic(), worker, what, **facts))
        said = {name: value for name, value in note.items() if value != _DEFAULTS[name]}
        os.write(self._file, json.dumps(said).encode() + b"\n")


class Reading:
    """The notes of one file as they come. A last line without its end was cut off by the death of its writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def fresh(self) -> Iterator[Note]:
        """Whatever is new since the last time."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            said = json.loads(line)
            yield Note(**{**said, "what": What(said["what"])})
