"""Messages with one thing wrong in each: every field in turn, with every value its type can carry and nobody wants."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

TEXTS: Final = ("", "\0", "a\0b", "x" * 70_000, "\u202e\x07\x1b[31m", "a@b@c", "../../etc", "%s%n{0}", "\U0010ffff")
BYTES: Final = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"NaN",
    b"1e999",
    b"18446744073709551616",
    b'"\\u0000"',
    b'"\\ud800"',
    b'{"a":1,"a":2}',
    b"[" * 5_000 + b"]" * 5_000,
)
DOUBLES: Final = (float("nan"), float("inf"), float("-inf"), -1.0, -0.0, 5e-324, 1e9, 1.7e308)
INT32: Final = (-1, 0, -(2**31), 2**31 - 1)
INT64: Final = (-1, 0, -(2**63), 2**63 - 1)
HOSTILE: Final[dict[int, tuple[Any, ...]]] = {
    Field.TYPE_STRING: TEXTS,
    Field.TYPE_BYTES: BYTES,
    Field.TYPE_DOUBLE: DOUBLES,
    Field.TYPE_INT32: INT32,
    Field.TYPE_INT64: INT64,
    Field.TYPE_BOOL: (True,),
    Field.TYPE_ENUM: (-1, 99),
}

Set = Callable[[Any], None]


def spoiled(message: M) -> Iterator[tuple[str, M]]:
    """What is wrong, and a copy of the message that has it. Looks into whatever is set, and at the first of a list."""
    yield "empty", type(message)()
    for name, put, values in _places(message):
        for value in values:
            put(value)
            copy = type(message)()
            copy.CopyFrom(message)
            yield f"{name} = {str(value)[:40]!r}", copy


def _places(message: Message, where: str = "") -> Iterator[tuple[str, Set, tuple[Any, ...]]]:
    """Every field, how it is set, and to what; what it held before is put back behind it."""
    for field in message.DESCRIPTOR.fields:
        name = f"{where}/{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from _in_map(message, field.name, name, field)
        elif field.message_type is not None:
            yield from _inside(message, field, name)
        elif field.is_repeated:
            listed = getattr(message, field.name)
            before = list(listed)
            yield name, partial(_replace, listed), HOSTILE[field.type]
            _replace(listed, *before)
        else:
            before_value = getattr(message, field.name) if _is_set(message, field) else None
            yield name, partial(setattr, message, field.name), HOSTILE[field.type]
            message.ClearField(field.name)
            if before_value is not None:
                setattr(message, field.name, before_value)


def _is_set(message: Message, field: Any) -> bool:  # noqa: ANN401 - a descriptor of whichever kind
    return any(each.name == field.name for each, _ in message.ListFields())


def _inside(message: Message, field: Any, name: str) -> Iterator[tuple[str, Set, tuple[Any, ...]]]:  # noqa: ANN401 - as above
    if not _is_set(message, field):
        return
    value = getattr(message, field.name)
    yield from _places(value[0] if field.is_repeated else value, name)


def _in_map(message: Message, field: str, name: str, kind: Any) -> Iterator[tuple[str, Set, tuple[Any, ...]]]:  # noqa: ANN401 - as above
    kept = getattr(message, field)
    before = dict(kept)
    value_type = kind.message_type.fields_by_name["value"].type
    some_value: Any = "value" if value_type == Field.TYPE_STRING else 1

    def put(key: Any, value: Any) -> None:  # noqa: ANN401 - as the map takes them
        kept.clear()
        kept[key] = value

    yield f"{name}/key", lambda key: put(key, some_value), TEXTS
    yield f"{name}/value", lambda value: put("", value), HOSTILE[value_type]
    kept.clear()
    kept.update(before)


def _replace(listed: Any, *values: Any) -> None:  # noqa: ANN401 - a repeated field, and what it takes
    del listed[:]
    listed.extend(values)
