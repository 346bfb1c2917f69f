"""Processes that die in the middle of everything: what was answered is there, and nothing is half there."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from workflow_engine.journal.contract import ExecutionFilter, Journal
from workflow_engine.journal.opening import journal_for

EXECUTIONS = 20
CHECKOUT = Path(__file__).parents[2]


async def engine(url: str, failpoint: str, count: int, executions: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.journal.dying_engine",
        url,
        failpoint,
        str(count),
        str(executions),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
    )


async def answered_by(process: asyncio.subprocess.Process) -> Mapping[str, int]:
    """Execution -> last answered seq, once the process is dead."""
    output, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    lines = [line.split() for line in output.decode().splitlines()]
    return {execution_id: int(seq) for execution_id, seq in lines}


async def stored_in(journal: Journal) -> Mapping[str, int]:
    """Execution -> last stored seq; every history must be whole."""
    page = await journal.executions("default", ExecutionFilter(limit=500))
    for row in page.rows:
        recorded = await journal.history("default", row.record.execution_id)
        assert [record.seq for record in recorded] == list(range(1, row.last_seq + 1))
    return {row.record.execution_id: row.last_seq for row in page.rows}


async def reopened(url: str) -> Journal:
    # PostgreSQL takes a moment to see that the dead engine let go of its lock.
    journal = journal_for(url, wait_for_ownership=True)
    await journal.open()
    return journal


async def test_before_the_commit_nothing_of_it_exists_after_a_kill(database_url: str) -> None:
    answered = await answered_by(await engine(database_url, "before-commit", 8, executions=1))

    journal = await reopened(database_url)
    stored = await stored_in(journal)
    await journal.close()

    assert stored == answered
    assert len(answered) == 1


async def test_after_the_commit_all_of_it_exists_after_a_kill(database_url: str) -> None:
    answered = await answered_by(await engine(database_url, "after-commit", 8, executions=20))

    journal = await reopened(database_url)
    stored = await stored_in(journal)
    await journal.close()

    unanswered = {name: seq for name, seq in stored.items() if answered.get(name) != seq}
    assert unanswered, "the last group was written, and nobody was told"
    assert all(stored[name] - seq in (0, 2) for name, seq in answered.items())


async def test_killed_at_any_moment_again_and_again_nothing_answered_is_lost(database_url: str) -> None:
    chance = random.Random(7)
    answered: dict[str, int] = {}
    for _ in range(4):
        process = await engine(database_url, "never", 1, EXECUTIONS)
        assert process.stdout is not None
        first = await process.stdout.readline()
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        name, seq = first.split()
        answered |= {name.decode(): int(seq), **await answered_by(process)}

    journal = await reopened(database_url)
    stored = await stored_in(journal)
    await journal.close()

    assert len(answered) == 4 * EXECUTIONS
    assert {name: seq for name, seq in answered.items() if stored.get(name, 0) < seq} == {}


@pytest.mark.parametrize("failpoint", ["before-commit", "after-commit"])
async def test_memory_reaches_the_failpoints_too(failpoint: str) -> None:
    process = await engine("memory://", failpoint, EXECUTIONS * 3, EXECUTIONS)

    assert len(await answered_by(process)) == EXECUTIONS
