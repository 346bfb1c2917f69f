"""The checker of the fault test of workers: what it must find, planted into evidence in which all is well."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.evidence import Order
from tests.faults.worker_evidence import Evidence, violations
from tests.faults.worker_notes import Note, What
from tests.faults.worker_orders import value_of

LEASE = 1.0
RESULTS = {"status": "completed", "output": {"value": 6}, "error": None}
MARKS = {"left": "a/left/2", "right": "b/right/2", "once": "b/once/1", "join": "b/join/1"}


def note(at: float, worker: str, what: What, path: str = "", delivery: int = 0, **facts: Any) -> Note:  # noqa: ANN401 - fields of Note
    of_lease = {"execution": "e1", "path": path, "delivery": delivery, "token": f"{path}{delivery}"} if path else {}
    return Note(at, worker, what, **{**of_lease, **facts})


def assigned(at: float, worker: str, path: str, delivery: int, attempt: int = 1, **facts: Any) -> list[Note]:  # noqa: ANN401 - the same
    step_type = "fault.once@1.0.0" if path == "once" else "fault.work@1.0.0"
    given = {"step_type": step_type, "attempt": attempt, "key": f"wfk_e1_{path}", **facts}
    return [note(at, worker, What.ASSIGNED, path, delivery, **given), note(at, worker, What.STARTED, path, delivery)]


def answered(
    at: float,
    worker: str,
    path: str,
    delivery: int,
    mark: str,
    code: str = "OK",
    **facts: Any,  # noqa: ANN401 - the same
) -> list[Note]:
    sent = note(at, worker, What.SENT, path, delivery, mark=mark, **facts)
    return [sent, note(at + 0.01, worker, What.ACKED, path, delivery, mark=mark, code=code)]


def notes() -> list[Note]:
    """`a` loses `left` to nobody though it was cut off, `right` fails once and is tried again, by another."""
    return [
        note(0.0, "a", What.BORN, slots=2),
        note(0.0, "b", What.BORN, slots=2),
        *assigned(0.1, "b", "left", 1),
        *assigned(0.1, "a", "right", 1),
        note(0.3, "b", What.RENEWED, "left", 1, code="OK", since=0.29),
        *answered(0.4, "a", "right", 1, "a/right/1", failure=True),
        *assigned(1.5, "a", "left", 2),
        *assigned(1.5, "b", "right", 2, attempt=2),
        note(1.6, "a", What.VERDICT, "left", 2, code="KEEP", since=1.59),
        note(1.7, "b", What.DROPPED, "left", 1),
        *answered(1.8, "a", "left", 2, "a/left/2", chunks=2),
        *answered(1.8, "b", "left", 1, "b/left/1", "LEASE_SUPERSEDED"),
        *answered(1.9, "b", "right", 2, "b/right/2"),
        *assigned(2.0, "b", "once", 1),
        *answered(2.1, "b", "once", 1, "b/once/1"),
        *assigned(2.2, "b", "join", 1),
        *answered(2.3, "b", "join", 1, "b/join/1"),
        note(2.4, "b", What.DRAINED),
    ]


def event(kind: str, path: str | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of events
    return {"kind": kind, **({} if path is None else {"path": path}), **fields}


def completed(path: str, value: int) -> dict[str, Any]:
    return event("step_completed", path, output={"value": value, "by": MARKS[path]})


def stored() -> list[dict[str, Any]]:
    error = {"code": "by-chance", "message": "a/right/1"}
    said = [{"channel": "text", "data": "a/left/2:0"}, {"channel": "text", "data": "a/left/2:1"}]
    events = [
        event("execution_started"),
        event("step_scheduled", "left", attempt=1, delivery=1),
        event("step_scheduled", "right", attempt=1, delivery=1),
        event("step_retrying", "right", attempt=1, error=error),
        event("step_chunk", "left", first=0, chunks=[{"channel": "text", "data": "b/left/1:0"}]),
        event("attempt_reset", "left"),
        event("step_rescheduled", "left", delivery=2, reason="worker-lost"),
        event("step_scheduled", "right", attempt=2, delivery=2),
        event("step_chunk", "left", first=0, chunks=said),
        completed("left", 2),
        completed("right", 2),
        event("step_scheduled", "once", attempt=1, delivery=1),
        completed("once", 2),
        event("step_scheduled", "join", attempt=1, delivery=1),
        completed("join", 6),
        event("execution_completed"),
    ]
    return [{"seq": seq, **each} for seq, each in enumerate(events, 1)]


def kept() -> Evidence:
    return Evidence([Order("k", 1, ("e1",))], ["e1"], {"e1": RESULTS}, {"e1": stored()}, notes(), value_of, LEASE)


def with_notes(change: Callable[[Note], Note | None]) -> Evidence:
    changed = [changed for each in notes() if (changed := change(each)) is not None]
    return replace(kept(), notes=changed)


def and_notes(*more: Note) -> Evidence:
    return replace(kept(), notes=sorted([*notes(), *more], key=lambda each: each.at))


def with_event(place: int, **fields: Any) -> Evidence:  # noqa: ANN401 - fields of events
    """`place` as `seq` counts."""
    events = stored()
    events[place - 1] |= fields
    return replace(kept(), stored={"e1": events})


def without_event(place: int) -> Evidence:
    return replace(kept(), stored={"e1": [each for each in stored() if each["seq"] != place]})


def when(what: What, path: str, **facts: Any) -> Callable[[Note], Note]:  # noqa: ANN401 - fields of Note
    return lambda each: replace(each, **facts) if (each.what, each.path) == (what, path) else each


def born_with(slots: int) -> Callable[[Note], Note]:
    return lambda each: replace(each, slots=slots) if each.what is What.BORN else each


PLANTED: Mapping[str, tuple[Evidence, str]] = {
    "a lost execution": (replace(kept(), listed=[]), "is lost"),
    "an execution that exists twice": (replace(kept(), listed=["e1", "e1"]), "listed 2 times"),
    "an execution that failed": (replace(kept(), results={"e1": {**RESULTS, "status": "failed"}}), "ended failed"),
    "a wrong result": (replace(kept(), results={"e1": {**RESULTS, "output": {"value": 7}}}), "ended completed with"),
    "a gap in a history": (without_event(5), "a gap"),
    "a history without an end": (without_event(16), "no terminal event"),
    "a second result of a step": (with_event(13, path="left"), "behind its end"),
    "a fence that does not grow": (with_event(7, delivery=1), "was handed over with 1 after 1"),
    "one hand-over to two workers": (and_notes(*assigned(1.55, "b", "left", 2)), "was given to ['a', 'b']"),
    "a fence that is stored nowhere": (and_notes(*assigned(2.35, "a", "join", 2)), "and stored as None"),
    "another attempt than is stored": (with_notes(when(What.ASSIGNED, "join", attempt=2)), "as attempt 2"),
    "an old fence after a new one": (and_notes(*assigned(2.35, "a", "left", 1)), "after delivery 2"),
    "an attempt without a failure": (without_event(4), "begins attempt 2 after 0 failures"),
    "a failure that no worker reported": (
        with_event(4, error={"code": "x", "message": "made up"}),
        "is tried again, and no worker failed",
    ),
    "a changed key": (with_notes(when(What.ASSIGNED, "join", key="wfk_e1_other")), "under the key"),
    "a token for two leases": (with_notes(lambda each: replace(each, token="same")), "one token proves"),
    "more steps than slots": (with_notes(born_with(0)), "and asked for 0"),
    "a step that ran twice and may not": (
        and_notes(note(2.05, "a", What.STARTED, "once", 1)),
        "was started 2 times",
    ),
    "a worker that is robbed within its lease": (
        with_notes(when(What.RENEWED, "left", since=0.9)),
        "before the lease of b ran out",
    ),
    "a worker that comes back in time and loses its step": (
        and_notes(note(0.9, "b", What.VERDICT, "left", 1, code="ABORT", since=0.8)),
        "came back within its lease",
    ),
    "a result under an old fence": (
        with_event(10, output={"value": 2, "by": "b/left/1"}),
        "though delivery 2 was the latest",
    ),
    "a result that no worker sent": (with_event(11, output={"value": 2, "by": "nobody"}), "which no worker sent"),
    "a result of another step": (with_event(11, output={"value": 2, "by": "b/once/1"}), "which no worker sent"),
    "a result that was answered OK and is gone": (
        and_notes(*answered(2.35, "a", "left", 2, "a/left/2+")),
        "was answered OK and is not in the history",
    ),
    "a result that was refused and counts": (
        with_notes(when(What.ACKED, "join", code="LEASE_SUPERSEDED")),
        "was answered LEASE_SUPERSEDED and is in the history",
    ),
    "a conflict that counts": (
        with_notes(when(What.ACKED, "once", code="RESULT_CONFLICT")),
        "was answered RESULT_CONFLICT and is in the history",
    ),
    "a token that is refused": (with_notes(when(What.ACKED, "join", code="INVALID_TOKEN")), "answered INVALID_TOKEN"),
    "work that was done before": (and_notes(*assigned(2.35, "a", "right", 3)), "after b/right/2 was answered OK"),
    "a sum of other results": (with_event(15, output={"value": 5, "by": "b/join/1"}), "saw other results"),
    "a gap in the chunks": (with_event(9, first=1), "the chunks are"),
    "chunks of somebody else": (without_event(6), "the chunks are"),
    "a chunk too few": (with_notes(when(What.SENT, "left", chunks=3)), "the chunks are"),
    "a worker that is sent away with a step": (
        and_notes(*assigned(2.35, "b", "left", 2)),
        "was told that it is drained and had",
    ),
}


def test_kept_promises_are_no_violations() -> None:
    assert violations(kept()) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(planted: str) -> None:
    evidence, said = PLANTED[planted]

    assert said in "\n".join(violations(evidence))


def test_the_right_chunks_of_a_result_are_those_of_its_own_hand_over() -> None:
    """Or else the check of chunks would pass with none."""
    assert any("the chunks are" in line for line in violations(without_event(9)))


def test_who_is_born_again_or_gives_up_is_not_robbed() -> None:
    early = [when(What.RENEWED, "left", since=0.9)(each) for each in notes()]
    born = sorted([*early, note(1.2, "b", What.BORN, slots=2)], key=lambda each: each.at)
    dropped = sorted([*early, note(1.2, "b", What.DROPPED, "left", 1)], key=lambda each: each.at)

    assert not any("robbed" in line or "ran out" in line for line in violations(replace(kept(), notes=born)))
    assert violations(replace(kept(), notes=dropped)) == []
