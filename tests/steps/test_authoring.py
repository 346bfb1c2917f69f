"""JSON values compare as JSON values."""

import pytest

from workflow_engine.jsontext import Json
from workflow_engine.steps.authoring import closed_object, open_object, same_json


def nested(depth: int, leaf: Json) -> Json:
    for _ in range(depth):
        leaf = {"a": [leaf]}
    return leaf


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        ("1", 1, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ({"a": None}, {}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([], {}, False),
        ([True], [1], False),
        (nested(20_000, 1), nested(20_000, 1.0), True),
        (nested(20_000, 1), nested(20_000, 2), False),
    ],
)
def test_equality_is_that_of_json(left: Json, right: Json, same: bool) -> None:
    assert same_json(left, right) is same
    assert same_json(right, left) is same


def test_a_closed_object_names_all_it_may_carry() -> None:
    assert closed_object(["a"], a={}, b={}) == {
        "type": "object",
        "properties": {"a": {}, "b": {}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert open_object(a={}) == {"type": "object", "properties": {"a": {}}}
