"""The operators of the older condition forms: total functions on JSON, so that no data can make one fail.

A missing operand is null. Ordering against null, or between unlike types, is false. Equality tells true from 1, but
not 1 from 1.0.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from workflow_engine.jsontext import Json

Test: TypeAlias = Callable[[Json, Json], bool]

MATCH: Final = "regex_match"


def equal(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right


def contains(whole: Json, part: Json) -> bool:
    """An item of a list, a key of an object, a piece of a text."""
    if isinstance(whole, list):
        return any(equal(item, part) for item in whole)
    return isinstance(whole, str | dict) and isinstance(part, str) and part in whole


def is_empty(value: Json) -> bool:
    """Null, `""`, `[]` and `{}`; zero and false are something."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def _ordered(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _less(left: Json, right: Json) -> bool:
    return _ordered(left, right) and left < right  # type: ignore[operator]  # see _ordered


def _at_most(left: Json, right: Json) -> bool:
    return _ordered(left, right) and left <= right  # type: ignore[operator]  # see _ordered


def _starts(left: Json, right: Json) -> bool:
    return isinstance(left, str) and isinstance(right, str) and left.startswith(right)


def _ends(left: Json, right: Json) -> bool:
    return isinstance(left, str) and isinstance(right, str) and left.endswith(right)


BINARY: Final[Mapping[str, Test]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    ">=": lambda left, right: _at_most(right, left),
    "<=": _at_most,
    ">": lambda left, right: _less(right, left),
    "<": _less,
    "contains": contains,
    "not_contains": lambda left, right: not contains(left, right),
    "in": lambda left, right: contains(right, left),
    "not_in": lambda left, right: not contains(right, left),
    "starts_with": _starts,
    "ends_with": _ends,
}
UNARY: Final[Mapping[str, Test]] = {
    "is_empty": lambda value, _: is_empty(value),
    "is_not_empty": lambda value, _: not is_empty(value),
    "is_null": lambda value, _: value is None,
    "is_not_null": lambda value, _: value is not None,
}
# These walk through whole containers, so their work is counted.
WALKING: Final = frozenset({"==", "!=", "contains", "not_contains", "in", "not_in"})
ALL: Final = (*BINARY, MATCH, *UNARY)
