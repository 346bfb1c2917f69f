"""JSON as this package writes and reads it: UTF-8 text, exact integers, no NaN."""

import json
from typing import Any, NoReturn

from pydantic_core import PydanticSerializationError, to_json

Json = Any
"""A JSON value: None, bool, int, float, str, list, or dict with str keys. (Users annotate their own types.)"""


class NotJson(ValueError):
    def __init__(self, why: str) -> None:
        super().__init__(f"The value cannot be written as JSON: {why}")


def write(value: object) -> bytes:
    """Any value that has an obvious JSON form: also models, dataclasses, datetimes, UUIDs, sets."""
    try:
        return checked(to_json(value, inf_nan_mode="constants"))
    except (PydanticSerializationError, UnicodeEncodeError, RecursionError) as failure:
        raise NotJson(str(failure)) from None


def checked(written: bytes) -> bytes:
    """JSON has no NaN and no Infinity, and a server would have to refuse them."""
    if b"NaN" in written or b"Infinity" in written:  # perhaps only inside a text
        json.loads(written, parse_constant=_refuse)
    return written


def read(text: bytes | str) -> Json:
    """Empty text is null."""
    return json.loads(text) if text else None


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"it holds {constant}")
