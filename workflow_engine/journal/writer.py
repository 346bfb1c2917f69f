"""The one writer: a thread that takes what is queued, writes it in one transaction, then answers everybody at once.

No timer decides how much is written together: while one transaction is on its way to the disk, the next group queues
up. So a lone commit waits for nobody, and a thousand at once cost one fsync.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.bulk import Bulk
from workflow_engine.journal.contract import (
    Commit,
    Done,
    JournalLost,
    JournalUnavailable,
    QueueFull,
    UnwritableCommit,
    Written,
)
from workflow_engine.journal.fence import Fence, Head
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.packing import PackedCommit, pack

T = TypeVar("T")
Change: TypeAlias = Callable[[Connection], T]

# How often a group is sent when the connection is lost on the way.
_ATTEMPTS: Final = 3

# How long the writer waits for a database that went away before it looks again.
_PAUSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)


class RowRefused(Exception):  # a message between writer and store, never an answer
    """The database did not take a row, so nothing of the group was written."""

    def __init__(self, bulk: Bulk | None) -> None:
        super().__init__()
        self.bulk = bulk
        """The statement that was refused; None when a value could not even be sent."""


class ConnectionGone(JournalUnavailable):
    """The connection was lost before the commit, so nothing was written; a new one may do it at once."""


class InDoubt(Exception):
    """The connection was lost during the commit: it may have happened or not."""


class Store(Protocol):
    """A database as its writer sees it. Called on the writer's thread only; refusals raise `JournalUnavailable`."""

    @property
    def written(self) -> Written: ...

    def write(self, packed: Sequence[PackedCommit]) -> None:
        """All in one transaction. Raises `RowRefused` when one of them is guilty, `InDoubt` when nobody knows."""

    def write_each(self, packed: Sequence[PackedCommit], fence: Fence) -> Sequence[Exception | None]:
        """One transaction again, but each commit for itself: the guilty ones are left out and told why."""

    def landed(self, packed: Sequence[PackedCommit]) -> Sequence[bool]:
        """Which commits of a group in doubt were written."""

    def change(self, change: Change[T]) -> T:
        """Run a change in a transaction of its own."""

    def head(self, namespace: str, execution_id: str) -> Head | None: ...

    def tidy(self) -> None:
        """What a database wants to have done between two groups, when nobody waits."""


@dataclass(slots=True)
class _Append:
    commit: Commit
    done: Done
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    change: Change[Any]
    answer: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


_Item: TypeAlias = _Append | _Change | _Stop
_Group: TypeAlias = list[tuple[_Append, PackedCommit]]


class Writer:
    """Queue, thread and answers. Made on the loop it answers on."""

    def __init__(self, store: Store, limits: JournalLimits) -> None:
        self._store: Final = store
        self._limits: Final = limits
        self._fence: Final = Fence(store.head)
        self._queue: Final[SimpleQueue[_Item]] = SimpleQueue()
        self._ahead: _Item | None = None
        self._loop: Final = asyncio.get_running_loop()
        self._stopping: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    # --- on the loop

    def append(self, commit: Commit, done: Done) -> None:
        if self._stopping.is_set():
            self._loop.call_soon(done, JournalUnavailable("the journal is closed"))
        elif self._queue.qsize() >= self._limits.max_queued_commits:
            self._loop.call_soon(done, QueueFull(self._limits.max_queued_commits))
        else:
            self._queue.put(_Append(commit, done))

    async def change(self, change: Change[T]) -> T:
        """Make a change in the order of the queue. Raises what the change raises."""
        if self._stopping.is_set():
            raise JournalUnavailable("the journal is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Change(change, answer))
        return await answer

    async def stop(self) -> None:
        """Write what is queued and end the thread."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._queue.put(_Stop())
        await asyncio.to_thread(self._thread.join)

    # --- on the thread

    def _run(self) -> None:
        while True:
            match self._take():
                case _Append() as first:
                    self._append(*self._gather(first))
                case _Change() as item:
                    self._make(item)
                case _Stop():
                    return
            self._store.tidy()

    def _take(self) -> _Item:
        item, self._ahead = self._ahead, None
        return item if item is not None else self._queue.get()

    def _take_now(self) -> _Item | None:
        item, self._ahead = self._ahead, None
        if item is not None:
            return item
        try:
            return self._queue.get_nowait()
        except Empty:
            return None

    def _gather(self, first: _Append) -> tuple[_Group, list[_Append]]:
        """What is queued now, as far as one transaction may hold it; and all who are to be answered after it."""
        group: _Group = []
        waiting: list[_Append] = []
        size = 0
        item: _Item = first
        while isinstance(item, _Append):
            waiting.append(item)
            if (packed := self._admitted(item)) is not None:
                group.append((item, packed))
                size += packed.size
            if len(waiting) >= self._limits.max_batch_commits or size >= self._limits.max_batch_bytes:
                return group, waiting
            following = self._take_now()
            if following is None:
                return group, waiting
            item = following
        self._ahead = item
        return group, waiting

    def _admitted(self, item: _Append) -> PackedCommit | None:
        try:
            packed = pack(item.commit, self._limits)
            self._fence.admit(item.commit)
        except WorkflowEngineError as error:
            item.error = error
        except (TypeError, ValueError) as error:
            item.error = UnwritableCommit(item.commit.execution_id, str(error))
        except Exception as error:  # noqa: BLE001  # the thread must outlive whatever one commit does to it
            item.error = error
        else:
            return packed
        return None

    def _append(self, group: _Group, waiting: Sequence[_Append]) -> None:
        rest = group
        for _ in range(_ATTEMPTS):
            if rest:
                rest = self._tried(rest)
        self._refuse(rest, JournalUnavailable("the connection to the database is lost again and again"))
        self._loop.call_soon_threadsafe(_answer, waiting)

    def _tried(self, group: _Group) -> _Group:
        """Write a group; answers those of it that a lost connection kept from being written, to be tried again."""
        try:
            self._write(group)
            self._fence.settle()
        except ConnectionGone:
            return group
        except InDoubt:
            return self._missing(group)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told to everybody who waits for it
            self._refuse(group, error)
        return []

    def _missing(self, group: _Group) -> _Group:
        # From here on nobody knows where these executions stand: the database is asked.
        self._fence.forget()
        try:
            landed = self._landed([packed for _, packed in group])
        except Exception as error:  # noqa: BLE001  # as above
            self._refuse(group, error)
            return []
        return [member for member, there in zip(group, landed, strict=True) if not there]

    def _refuse(self, group: _Group, error: Exception) -> None:
        self._fence.retract()
        for item, _ in group:
            item.error = error

    def _write(self, group: _Group) -> None:
        packed = [packed for _, packed in group]
        try:
            self._store.write(packed)
        except RowRefused:
            self._fence.retract()
            for (item, _), error in zip(group, self._store.write_each(packed, self._fence), strict=True):
                item.error = error

    def _landed(self, packed: Sequence[PackedCommit]) -> Sequence[bool]:
        """Look the outcome up before any answer, however long the database is away."""
        attempt = 0
        while True:
            try:
                return self._store.landed(packed)
            except JournalLost:
                raise
            except JournalUnavailable as error:
                self._refuse_queued(error)
                if self._stopping.wait(_PAUSES[min(attempt, len(_PAUSES) - 1)]):
                    raise
                attempt += 1

    def _refuse_queued(self, error: JournalUnavailable) -> None:
        """Nothing of what is queued was sent, so nobody has to wait for the database to hear that it is away."""
        appends: list[_Append] = []
        while (item := self._take_now()) is not None:
            match item:
                case _Append():
                    item.error = error
                    appends.append(item)
                case _Change():
                    self._loop.call_soon_threadsafe(_fail, item.answer, error)
                case _Stop():
                    self._ahead = item
                    break
        self._loop.call_soon_threadsafe(_answer, appends)

    def _make(self, item: _Change) -> None:
        try:
            result = self._changed(item.change)
        except InDoubt as doubt:
            error = JournalUnavailable("the database went away during the change; look before you repeat it")
            error.__cause__ = doubt
            self._loop.call_soon_threadsafe(_fail, item.answer, error)
        except Exception as error:  # noqa: BLE001  # it is raised again where the change was asked for
            self._loop.call_soon_threadsafe(_fail, item.answer, error)
        else:
            self._loop.call_soon_threadsafe(_fulfil, item.answer, result)

    def _changed(self, change: Change[T]) -> T:
        try:
            return self._store.change(change)
        except ConnectionGone:
            return self._store.change(change)


def _answer(waiting: Sequence[_Append]) -> None:
    for item in waiting:
        try:
            item.done(item.error)
        except Exception as error:  # noqa: BLE001  # one waiter's mistake must not keep the others waiting
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a waiter of the journal failed", "exception": error}
            )


def _fulfil(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[Any]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
