"""The messages of worker.proto as the JSON of REST, and back.

Fields keep their names, integers stay integers, payloads are plain JSON, bytes are base64, and the values of an enum
are lower case without the name of the enum.
"""

import json
from base64 import b64decode, b64encode
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb

M = TypeVar("M", bound=Message)


def to_json(message: Message) -> JsonObject:
    """What is not set is left out."""
    return {field.name: _written(field, value) for field, value in message.ListFields()}


def from_json(kind: type[M], sent: Json) -> M:
    """Unknown fields are passed over: a newer server may say more."""
    message = kind()
    if isinstance(sent, dict):
        for name in message.DESCRIPTOR.fields_by_name:
            if (value := sent.get(name)) is not None:
                field = cast(FieldDescriptor, message.DESCRIPTOR.fields_by_name[name])
                _read_into(message, field, value)
    return message


def _written(field: FieldDescriptor, value: Any) -> Json:  # noqa: ANN401 - what protobuf keeps in a field
    if _is_map(field):
        return dict(value)
    if field.is_repeated:
        return [_one(field, item) for item in value]
    return _one(field, value)


def _one(field: FieldDescriptor, value: Any) -> Json:  # noqa: ANN401 - as above
    if isinstance(value, pb.Payload):
        return cast(Json, json.loads(value.data or b"null"))
    if isinstance(value, Message):
        return to_json(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name.removeprefix(_prefix(field.enum_type)).lower()
    return cast(Json, value)


def _read_into(message: Message, field: FieldDescriptor, value: Any) -> None:  # noqa: ANN401 - JSON
    if _is_map(field):
        getattr(message, field.name).update(value)
    elif field.is_repeated:
        getattr(message, field.name).extend(_read(field, item) for item in value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(_read(field, value))
    else:
        setattr(message, field.name, _read(field, value))


def _read(field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - from JSON to what protobuf keeps
    if field.message_type is not None:
        kind = GetMessageClass(field.message_type)
        return pb.Payload(data=json.dumps(value).encode()) if kind is pb.Payload else from_json(kind, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b64decode(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_name[_prefix(field.enum_type) + value.upper().replace("-", "_")].number
    return value


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _prefix(enum: EnumDescriptor) -> str:
    """`LeaseCode` has `LEASE_CODE_OK`."""
    return enum.values[0].name.removesuffix("UNSPECIFIED")
