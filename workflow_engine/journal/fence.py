"""The fence of every execution: a commit follows the last event, or nothing of it is written.

The writer remembers where each execution stands that it wrote to, so a step costs no read. That is sound because one
process owns the journal; the unique index on (namespace, execution, first seq) refuses what memory could not see.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from workflow_engine.journal.contract import Commit, HistoryConflict, KeyTaken

LookUp = Callable[[str, str], "Head | None"]


@dataclass(frozen=True, slots=True)
class Head:
    """Where an execution stands."""

    last_seq: int
    ended: bool


class Fence:
    """Admits commits in order. What was admitted counts for good only once `settle` says that it is durable."""

    def __init__(self, look_up: LookUp, most_known: int = 200_000) -> None:
        self._look_up: Final = look_up
        self._most_known: Final = most_known
        self._known: dict[tuple[str, str], Head] = {}
        self._admitted: dict[tuple[str, str], Head] = {}

    def admit(self, commit: Commit) -> None:
        """Raises `HistoryConflict`, or `KeyTaken` for an execution that exists."""
        key = (commit.namespace, commit.execution_id)
        head = self._admitted.get(key) or self._known.get(key)
        if head is None:
            head = self._first_seen(commit)
        if commit.opened is not None and head.last_seq > 0:
            raise KeyTaken("execution", commit.execution_id)
        if why := _objection(commit, head):
            raise HistoryConflict(commit.execution_id, commit.first_seq, why)
        ended = commit.summary is not None and commit.summary.status.is_terminal
        self._admitted[key] = Head(commit.first_seq + len(commit.events) - 1, ended)

    def settle(self) -> None:
        """What was admitted since the last answer is durable."""
        for key, head in self._admitted.items():
            if head.ended:
                # Nothing may follow, and if something tries, one read tells.
                self._known.pop(key, None)
            else:
                self._known[key] = head
        self._admitted.clear()
        if len(self._known) > self._most_known:
            # Forgetting costs one index read for each execution that goes on; memory without a bound would cost more.
            self._known.clear()

    def retract(self) -> None:
        """Nothing of what was admitted since the last answer was written."""
        self._admitted.clear()

    def forget(self) -> None:
        """Nobody knows what of it was written: the database will be asked."""
        self._admitted.clear()
        self._known.clear()

    @contextmanager
    def admitting(self, commit: Commit) -> Iterator[None]:
        """Admit a commit that is written inside this block; if that fails, it was never admitted."""
        key = (commit.namespace, commit.execution_id)
        before = self._admitted.get(key)
        self.admit(commit)
        try:
            yield
        except BaseException:
            if before is None:
                del self._admitted[key]
            else:
                self._admitted[key] = before
            raise

    def _first_seen(self, commit: Commit) -> Head:
        # The commit that opens an execution needs no read: the database refuses a second one.
        if commit.opened is not None:
            return Head(0, ended=False)
        return self._look_up(commit.namespace, commit.execution_id) or Head(0, ended=False)


def _objection(commit: Commit, head: Head) -> str | None:
    if head.ended:
        return "it has ended"
    if not commit.events:
        return "the commit is empty"
    if commit.first_seq != head.last_seq + 1:
        return f"its last event is {head.last_seq}"
    if (commit.first_seq == 1) != (commit.opened is not None):
        return "an execution is opened by its first event"
    if commit.opened is not None and commit.summary is None:
        return "an execution is opened with a summary"
    return None
