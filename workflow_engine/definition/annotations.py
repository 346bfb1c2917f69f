"""Formats in a config schema that the engine gives meaning, and what the schema then says of values before and after.

Looked for through `properties` and `items`, so that it is plain from a schema which members of a config are meant.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from workflow_engine.jsontext import Json, JsonObject

Place: TypeAlias = tuple[str | int, ...]


class Annotation(StrEnum):
    """See `StepType`."""

    CONDITION = "condition"
    EXPRESSION = "expression"
    STEP_ID = "step-id"
    LITERAL = "literal"


_BY_FORMAT: Final = {annotation.value: annotation for annotation in Annotation}
_DEPENDS_ON_VALUES: Final = frozenset(
    {
        "if",
        "then",
        "else",
        "not",
        "anyOf",
        "oneOf",
        "enum",
        "const",
        "contains",
        "uniqueItems",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
        "unevaluatedItems",
    }
)


def annotation_of(schema: Json) -> Annotation | None:
    name = schema.get("format") if isinstance(schema, dict) else None
    return _BY_FORMAT.get(name) if isinstance(name, str) else None


def member_schema(schema: Json, name: str) -> Json:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties.get(name) if isinstance(properties, dict) else None


def item_schema(schema: Json) -> Json:
    return schema.get("items") if isinstance(schema, dict) else None


def annotated_values(value: Json, schema: Json, place: Place = ()) -> Iterator[tuple[Place, Annotation, Json]]:
    """Each annotated value in a config, with its place there. A null is no value."""
    annotation = annotation_of(schema)
    if value is None or schema is None:
        return
    if annotation is not None:
        yield place, annotation, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from annotated_values(member, member_schema(schema, name), (*place, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from annotated_values(item, item_schema(schema), (*place, index))


def schema_of_written(schema: JsonObject) -> JsonObject:
    """What a config must be in a document, where conditions and expressions are judged by their own compilers."""
    return _rewritten(schema, {Annotation.CONDITION: {}, Annotation.EXPRESSION: {}})


def schema_of_built(schema: JsonObject) -> JsonObject:
    """What a config must be when the step sees it: a condition is a boolean by then, an expression is any value."""
    return _rewritten(schema, {Annotation.CONDITION: {"type": "boolean"}, Annotation.EXPRESSION: {}})


def without_doubt(schema: Json) -> Json:
    """What can be said while some members are templates: without keywords that judge by what a value is."""
    if not isinstance(schema, dict):
        return schema
    return {key: _certain(key, value) for key, value in schema.items() if key not in _DEPENDS_ON_VALUES}


def _certain(keyword: str, value: Json) -> Json:
    if keyword in ("properties", "patternProperties", "$defs", "definitions") and isinstance(value, dict):
        return {name: without_doubt(each) for name, each in value.items()}
    if keyword in ("allOf", "prefixItems") and isinstance(value, list):
        return [without_doubt(each) for each in value]
    return without_doubt(value) if keyword in ("items", "additionalProperties") else value


def _rewritten(schema: JsonObject, meaning: Mapping[Annotation, JsonObject]) -> JsonObject:
    annotation = annotation_of(schema)
    if annotation is not None and annotation in meaning:
        return meaning[annotation]
    changed = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        changed["properties"] = {name: _inner(each, meaning) for name, each in properties.items()}
    if "items" in schema:
        changed["items"] = _inner(schema["items"], meaning)
    return changed


def _inner(schema: Json, meaning: Mapping[Annotation, JsonObject]) -> Json:
    return _rewritten(schema, meaning) if isinstance(schema, dict) else schema
