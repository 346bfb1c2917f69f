"""Formats in a config schema that the engine gives meaning."""

from workflow_engine.definition.annotations import (
    Annotation,
    annotated_values,
    annotation_of,
    schema_of_built,
    schema_of_written,
    without_doubt,
)
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.schemas import compile_schema

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "when": {"type": "string", "format": "condition"},
        "cases": {"type": "array", "items": {"properties": {"then": {"type": "string", "format": "step-id"}}}},
        "value": {"type": "string", "format": "expression"},
        "text": {"type": "string", "format": "literal"},
        "date": {"type": "string", "format": "date"},
    },
}


def test_annotated_values_are_found_through_properties_and_items() -> None:
    config: JsonObject = {
        "when": "a.x",
        "cases": [{"then": "b"}, {"other": 1}, {"then": None}],
        "text": "${x}",
        "date": "today",
        "unknown": "x",
    }
    assert list(annotated_values(config, SCHEMA)) == [
        (("when",), Annotation.CONDITION, "a.x"),
        (("cases", 0, "then"), Annotation.STEP_ID, "b"),
        (("text",), Annotation.LITERAL, "${x}"),
    ]


def test_other_formats_and_no_schema_at_all_mean_nothing() -> None:
    assert annotation_of({"format": "email"}) is None
    assert annotation_of({"format": ["condition"]}) is None
    assert annotation_of(True) is None
    assert list(annotated_values({"when": "x"}, None)) == []


def test_a_written_condition_may_have_any_form_and_a_built_one_is_a_boolean() -> None:
    written, built = compile_schema(schema_of_written(SCHEMA)), compile_schema(schema_of_built(SCHEMA))
    conditions: list[Json] = ["a.x > 1", {"operator": "is_null"}, ["a.x"]]
    for condition in conditions:
        assert written.is_valid({"when": condition})
        assert not built.is_valid({"when": condition})
    assert built.is_valid({"when": True, "value": {"any": "json"}, "cases": [{"then": "b"}]})
    assert not built.is_valid({"cases": [{"then": 1}]})


def test_the_schema_of_the_type_is_left_as_it_was() -> None:
    assert schema_of_written(SCHEMA)["properties"] != SCHEMA["properties"]
    assert SCHEMA["properties"]["when"] == {"type": "string", "format": "condition"}  # type: ignore[index, call-overload]  # an object


def test_what_is_without_doubt_keeps_names_of_members_that_look_like_keywords() -> None:
    schema: JsonObject = {
        "properties": {"if": {"type": "string", "enum": ["x"]}, "not": {"anyOf": [{}]}},
        "if": {},
        "oneOf": [{}],
        "additionalProperties": False,
        "allOf": [{"not": {}, "required": ["if"]}],
    }
    assert without_doubt(schema) == {
        "properties": {"if": {"type": "string"}, "not": {}},
        "additionalProperties": False,
        "allOf": [{"required": ["if"]}],
    }
