"""Values made from a schema: always valid, always the same, and what the author wrote down first."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.steps.test_fitting import schemas
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.sampling import FORMATS, NoSample, sample
from workflow_engine.steps.schemas import InvalidSchema, compile_schema


@settings(max_examples=300, deadline=None)
@given(schemas(), st.text(max_size=4))
def test_what_is_answered_is_always_valid_and_always_the_same(schema: JsonObject, seed: str) -> None:
    try:
        validator = compile_schema(schema)
        made = sample(schema, seed)
    except (InvalidSchema, NoSample):
        assume(False)
        raise
    assert validator.is_valid(made)
    assert sample(schema, seed) == made


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7, "default": 8}, 7),
        ({"enum": ["only"]}, "only"),
        ({"type": "string", "default": "d", "examples": ["e"]}, "d"),
        ({"type": "string", "examples": ["e"]}, "e"),
        ({"type": "null"}, None),
        (None, {}),
    ],
)
def test_what_the_author_wrote_down_comes_first(schema: JsonObject | None, value: Json) -> None:
    assert sample(schema, "s") == value


PERSON: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 12},
        "age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 20},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "step": {"type": "integer", "minimum": 10, "multipleOf": 7},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}$"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
        "friend": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "contact": {"oneOf": [{"$ref": "#/$defs/mail"}, {"type": "integer"}]},
        "both": {"allOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["a"], "type": "object"}]},
    },
    "required": ["name", "age", "code", "contact"],
    "additionalProperties": False,
    "$defs": {"mail": {"type": "string", "format": "email"}},
}


def test_a_schema_as_people_write_it_gives_a_whole_value() -> None:
    made = sample(PERSON, "seed")
    assert isinstance(made, dict)
    assert made.keys() >= {"name", "age", "code", "contact", "tags", "pair", "both", "step", "share"}
    assert (made["code"], made["step"], made["age"]) == ("AAA-00", 14, 18)


def test_another_seed_may_give_another_value() -> None:
    assert len({str(sample({"type": "integer"}, str(seed))) for seed in range(20)}) > 1


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_a_text_of_it(name: str) -> None:
    assert sample({"type": "string", "format": name}, "s") == FORMATS[name]


def test_a_schema_that_nothing_fits_or_that_is_too_hard_is_a_named_error() -> None:
    hard: list[JsonObject] = [
        {"not": {}},
        {"type": "string", "minLength": 5, "maxLength": 4},
        {"type": "string", "pattern": "(a|b){2}c"},
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
    ]
    for schema in hard:
        with pytest.raises(NoSample):
            sample(schema, "s")


def test_a_schema_that_goes_on_for_ever_ends() -> None:
    children: JsonObject = {name: {"$ref": "#"} for name in "abcdefgh"}
    tree: JsonObject = {"type": "object", "properties": children}
    assert isinstance(sample(tree, "s"), dict)
