"""The progress of an execution: as a table that follows it, or as a line for each change where nobody looks at it."""

import time
from collections.abc import Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal, Protocol

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workflow_engine.cli.console import harmless, words
from workflow_engine.cli.durations import clock_time, length
from workflow_engine.cli.events import Event
from workflow_engine.cli.progress import Progress, StepProgress
from workflow_engine.cli.styles import bar, sign, spinning, style

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNDER_WAY: Final = ("running", "retrying", "waiting")
_GAP: Final = 2
_WIDEST_PATH: Final = 32
_WIDEST_TYPE: Final = 20
_LINES_AROUND: Final = 5
"""Lines of the screen that are not rows: the heading, the head of the table, what is not shown, the cursor."""


class Follower(Protocol):
    """Whoever is shown every event as it comes."""

    def follow(self, event: Event) -> None: ...


@contextmanager
def following(console: Console, first: Progress) -> "Iterator[Follower]":
    """Show the progress on this console for the length of the block; what is seen last stays."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console, first)
        return
    table = LiveTable(first)
    with Live(table, console=console, refresh_per_second=10, vertical_overflow="crop"):
        yield table


@contextmanager
def quietly() -> "Iterator[Follower]":
    """Shows nothing."""
    yield _Nobody()


class _Nobody:
    def follow(self, event: Event) -> None:
        pass


class Lines:
    """One line for each change, for logs and pipes."""

    def __init__(self, console: Console, first: Progress) -> None:
        self._console = console
        self._progress = first
        self._width = max((len(path) for path in first.steps), default=0)

    def follow(self, event: Event) -> None:
        before, self._progress = self._progress, self._progress.after(event)
        if event.path is None or self._progress is before:
            return
        step = self._progress.steps[event.path]
        since = event.at - (self._progress.began_at or event.at)
        attempt = f"attempt {step.attempt}" if step.attempt > 1 else ""
        facts = (attempt, took(step), doing(step), note_of(step, self._progress, event.at), _simulated(step))
        line = f"{since:9.3f} s  {step.path:<{self._width}}  {step.status:<9}  {', '.join(filter(None, facts))}"
        self._console.print(words(line.rstrip()), soft_wrap=True)


class LiveTable:
    """Draws itself anew several times a second, so that what is under way is seen to go on."""

    def __init__(self, first: Progress) -> None:
        self._progress = first
        self._skew: float | None = None

    def follow(self, event: Event) -> None:
        # The server's clock may differ from ours; what is newest tells by how much.
        late = time.time() - event.at
        self._skew = late if self._skew is None else min(late, self._skew)
        self._progress = self._progress.after(event)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.time() - (self._skew or 0.0)
        room = (options.height or console.height) - _LINES_AROUND
        yield drawn(self._progress, now, room, options.max_width, console.encoding)


def drawn(progress: Progress, now: float, room: int, width: int, encoding: str) -> Group:
    """The heading and at most `room` rows, the interesting ones first to stay."""
    shown = rows_that_fit(list(progress.steps.values()), room)
    table = _columns(shown, width)
    for step in shown:
        table.add_row(*_row(step, progress, now, encoding))
    parts: list[Text | Table] = [heading(progress, now, encoding), table]
    if len(shown) < len(progress.steps):
        parts.append(_not_shown(progress, shown))
    return Group(*parts)


def _columns(shown: Sequence[StepProgress], width: int) -> Table:
    """Every column has its width, so that a long note takes what is left and nothing moves while numbers change."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    paths = min(max((len(_indented(step)) for step in shown), default=4), _WIDEST_PATH)
    types = min(max((len(step.step_type) for step in shown), default=4), _WIDEST_TYPE)
    widths = {"step": max(paths, 4), "type": max(types, 4), "status": 9, "tries": 5, "time": 10}
    table.add_column("", width=1)
    for title, fixed in widths.items():
        side: Literal["left", "right"] = "right" if title in ("tries", "time") else "left"
        style_of = "dim" if title == "type" else ""
        table.add_column(title, width=fixed, no_wrap=True, overflow="ellipsis", justify=side, style=style_of)
    taken = 1 + sum(widths.values()) + _GAP * (len(widths) + 1)
    table.add_column("", width=max(width - taken, 1), no_wrap=True, overflow="ellipsis")
    return table


def _indented(step: StepProgress) -> str:
    """A step inside another one stands below it, further in."""
    return "  " * step.path.count(".") + harmless(step.path)


def heading(progress: Progress, now: float, encoding: str) -> Text:
    ended = sum(step.has_ended for step in progress.steps.values())
    mark = spinning(now, encoding) if progress.status == "running" else sign(progress.status, encoding)
    seconds = (progress.ended_at or now) - progress.began_at if progress.began_at else 0.0
    status = (f"{mark} {progress.status}", style(progress.status))
    counts = f"  {ended} of {len(progress.steps)} steps  {length(seconds)}"
    return words((progress.name, "bold"), "  ", status, counts, (f"  {progress.execution_id}", "dim"))


def rows_that_fit(steps: Sequence[StepProgress], room: int) -> list[StepProgress]:
    """All of them, or those a person wants to see: under way, failed, then the last and the next; in order."""
    if len(steps) <= room:
        return list(steps)
    under_way = [step for step in steps if step.status in _UNDER_WAY]
    failed = [step for step in steps if step.status == "failed"]
    ended = [step for step in steps if step.has_ended and step.status != "failed"]
    last_first = sorted(ended, key=lambda step: step.ended_at or 0.0, reverse=True)
    to_come = [step for step in steps if step.status == "pending"]
    around = [step for pair in zip_longest(last_first, to_come) for step in pair if step is not None]
    wanted = {step.path for step in [*under_way, *failed, *around][: max(room, 1)]}
    return [step for step in steps if step.path in wanted]


def _not_shown(progress: Progress, shown: Sequence[StepProgress]) -> Text:
    there = {step.path for step in shown}
    hidden = [step.status for step in progress.steps.values() if step.path not in there]
    counts = ", ".join(f"{hidden.count(status)} {status}" for status in dict.fromkeys(hidden))
    return Text(f"   not shown: {counts}", style="dim")


def _row(step: StepProgress, progress: Progress, now: float, encoding: str) -> tuple[Text, ...]:
    mark = spinning(now, encoding) if step.status == "running" else sign(step.status, encoding)
    colour = style(step.status)
    tries = f"{step.attempt}/{step.attempts_allowed}" if step.attempts_allowed > 1 else str(step.attempt)
    return (
        Text(mark, colour),
        Text(_indented(step), "dim" if step.status in ("pending", "skipped") else ""),
        Text(harmless(step.step_type)),
        Text(step.status, colour),
        Text(tries if step.attempt else "", "yellow" if step.attempt > 1 else ""),
        Text(took(step, now)),
        _note(step, progress, now, encoding),
    )


def took(step: StepProgress, now: float | None = None) -> str:
    """From the beginning of its first attempt to its end, waits and retries included."""
    if step.began_at is None or (step.ended_at is None and now is None):
        return ""
    return length((step.ended_at or now or 0.0) - step.began_at)


def _note(step: StepProgress, progress: Progress, now: float, encoding: str) -> Text:
    note = words((note_of(step, progress, now).replace("\n", " "), "red" if step.status == "failed" else "dim"))
    if step.simulated:
        return words(("simulated ", "italic magenta")).append_text(note)
    if step.status != "running" or not (step.worker or step.said or step.fraction is not None):
        return note
    parts = [note] if note else []
    if step.fraction is not None:
        parts.insert(0, words((f"{bar(step.fraction, encoding)} {step.fraction:.0%}", "cyan")))
    if step.said:
        parts.append(words((step.said.strip(), "dim italic")))
    if step.worker:
        parts.append(words((f"on {step.worker}", "dim")))
    return Text("  ").join(parts)


def doing(step: StepProgress) -> str:
    """What its worker says of a step under way, in words alone."""
    if step.status != "running":
        return ""
    done = f"{step.fraction:.0%}" if step.fraction is not None else ""
    place = f"on {step.worker}" if step.worker else ""
    return ", ".join(filter(None, (done, place, step.said.strip())))


def note_of(step: StepProgress, progress: Progress, now: float) -> str:
    """What a person who looks at this step wants to know: what it waits for, and what went wrong."""
    if step.status == "pending" and progress.status in ("pending", "running"):
        missing = progress.missing(step)
        return f"waits for {', '.join(missing)}" if missing else ""
    if step.due_at is None:
        return step.note
    due = f"in {length(step.due_at - now)}" if step.due_at - now < 60 else f"at {clock_time(step.due_at)}"
    if step.status == "retrying":
        return f"again {due}; {step.note}"
    return f"{step.note}, timeout {due}" if step.note else f"its timer ends {due}"


def _simulated(step: StepProgress) -> str:
    return "simulated" if step.simulated else ""
