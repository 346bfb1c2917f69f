"""The promise that every keeper keeps alike: one suite over memory, SQLite and PostgreSQL."""

import asyncio

import pytest

from tests.journal.commits import (
    DOCUMENT,
    NOW,
    a_step,
    accepting,
    answer_to,
    append,
    ending,
    following,
    opening,
)
from workflow_engine.history.events import (
    ExecutionCompleted,
    ExecutionPaused,
    SignalReceived,
    StepCompleted,
    StepError,
    StepFailed,
    StepScheduled,
)
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import (
    AllowedHost,
    ApiKeyRow,
    Commit,
    ExecutionFilter,
    HistoryConflict,
    InvalidCursor,
    Journal,
    JournalUnavailable,
    KeyTaken,
    OpenExecution,
    StepTypeRow,
    UnknownRow,
    UnwritableCommit,
    WorkerRow,
)
from workflow_engine.jsontext import Json, write

RUNNING, WAITING, PAUSED = ExecutionStatus.RUNNING, ExecutionStatus.WAITING, ExecutionStatus.PAUSED
COMPLETED, FAILED, CANCELLED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED


# --- appending


async def test_what_was_appended_is_read_in_order(journal: Journal) -> None:
    first = opening("e")
    second = following(first)
    await append(journal, first)
    await append(journal, second)

    recorded = await journal.history("default", "e")

    assert [record.seq for record in recorded] == [1, 2, 3]
    assert [record.event for record in recorded] == [*first.events, *second.events]


async def test_every_kind_of_event_comes_back_as_it_was(journal: Journal) -> None:
    first = opening("e")
    error = StepError("timeout", "took too long", {"seconds": 3})
    events = (
        StepScheduled(NOW, "a", 1, 1, computed=({"x": 1}, [2], None), deadline=NOW + 5),
        StepFailed(NOW, "a", 1, error, 12.5, handled_by="rescue"),
        StepScheduled(NOW, "rescue", 1, 1, caught=error, caught_from="a"),
        StepCompleted(NOW, "switch", 1, "left", 0.0, route=("left", "right")),
        SignalReceived(NOW, "approved", {"by": "me"}),
        ExecutionPaused(NOW, "a person wants it"),
        ExecutionCompleted(NOW, {"ok": True}),
    )
    await append(journal, first)
    await append(journal, following(first, *events))

    assert tuple(record.event for record in await journal.history("default", "e", after=1)) == events


async def test_a_history_is_read_in_pages(journal: Journal) -> None:
    commit = opening("e")
    await append(journal, commit)
    for _ in range(3):
        commit = following(commit)
        await append(journal, commit)

    seqs = [
        [record.seq for record in await journal.history("default", "e", after, limit)]
        for after, limit in ((0, 2), (2, 2), (3, 3), (6, 2), (7, 2), (3, None))
    ]

    assert seqs == [[1, 2], [3, 4], [4, 5, 6], [7], [], [4, 5, 6, 7]]


async def test_an_unknown_execution_has_no_history(journal: Journal) -> None:
    assert list(await journal.history("default", "nobody")) == []
    assert await journal.execution("default", "nobody") is None


async def test_a_namespace_does_not_see_the_executions_of_another(journal: Journal) -> None:
    await append(journal, opening("e", namespace="mine"))
    await append(journal, opening("e", namespace="yours"))

    assert await journal.execution("theirs", "e") is None
    mine = await journal.executions("mine", ExecutionFilter())
    assert [row.record.namespace for row in mine.rows] == ["mine"]


async def test_a_second_commit_at_the_same_place_is_refused(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    await append(journal, following(first))

    with pytest.raises(HistoryConflict):
        await append(journal, following(first))

    assert len(await journal.history("default", "e")) == 3


async def test_a_commit_that_leaves_a_gap_is_refused(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)

    with pytest.raises(HistoryConflict):
        await append(journal, Commit("default", "e", 3, a_step()))

    assert len(await journal.history("default", "e")) == 1


async def test_a_commit_of_an_execution_that_was_never_opened_is_refused(journal: Journal) -> None:
    for first_seq in (1, 2):
        with pytest.raises(HistoryConflict):
            await append(journal, Commit("default", "nobody", first_seq, a_step()))


async def test_an_empty_commit_is_refused(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)

    with pytest.raises(HistoryConflict):
        await append(journal, Commit("default", "e", 2, ()))


async def test_an_execution_cannot_be_opened_twice(journal: Journal) -> None:
    await append(journal, opening("e"))

    with pytest.raises(KeyTaken):
        await append(journal, opening("e", workflow_name="another"))

    row = await journal.execution("default", "e")
    assert row is not None
    assert row.record.workflow_name == "a workflow"


async def test_nothing_can_be_appended_after_the_end(journal: Journal) -> None:
    first = opening("e")
    last = ending(first)
    await append(journal, first)
    await append(journal, last)

    with pytest.raises(HistoryConflict):
        await append(journal, following(last))
    with pytest.raises(HistoryConflict):
        await append(journal, following(last, status=RUNNING))

    row = await journal.execution("default", "e")
    assert row is not None
    assert (row.summary.status, row.last_seq) == (COMPLETED, 2)


async def test_commits_that_are_queued_together_are_answered_in_their_order(journal: Journal) -> None:
    first = opening("e")
    second = following(first)
    commits = [first, second, following(second), opening("f"), ending(following(second))]
    order: list[int] = []
    for number, commit in enumerate(commits[:4]):
        journal.append(commit, lambda error, number=number: order.append(number if error is None else -1))  # type: ignore[misc] # a default in a lambda
    await append(journal, ending(commits[2]))

    assert order == [0, 1, 2, 3]
    assert [record.seq for record in await journal.history("default", "e")] == [1, 2, 3, 4, 5, 6]


async def test_a_guilty_commit_fails_alone(journal: Journal) -> None:
    await append(journal, opening("taken"))
    good = [opening() for _ in range(20)]
    guilty = opening("taken")
    late = Commit("default", good[0].execution_id, 5, a_step())

    answers = await asyncio.gather(*(answer_to(journal, commit) for commit in [*good[:10], guilty, late, *good[10:]]))

    assert [type(answer) for answer in answers] == [type(None)] * 10 + [KeyTaken, HistoryConflict] + [type(None)] * 10
    for commit in good:
        assert len(await journal.history("default", commit.execution_id)) == 1


async def test_what_follows_a_refused_commit_is_refused_too(journal: Journal) -> None:
    await append(journal, opening("taken"))
    await append(journal, opening("e", acceptance=accepting("key", "e")))
    refused = opening("f", acceptance=accepting("key", "f"))

    answers = await asyncio.gather(
        answer_to(journal, refused), answer_to(journal, following(refused)), answer_to(journal, opening("g"))
    )

    assert [type(answer) for answer in answers] == [KeyTaken, HistoryConflict, type(None)]
    assert await journal.execution("default", "f") is None
    assert list(await journal.history("default", "f")) == []


async def test_what_is_no_json_fails_alone(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    impossible = following(first, StepCompleted(NOW, "a", 1, 2**70, 1.0))

    answers = await asyncio.gather(answer_to(journal, impossible), answer_to(journal, opening("f")))

    assert [type(answer) for answer in answers] == [UnwritableCommit, type(None)]
    await append(journal, following(first))


async def test_a_waiter_that_fails_does_not_keep_the_others_waiting(journal: Journal) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(str(context["exception"])))

    def fail(_error: BaseException | None) -> None:
        raise RuntimeError("my own mistake")

    journal.append(opening("e"), fail)
    await append(journal, opening("f"))

    assert told == ["my own mistake"]


async def test_a_closed_journal_takes_and_gives_nothing(journal: Journal) -> None:
    await append(journal, opening("e"))
    await journal.close()
    await journal.close()

    with pytest.raises(JournalUnavailable):
        await append(journal, opening("f"))


# --- what is stored


@pytest.mark.parametrize(
    "value",
    [
        {"z": 1, "a": {"y": 2, "b": 3}, "m": 4},
        [9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 2**53 + 1],
        [0.1, 1e-300, 1.7976931348623157e308, -0.0, 5e-324],
        "Grüße, 世界 🌍 \u2028 \x7f",
        {'"quoted"\\': "line\nbreak\ttab \u0001"},
        ["", {}, [], None, True, False],
    ],
    ids=["key order", "64 bit integers", "doubles", "unicode", "escapes", "empty things"],
)
async def test_json_comes_back_byte_by_byte(journal: Journal, value: Json) -> None:
    first = opening("e")
    await append(journal, first)
    await append(journal, following(first, *a_step(value)))

    completed = (await journal.history("default", "e", 1, 1))[0].event

    assert isinstance(completed, StepCompleted)
    assert write(completed.output) == write(value)


async def test_a_large_transition_comes_back_whole(journal: Journal) -> None:
    first = opening("e")
    outputs = ["x" * 100_000 + str(number) for number in range(12)]
    events = [event for output in outputs for event in a_step(output)]
    await append(journal, first)
    await append(journal, following(first, *events))

    recorded = await journal.history("default", "e", after=1)

    assert [record.seq for record in recorded] == list(range(2, 26))
    assert [record.event for record in recorded] == events
    assert [record.seq for record in await journal.history("default", "e", 11, 3)] == [12, 13, 14]


async def test_a_large_output_comes_back_and_so_does_what_is_beside_it(journal: Journal) -> None:
    first = opening("e")
    large: Json = {"b": "x" * 1_100_000, "a": [1]}
    events = (*a_step("small"), *a_step(large), ExecutionCompleted(NOW, large))
    await append(journal, first)
    await append(journal, following(first, *events))

    recorded = await journal.history("default", "e", after=1)

    assert [record.event for record in recorded] == list(events)
    large_again = (await journal.history("default", "e", 3, 1))[0].event
    assert isinstance(large_again, StepCompleted)
    assert write(large_again.output) == write(large)


# --- summaries and lists


async def test_the_summary_is_that_of_the_last_commit_that_had_one(journal: Journal) -> None:
    first = opening("e", workflow_id="w", user_id="u", session_id="s", organization_id="o", tags=("b", "a"))
    progress = {"completed_steps": 1, "step_statuses": {"read": "completed", "nap": "waiting"}}
    second = following(first, status=WAITING, at=NOW + 1, next_due_at=NOW + 60, current_step="nap", **progress)
    third = following(second)
    for commit in (first, second, third):
        await append(journal, commit)

    row = await journal.execution("default", "e")

    assert row is not None
    assert row.record == first.opened
    assert row.summary == second.summary
    assert row.last_seq == 5


async def test_summaries_of_one_group_leave_the_last(journal: Journal) -> None:
    commit = opening("e")
    commits = [commit]
    for status in (WAITING, RUNNING, PAUSED):
        commit = following(commit, status=status, reason=f"now {status}")
        commits.append(commit)

    await asyncio.gather(*(answer_to(journal, commit) for commit in commits))

    row = await journal.execution("default", "e")
    assert row is not None
    assert row.summary == commits[-1].summary


async def test_a_failure_is_told_in_the_summary(journal: Journal) -> None:
    first = opening("e")
    error = {"code": "boom", "message": "it broke", "details": {"z": 1, "a": None}}
    last = following(first, status=FAILED, at=NOW + 2, error=error, failed_steps=1, skipped_steps=3)
    await append(journal, first)
    await append(journal, last)

    row = await journal.execution("default", "e")

    assert row is not None
    assert row.summary == last.summary
    assert row.summary.completed_at == NOW + 2
    assert row.summary.error is not None
    assert list(row.summary.error) == ["code", "message", "details"]


async def listed(journal: Journal, **wanted: object) -> list[str]:
    page = await journal.executions("default", ExecutionFilter(**wanted))  # type: ignore[arg-type] # the names are given below
    return [row.record.execution_id for row in page.rows]


async def test_lists_are_newest_first_and_filtered(journal: Journal) -> None:
    for commit in (
        opening("e0", workflow_id="w", workflow_name="one", user_id="ann", tags=("red", "blue")),
        opening("e1", workflow_id="w", workflow_name="two", user_id="bob", tags=("red", "red"), started_at=NOW + 1),
        opening("e2", workflow_name="two", started_at=NOW + 2),
    ):
        await append(journal, commit)
    await append(journal, ending(opening("e1")))

    assert await listed(journal) == ["e2", "e1", "e0"]
    assert await listed(journal, statuses=(COMPLETED,)) == ["e1"]
    assert await listed(journal, statuses=(RUNNING, COMPLETED)) == ["e2", "e1", "e0"]
    assert await listed(journal, statuses=(CANCELLED,)) == []
    assert await listed(journal, workflow_id="w") == ["e1", "e0"]
    assert await listed(journal, workflow_name="two") == ["e2", "e1"]
    assert await listed(journal, user_id="ann") == ["e0"]
    assert await listed(journal, tag="red") == ["e1", "e0"]
    assert await listed(journal, tag="blue", workflow_id="w") == ["e0"]
    assert await listed(journal, tag="re") == []
    assert await listed(journal, started_after=NOW) == ["e2", "e1"]
    assert await listed(journal, started_before=NOW + 2, started_after=NOW) == ["e1"]


async def test_pages_follow_each_other_by_cursor_whatever_is_started_meanwhile(journal: Journal) -> None:
    for number in range(5):
        # Two start at the same instant: their ids decide.
        await append(journal, opening(f"e{number}", started_at=NOW + number // 2))

    first = await journal.executions("default", ExecutionFilter(limit=2))
    await append(journal, opening("late", started_at=NOW + 100))
    second = await journal.executions("default", ExecutionFilter(limit=2, cursor=first.next_cursor))
    third = await journal.executions("default", ExecutionFilter(limit=2, cursor=second.next_cursor))

    pages = [[row.record.execution_id for row in page.rows] for page in (first, second, third)]
    assert pages == [["e4", "e3"], ["e2", "e1"], ["e0"]]
    assert third.next_cursor is None


async def test_the_last_full_page_has_no_cursor(journal: Journal) -> None:
    for number in range(2):
        await append(journal, opening(f"e{number}"))

    assert (await journal.executions("default", ExecutionFilter(limit=2))).next_cursor is None
    assert (await journal.executions("default", ExecutionFilter(limit=1))).next_cursor is not None


async def test_an_offset_skips_that_many(journal: Journal) -> None:
    for number in range(4):
        await append(journal, opening(f"e{number}", started_at=NOW + number))

    assert await listed(journal, offset=1, limit=2) == ["e2", "e1"]
    assert await listed(journal, offset=9) == []


@pytest.mark.parametrize("cursor", ["", "nonsense", "!!!", "ÄÖÜ", "AAAAAAAAAAAA", "a" * 1000])
async def test_a_cursor_that_no_page_gave_is_refused(journal: Journal, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await journal.executions("default", ExecutionFilter(cursor=cursor))


async def test_a_changed_cursor_is_refused(journal: Journal) -> None:
    for number in range(2):
        await append(journal, opening(f"e{number}"))
    cursor = (await journal.executions("default", ExecutionFilter(limit=1))).next_cursor
    assert cursor is not None

    for place in range(len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(InvalidCursor):
            await journal.executions("default", ExecutionFilter(cursor=changed))
    with pytest.raises(InvalidCursor):
        await journal.executions("other", ExecutionFilter(cursor=cursor))


async def test_executions_are_counted_by_status(journal: Journal) -> None:
    for number in range(3):
        await append(journal, opening(f"e{number}"))
    await append(journal, ending(opening("e0")))
    await append(journal, opening("foreign", namespace="other"))

    counted = await journal.count_executions("default")
    assert {status: count for status, count in counted.items() if count} == {RUNNING: 2, COMPLETED: 1}
    assert await journal.count_executions("default", (COMPLETED, FAILED)) == {COMPLETED: 1, FAILED: 0}


async def test_what_has_not_ended_is_found_oldest_first_over_all_namespaces(journal: Journal) -> None:
    await append(journal, opening("young", started_at=NOW + 2))
    await append(journal, opening("foreign", namespace="other", started_at=NOW + 1))
    old = opening("old", started_at=NOW)
    await append(journal, old)
    await append(journal, following(old, status=WAITING, next_due_at=NOW + 60))
    await append(journal, opening("gone"))
    await append(journal, ending(opening("gone")))

    assert list(await journal.open_executions()) == [
        OpenExecution("default", "old", WAITING, NOW + 60),
        OpenExecution("other", "foreign", RUNNING, None),
        OpenExecution("default", "young", RUNNING, None),
    ]


# --- definitions and acceptances


async def test_the_document_of_an_execution_is_kept_once(journal: Journal) -> None:
    await append(journal, opening("e"))
    await append(journal, opening("f"))

    document = await journal.definition("d1")

    assert write(document) == write(DOCUMENT)
    assert await journal.definition("d2") is None


async def test_an_acceptance_is_found_until_it_expires(journal: Journal) -> None:
    accepted = accepting("key", "e", keep=10.0)
    first = opening("e", acceptance=accepted)
    await append(journal, first)
    await append(journal, ending(first))

    assert await journal.acceptance("default", "execute", "key", NOW + 9) == accepted
    assert await journal.acceptance("default", "execute", "key", NOW + 10) is None
    assert await journal.acceptance("default", "execute", "other", NOW) is None
    assert await journal.acceptance("default", "signal:e", "key", NOW) is None
    assert await journal.acceptance("other", "execute", "key", NOW) is None


async def test_an_acceptance_lasts_as_long_as_its_execution_is_open(journal: Journal) -> None:
    accepted = accepting("key", "e", keep=10.0)
    first = opening("e", acceptance=accepted)
    await append(journal, first)

    found = await journal.acceptance("default", "execute", "key", NOW + 99)
    assert found == accepted
    assert write(found.answer) == write(accepted.answer)
    await append(journal, ending(first))
    assert await journal.acceptance("default", "execute", "key", NOW + 99) is None


async def test_a_key_cannot_be_used_twice_while_it_stands(journal: Journal) -> None:
    first = opening("e", acceptance=accepting("key", "e", keep=10.0))
    await append(journal, first)

    with pytest.raises(KeyTaken):
        await append(journal, opening("f", acceptance=accepting("key", "f", at=NOW + 99)))
    await append(journal, ending(first))
    with pytest.raises(KeyTaken):
        await append(journal, opening("f", acceptance=accepting("key", "f", at=NOW + 9)))
    again = accepting("key", "f", at=NOW + 99)
    await append(journal, opening("f", acceptance=again))

    assert await journal.acceptance("default", "execute", "key", NOW + 100) == again
    assert [row.execution_id for row in await journal.open_executions()] == ["f"]


async def test_two_starts_with_one_key_at_once_start_one_execution(journal: Journal) -> None:
    starts = [opening(f"e{number}", acceptance=accepting("key", f"e{number}")) for number in range(5)]

    answers = await asyncio.gather(*(answer_to(journal, start) for start in starts))

    assert [type(answer) for answer in answers] == [type(None)] + [KeyTaken] * 4
    assert [row.execution_id for row in await journal.open_executions()] == ["e0"]


async def test_an_acceptance_can_come_with_a_later_commit(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    accepted = accepting("key", "e")
    second = following(first, SignalReceived(NOW, "go"))
    await append(journal, Commit("default", "e", 2, second.events, acceptance=accepted))

    assert await journal.acceptance("default", "execute", "key", NOW) == accepted


# --- pruning


async def test_pruning_takes_old_ended_executions_with_all_they_own(journal: Journal) -> None:
    large: Json = "x" * 1_100_000
    for name, ended_at in (("old", NOW), ("new", NOW + 100), ("open", None)):
        first = opening(name, definition=f"of {name}", tags=("t",), acceptance=accepting(name, name, keep=10.0))
        second = following(first, *a_step(large))
        await append(journal, first)
        await append(journal, second)
        if ended_at is not None:
            await append(journal, ending(second, at=ended_at))

    assert await journal.prune(None, NOW + 50, NOW + 50, limit=10) == 1
    assert await journal.prune(None, NOW + 50, NOW + 50, limit=10) == 0

    assert await journal.execution("default", "old") is None
    assert list(await journal.history("default", "old")) == []
    assert await journal.definition("of old") is None
    assert await journal.acceptance("default", "execute", "old", NOW) is None
    assert await listed(journal, tag="t") == ["open", "new"]
    assert await journal.definition("of new") is not None
    assert await journal.acceptance("default", "execute", "open", NOW + 50) is not None
    kept = (await journal.history("default", "new", 1, 1))[0].event
    assert isinstance(kept, StepCompleted)
    assert kept.output == large


async def test_pruning_takes_the_oldest_and_no_more_than_it_may(journal: Journal) -> None:
    for number in (2, 0, 1):
        await append(journal, opening(f"e{number}"))
        await append(journal, ending(opening(f"e{number}"), at=NOW + number))

    assert await journal.prune(None, NOW + 50, NOW, limit=2) == 2
    assert await listed(journal) == ["e2"]


async def test_pruning_can_be_bound_to_a_namespace(journal: Journal) -> None:
    for namespace in ("mine", "yours"):
        first = opening("e", namespace=namespace)
        await append(journal, first)
        await append(journal, ending(first))

    assert await journal.prune("mine", NOW + 50, NOW, limit=10) == 1
    assert await journal.execution("mine", "e") is None
    assert await journal.execution("yours", "e") is not None
    assert await journal.definition("d1") is not None


async def test_an_answer_within_its_time_outlives_its_execution(journal: Journal) -> None:
    first = opening("e", acceptance=accepting("key", "e", keep=1000.0))
    await append(journal, first)
    await append(journal, ending(first))
    await journal.prune(None, NOW + 50, NOW + 50, limit=10)

    found = await journal.acceptance("default", "execute", "key", NOW + 60)
    assert found is not None
    assert found.execution_id == "e"


async def test_a_pruned_definition_comes_back_with_the_next_start(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    await append(journal, ending(first))
    await journal.prune(None, NOW + 50, NOW, limit=10)
    assert await journal.definition("d1") is None

    await append(journal, opening("f"))

    assert await journal.definition("d1") == DOCUMENT


# --- workflows


async def test_saving_a_changed_document_makes_the_next_version(journal: Journal) -> None:
    first = await journal.save_workflow("default", "w", "d1", {"b": 1, "a": 2}, NOW, create=True)
    same = await journal.save_workflow("default", "w", "d1", {"b": 1, "a": 2}, NOW + 1)
    second = await journal.save_workflow("default", "w", "d2", {"b": 2}, NOW + 2, create=False)

    assert (first.version_number, same, second.version_number) == (1, first, 2)
    assert list(first.document) == ["b", "a"]
    assert (second.created_at, second.updated_at) == (NOW, NOW + 2)
    assert await journal.workflow("default", "w") == second
    assert await journal.workflow("default", "w", 1) == first
    assert await journal.workflow("default", "w", 3) is None
    assert list(await journal.workflow_versions("default", "w")) == [second, first]


async def test_an_older_document_can_become_the_newest_version(journal: Journal) -> None:
    for number, digest in enumerate(("d1", "d2", "d1")):
        await journal.save_workflow("default", "w", digest, {"digest": digest}, NOW + number)

    versions = await journal.workflow_versions("default", "w")
    assert [(row.version_number, row.definition) for row in versions] == [(3, "d1"), (2, "d2"), (1, "d1")]


async def test_saving_says_whether_the_workflow_must_be_new_or_known(journal: Journal) -> None:
    with pytest.raises(UnknownRow):
        await journal.save_workflow("default", "w", "d1", {}, NOW, create=False)
    await journal.save_workflow("default", "w", "d1", {}, NOW, create=True)
    with pytest.raises(KeyTaken):
        await journal.save_workflow("default", "w", "d1", {}, NOW, create=True)
    await journal.save_workflow("other", "w", "d1", {}, NOW, create=True)


async def test_workflows_are_listed_by_their_newest_change(journal: Journal) -> None:
    for number, name in enumerate("abc"):
        await journal.save_workflow("default", name, f"d-{name}", {"name": name}, NOW + number)
    await journal.save_workflow("default", "a", "d-new", {"name": "a", "new": True}, NOW + 9)
    await journal.save_workflow("other", "z", "d-z", {}, NOW)

    rows, total = await journal.workflows("default", limit=2, offset=0)
    rest, _ = await journal.workflows("default", limit=2, offset=2)

    assert ([row.workflow_id for row in (*rows, *rest)], total) == (["a", "c", "b"], 3)
    assert rows[0].document == {"name": "a", "new": True}


async def test_a_deleted_workflow_is_gone_but_its_executions_keep_their_definition(journal: Journal) -> None:
    await journal.save_workflow("default", "w", "d1", DOCUMENT, NOW)
    await journal.save_workflow("default", "w", "unused", {}, NOW)
    await append(journal, opening("e", workflow_id="w", definition="d1"))

    assert await journal.delete_workflow("default", "w") is True
    assert await journal.delete_workflow("default", "w") is False

    assert await journal.workflow("default", "w") is None
    assert list(await journal.workflow_versions("default", "w")) == []
    assert await journal.definition("d1") == DOCUMENT
    assert await journal.definition("unused") is None


# --- step types, hosts, secrets


def a_step_type(version: str = "1", contract_hash: str = "h1", **fields: object) -> StepTypeRow:
    facts = {"namespace": "default", "name": "resize", "owner": "me", "step_id": "s", **fields}
    return StepTypeRow(
        version=version,
        contract={"z": 1, "a": 2},
        contract_hash=contract_hash,
        registered_at=NOW,
        updated_at=NOW,
        **facts,  # type: ignore[arg-type] # the names are given above
    )


async def test_step_types_are_versioned_and_a_version_never_changes(journal: Journal) -> None:
    await journal.save_step_types([a_step_type()])
    await journal.save_step_types([a_step_type()])
    await journal.save_step_types([a_step_type("2", "h2")])
    await journal.save_step_types([a_step_type(namespace="other")])

    with pytest.raises(KeyTaken):
        await journal.save_step_types([a_step_type("2", "h3")])

    assert list(await journal.step_types("default")) == [a_step_type(), a_step_type("2", "h2")]
    assert len(await journal.step_types()) == 3
    assert list((await journal.step_types())[0].contract) == ["z", "a"]


async def test_a_removed_step_type_is_marked_and_comes_back_when_it_is_saved_again(journal: Journal) -> None:
    for row in (a_step_type("1"), a_step_type("2"), a_step_type("1", name="other")):
        await journal.save_step_types([row])

    assert await journal.remove_step_type("default", "resize", "1") == 1
    assert await journal.remove_step_type("default", "resize") == 1
    assert await journal.remove_step_type("default", "resize") == 0
    assert await journal.remove_step_type("default", "nobody") == 0
    await journal.save_step_types([a_step_type("2")])

    marks = {(row.name, row.version): row.removed for row in await journal.step_types("default")}
    assert marks == {("other", "1"): False, ("resize", "1"): True, ("resize", "2"): False}


async def test_step_types_that_are_saved_together_are_saved_all_or_none(journal: Journal) -> None:
    await journal.save_step_types([a_step_type()])

    with pytest.raises(KeyTaken, match="resize@1"):
        await journal.save_step_types([a_step_type("2"), a_step_type("1", "another"), a_step_type("3")])

    assert [row.version for row in await journal.step_types("default")] == ["1"]
    await journal.save_step_types([a_step_type("2"), a_step_type("3")])
    await journal.save_step_types([])
    assert [row.version for row in await journal.step_types("default")] == ["1", "2", "3"]


async def test_hosts_are_allowed_by_namespace(journal: Journal) -> None:
    entry = AllowedHost("default", "*.example.com", NOW, "me", "for the tests")
    await journal.allow_host(AllowedHost("default", "10.0.0.0/8", NOW, "me"))
    await journal.allow_host(AllowedHost("default", "*.example.com", NOW, "me", "an older note"))
    await journal.allow_host(entry)

    assert list(await journal.allowed_hosts("default")) == [entry, AllowedHost("default", "10.0.0.0/8", NOW, "me")]
    assert list(await journal.allowed_hosts("other")) == []
    assert await journal.disallow_host("other", "*.example.com") is False
    assert await journal.disallow_host("default", "*.example.com") is True
    assert await journal.disallow_host("default", "*.example.com") is False


async def test_workers_are_remembered_until_they_are_forgotten(journal: Journal) -> None:
    await journal.save_worker(WorkerRow("default", "w2", ("resize@1",), NOW))
    await journal.save_worker(WorkerRow("default", "w1", (), NOW))
    await journal.save_worker(WorkerRow("other", "w2", ("resize@9",), NOW))
    again = WorkerRow("default", "w2", ("resize@2", "crop@1"), NOW + 5)
    await journal.save_worker(again)

    rows = [WorkerRow("default", "w1", (), NOW), again, WorkerRow("other", "w2", ("resize@9",), NOW)]
    assert list(await journal.workers()) == rows

    assert await journal.forget_worker("third", "w2") is False
    assert await journal.forget_worker("default", "w2") is True
    assert await journal.forget_worker("default", "w2") is False
    assert list(await journal.workers()) == [rows[0], rows[2]]


def a_key(key_id: str, namespace: str = "default", at: float = NOW) -> ApiKeyRow:
    return ApiKeyRow(namespace, key_id, "team", "0" * 64, ("execute", "register"), "for the tests", at, "local")


async def test_keys_are_kept_oldest_first_also_when_they_are_revoked(journal: Journal) -> None:
    await journal.save_api_key(a_key("b"))
    await journal.save_api_key(a_key("c", at=NOW - 1))
    await journal.save_api_key(a_key("a", "other", NOW + 1))

    assert list(await journal.api_keys()) == [a_key("c", at=NOW - 1), a_key("b"), a_key("a", "other", NOW + 1)]

    assert await journal.revoke_api_key("other", "b", NOW + 9) is False
    assert await journal.revoke_api_key("default", "b", NOW + 9) is True
    assert await journal.revoke_api_key("default", "b", NOW + 99) is False
    assert [row.revoked_at for row in await journal.api_keys()] == [None, NOW + 9, None]


@pytest.mark.parametrize("namespace", ["default", "other"])
async def test_the_id_of_a_key_is_taken_in_every_namespace(journal: Journal, namespace: str) -> None:
    await journal.save_api_key(a_key("a"))

    with pytest.raises(KeyTaken, match="key 'a'"):
        await journal.save_api_key(a_key("a", namespace))

    assert list(await journal.api_keys()) == [a_key("a")]


async def test_a_secret_is_made_once(journal: Journal) -> None:
    made = await asyncio.gather(*(journal.secret("webhooks") for _ in range(5)))

    assert len(set(made)) == 1
    assert len(made[0]) == 32
    assert await journal.secret("tokens") != made[0]


async def test_changes_and_commits_keep_their_order(journal: Journal) -> None:
    first = opening("e")
    answer = answer_to(journal, first)
    saving = asyncio.ensure_future(journal.save_workflow("default", "w", "d1", DOCUMENT, NOW))
    await asyncio.sleep(0)
    last = answer_to(journal, ending(first))
    pruned = await journal.prune(None, NOW + 50, NOW, limit=10)

    assert (await answer, await last, pruned) == (None, None, 1)
    assert (await saving).version_number == 1


async def test_what_was_written_is_counted(journal: Journal) -> None:
    before = journal.written.transactions
    commit = opening("e")
    await append(journal, commit)
    for _ in range(10):
        commit = following(commit)
        await append(journal, commit)

    assert journal.written.transactions - before == 11
    assert journal.written.commits == 11
    assert journal.written.rows >= 11
