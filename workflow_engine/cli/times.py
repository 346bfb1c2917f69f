"""`--since` and its like: an age or a time, as people write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from workflow_engine.cli.failures import InvalidArgument

_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since_when(written: str, option: str = "--since") -> str:
    """The instant in ISO 8601, UTC; a time without a zone is local. Raises `InvalidArgument`."""
    if age := _AGE.fullmatch(written):
        return (datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})).isoformat()
    try:
        return datetime.fromisoformat(written).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{option} {written} is neither an age (30m, 2h, 7d) nor a time in ISO 8601") from None
