"""One sign and one colour for each status, wherever a status is printed."""

from typing import Final

SIGNS: Final = {
    "pending": ("·", "dim"),
    "running": ("▶", "cyan"),
    "retrying": ("↻", "yellow"),
    "waiting": ("◔", "yellow"),
    "paused": ("‖", "yellow"),
    "completed": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "skipped": ("∅", "dim"),
    "cancelled": ("■", "magenta"),
    "connected": ("●", "green"),
    "draining": ("◔", "yellow"),
    "lost": ("○", "red"),
}
_PLAIN: Final = {
    "completed": "+",
    "failed": "x",
    "running": ">",
    "retrying": "~",
    "waiting": "~",
    "connected": "+",
    "draining": "~",
    "lost": "x",
}
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def sign(status: str, encoding: str) -> str:
    """A sign that this terminal can draw."""
    known = SIGNS.get(status, ("?", ""))[0]
    return known if encoding.startswith("utf") else _PLAIN.get(status, " ")


def spinning(seconds: float, encoding: str) -> str:
    """The sign of something that runs, at this moment."""
    frames = _SPINNER if encoding.startswith("utf") else "|/-\\"
    return frames[int(seconds * 10) % len(frames)]


def bar(fraction: float, encoding: str, width: int = 8) -> str:
    """How much of it is done, from 0 to 1."""
    full, empty = ("━", "╌") if encoding.startswith("utf") else ("#", "-")
    done = int(min(max(fraction, 0.0), 1.0) * width)
    return full * done + empty * (width - done)


def style(status: str) -> str:
    return SIGNS.get(status, ("?", ""))[1]
