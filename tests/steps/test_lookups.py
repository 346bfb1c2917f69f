"""Paths that a step type reads over its own request."""

from dataclasses import replace

import pytest

from tests.plugins.asking import request
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepFailure
from workflow_engine.steps.lookups import look_up, needed

INPUT: JsonObject = {"a": {"b": [1, {"c": None}]}, "both": "input", "text": "abc"}
OUTPUTS: JsonObject = {"fetch": {"n": 2, "output": {"n": 3}}, "my-step": {"n": 4}, "both": "output", "list": [5]}
HANDED = replace(request("prompt"), input=INPUT, dependencies=OUTPUTS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0]", 1),
        ("a.b[1].c", None),
        ("input.a.b[0]", 1),
        ("input", INPUT),
        ("both", "input"),
        ("steps.both", "output"),
        ("fetch.n", 2),
        ("fetch.output.n", 3),
        ("steps.fetch.n", 2),
        ("steps.my-step.output.n", 4),
        ('steps["my-step"].n', 4),
        ("list[0]", 5),
    ],
)
def test_a_path_reads_the_input_then_the_dependencies(path: str, value: Json) -> None:
    assert look_up(path, HANDED) == (True, value)


@pytest.mark.parametrize(
    "path", ["ghost", "a.ghost", "a.b[9]", "a.b.c", "text.upper", "text[0]", "steps", "steps.ghost", "a..b", "", "1"]
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert look_up(path, HANDED) == (False, None)


def test_a_needed_value_that_is_not_there_fails_and_shows_names_only() -> None:
    with pytest.raises(StepFailure) as caught:
        needed("ghost", HANDED, "a template")
    assert caught.value.message == "a template names 'ghost'; there is: a, both, text, fetch, my-step, both, list"
    assert (caught.value.error_code, caught.value.retryable) == ("mapping-error", False)
