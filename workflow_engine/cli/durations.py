"""Lengths of time and instants in the few characters that a table has for them."""

from datetime import UTC, datetime


def length(seconds: float) -> str:
    """`0.4 ms`, `12 ms`, `1.3 s`, `2 min 05 s`, `3 h 20 min`, `4 d 2 h`."""
    seconds = max(seconds, 0.0)
    if 0 < seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def clock_time(at: float) -> str:
    """Local time: with seconds today, with its day on another one."""
    then, today = datetime.fromtimestamp(at, UTC).astimezone(), datetime.now(UTC).astimezone()
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M:%S}"
