"""The nearest known name: what a refusal of an unknown one advises."""

import difflib
from collections.abc import Iterable


def advice(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known name is near."""
    near = difflib.get_close_matches(name[:128], known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
