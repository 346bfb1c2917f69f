"""JSON Schema, bounded and offline, with sentences that repeat no value."""

import time
from typing import Any

import pytest

from workflow_engine.errors import InvalidRequest
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.schemas import InvalidSchema, SchemaLimits, compile_schema

SECRET = "hunter2"

VIOLATIONS: list[tuple[JsonObject, Json, str, str, str]] = [
    ({"required": ["a"]}, {}, "missing-field", "/a", "The field 'a' is missing"),
    ({"properties": {"a": {"required": ["b/c"]}}}, {"a": {}}, "missing-field", "/a/b~1c", "The field 'b/c' is missing"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "missing-field", "/b", "The field 'b' is missing"),
    (
        {"properties": {"length": {}}, "additionalProperties": False},
        {"lenght": 1},
        "unknown-field",
        "/lenght",
        "Unknown field; did you mean 'length'?",
    ),
    ({"unevaluatedProperties": False}, {"x": 1}, "unknown-field", "/x", "Unknown field"),
    ({"type": "integer"}, SECRET, "wrong-type", "", "This must be of type integer"),
    ({"type": "integer"}, True, "wrong-type", "", "This must be of type integer"),
    ({"items": {"type": ["string", "null"]}}, [1], "wrong-type", "/0", "This must be of type null or string"),
    ({"enum": ["a", 1]}, SECRET, "unknown-value", "", 'This must be one of "a", 1'),
    ({"const": {"a": 1}}, SECRET, "unknown-value", "", 'This must be {"a":1}'),
    (
        {"anyOf": [{"enum": ["a"]}, {"type": "object"}]},
        SECRET,
        "unknown-value",
        "",
        "This fits none of the forms that are allowed here",
    ),
    (
        {"anyOf": [{"type": "integer"}, {"type": "object"}]},
        SECRET,
        "invalid-value",
        "",
        "This fits none of the forms that are allowed here",
    ),
    ({"oneOf": [{}, {}]}, 1, "invalid-value", "", "This must fit exactly one of the forms that are allowed here"),
    ({"not": {}}, 1, "invalid-value", "", "This has a form that is not allowed here"),
    ({"properties": {"a": False}}, {"a": 1}, "invalid-value", "/a", "Nothing may stand here"),
    ({"minimum": 3}, 1, "out-of-range", "", "This must be at least 3"),
    ({"exclusiveMaximum": 3}, 3, "out-of-range", "", "This must be less than 3"),
    ({"maxLength": 2}, SECRET, "out-of-range", "", "This must be a string of at most 2 characters"),
    ({"minItems": 1}, [], "out-of-range", "", "This must be a list of at least 1 items"),
    ({"maxProperties": 0}, {"a": 1}, "out-of-range", "", "This must be an object of at most 0 fields"),
    ({"multipleOf": 2}, 3, "invalid-value", "", "This must be a multiple of 2"),
    ({"pattern": "^a{2}$"}, SECRET, "invalid-value", "", "This must match the pattern ^a{2}$"),
    ({"uniqueItems": True}, [1, 1], "invalid-value", "", "The items of this list must differ from each other"),
    ({"contains": {"type": "null"}}, [1], "invalid-value", "", "This list lacks an item that it must contain"),
    (
        {"propertyNames": {"maxLength": 1}},
        {SECRET: 1},
        "invalid-value",
        "",
        "A field of this object has a name that is not allowed",
    ),
]


@pytest.mark.parametrize(("schema", "value", "code", "pointer", "sentence"), VIOLATIONS)
def test_each_violation_has_a_place_a_code_and_a_sentence(
    schema: JsonObject, value: Json, code: str, pointer: str, sentence: str
) -> None:
    validator = compile_schema(schema)
    assert not validator.is_valid(value)
    assert [(found.code, found.pointer, found.message) for found in validator.problems(value)] == [
        (code, pointer, sentence)
    ]
    assert SECRET not in sentence


def test_everything_that_is_wrong_is_told_and_nothing_for_a_fitting_value() -> None:
    validator = compile_schema(
        {"type": "object", "required": ["a"], "properties": {"b": {"type": "integer"}}, "additionalProperties": False}
    )
    assert {found.pointer for found in validator.problems({"b": "x", "c": 1, "d": 2})} == {"/a", "/b", "/c", "/d"}
    assert validator.problems({"a": 1}) != ()
    assert compile_schema({}).problems({"any": "thing"}) == ()


def test_at_most_a_hundred_problems_are_told() -> None:
    assert len(compile_schema({"items": {"type": "null"}}).problems(list(range(5_000)))) == 100


def nested(levels: int) -> JsonObject:
    schema: JsonObject = {}
    for _ in range(levels // 2):
        schema = {"properties": {"x": schema}}
    return schema


UNUSABLE: list[tuple[Any, str, str]] = [
    ([], "wrong-type", ""),
    (True, "wrong-type", ""),
    (None, "wrong-type", ""),
    ({"type": "nonsense"}, "invalid-schema", "/type"),
    ({"properties": 1}, "invalid-schema", "/properties"),
    ({"properties": {"a": {"minimum": "1"}}}, "invalid-schema", "/properties/a/minimum"),
    ({"pattern": "("}, "invalid-pattern", "/pattern"),
    ({"pattern": "(?=a)b"}, "invalid-pattern", "/pattern"),
    ({"pattern": r"(a)\1"}, "invalid-pattern", "/pattern"),
    ({"pattern": "(a{1000}){1000}"}, "invalid-pattern", "/pattern"),
    ({"patternProperties": {"(": {}}}, "invalid-pattern", "/patternProperties/("),
    ({"$ref": "https://example.com/schema"}, "invalid-schema", "/$ref"),
    ({"$ref": "#/$defs/missing"}, "invalid-schema", "/$ref"),
    ({"$schema": "https://example.com/own"}, "unsupported-draft", "/$schema"),
    ({"$schema": 7}, "unsupported-draft", "/$schema"),
    (nested(34), "schema-too-deep", ""),
    ({"description": "x" * 65_536}, "schema-too-large", ""),
]


@pytest.mark.parametrize(("schema", "code", "pointer"), UNUSABLE)
def test_a_schema_that_cannot_be_used_is_refused_with_its_place(schema: Json, code: str, pointer: str) -> None:
    with pytest.raises(InvalidSchema) as refused:
        compile_schema(schema)
    assert [(found.code, found.pointer) for found in refused.value.problems()] == [(code, pointer)]
    assert isinstance(refused.value, InvalidRequest)


def test_limits_are_inclusive_and_settings() -> None:
    compile_schema(nested(31))
    compile_schema({"description": "x" * (65_536 - len('{"description":""}'))})
    with pytest.raises(InvalidSchema, match="at most 2 objects"):
        compile_schema({"properties": {"a": {}}}, SchemaLimits(max_depth=2))


@pytest.mark.parametrize(
    "draft",
    [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema#",
    ],
)
def test_the_drafts_that_tools_write_are_understood(draft: str) -> None:
    validator = compile_schema(
        {"$schema": draft, "definitions": {"n": {"type": "integer"}}, "items": {"$ref": "#/definitions/n"}}
    )
    assert validator.is_valid([1])
    assert not validator.is_valid(["x"])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}"])
def test_no_pattern_can_hang(pattern: str) -> None:
    validator = compile_schema({"pattern": pattern})
    start = time.process_time()
    validator.is_valid("a" * 50_000 + "!")
    assert time.process_time() - start < 1.0


def test_unknown_formats_and_keywords_mean_nothing() -> None:
    assert compile_schema({"format": "step-id", "x-own": 1}).is_valid("anything")


def test_a_large_integer_is_no_matter() -> None:
    assert compile_schema({"type": "integer", "maximum": 2**63 - 1}).is_valid(2**63 - 1)
