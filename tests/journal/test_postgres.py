"""What is special about PostgreSQL: its conditions, its one owner, and lines that are cut at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import psycopg
import pytest
from sqlalchemy import make_url

from tests.journal.commits import a_step, answer_to, append, ending, following, opening
from tests.journal.cut_line import Line
from tests.postgresql import own_postgresql
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import (
    ExecutionFilter,
    Journal,
    JournalLost,
    JournalOwned,
    JournalRefused,
    JournalUnavailable,
    UnwritableCommit,
)
from workflow_engine.journal.opening import journal_for
from workflow_engine.journal.postgres import PostgresDatabase
from workflow_engine.journal.sql import SqlJournal

WAITING = ExecutionStatus.WAITING


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Journal]:
    journal = journal_for(url)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def backend_of(journal: Journal) -> int:
    database = cast(PostgresDatabase, cast(SqlJournal, journal).database)
    return int(database.driver.info.backend_pid)


def end_session(url: str, pid: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


async def seqs(journal: Journal, execution_id: str = "e") -> list[int]:
    return [record.seq for record in await journal.history("default", execution_id)]


# --- conditions


@pytest.mark.parametrize("value", ["off", "local"])
async def test_a_server_that_answers_before_it_writes_is_refused(postgres_url: str, value: str) -> None:
    url = make_url(postgres_url)
    options = f"{url.query['options']} -c synchronous_commit={value}"
    careless = url.update_query_dict({"options": options}).render_as_string(hide_password=False)

    with pytest.raises(JournalRefused, match=f"synchronous_commit = {value}"):
        await journal_for(careless).open()


async def test_a_server_without_fsync_is_refused(postgres_url: str) -> None:
    """`postgres_url` is here to be skipped where no server can be started."""
    with own_postgresql() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        with pytest.raises(JournalRefused, match="fsync = off"):
            await until_reloaded(url)


async def until_reloaded(url: str) -> None:
    for _ in range(50):
        journal = journal_for(url)
        await journal.open()
        await journal.close()
        await asyncio.sleep(0.05)


async def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(JournalRefused, match="cannot be used"):
        await journal_for("postgresql://nobody@127.0.0.1:1/nothing").open()


def test_the_url_for_people_has_no_credentials() -> None:
    journal = journal_for("postgresql://me:secret@db.example.com:5433/flows?options=-cx%3Dy&password=secret")

    assert journal.url == "postgresql://db.example.com:5433/flows"


# --- ownership


async def test_a_second_engine_is_refused(postgres_url: str) -> None:
    async with opened(postgres_url) as first:
        with pytest.raises(JournalOwned):
            await journal_for(postgres_url).open()
        await append(first, opening("e"))
    async with opened(postgres_url) as second:
        assert await seqs(second) == [1]


async def test_a_standby_waits_until_the_engine_is_gone(postgres_url: str) -> None:
    standby = journal_for(postgres_url, wait_for_ownership=True)
    async with opened(postgres_url) as first:
        waiting = asyncio.ensure_future(standby.open())
        await asyncio.sleep(0.2)
        await append(first, opening("e"))
        assert not waiting.done()
    await asyncio.wait_for(waiting, 10)

    assert await seqs(standby) == [1]
    await standby.close()


async def test_an_engine_that_lost_its_connection_gets_it_back(postgres_url: str) -> None:
    async with opened(postgres_url) as journal:
        first = opening("e")
        await append(journal, first)
        second = following(first)
        for commit in (second, following(second, status=WAITING)):
            await asyncio.to_thread(end_session, postgres_url, backend_of(journal))
            await append(journal, commit)
        await asyncio.to_thread(end_session, postgres_url, backend_of(journal))
        await journal.secret("tokens")

        assert await seqs(journal) == [1, 2, 3, 4, 5]


async def test_an_engine_whose_database_was_taken_meanwhile_writes_nothing_more(postgres_url: str) -> None:
    async with opened(postgres_url) as former:
        first = opening("e")
        await append(former, first)
        await asyncio.to_thread(end_session, postgres_url, backend_of(former))
        async with opened(postgres_url) as latter:
            await append(latter, following(first))
            with pytest.raises(JournalLost):
                await append(former, following(first))
        # The latter is gone again; what the former knows is old all the same.
        with pytest.raises(JournalLost):
            await append(former, following(following(first)))
        assert await seqs(former) == [1, 2, 3]


async def test_an_engine_that_was_overtaken_for_a_moment_notices(postgres_url: str) -> None:
    async with opened(postgres_url) as former:
        await append(former, opening("e"))
        await asyncio.to_thread(end_session, postgres_url, backend_of(former))
        async with opened(postgres_url):
            pass
        with pytest.raises(JournalLost):
            await append(former, following(opening("e")))


# --- lines that are cut


@pytest.mark.parametrize("after_answer", [False, True])
async def test_a_commit_whose_line_was_cut_is_written_exactly_once(postgres_url: str, after_answer: bool) -> None:
    async with Line(postgres_url) as line, opened(line.url) as journal:
        first = opening("e")
        await append(journal, first)

        line.cut_at(b"cut here", after_answer=after_answer)
        second = following(first, *a_step("cut here"))
        await append(journal, second)
        line.cut_at(b"COMMIT", after_answer=after_answer)
        third = following(second, status=WAITING)
        await append(journal, third)

        assert line.cuts == 2
        assert await seqs(journal) == [1, 2, 3, 4, 5]
        row = await journal.execution("default", "e")
        assert row is not None
        assert row.summary == third.summary
        await append(journal, following(third))


async def test_a_group_in_doubt_waits_for_the_database_and_the_others_are_told_at_once(postgres_url: str) -> None:
    async with Line(postgres_url) as line, opened(line.url) as journal:
        first = opening("e")
        await append(journal, first)
        line.is_down = True
        line.cut_at(b"cut here", after_answer=True)
        doubtful = answer_to(journal, following(first, *a_step("cut here")))
        await line.cut.wait()

        with pytest.raises(JournalUnavailable):
            await append(journal, opening("f"))
        with pytest.raises(JournalUnavailable):
            await journal.secret("tokens")
        assert not doubtful.done()
        line.is_down = False

        assert await asyncio.wait_for(doubtful, 10) is None
        assert await seqs(journal) == [1, 2, 3]
        await append(journal, opening("f"))


async def test_closing_does_not_wait_for_a_database_that_stays_away(postgres_url: str) -> None:
    async with Line(postgres_url) as line:
        journal = journal_for(line.url)
        await journal.open()
        await append(journal, opening("e"))
        line.is_down = True
        line.cut_at(b"cut here", after_answer=True)
        doubtful = answer_to(journal, following(opening("e"), *a_step("cut here")))
        await line.cut.wait()

        await asyncio.wait_for(journal.close(), 10)

        assert isinstance(await doubtful, JournalUnavailable)


async def test_reads_say_that_the_database_is_away(postgres_url: str) -> None:
    async with Line(postgres_url) as line, opened(line.url) as journal:
        await append(journal, opening("e"))
        line.is_down = True
        line.hang_up()

        with pytest.raises(JournalUnavailable):
            await journal.execution("default", "e")
        line.is_down = False

        assert await journal.execution("default", "e") is not None


# --- the database checks it too


async def test_the_database_itself_keeps_what_has_ended(postgres_url: str) -> None:
    async with opened(postgres_url) as journal:
        await append(journal, opening("e"))
        await append(journal, ending(opening("e")))

        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for change in ("status = 'running'", "failed_steps = 3"):
                with pytest.raises(psycopg.errors.CheckViolation, match="never changes"):
                    connection.execute(f"UPDATE execution SET {change}")


async def test_the_database_itself_knows_the_statuses(postgres_url: str) -> None:
    async with opened(postgres_url) as journal:
        await append(journal, opening("e"))

        with (
            psycopg.connect(postgres_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.CheckViolation, match="ck_execution_status"),
        ):
            connection.execute("UPDATE execution SET status = 'done'")


async def test_a_text_that_postgresql_cannot_hold_fails_alone(postgres_url: str) -> None:
    async with opened(postgres_url) as journal:
        impossible = opening("e", workflow_name="nul \0 in it")

        answers = await asyncio.gather(answer_to(journal, impossible), answer_to(journal, opening("f")))

        assert [type(answer) for answer in answers] == [UnwritableCommit, type(None)]
        page = await journal.executions("default", ExecutionFilter())
        assert [row.record.execution_id for row in page.rows] == ["f"]
