"""Every built-in step type keeps its own contract: schemas, examples, purity, documentation."""

import asyncio
import inspect
from typing import Any, cast

import pytest

from tests.plugins.asking import builtins, concluded, request
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import Completed, Effect, OfferedStep, Resumption, Routed, Suspended
from workflow_engine.steps.schemas import compile_schema

MACHINERY = {"agents.simulated_call"}
"""Offered like the others, but never written into a document: it has no configuration and no example."""
NAMES = sorted(set(builtins()) - MACHINERY)
EXPECTED = {
    "agent_execution",
    "conditional",
    "data_input",
    "data_merge",
    "data_processing",
    "data_transform",
    "delay",
    "http_request",
    "prompt",
    "switch",
    "tool_execution",
    "wait_for_signal",
}


def examples(name: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", list(builtins()[name].type.examples))


def plain(offered: OfferedStep, example: dict[str, Any], now: float = 1.0) -> Json:
    """The output of an example, waited for if it suspends."""
    name = offered.type.name
    answered: Any = concluded(name, example["config"], example["input"], now=now)
    if isinstance(answered, Suspended):
        came = Resumption("signal" if answered.signal else "timer", answered.memo, {"p": 1})
        answered = offered.function(request(name, example["config"], example["input"], now=now + 1, resumption=came))
    output: Json = answered.output if isinstance(answered, Completed | Routed) else answered
    return output


def test_the_built_in_types_are_these() -> None:
    assert set(builtins()) == EXPECTED | MACHINERY


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_type_is_described(name: str) -> None:
    step = builtins()[name].type
    assert step.title
    assert step.description
    assert len(step.documentation) > 40
    assert step.examples
    assert step.tags
    assert step.owner == "builtin"
    assert step.config_schema is not None
    assert step.config_schema["additionalProperties"] is False


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_type_fit_its_schemas(name: str) -> None:
    step = builtins()[name].type
    for example in examples(name):
        assert compile_schema(step.config_schema).problems(example["config"]) == ()
        assert compile_schema(step.input_schema).problems(example["input"]) == ()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "http_request"])
def test_the_output_of_the_examples_fits_the_output_schema(name: str) -> None:
    offered = builtins()[name]
    for example in examples(name):
        assert compile_schema(offered.type.output_schema).problems(plain(offered, example)) == ()


@pytest.mark.parametrize("name", [name for name in NAMES if builtins()[name].type.effect is Effect.PURE])
def test_a_pure_step_gives_the_same_answer_to_the_same_request(name: str) -> None:
    offered = builtins()[name]
    for example in examples(name):
        assert plain(offered, example) == plain(offered, example)


@pytest.mark.parametrize("name", NAMES)
def test_what_runs_inside_a_turn_is_pure_and_synchronous(name: str) -> None:
    offered = builtins()[name]
    if offered.type.inline:
        assert offered.type.effect is Effect.PURE
        assert not inspect.iscoroutinefunction(offered.function)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_field_of_a_config_is_advised_on(name: str) -> None:
    step = builtins()[name].type
    example = examples(name)[0]["config"]
    known = next(iter(example))
    problems = compile_schema(step.config_schema).problems({**example, f"{known}_": 1})
    assert [problem.code for problem in problems] == ["unknown-field"]
    assert known in problems[0].message


@pytest.mark.parametrize("name", NAMES)
def test_unknown_choices_are_left_to_the_step_and_its_sentence(name: str) -> None:
    def holds_enum(value: Json) -> bool:
        if isinstance(value, dict):
            return "enum" in value or any(holds_enum(item) for item in value.values())
        return isinstance(value, list) and any(holds_enum(item) for item in value)

    assert not holds_enum(builtins()[name].type.config_schema)


def test_http_without_the_service_says_what_is_missing() -> None:
    offered = builtins()["http_request"]

    async def call() -> None:
        await cast("Any", offered.function(request("http_request", {"url": "http://example.com/"})))

    with pytest.raises(Exception, match="without the service 'http'"):
        asyncio.run(call())
