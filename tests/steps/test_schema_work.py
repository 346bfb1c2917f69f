"""How far a schema may unfold."""

import json
import time

import pytest

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.schema_work import find_excess
from workflow_engine.steps.schemas import SchemaLimits, compile_schema

MOST = 10_000


def doubling(levels: int) -> JsonObject:
    """Each definition names the next one twice, so the last one is looked at 2^levels times."""
    definitions: JsonObject = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}, {"$ref": f"#/$defs/d{level + 1}"}]}
        for level in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{levels}": {"type": "string"}}}


SOUND: list[tuple[str, JsonObject]] = [
    ("no references at all", {"properties": {"a": {"anyOf": [{"type": "string"}] * 50}}}),
    ("a tree", {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "value": {}}}),
    ("a tree of lists", {"items": {"$ref": "#"}}),
    ("a tree with any other member", {"properties": {"left": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}),
    ("a tree with other items", {"prefixItems": [{"$ref": "#"}], "items": {"$ref": "#"}}),
    ("JSON itself", {"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}}, {"additionalProperties": {"$ref": "#"}}]}),
    ("a definition used often", {"$defs": {"x": {}}, "properties": {f"p{n}": {"$ref": "#/$defs/x"} for n in range(9)}}),
    ("an anchor", {"$defs": {"x": {"$anchor": "here", "type": "string"}}, "items": {"$ref": "#here"}}),
    ("a dynamic anchor", {"$dynamicAnchor": "node", "items": {"$dynamicRef": "#node"}}),
    ("a pointer with escapes", {"$defs": {"a/b": {"c~d": {"type": "string"}}}, "items": {"$ref": "#/$defs/a~1b/c~0d"}}),
    ("a pointer through a list", {"allOf": [{"type": "object"}], "properties": {"x": {"$ref": "#/allOf/0"}}}),
    ("a pointer in percent code", {"$defs": {"é": {}}, "items": {"$ref": "#/$defs/%C3%A9"}}),
    ("few doublings", doubling(8)),
    ("a member called $ref", {"properties": {"$ref": {"type": "string"}}}),
]  # fmt: skip


@pytest.mark.parametrize("schema", [case[1] for case in SOUND], ids=[case[0] for case in SOUND])
def test_ordinary_schemas_are_left_alone(schema: JsonObject) -> None:
    assert find_excess(schema, MOST) is None
    compile_schema(schema)


EXCESSIVE: list[tuple[str, JsonObject, str, str]] = [
    ("a schema that is itself", {"$ref": "#"}, "invalid-schema", ""),
    ("a circle without descent", {"allOf": [{"$ref": "#"}]}, "invalid-schema", ""),
    ("another document", {"contains": {"$ref": "http://example.com/x"}}, "invalid-schema", "/contains/$ref"),
    ("a file", {"items": {"$ref": "file:///etc/passwd"}}, "invalid-schema", "/items/$ref"),
    ("a relative reference", {"$ref": "other.json"}, "invalid-schema", "/$ref"),
    ("a reference to nothing", {"$ref": "#/$defs/x"}, "invalid-schema", "/$ref"),
    ("a reference to no anchor", {"$ref": "#nowhere"}, "invalid-schema", "/$ref"),
    ("an id in the middle", {"$defs": {"x": {"$id": "http://example.com/"}}}, "invalid-schema", "/$defs/x/$id"),
    ("doubling at one place", doubling(40), "schema-too-complex", "/$defs/d28"),
    ("doubling at each level", {"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}, "schema-too-complex", ""),
    ("doubling of items", {"allOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}, "schema-too-complex", ""),
    (
        "doubling by a pattern",
        {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"$ref": "#"}}},
        "schema-too-complex",
        "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "code", "pointer"), [case[1:] for case in EXCESSIVE], ids=[case[0] for case in EXCESSIVE]
)
def test_schemas_that_leave_themselves_or_unfold_too_often_are_refused(
    schema: JsonObject, code: str, pointer: str
) -> None:
    problem = find_excess(schema, MOST)
    assert problem is not None
    assert (problem.code, problem.pointer) == (code, pointer)


def webs() -> list[JsonObject]:
    """Large schemas, nearly all of it references, in several shapes."""

    def web(definitions: int, references: int) -> JsonObject:
        def members(one: int) -> JsonObject:
            return {f"p{n}": {"$ref": f"#/$defs/d{(one * 7 + n * 13) % definitions}"} for n in range(references)}

        return {"$ref": "#/$defs/d0", "$defs": {f"d{one}": {"properties": members(one)} for one in range(definitions)}}

    return [
        web(1_000, 1),
        web(250, 5),
        web(15, 100),
        {"anyOf": [{"properties": {f"x{number}": {"$ref": "#"} for number in range(2_000)}}]},
        {"allOf": [{"patternProperties": {f"x{n}": {"$ref": "#/$defs/e"}}} for n in range(1_000)], "$defs": {"e": {}}},
        {"properties": {f"x{n}": {"allOf": [{"$ref": "#"}, {"required": ["y"]}]} for n in range(800)}},
    ]


@pytest.mark.parametrize("schema", webs())
def test_to_find_out_takes_little_time_for_any_schema(schema: JsonObject) -> None:
    assert len(json.dumps(schema, separators=(",", ":"))) <= SchemaLimits().max_bytes
    start = time.process_time()
    find_excess(schema, MOST)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize("schema", [case[1] for case in SOUND], ids=[case[0] for case in SOUND])
def test_what_is_let_through_judges_a_deep_value_at_once(schema: JsonObject) -> None:
    value: Json = 1
    for _ in range(60):
        value = {"left": value, "right": value, "a": value} if isinstance(value, int) else {"left": value, "a": [value]}
    start = time.process_time()
    compile_schema(schema).is_valid(value)
    assert time.process_time() - start < 1.0
