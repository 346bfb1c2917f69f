"""The writer's groups: how much goes into one transaction, and what is refused before it is queued."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journal.commits import a_step, answer_to, append, following, opening
from workflow_engine.journal.contract import Commit, Failpoints, Journal, QueueFull
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.opening import journal_for


class Gate:
    """Holds the writer at its commit until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        self._open.set()

    def close(self) -> None:
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def reach(self, name: str) -> None:
        if name == "before-commit":
            self.reached.set()
            self._open.wait(10)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def limits() -> JournalLimits:
    return JournalLimits(max_batch_commits=50, max_batch_bytes=100_000, max_queued_commits=120)


@pytest.fixture
async def journal(tmp_path: Path, gate: Gate, limits: JournalLimits) -> AsyncIterator[Journal]:
    opened = journal_for(f"sqlite:///{tmp_path / 'j.db'}", limits=limits, failpoints=Failpoints(gate.reach))
    await opened.open()
    yield opened
    gate.open()
    await opened.close()


async def held(journal: Journal, gate: Gate) -> "asyncio.Future[BaseException | None]":
    """A lone commit that keeps the writer busy until the gate opens."""
    gate.close()
    answer = answer_to(journal, opening())
    await asyncio.to_thread(gate.reached.wait, 10)
    return answer


async def transactions_of(journal: Journal, gate: Gate, commits: list[Commit]) -> int:
    """In how many transactions these are written when they are queued together."""
    first = await held(journal, gate)
    before = journal.written.transactions
    answers = [answer_to(journal, commit) for commit in commits]
    gate.open()
    assert await asyncio.gather(first, *answers) == [None] * (len(commits) + 1)
    return journal.written.transactions - before - 1


async def test_a_commit_that_comes_alone_is_one_transaction(journal: Journal) -> None:
    before = journal.written.transactions
    commit = opening()
    await append(journal, commit)
    for _ in range(20):
        commit = following(commit)
        await append(journal, commit)

    assert journal.written.transactions - before == 21


async def test_what_queues_up_behind_a_commit_is_written_together(journal: Journal, gate: Gate) -> None:
    assert await transactions_of(journal, gate, [opening() for _ in range(50)]) == 1


async def test_a_transaction_holds_no_more_commits_than_it_may(journal: Journal, gate: Gate) -> None:
    assert await transactions_of(journal, gate, [opening() for _ in range(101)]) == 3


async def test_a_transaction_ends_with_the_commit_that_makes_it_large(journal: Journal, gate: Gate) -> None:
    starts = [opening() for _ in range(10)]
    for start in starts:
        await append(journal, start)

    commits = [following(start, *a_step("x" * 40_000)) for start in starts]

    # 40,000 and 80,000 are below the bound, 120,000 is not.
    assert await transactions_of(journal, gate, commits) == 4


async def test_one_execution_can_have_many_commits_in_one_transaction(journal: Journal, gate: Gate) -> None:
    commits = [opening("e")]
    for _ in range(30):
        commits.append(following(commits[-1]))

    assert await transactions_of(journal, gate, commits) == 1
    assert [record.seq for record in await journal.history("default", "e")] == list(range(1, 62))


async def test_beyond_the_limit_of_the_queue_nothing_is_accepted(journal: Journal, gate: Gate) -> None:
    first = await held(journal, gate)
    answers = [answer_to(journal, opening()) for _ in range(125)]

    refused = await asyncio.gather(*answers[120:])
    assert {type(refusal) for refusal in refused} == {QueueFull}
    assert not any(answer.done() for answer in answers[:120])
    gate.open()

    assert await asyncio.gather(first, *answers[:120]) == [None] * 121
    await append(journal, opening())


async def test_closing_writes_what_is_queued(journal: Journal, gate: Gate) -> None:
    first = await held(journal, gate)
    answers = [answer_to(journal, opening()) for _ in range(70)]
    closing = asyncio.ensure_future(journal.close())
    await asyncio.sleep(0)
    gate.open()
    await closing

    assert first.done()
    assert [answer.result() for answer in answers] == [None] * 70


async def test_a_change_stands_between_the_commits_around_it(journal: Journal, gate: Gate) -> None:
    first = await held(journal, gate)
    before = journal.written.transactions
    answers = [answer_to(journal, opening()) for _ in range(5)]
    change = asyncio.ensure_future(journal.secret("tokens"))
    await asyncio.sleep(0)
    answers += [answer_to(journal, opening()) for _ in range(5)]
    gate.open()
    await asyncio.gather(first, change, *answers)

    assert journal.written.transactions - before == 1 + 3


async def test_an_error_before_the_commit_leaves_nothing_and_the_writer_goes_on(tmp_path: Path) -> None:
    failures = ["first try"]

    def fail(name: str) -> None:
        if failures and name == "before-commit" and opened_already:
            raise RuntimeError(failures.pop())

    opened_already = False
    journal = journal_for(f"sqlite:///{tmp_path / 'k.db'}", failpoints=Failpoints(fail))
    await journal.open()
    opened_already = True

    with pytest.raises(RuntimeError, match="first try"):
        await append(journal, opening("e"))

    assert await journal.execution("default", "e") is None
    await append(journal, opening("e"))
    await journal.close()
