"""What the steps are doing, told by events alone."""

from typing import TypeAlias

from workflow_engine.cli.events import Event
from workflow_engine.cli.progress import Progress
from workflow_engine.jsontext import Json

DOCUMENT: dict[str, Json] = {
    "name": "Order",
    "steps": [
        {"step_id": "fetch", "step_type": "http_request", "max_retries": 2},
        {"step_id": "approve", "step_type": "wait_for_signal", "dependencies": ["fetch"]},
        {"step_id": "undo", "step_type": "delay"},
    ],
}


Happened: TypeAlias = tuple[str, str | None, dict[str, Json]]


def after(*happened: Happened) -> Progress:
    """One event a second."""
    progress = Progress.of(DOCUMENT)
    for seq, (kind, path, data) in enumerate(happened, 1):
        progress = progress.after(Event(seq, kind, float(seq), path, data))
    return progress


def test_a_plan_begins_with_the_steps_of_its_document_in_their_order() -> None:
    progress = Progress.of(DOCUMENT)
    assert list(progress.steps) == ["fetch", "approve", "undo"]
    assert progress.steps["fetch"].attempts_allowed == 3
    assert progress.missing(progress.steps["approve"]) == ("fetch",)


def test_a_retry_says_what_failed_and_when_it_goes_on() -> None:
    error: dict[str, Json] = {"code": "transport-error", "message": "refused"}
    fetch = after(
        ("execution_started", None, {}),
        ("step_scheduled", "fetch", {"attempt": 1}),
        ("step_retrying", "fetch", {"attempt": 1, "error": error, "due_at": 9.0}),
    ).steps["fetch"]
    assert (fetch.status, fetch.attempt, fetch.due_at) == ("retrying", 1, 9.0)
    assert fetch.note == "transport-error: refused"


def test_the_time_of_a_step_runs_from_its_first_attempt_to_its_end() -> None:
    fetch = after(
        ("step_scheduled", "fetch", {"attempt": 1}),
        ("step_retrying", "fetch", {"attempt": 1, "error": {}, "due_at": 2.0}),
        ("step_scheduled", "fetch", {"attempt": 2}),
        ("step_completed", "fetch", {"simulated": True}),
    ).steps["fetch"]
    assert (fetch.began_at, fetch.ended_at, fetch.attempt) == (1.0, 4.0, 2)
    assert fetch.simulated
    assert fetch.note == ""


def test_a_waiting_step_names_its_signal_until_it_goes_on() -> None:
    waiting: Happened = ("step_waiting", "approve", {"signal": "approved", "due_at": None})
    assert after(waiting).steps["approve"].note == "for the signal approved"
    assert after(waiting, ("step_resumed", "approve", {"signal": "approved"})).steps["approve"].status == "running"


def test_a_handled_failure_names_its_handler() -> None:
    failed: Happened = ("step_failed", "fetch", {"error": {"code": "c", "message": "m"}, "handled_by": "undo"})
    assert after(failed).steps["fetch"].note == "c: m (handled by undo)"


def test_a_step_inside_another_one_appears_with_its_first_event() -> None:
    progress = after(("step_scheduled", "fan[3].resize", {"attempt": 1}))
    assert progress.steps["fan[3].resize"].status == "running"


def test_an_unknown_kind_changes_nothing() -> None:
    assert after(("step_dreaming", "fetch", {}), ("execution_dreaming", None, {})) == Progress.of(DOCUMENT)


def test_an_execution_goes_through_pause_to_its_end() -> None:
    paused = after(("execution_started", None, {}), ("execution_paused", None, {"reason": "lunch"}))
    assert (paused.status, paused.note) == ("paused", "lunch")
    ended = paused.after(Event(3, "execution_cancelled", 3.0, None, {"reason": "enough"}))
    assert (ended.status, ended.note, ended.ended_at) == ("cancelled", "enough", 3.0)


STARTED: Happened = ("step_started", "fetch", {"worker": "w-1", "since": 1.0})


def test_a_step_tells_which_worker_has_it_and_how_far_it_got() -> None:
    fetch = after(
        ("step_scheduled", "fetch", {"attempt": 1}),
        STARTED,
        ("step_progress", "fetch", {"fraction": 0.25, "note": "page 1"}),
        ("step_progress", "fetch", {"fraction": 0.5, "note": None}),
    ).steps["fetch"]
    assert (fetch.status, fetch.worker, fetch.fraction, fetch.note) == ("running", "w-1", 0.5, "page 1")


def test_of_what_a_step_says_the_last_line_is_seen() -> None:
    spoken: list[Happened] = [
        ("step_chunk", "fetch", {"first": n, "chunks": [{"channel": "text", "data": data}]})
        for n, data in enumerate(["one\ntw", "o\n", "thr", "ee"])
    ]
    assert after(STARTED, *spoken[:2]).steps["fetch"].said == "two\n"
    assert after(STARTED, *spoken).steps["fetch"].said == "three"


def test_a_new_attempt_forgets_what_the_one_before_said() -> None:
    said: Happened = ("step_chunk", "fetch", {"first": 0, "chunks": [{"channel": "text", "data": "hello"}]})
    far: Happened = ("step_progress", "fetch", {"fraction": 0.9, "note": None})
    fetch = after(STARTED, said, far, ("attempt_reset", "fetch", {"reason": "worker-lost"})).steps["fetch"]
    assert (fetch.worker, fetch.said, fetch.fraction, fetch.note) == ("", "", None, "worker-lost")
