"""What authors of step types write again and again: schemas of objects, instants, and equality of JSON values."""

from collections.abc import Sequence
from typing import Final

from workflow_engine.jsontext import Json, JsonObject

INSTANT: Final[JsonObject] = {"type": "string", "description": "RFC 3339, in UTC."}
ANYTHING: Final[JsonObject] = {}
ALWAYS_TRUE: Final[JsonObject] = {"const": True}


def open_object(required: Sequence[str] = (), /, **properties: Json) -> JsonObject:
    """The schema of an object that may carry more than is named here: right for what a step takes and answers."""
    schema: JsonObject = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def closed_object(required: Sequence[str] = (), /, **properties: Json) -> JsonObject:
    """The schema of an object that carries nothing else.

    Right for a configuration, where an unknown field is a mistake.
    """
    return {**open_object(required, **properties), "additionalProperties": False}


def same_json(left: Json, right: Json) -> bool:
    """Equality of JSON values: 1 equals 1.0, true is not 1, and the order of keys does not matter."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif isinstance(one, bool) != isinstance(other, bool) or one != other:
            return False
    return True
