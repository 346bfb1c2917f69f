"""A file that one process at a time can hold: how an engine owns a SQLite database. The system lets go when it dies."""

import os
import sys
from pathlib import Path

from workflow_engine.journal.contract import JournalOwned

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockFile:
    """The file stays behind when it is released: deleting it would let two processes lock two files of one name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises `JournalOwned` when another process holds it, `OSError` when there can be no such file."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise JournalOwned(
                f"another engine owns this database: it holds {self._path}. "
                "Stop it first, or give this one a database of its own"
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
