"""The tree of a parsed CEL expression, read from the protobuf bytes the CEL library hands out.

Only the fields of `cel.expr.ParsedExpr` that carry meaning are read (https://github.com/google/cel-spec, syntax.proto);
a reader of forty lines spares the server the protobuf runtime.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Constant: TypeAlias = "str | int | float | bool | bytes | None"
Node: TypeAlias = "Literal | Name | Reading | Select | Call | MakeList | MakeMap | MakeMessage | Comprehension"
Field: TypeAlias = "int | bytes"

INT64_RANGE: Final = 1 << 64
INT64_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Literal:
    value: Constant
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Put in the place of a path when the references of an expression have been found; never read from bytes."""

    place: int


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.key`; `presence` when it stands in `has(...)`."""

    operand: Node
    key: str
    presence: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`_+_`, `_[_]`, `_?._`); the receiver of a method comes first."""

    function: str
    operands: tuple[Node, ...]
    method: bool


@dataclass(frozen=True, slots=True)
class MakeList:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MakeMap:
    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class MakeMessage:
    type_name: str


@dataclass(frozen=True, slots=True)
class Comprehension:
    """What `map`, `filter`, `all`, `exists`, `exists_one` and `optMap` are expanded to."""

    variables: tuple[str, ...]
    range: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node


def read_parsed(data: bytes) -> Node:
    """Read the tree from a `google.protobuf.Any` that holds a `cel.expr.ParsedExpr`."""
    parsed = _messages(data, 2)[0]
    return _node(_messages(parsed, 2)[0])


def _node(data: bytes) -> Node:
    for number, value in _fields(data):
        if number == 2 or not isinstance(value, bytes):
            continue
        match number:
            case 3:
                return _literal(value)
            case 4:
                return Name(_text(value, 1))
            case 5:
                return Select(_node(_messages(value, 1)[0]), _text(value, 2), _flag(value, 3))
            case 6:
                target = _messages(value, 1)
                operands = tuple(_node(part) for part in (*target, *_messages(value, 3)))
                return Call(_text(value, 2), operands, bool(target))
            case 7:
                return MakeList(tuple(_node(part) for part in _messages(value, 1)))
            case 8:
                return _structure(value)
            case 9:
                return _comprehension(value)
    return Literal(None)


def _literal(data: bytes) -> Literal:
    for number, value in _fields(data):
        match number, value:
            case 2, int():
                return Literal(bool(value))
            case 3, int():
                return Literal(value - INT64_RANGE if value > INT64_MAX else value)
            case 4, int():
                return Literal(value, unsigned=True)
            case 5, _:
                return Literal(0.0)  # nobody asks which: a double is never a key, an index or a pattern
            case 6, bytes():
                return Literal(value.decode())
            case 7, bytes():
                return Literal(value)
    return Literal(None)


def _structure(data: bytes) -> Node:
    type_name = _text(data, 1)
    if type_name:
        return MakeMessage(type_name)
    entries = _messages(data, 2)
    return MakeMap(tuple((_node(_messages(entry, 3)[0]), _node(_messages(entry, 4)[0])) for entry in entries))


def _comprehension(data: bytes) -> Comprehension:
    names = tuple(name for name in (_text(data, 1), _text(data, 8)) if name)
    source, start, condition, step, result = (_node(_messages(data, number)[0]) for number in (2, 4, 5, 6, 7))
    return Comprehension(names, source, _text(data, 3), start, condition, step, result)


def _messages(data: bytes, wanted: int) -> list[bytes]:
    return [value for number, value in _fields(data) if number == wanted and isinstance(value, bytes)]


def _text(data: bytes, wanted: int) -> str:
    return next((value.decode() for value in _messages(data, wanted)), "")


def _flag(data: bytes, wanted: int) -> bool:
    return any(number == wanted and bool(value) for number, value in _fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, Field]]:
    """The fields of one protobuf message: varints as integers, everything else as bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        if tag & 7 == 0:
            number, position = _varint(data, position)
            yield tag >> 3, number
            continue
        size = {1: 8, 5: 4}.get(tag & 7)
        if size is None:
            size, position = _varint(data, position)
        yield tag >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
