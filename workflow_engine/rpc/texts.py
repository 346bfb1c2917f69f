"""Texts of a message that pass as UTF-8 and still cannot be kept."""

from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from workflow_engine.jsontext import pointer

_NUL: Final = "\0"


def unstorable_texts(message: Message, *where: str | int) -> Iterator[str]:
    """The pointers of all texts that hold a NUL. Bytes are not looked at: the reader of their JSON does that."""
    for field, value in message.ListFields():
        yield from _in_value(field, value, *where, field.name)


def _in_value(field: FieldDescriptor, value: object, *where: str | int) -> Iterator[str]:
    if isinstance(value, str):
        if _NUL in value:
            yield pointer(*where)
    elif isinstance(value, Message):
        yield from unstorable_texts(value, *where)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if _NUL in str(key):
                yield pointer(*where)
            if isinstance(each, str | Message):
                yield from _in_value(field, each, *where, str(key).replace(_NUL, ""))
    elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE) and field.is_repeated:
        for place, each in enumerate(value):  # type: ignore[arg-type]  # a repeated field is iterable
            yield from _in_value(field, each, *where, place)
