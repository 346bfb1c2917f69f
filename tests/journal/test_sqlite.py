"""What is special about SQLite: its conditions, its one owner, and what happens when the disk has no more."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.journal.commits import a_step, answer_to, append, ending, following, opening
from workflow_engine.history.events import StepCompleted
from workflow_engine.journal.contract import JournalLost, JournalOwned, JournalRefused, JournalUnavailable
from workflow_engine.journal.limits import JournalLimits, JournalTimeouts
from workflow_engine.journal.opening import journal_for
from workflow_engine.journal.sql import SqlJournal
from workflow_engine.journal.sqlite import SqliteDatabase, sqlite_module


async def opened(path: Path, limits: JournalLimits | None = None) -> SqlJournal:
    journal = journal_for(f"sqlite:///{path}", limits=limits, timeouts=JournalTimeouts(busy_seconds=0.2))
    await journal.open()
    assert isinstance(journal, SqlJournal)
    return journal


def database_of(journal: SqlJournal) -> SqliteDatabase:
    return cast(SqliteDatabase, journal.database)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_every_connection_writes_ahead_and_waits_for_the_disk(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    database = database_of(journal)
    with database.readers.connect() as reader:
        for connection in (database.driver, reader.connection.driver_connection):
            found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]  # type: ignore[union-attr] # it is connected
            assert found == ["wal", 2]
    await journal.close()


async def test_the_folder_is_made(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "a" / "b" / "j.db")
    await append(journal, opening("e"))
    await journal.close()

    assert rows(tmp_path / "a" / "b" / "j.db", "SELECT execution_id FROM execution") == [("e",)]


async def test_a_closed_database_is_one_file_and_its_lock(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    await append(journal, opening("e"))
    await journal.close()

    assert sorted(os.listdir(tmp_path)) == ["j.db", "j.db.lock"]


async def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    first = opening("e")
    journal = await opened(tmp_path / "j.db")
    await append(journal, first)
    secret = await journal.secret("tokens")
    await journal.close()
    await journal.open()

    assert await journal.secret("tokens") == secret
    await append(journal, following(first))
    assert [record.seq for record in await journal.history("default", "e")] == [1, 2, 3]
    await journal.close()


async def test_a_second_engine_is_refused_and_told_which_file_is_held(tmp_path: Path) -> None:
    first = await opened(tmp_path / "j.db")

    with pytest.raises(JournalOwned, match=r"j\.db\.lock"):
        await opened(tmp_path / "j.db")

    await append(first, opening("e"))
    await first.close()
    second = await opened(tmp_path / "j.db")
    await second.close()


async def test_another_process_is_refused_too(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    script = (
        "import asyncio; from workflow_engine.journal.opening import journal_for; "
        f"asyncio.run(journal_for('sqlite:///{tmp_path / 'j.db'}').open())"
    )
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, check=False
    )
    await journal.close()

    assert process.returncode == 1
    assert b"JournalOwned" in process.stderr


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(JournalRefused, match="memory://"):
        journal_for(url)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_bytes(b"this is not a database, " * 100)

    with pytest.raises(JournalRefused, match="not a database"):
        await opened(tmp_path / "j.db")

    assert (tmp_path / "j.db").read_bytes() == b"this is not a database, " * 100


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JournalRefused, match="cannot be written"):
        await opened(tmp_path / "file" / "j.db")


async def test_a_folder_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.db").mkdir()

    with pytest.raises(JournalRefused, match="unable to open"):
        await opened(tmp_path / "j.db")


async def test_a_full_disk_refuses_and_recovers_without_a_restart(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    first = opening("e")
    await append(journal, first)
    large = following(first, *a_step("x" * 400_000))
    pages = await bounded(journal, extra=10)

    with pytest.raises(JournalUnavailable, match="disk is full") as refusal:
        await append(journal, large)
    assert not isinstance(refusal.value, JournalLost)
    assert [record.seq for record in await journal.history("default", "e")] == [1]
    small = following(first)
    await append(journal, small)

    database_of(journal).driver.execute(f"PRAGMA max_page_count = {pages}")
    await append(journal, following(small, *a_step("x" * 400_000)))
    await journal.close()


async def bounded(journal: SqlJournal, extra: int) -> int:
    """Let the database grow by only so many pages; answers the bound there was."""
    driver = database_of(journal).driver
    (before,) = driver.execute("PRAGMA max_page_count").fetchone()
    (used,) = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {used + extra}")
    return int(before)


async def test_a_database_that_another_program_has_locked_refuses_and_recovers(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    intruder = sqlite_module().connect(tmp_path / "j.db", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")

    with pytest.raises(JournalUnavailable, match="locked"):
        await append(journal, opening("e"))
    intruder.execute("ROLLBACK")
    intruder.close()

    await append(journal, opening("e"))
    await journal.close()


FAILING_DISK = """
import asyncio, resource, signal, sys
from tests.journal.commits import a_step, answer_to, append, following, opening
from workflow_engine.journal.opening import journal_for

async def run(url):
    journal = journal_for(url)
    await journal.open()
    first = opening("e")
    await append(journal, first)
    # From here on the system refuses to make files longer: not "no space", but an error while writing.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    second = following(first, *a_step("x" * 1_000_000))
    print(type(await answer_to(journal, second)).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(type(await answer_to(journal, following(first))).__name__)
    await journal.close()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(run(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="the bound on file sizes is a thing of POSIX")
async def test_after_a_failed_write_nothing_is_answered_until_a_restart(tmp_path: Path) -> None:
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FAILING_DISK, f"sqlite:///{tmp_path / 'j.db'}"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.stdout.split()[-2:] == ["JournalLost", "JournalLost"], process.stderr
    journal = await opened(tmp_path / "j.db")
    assert [record.seq for record in await journal.history("default", "e")] == [1]
    await append(journal, following(opening("e")))
    await journal.close()


async def test_a_large_output_is_stored_once(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db", JournalLimits(payload_bytes=1_000, row_bytes=2_000))
    large = "x" * 5_000
    for name in ("e", "f"):
        first = opening(name)
        await append(journal, first)
        await append(journal, following(first, *a_step(large), *a_step(large)))

    recorded = await journal.history("default", "e", 1)
    await journal.close()

    outputs = [record.event.output for record in recorded if isinstance(record.event, StepCompleted)]
    assert outputs == [large, large]
    assert rows(tmp_path / "j.db", "SELECT count(*), sum(length(body)) FROM payload") == [(1, 5_002)]
    assert rows(tmp_path / "j.db", "SELECT max(length(body)) < 2000 FROM event") == [(1,)]


async def test_the_database_itself_keeps_what_has_ended(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    await append(journal, opening("e"))
    await append(journal, ending(opening("e")))
    await journal.close()

    connection = sqlite3.connect(tmp_path / "j.db")
    for change in ("status = 'running'", "failed_steps = 3"):
        with pytest.raises(sqlite3.IntegrityError, match="never changes"):
            connection.execute(f"UPDATE execution SET {change}")
    connection.close()


async def test_the_database_itself_knows_the_statuses(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    await append(journal, opening("e"))
    await journal.close()

    connection = sqlite3.connect(tmp_path / "j.db")
    with pytest.raises(sqlite3.IntegrityError, match="ck_execution_status"):
        connection.execute("UPDATE execution SET status = 'done'")
    connection.close()


async def test_the_log_is_moved_to_the_database_after_the_answers(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    commit = opening("e")
    await append(journal, commit)
    for _ in range(40):
        commit = following(commit, *a_step("x" * 500_000))
        await append(journal, commit)
    await journal.secret("something that waits until the writer has tidied")

    assert (tmp_path / "j.db").stat().st_size > 10_000_000
    await journal.close()


async def test_reads_go_on_while_the_writer_writes(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "j.db")
    await append(journal, opening("e"))
    writes = [answer_to(journal, opening(f"e{number}")) for number in range(500)]

    found = await asyncio.gather(*(journal.execution("default", "e") for _ in range(20)))

    assert all(row is not None for row in found)
    assert await asyncio.gather(*writes) == [None] * 500
    await journal.close()
