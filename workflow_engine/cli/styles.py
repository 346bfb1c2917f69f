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
}
_PLAIN: Final = {"completed": "+", "failed": "x", "running": ">", "retrying": "~", "waiting": "~"}
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def sign(status: str, encoding: str) -> str:
    """A sign that this terminal can draw."""
    known = SIGNS.get(status, ("?", ""))[0]
    return known if encoding.startswith("utf") else _PLAIN.get(status, " ")


def spinning(seconds: float, encoding: str) -> str:
    """The sign of something that runs, at this moment."""
    frames = _SPINNER if encoding.startswith("utf") else "|/-\\"
    return frames[int(seconds * 10) % len(frames)]


def style(status: str) -> str:
    return SIGNS.get(status, ("?", ""))[1]
