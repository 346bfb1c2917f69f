"""What a commit of the journal costs, beside a bare commit of the same bytes by the driver alone.

    python benchmarks/journal.py                           SQLite, in a temporary folder
    python benchmarks/journal.py postgresql://me@host/db   PostgreSQL, in a schema that is dropped at the end

A commit is two events with a result of 200 bytes. "lone": the next begins when the one before was answered. "grouped":
500 executions at once. Journal and bare commits alternate, so that a slow minute of the disk hits both.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final
from uuid import uuid4

import psycopg
import uvloop
from sqlalchemy import make_url

from workflow_engine.history.encoding import encode_events
from workflow_engine.history.events import Event, ExecutionStarted, StepCompleted, StepScheduled
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.identifiers import new_id
from workflow_engine.journal.contract import Commit, ExecutionRecord, Journal, Summary
from workflow_engine.journal.opening import journal_for
from workflow_engine.journal.sqlite import sqlite_module

ROUNDS: Final = 7
LONE: Final = 300
EXECUTIONS: Final = 500
COMMITS: Final = 20
NOW: Final = time.time()

BareCommit = Callable[[], None]


def two_events() -> tuple[Event, ...]:
    done = StepCompleted(at=NOW, path="resize", attempt=1, output={"text": "x" * 180}, duration_ms=1.5)
    return done, StepScheduled(at=NOW, path="publish", attempt=1, delivery=1)


def first_of(execution_id: str) -> Commit:
    record = ExecutionRecord("default", execution_id, None, "bench", "1", "digest", NOW, "local")
    started = ExecutionStarted(at=NOW, input={}, definition="digest", pins={}, seed=1)
    return Commit("default", execution_id, 1, (started,), Summary(ExecutionStatus.RUNNING, NOW), record, {})


def next_of(before: Commit) -> Commit:
    return Commit("default", before.execution_id, before.first_seq + len(before.events), two_events())


# --- the journal


async def in_turn(journal: Journal, commit: Commit, count: int) -> Commit:
    """`count` commits of one execution, each after the answer to the one before; answers the last."""
    finished = asyncio.get_running_loop().create_future()

    def answered(error: BaseException | None) -> None:
        nonlocal commit, count
        count -= 1
        if error is not None:
            finished.set_exception(error)
        elif count == 0:
            finished.set_result(None)
        else:
            commit = next_of(commit)
            journal.append(commit, answered)

    journal.append(commit, answered)
    await finished
    return commit


async def lone_us(journal: Journal) -> float:
    first = await in_turn(journal, first_of(new_id()), 1)
    begun = time.perf_counter()
    await in_turn(journal, next_of(first), LONE)
    return (time.perf_counter() - begun) / LONE * 1e6


async def grouped_us(journal: Journal) -> float:
    firsts = await asyncio.gather(*(in_turn(journal, first_of(new_id()), 1) for _ in range(EXECUTIONS)))
    begun = time.perf_counter()
    await asyncio.gather(*(in_turn(journal, next_of(first), COMMITS) for first in firsts))
    return (time.perf_counter() - begun) / (EXECUTIONS * COMMITS) * 1e6


async def starting_us(journal: Journal) -> float:
    begun = time.perf_counter()
    for _ in range(LONE):
        await in_turn(journal, first_of(new_id()), 1)
    return (time.perf_counter() - begun) / LONE * 1e6


# --- the driver alone

INSERT: Final = "INSERT INTO event (namespace, execution_id, first_seq, last_seq, payloads, body) VALUES "


@contextmanager
def bare_sqlite(path: Path) -> Iterator[BareCommit]:
    connection = sqlite_module().connect(path, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 16384"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(
        "CREATE TABLE event (position INTEGER PRIMARY KEY, namespace TEXT, execution_id TEXT, first_seq INTEGER, "
        "last_seq INTEGER, payloads INTEGER, body TEXT, UNIQUE (namespace, execution_id, first_seq))"
    )
    execution_id, body = new_id(), encode_events(two_events()).decode()
    seq = 0

    def commit() -> None:
        nonlocal seq
        seq += 2
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT + "(?, ?, ?, ?, ?, ?)", ("default", execution_id, seq, seq + 1, 0, body))
        connection.execute("COMMIT")

    yield commit
    connection.close()


@contextmanager
def bare_postgresql(url: str) -> Iterator[BareCommit]:
    """On the journal's own table, in an execution of its own; one statement in autocommit."""
    execution_id, body = new_id(), encode_events(two_events()).decode()
    seq = 0
    with psycopg.connect(url, autocommit=True) as connection:

        def commit() -> None:
            nonlocal seq
            seq += 2
            values = ("default", execution_id, seq, seq + 1, 0, body)
            connection.execute(INSERT + "(%s, %s, %s, %s, %s, %s)", values, prepare=True)

        yield commit


def bare_us(commit: BareCommit) -> float:
    begun = time.perf_counter()
    for _ in range(LONE):
        commit()
    return (time.perf_counter() - begun) / LONE * 1e6


# --- both, in turn


async def measured(journal: Journal, commit: BareCommit) -> None:
    bare, lone, grouped, starting = [], [], [], []
    for _ in range(ROUNDS):
        bare.append(bare_us(commit))
        lone.append(await lone_us(journal))
        grouped.append(await grouped_us(journal))
        starting.append(await starting_us(journal))
    print(f"bare commit            {median(bare):8.0f} us")
    print(f"lone commit            {median(lone):8.0f} us   {median(lone) / median(bare):5.2f} x bare")
    print(f"lone start             {median(starting):8.0f} us   {median(starting) / median(bare):5.2f} x bare")
    print(f"grouped, each          {median(grouped):8.1f} us   {1e6 / median(grouped):8,.0f} commits/s")


async def on_sqlite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = journal_for(f"sqlite:///{folder}/journal.db")
        await journal.open()
        with bare_sqlite(Path(folder) / "bare.db") as commit:
            await measured(journal, commit)
        await journal.close()


async def on_postgresql(server: str) -> None:
    schema = f"benchmark_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    parsed = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
    url = parsed.render_as_string(hide_password=False)
    journal = journal_for(url)
    await journal.open()
    with bare_postgresql(url) as commit:
        await measured(journal, commit)
    await journal.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


if __name__ == "__main__":
    uvloop.run(on_postgresql(sys.argv[1]) if len(sys.argv) > 1 else on_sqlite())
