"""The fence asks the database only about executions it has not seen, and never remembers without a bound."""

import pytest

from tests.journal.commits import ending, following, opening
from workflow_engine.journal.contract import Commit, HistoryConflict, KeyTaken
from workflow_engine.journal.fence import Fence, Head


class Database:
    """Counts how often it is asked where an execution stands."""

    def __init__(self, **heads: Head) -> None:
        self.heads = heads
        self.asked: list[str] = []

    def head(self, _namespace: str, execution_id: str) -> Head | None:
        self.asked.append(execution_id)
        return self.heads.get(execution_id)


def take(fence: Fence, *commits: Commit) -> None:
    for commit in commits:
        fence.admit(commit)
    fence.settle()


def test_an_execution_that_was_opened_here_is_never_read() -> None:
    database = Database()
    fence = Fence(database.head)
    commit = opening("e")
    for _ in range(50):
        take(fence, commit)
        commit = following(commit)
    take(fence, commit, ending(commit))

    assert database.asked == []


def test_an_execution_of_a_former_process_is_read_once() -> None:
    database = Database(e=Head(3, ended=False))
    fence = Fence(database.head)
    commit = following(following(opening("e")))
    for _ in range(5):
        take(fence, commit)
        commit = following(commit)
    with pytest.raises(HistoryConflict):
        fence.admit(Commit("default", "e", 4, commit.events))

    assert database.asked == ["e"]


def test_what_was_not_written_was_never_admitted() -> None:
    fence = Fence(Database().head)
    first = opening("e")
    take(fence, first)
    fence.admit(following(first))
    fence.retract()

    take(fence, following(first))


def test_a_commit_that_fails_alone_leaves_the_others_admitted() -> None:
    fence = Fence(Database().head)
    first, second = opening("e"), following(opening("e"))
    fence.admit(first)
    with pytest.raises(RuntimeError), fence.admitting(second):
        raise RuntimeError

    take(fence, second)
    with pytest.raises(KeyTaken):
        fence.admit(first)


def test_after_a_doubt_the_database_is_asked_again() -> None:
    database = Database()
    fence = Fence(database.head)
    take(fence, opening("e"))
    fence.forget()
    database.heads["e"] = Head(1, ended=False)

    take(fence, following(opening("e")))
    assert database.asked == ["e"]


def test_no_more_executions_are_remembered_than_the_bound() -> None:
    database = Database()
    fence = Fence(database.head, most_known=10)
    for number in range(11):
        take(fence, opening(f"e{number}"))
        database.heads[f"e{number}"] = Head(1, ended=False)

    take(fence, *(following(opening(f"e{number}")) for number in range(10)))
    assert len(database.asked) == 10


def test_an_execution_that_ended_is_forgotten_and_found_to_have_ended() -> None:
    database = Database()
    fence = Fence(database.head)
    last = ending(opening("e"))
    take(fence, opening("e"), last)
    database.heads["e"] = Head(2, ended=True)

    with pytest.raises(HistoryConflict, match="ended"):
        fence.admit(following(last))
