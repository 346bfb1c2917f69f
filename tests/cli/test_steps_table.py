"""The table of steps, and the lines that stand for it."""

import io
import re

from rich.console import Console

from workflow_engine.cli.events import Event
from workflow_engine.cli.progress import Progress, StepProgress
from workflow_engine.cli.steps_table import drawn, following, note_of, rows_that_fit

NOW = 1_000.0


def shown(progress: Progress, *, width: int = 100, room: int = 20, encoding: str = "utf-8") -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as captured:
        console.print(drawn(progress, NOW, room, width, encoding))
    return captured.get()


def progress_of(*steps: StepProgress) -> Progress:
    return Progress("Flow", "id", {step.path: step for step in steps}, "running", NOW - 2)


def test_a_row_tells_type_status_attempts_time_and_note() -> None:
    step = StepProgress(
        "fetch", "http_request", (), 3, "retrying", 2, NOW - 1.5, None, NOW + 4, "transport-error: refused"
    )
    row = shown(progress_of(step)).splitlines()[2]
    cells = ["↻", "fetch", "http_request", "retrying", "2/3", "1.5 s", "again in 4.0 s; transport-error: refused"]
    assert re.split(r"  +", row.strip()) == cells


def test_a_long_note_is_cut_and_takes_no_room_from_the_others() -> None:
    step = StepProgress("fetch", "http_request", status="failed", attempt=1, began_at=NOW, ended_at=NOW, note="x" * 500)
    lines = shown(progress_of(step), width=80).splitlines()
    assert len(lines) == 3
    assert "http_request  failed" in lines[2]
    assert lines[2].rstrip().endswith("…")
    assert len(lines[2].rstrip()) <= 80


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    step = StepProgress("fetch", "t", status="failed", note="no")
    assert shown(progress_of(step), encoding="ascii").splitlines()[2].startswith("x  fetch")


def test_control_characters_of_an_error_never_reach_the_terminal() -> None:
    step = StepProgress("a\x1b[2J", "t\x07", status="failed", note="\x1b]0;gone\x07")
    assert "\x1b" not in shown(progress_of(step))
    assert "\x07" not in shown(progress_of(step))


def test_of_many_steps_those_under_way_and_the_failed_are_seen() -> None:
    done = [StepProgress(f"done{n}", status="completed", ended_at=float(n)) for n in range(20)]
    failed, running = StepProgress("failed", status="failed"), StepProgress("running", status="running")
    to_come = [StepProgress(f"next{n}") for n in range(20)]
    rows = rows_that_fit([*done, failed, running, *to_come], 6)
    assert [step.path for step in rows] == ["done18", "done19", "failed", "running", "next0", "next1"]


def test_what_is_not_shown_is_counted() -> None:
    steps = [StepProgress(f"s{n}", status="completed" if n < 5 else "pending", ended_at=NOW) for n in range(10)]
    assert "not shown: 3 completed, 3 pending" in shown(progress_of(*steps), room=4)


def test_a_pending_step_tells_what_it_waits_for_only_while_the_execution_is_under_way() -> None:
    progress = progress_of(StepProgress("a", status="running"), StepProgress("b", waits_for=("a",)))
    assert note_of(progress.steps["b"], progress, NOW) == "waits for a"
    ended = progress.after(Event(1, "execution_failed", NOW, None, {}))
    assert note_of(ended.steps["b"], ended, NOW) == ""


def test_a_distant_time_is_told_by_the_clock() -> None:
    step = StepProgress("a", status="waiting", due_at=NOW + 7_200, note="for the signal go")
    assert "timeout at " in note_of(step, progress_of(step), NOW)


def test_where_nobody_looks_every_change_is_one_line() -> None:
    file = io.StringIO()
    with following(Console(file=file, width=200), Progress.of({"name": "n", "steps": [{"step_id": "a"}]})) as follower:
        follower.follow(Event(1, "execution_started", 1.0, None, {}))
        follower.follow(Event(2, "step_scheduled", 1.25, "a", {"attempt": 1}))
        follower.follow(Event(3, "signal_received", 1.3, None, {"name": "x"}))
        follower.follow(Event(4, "step_completed", 2.5, "a", {"simulated": True}))
    assert file.getvalue().splitlines() == [
        "    0.250 s  a  running",
        "    1.500 s  a  completed  1.2 s, simulated",
    ]


def test_a_step_at_a_worker_shows_a_bar_what_it_says_and_who_has_it() -> None:
    step = StepProgress(
        "fetch", "t", (), 1, "running", 1, NOW, note="page 2", worker="w-1", fraction=0.5, said="Once upon"
    )
    assert shown(progress_of(step)).splitlines()[2].rstrip().endswith("━━━━╌╌╌╌ 50%  page 2  Once upon  on w-1")
    assert shown(progress_of(step), encoding="ascii").splitlines()[2].rstrip().endswith("on w-1")
    assert "####---- 50%" in shown(progress_of(step), encoding="ascii")


def test_where_nobody_looks_progress_is_told_in_words() -> None:
    file = io.StringIO()
    with following(Console(file=file, width=200), Progress.of({"name": "n", "steps": [{"step_id": "a"}]})) as follower:
        follower.follow(Event(1, "execution_started", 1.0, None, {}))
        follower.follow(Event(2, "step_scheduled", 1.0, "a", {"attempt": 1}))
        follower.follow(Event(3, "step_started", 1.5, "a", {"worker": "w-1", "since": 1.1}))
        follower.follow(Event(4, "step_progress", 2.0, "a", {"fraction": 0.5, "note": "half"}))
    assert file.getvalue().splitlines()[1:] == [
        "    0.500 s  a  running    on w-1",
        "    1.000 s  a  running    50%, on w-1, half",
    ]
