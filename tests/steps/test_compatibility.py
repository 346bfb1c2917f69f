"""Which change of a contract may go into a minor version, and the sentence that names each one that may not."""

import random

import pytest

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.compatibility import breaking_changes
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.schemas import compile_schema


def changes_of_input(old: JsonObject | None, new: JsonObject | None) -> list[str]:
    return breaking_changes(StepType("t", input_schema=old), StepType("t", input_schema=new))


def changes_of_output(old: JsonObject | None, new: JsonObject | None) -> list[str]:
    return breaking_changes(StepType("t", output_schema=old), StepType("t", output_schema=new))


def obj(required: list[Json] | None = None, **properties: Json) -> JsonObject:
    return {"type": "object", "properties": properties, "required": required or []}


TEXT: JsonObject = {"type": "string"}
NUMBER: JsonObject = {"type": "number"}
WHOLE: JsonObject = {"type": "integer"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, None),
        (obj(["a"], a=TEXT), obj(["a"], a=TEXT)),
        (obj(["a"], a=TEXT), obj([], a=TEXT)),
        (obj(["a"], a=TEXT), None),
        (obj(["a"], a=TEXT), {}),
        (obj(a=TEXT), obj(a=TEXT, b=WHOLE)),
        (obj(a=WHOLE), obj(a=NUMBER)),
        (obj(a=TEXT), obj(a={"type": ["string", "null"]})),
        (obj(a={"enum": ["x"]}), obj(a={"enum": ["x", "y"]})),
        (obj(a={"const": 1}), obj(a={"enum": [1, 2]})),
        (obj(a={"const": 1}), obj(a={"type": "integer"})),
        (obj(a={"minimum": 2, "maxLength": 5}), obj(a={"minimum": 1, "maxLength": 9})),
        (obj(a={"minimum": 2}), obj(a={})),
        (obj(a=TEXT), obj(a={"type": "string", "minLength": 0})),
        ({"type": "array", "items": WHOLE}, {"type": "array", "items": NUMBER}),
        ({**obj(a=TEXT), "additionalProperties": False}, obj(a=TEXT)),
        ({**obj(a=TEXT), "additionalProperties": False}, {**obj(a=TEXT, b=TEXT), "additionalProperties": False}),
        ({"anyOf": [TEXT]}, {"anyOf": [WHOLE, TEXT]}),
        ({"description": "old", "title": "x"}, {"description": "new", "default": 1}),
        ({"$defs": {"a": TEXT}, "$ref": "#/$defs/a"}, {"$ref": "#/$defs/a", "$defs": {"a": TEXT}}),
        (False, obj(["a"], a=TEXT)),
        (
            {**obj(a=TEXT), "unevaluatedProperties": False},
            {**obj(a=TEXT), "unevaluatedProperties": False, "title": "x"},
        ),
        ({"prefixItems": [TEXT], "items": WHOLE}, {"prefixItems": [TEXT], "items": NUMBER}),
    ],
)
def test_input_may_grow_wider_in_a_minor_version(old: JsonObject | None, new: JsonObject | None) -> None:
    assert changes_of_input(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (obj(a=TEXT), obj(["a"], a=TEXT), "input /: 'a' is newly required"),
        (obj(a=TEXT), obj(["b"], a=TEXT, b=TEXT), "input /: 'b' is newly required"),
        ({"type": "object"}, obj(["a"]), "input /: 'a' is newly required"),
        (obj(a=NUMBER), obj(a=WHOLE), "input /a: number is not accepted any more"),
        (obj(a={"type": ["string", "null"]}), obj(a=TEXT), "input /a: null is not accepted any more"),
        (
            obj(a={"enum": ["x", "y"]}),
            obj(a={"enum": ["x"]}),
            "input /a: some values of 'enum' are not accepted any more",
        ),
        (obj(a={}), obj(a={"const": 1}), "input /a: some values of 'const' are not accepted any more"),
        (obj(a={"minimum": 1}), obj(a={"minimum": 2}), "input /a: 'minimum' is stricter than before"),
        (obj(a={}), obj(a={"maxLength": 2}), "input /a: 'maxLength' is stricter than before"),
        (obj(a={"maxLength": 5}), obj(a={"maxLength": 2}), "input /a: 'maxLength' is stricter than before"),
        (obj(a={}), obj(a={"minItems": 1}), "input /a: 'minItems' is stricter than before"),
        (
            {"type": "array", "items": NUMBER},
            {"type": "array", "items": WHOLE},
            "input /items: number is not accepted any more",
        ),
        (obj(a=obj(b=TEXT)), obj(a=obj(["b"], b=TEXT)), "input /a: 'b' is newly required"),
        (obj(), {**obj(), "additionalProperties": False}, "input /: other fields are not accepted any more"),
        (
            {**obj(a=TEXT, b=TEXT), "additionalProperties": False},
            {**obj(a=TEXT), "additionalProperties": False},
            "input /: 'b' is not accepted any more",
        ),
        (
            {"type": "object", "additionalProperties": NUMBER},
            {"type": "object", "additionalProperties": WHOLE},
            "input /*: number is not accepted any more",
        ),
        (
            obj(a={"pattern": "^a"}),
            obj(a={"pattern": "^b"}),
            "input /a: 'pattern' changed in a way that cannot be shown to be compatible",
        ),
        (
            {"$defs": {"a": NUMBER}, "$ref": "#/$defs/a"},
            {"$defs": {"a": WHOLE}, "$ref": "#/$defs/a"},
            "input /: '$defs' changed in a way that cannot be shown to be compatible",
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": obj(x=TEXT)}},
            {"properties": {"x": WHOLE}},
            "input /: 'properties' changed in a way that cannot be shown to be compatible",
        ),
        (
            {"anyOf": [TEXT, WHOLE]},
            {"anyOf": [TEXT]},
            "input /: 'anyOf' changed in a way that cannot be shown to be compatible",
        ),
        (
            {"prefixItems": [TEXT], "items": WHOLE},
            {"items": WHOLE},
            "input /: 'prefixItems' changed in a way that cannot be shown to be compatible",
        ),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            {"additionalProperties": False},
            "input /: 'patternProperties' changed in a way that cannot be shown to be compatible",
        ),
        (
            {**obj(a=TEXT, b=TEXT), "unevaluatedProperties": False},
            {**obj(a=TEXT), "unevaluatedProperties": False},
            "input /: 'unevaluatedProperties' changed in a way that cannot be shown to be compatible",
        ),
        (obj(a=TEXT), False, "input /: nothing is accepted any more"),
    ],
)
def test_input_may_not_get_narrower_in_a_minor_version(
    old: JsonObject | None, new: JsonObject | None, sentence: str
) -> None:
    assert changes_of_input(old, new) == [sentence]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (obj(a=TEXT), obj(["a"], a=TEXT)),
        (obj(a=TEXT), obj(a=TEXT, b=WHOLE)),
        (obj(a=NUMBER), obj(a=WHOLE)),
        (obj(a={"enum": ["x", "y"]}), obj(a={"enum": ["x"]})),
        (None, obj(["a"], a=TEXT)),
        (obj(a={"maximum": 9}), obj(a={"maximum": 5})),
    ],
)
def test_output_may_grow_narrower_in_a_minor_version(old: JsonObject | None, new: JsonObject | None) -> None:
    assert changes_of_output(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        (obj(["a"], a=TEXT), obj([], a=TEXT), ["output /: 'a' is not always there any more"]),
        (obj(a=TEXT), obj(), ["output /: 'a' was removed"]),
        (
            obj(["a"], a=TEXT),
            obj(),
            ["output /: 'a' was removed", "output /: 'a' is not always there any more"],
        ),
        (obj(a=obj(b=TEXT)), obj(a=obj()), ["output /a: 'b' was removed"]),
        (obj(a=WHOLE), obj(a=NUMBER), ["output /a: it may be number now"]),
        (obj(a=TEXT), obj(a={"type": ["string", "null"]}), ["output /a: it may be null now"]),
        (obj(a={"enum": ["x"]}), obj(a={"enum": ["x", "y"]}), ["output /a: 'enum' may have other values now"]),
        (obj(a={"maximum": 5}), obj(a={"maximum": 9}), ["output /a: 'maximum' is looser than before"]),
        (
            {"type": "array", "items": obj(a=TEXT)},
            {"type": "array", "items": obj()},
            ["output /items: 'a' was removed"],
        ),
    ],
)
def test_output_may_lose_nothing_in_a_minor_version(
    old: JsonObject | None, new: JsonObject | None, sentences: list[str]
) -> None:
    assert changes_of_output(old, new) == sentences


def test_an_output_schema_that_is_gone_promises_nothing_any_more() -> None:
    sentences = changes_of_output(obj(["a"], a=TEXT), None)
    assert "output /: 'a' was removed" in sentences
    assert "output /: 'a' is not always there any more" in sentences


def test_a_config_is_held_to_the_same_rules_as_an_input() -> None:
    old, new = StepType("t", config_schema=obj()), StepType("t", config_schema=obj(["a"]))
    assert breaking_changes(old, new) == ["config /: 'a' is newly required"]


def test_what_is_no_schema_does_not_matter() -> None:
    assert breaking_changes(StepType("t", description="x", tags=("a",)), StepType("t", default_max_retries=3)) == []


def random_schema(chance: random.Random, depth: int = 2) -> JsonObject:
    kinds = ["string", "integer", "number", "null", "boolean", "object", "array"]
    schema: JsonObject = {}
    if chance.random() < 0.6:
        schema["type"] = chance.choice(kinds) if chance.random() < 0.7 else chance.sample(kinds, 2)
    if chance.random() < 0.3:
        schema["enum"] = chance.sample(["a", "bb", 1, 2.5, None, True], chance.randint(1, 3))
    for keyword in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "exclusiveMinimum"):
        if chance.random() < 0.2:
            schema[keyword] = chance.randint(0, 3)
    if depth and chance.random() < 0.6:
        schema["properties"] = {name: random_schema(chance, depth - 1) for name in "ab" if chance.random() < 0.6}
    if chance.random() < 0.3:
        schema["required"] = chance.sample("ab", chance.randint(1, 2))
    if depth and chance.random() < 0.4:
        schema["additionalProperties"] = chance.random() < 0.5 and random_schema(chance, depth - 1)
    if depth and chance.random() < 0.3:
        schema["items"] = random_schema(chance, depth - 1)
    if depth and chance.random() < 0.2:
        schema["anyOf"] = [random_schema(chance, 0) for _ in range(chance.randint(1, 2))]
    return schema


def neighbour(old: JsonObject, chance: random.Random) -> JsonObject:
    """A schema that differs from the old one in a keyword or two: far ones are seldom called compatible."""
    other = random_schema(chance)
    new = {**old, **{keyword: other[keyword] for keyword in chance.sample(sorted(other), min(len(other), 1))}}
    for keyword in chance.sample(sorted(new), min(len(new), chance.randint(0, 1))):
        del new[keyword]
    return new


def random_value(chance: random.Random, depth: int = 2) -> Json:
    if depth and chance.random() < 0.5:
        names = [name for name in "abc" if chance.random() < 0.5]
        return {name: random_value(chance, depth - 1) for name in names}
    if depth and chance.random() < 0.3:
        return [random_value(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return chance.choice(["", "a", "bb", "cccc", 0, 1, 2, 5, 2.5, None, True, False])


def fits_every_named_field(value: Json, old: Json) -> bool:
    """Whether every field of the value is one that the old schema names; others were never promised anything."""
    if isinstance(value, dict) and isinstance(old, dict):
        properties = old.get("properties")
        named = properties if isinstance(properties, dict) else {}
        return all(name in named and fits_every_named_field(each, named[name]) for name, each in value.items())
    if isinstance(value, list) and isinstance(old, dict):
        return all(fits_every_named_field(each, old.get("items")) for each in value)
    return not isinstance(value, dict | list) or not value


@pytest.mark.parametrize("seed", range(4))
def test_what_is_called_compatible_refuses_nothing_that_was_accepted(seed: int) -> None:
    chance = random.Random(seed)
    compatible = 0
    for _ in range(1500):
        old = random_schema(chance)
        new = neighbour(old, chance)
        if changes_of_input(old, new):
            continue
        compatible += 1
        before, after = compile_schema(old), compile_schema(new)
        for _ in range(25):
            value = random_value(chance)
            if before.is_valid(value) and fits_every_named_field(value, old):
                assert after.is_valid(value), (old, new, value)
    assert compatible > 50
