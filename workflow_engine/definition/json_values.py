"""Whether a Python value is JSON that can be stored: embedding programs hand in values that never passed the edge."""

import math
from collections.abc import Iterator
from typing import Final

from workflow_engine.errors import Problem
from workflow_engine.jsontext import INT64_MAX, INT64_MIN, pointer

DEEPEST: Final = 64


def first_problem(document: object) -> Problem | None:
    """What keeps `document` from being stored, if anything does."""
    pending: list[tuple[object, tuple[str | int, ...]]] = [(document, ())]
    while pending:
        value, place = pending.pop()
        problem = _problem_at(value, place)
        if problem is not None:
            return problem
        pending.extend((child, (*place, part)) for part, child in _children(value))
    return None


def _problem_at(value: object, place: tuple[str | int, ...]) -> Problem | None:
    match value:
        case None | bool():
            return None
        case str():
            return _text_problem(value, place)
        case int() if not INT64_MIN <= value <= INT64_MAX:
            return Problem("number-out-of-range", "This number does not fit into 64 bits", pointer(*place))
        case float() if not math.isfinite(value):
            return Problem("number-out-of-range", "This is no finite number", pointer(*place))
        case int() | float():
            return None
        case dict() | list():
            return _container_problem(value, place)
        case _:
            return Problem("wrong-type", "This is no JSON value", pointer(*place))


def _text_problem(value: str, place: tuple[str | int, ...]) -> Problem | None:
    if "\0" in value or not _is_unicode(value):
        return Problem("malformed-text", "A NUL or a lone surrogate cannot be stored", pointer(*place))
    return None


def _container_problem(value: dict[object, object] | list[object], place: tuple[str | int, ...]) -> Problem | None:
    if len(place) >= DEEPEST:
        return Problem("nesting-too-deep", f"The document nests more than {DEEPEST} objects and arrays")
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return Problem("wrong-type", "The keys of an object must be strings", pointer(*place))
    names = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
    return next((problem for name in names if (problem := _text_problem(name, place))), None)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _children(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
