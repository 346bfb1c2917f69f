"""Whether one schema can ever fit another: what is told is certain, and what is plain is told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.fitting import Described, described_by, lacks, misfits, part_at, told
from workflow_engine.steps.schemas import InvalidSchema, compile_schema

NAMES = ("a", "b")
scalars = st.sampled_from([None, True, False, 0, 1, 2, 3, 1.0, 1.5, -1, "", "x", "xy", "xyz"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)
small = st.integers(-1, 3)


def schemas() -> st.SearchStrategy[Any]:
    return st.recursive(_leaves(), _around, max_leaves=5).map(_with_definitions)


def _leaves() -> st.SearchStrategy[Any]:
    types = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
    keywords = {
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "const": values,
        "enum": st.lists(values, min_size=1, max_size=3),
        "minimum": small,
        "maximum": small,
        "exclusiveMinimum": small,
        "exclusiveMaximum": small,
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "$ref": st.just("#/$defs/one"),
    }
    return st.booleans() | st.fixed_dictionaries({}, optional={name: keywords[name] for name in keywords})


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["array", "object"]),
            "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
            "patternProperties": st.dictionaries(st.just("^b"), inner, max_size=1),
            "additionalProperties": inner,
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "items": inner,
            "prefixItems": several,
            "minItems": st.integers(0, 2),
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
        },
    )


def _with_definitions(schema: Json) -> JsonObject:
    plain: JsonObject = schema if isinstance(schema, dict) else {"allOf": [schema]}
    return {**plain, "$defs": {"one": {"type": ["integer", "object"], "minimum": 1}}}


def _valid(schema: JsonObject) -> Callable[[Json], bool]:
    try:
        return compile_schema(schema).is_valid
    except InvalidSchema:
        assume(False)
        raise


@settings(max_examples=400, deadline=None)
@given(schemas(), schemas(), st.lists(values, min_size=10, max_size=20))
def test_whatever_is_valid_for_both_is_never_told_apart(one: JsonObject, other: JsonObject, some: list[Json]) -> None:
    first, second = _valid(one), _valid(other)
    shared = [value for value in some if first(value) and second(value)]
    assume(shared)
    assert misfits(Described.of(one), Described.of(other)) == ()
    for value in shared:
        assert misfits(Described.of(described_by(value)), Described.of(one)) == ()


@settings(max_examples=300, deadline=None)
@given(schemas(), st.lists(values, min_size=10, max_size=20))
def test_what_is_there_is_never_said_to_be_lacking(schema: JsonObject, some: list[Json]) -> None:
    whole, is_valid = Described.of(schema), _valid(schema)
    for value in filter(is_valid, some):
        for path, inner in _places(value):
            assert not lacks(whole, path)
            assert misfits(Described.of(described_by(inner)), part_at(whole, path)) == ()


def _places(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for segment, child in children:
        yield from _places(child, (*path, segment))


CLOSED: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("source", "target", "kind", "path"),
    [
        ({"type": "string"}, {"type": "integer"}, "type", ()),
        ({"type": "number", "minimum": 5}, {"type": "integer", "maximum": 4}, "bound", ()),
        ({"type": "integer", "minimum": 4}, {"type": "number", "exclusiveMaximum": 4}, "bound", ()),
        ({"enum": ["a", "b"]}, {"enum": ["c"]}, "value", ()),
        ({"const": "long"}, {"type": "string", "maxLength": 3}, "bound", ()),
        ({"const": 1.5}, {"type": "integer"}, "type", ()),
        ({"type": "array", "minItems": 1, "items": {"type": "string"}}, {"items": {"type": "null"}}, "type", (0,)),
        ({"type": "array", "maxItems": 1}, {"type": "array", "minItems": 2}, "bound", ()),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}, CLOSED, "type", ("a",)),
        ({"type": "object", "required": ["b"]}, CLOSED, "unknown", ("b",)),
        (CLOSED, {"type": "object", "required": ["b"]}, "missing", ("b",)),
        ({"type": "string"}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "form", ()),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "integer"}, "type", ()),
        ({"$ref": "#/$defs/t", "$defs": {"t": {"type": "string"}}}, {"type": "integer"}, "type", ()),
        ({"type": "string"}, {"allOf": [{"title": "x"}, {"type": "boolean"}]}, "type", ()),
    ],
)
def test_what_can_never_fit_is_told(
    source: JsonObject, target: JsonObject, kind: str, path: tuple[str | int, ...]
) -> None:
    assert [(found.kind, found.path) for found in misfits(Described.of(source), Described.of(target))] == [(kind, path)]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "integer"}}),
        ({"type": "integer"}, {"type": "number"}),
        ({"properties": {"a": {"type": "null"}}}, CLOSED),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}, {"type": "integer"}),
        ({"type": "string"}, {"type": "integer", "$defs": {"x": {"$id": "urn:x"}}}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}),
    ],
)
def test_what_may_fit_or_is_not_understood_is_left_alone(source: JsonObject, target: JsonObject) -> None:
    assert misfits(Described.of(source), Described.of(target)) == ()


def test_schemas_that_unfold_without_end_are_given_up_in_time() -> None:
    forms: list[Json] = [{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]} for _ in range(9)]
    endless: JsonObject = {"anyOf": forms}
    assert misfits(Described.of(endless), Described.of(endless)) == ()


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["string", "null"]}, "null or string"),
        ({"type": "number"}, "number"),
        ({"enum": ["a", 1]}, '"a", 1'),
        ({"anyOf": [{"type": "string"}, {"type": "array"}]}, "string or array"),
        ({}, "anything"),
        (None, "anything"),
    ],
)
def test_a_schema_is_told_in_a_few_words(schema: JsonObject | None, words: str) -> None:
    assert told(Described.of(schema)) == words


def test_an_object_lacks_what_it_is_closed_to_and_a_text_has_no_fields() -> None:
    assert lacks(Described.of(CLOSED), ("b",))
    assert lacks(Described.of(CLOSED), ("a", "length"))
    assert not lacks(Described.of(CLOSED), ("a",))
    assert not lacks(Described.of({"properties": {"a": {}}}), ("b",))
    assert not lacks(Described.of({**CLOSED, "patternProperties": {"^b": {}}}), ("b",))
