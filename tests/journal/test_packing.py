"""Events as rows of the log: small transitions are one row, large ones several, and large outputs stand outside."""

from itertools import pairwise

from tests.journal.commits import a_step, following, opening
from workflow_engine.history.encoding import decode_events, encode_events
from workflow_engine.history.events import Event, ExecutionCompleted, StepCompleted
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.packing import PackedCommit, pack, unpack

LIMITS = JournalLimits(row_bytes=1_000, payload_bytes=2_000)


def packed(*events: Event) -> PackedCommit:
    return pack(following(opening("e"), *events), LIMITS)


def unpacked(commit: PackedCommit) -> list[Event]:
    return [record.event for record in unpack(commit.rows, {each.seq: each.body for each in commit.payloads})]


def test_a_small_transition_is_one_row_of_exactly_what_was_encoded() -> None:
    events = a_step({"b": 1, "a": 2})
    (row,) = packed(*events).rows

    assert row.body.encode() == encode_events(events)
    assert (row.first_seq, row.last_seq, row.payloads) == (2, 3, 0)


def test_a_large_transition_is_cut_between_events() -> None:
    events = [event for number in range(8) for event in a_step("x" * 300, path=str(number))]
    commit = packed(*events)

    assert commit.rows[0].first_seq == 2
    assert all(after.first_seq == before.last_seq + 1 for before, after in pairwise(commit.rows))
    assert commit.rows[-1].last_seq == commit.last_seq == 17
    assert max(len(row.body) for row in commit.rows) <= 1_002
    assert len(commit.rows) > 2
    assert unpacked(commit) == events


def test_an_event_longer_than_a_row_has_a_row_for_itself() -> None:
    events = [*a_step("x" * 1_500), *a_step("small")]
    commit = packed(*events)

    assert [row.first_seq for row in commit.rows] == [2, 3]
    assert commit.payloads == ()
    assert unpacked(commit) == events


def test_only_outputs_above_the_bound_stand_outside() -> None:
    at_the_bound, above = "x" * 1_998, "x" * 1_999
    events = [*a_step(at_the_bound), *a_step(above), ExecutionCompleted(1.0, above)]
    commit = packed(*events)

    assert [payload.seq for payload in commit.payloads] == [4, 6]
    assert len({payload.digest for payload in commit.payloads}) == 1
    assert sum(row.payloads for row in commit.rows) == 2
    assert unpacked(commit) == events


def test_what_stands_outside_is_missing_in_the_row_and_nothing_else_is() -> None:
    commit = packed(StepCompleted(1.0, "a", 3, "x" * 5_000, 2.5, route=("b",), simulated=True))
    (event,) = decode_events(commit.rows[0].body)

    assert event == StepCompleted(1.0, "a", 3, None, 2.5, route=("b",), simulated=True)
