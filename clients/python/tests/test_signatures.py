"""Type hints as contracts."""

import dataclasses
import json
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from workflow_client import ErrorCode, InvalidStep, StepContext, Suspend, Worker
from workflow_client.steps import StepType


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Order(BaseModel):
    number: int
    size: Size = Size.SMALL


@dataclasses.dataclass
class Receipt:
    total: float


def step_of(function: Callable[..., Any], **more: Any) -> StepType:  # noqa: ANN401  # of Worker.step
    worker = Worker()
    worker.step("a.step", **more)(function)
    return worker.steps[0]


def input_schema(function: Callable[..., Any]) -> Any:  # noqa: ANN401  # JSON
    return json.loads(step_of(function).contract.input_schema)


def output_schema(function: Callable[..., Any]) -> Any:  # noqa: ANN401  # JSON
    text = step_of(function).contract.output_schema
    return json.loads(text) if text else None


def test_parameters_are_properties_and_those_without_a_default_required() -> None:
    def function(text: str, times: int = 3, schema: list[str] | None = None) -> None: ...

    assert input_schema(function) == {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "times": {"type": "integer", "default": 3},
            "schema": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}], "default": None},
        },
        "required": ["text"],
        "additionalProperties": False,
    }


def test_no_parameters_take_an_empty_input_only() -> None:
    def function() -> None: ...

    assert input_schema(function)["additionalProperties"] is False


def test_bounds_and_descriptions_of_a_parameter_are_kept() -> None:
    def function(text: Annotated[str, Field(max_length=5, description="what to say")]) -> None: ...

    assert input_schema(function)["properties"]["text"] == {
        "type": "string",
        "maxLength": 5,
        "description": "what to say",
    }


def test_names_that_pydantic_uses_itself_are_fine_as_parameters() -> None:
    def function(json: str, model_config: int, copy: bool, _private: int = 1) -> None: ...

    read = step_of(function).signature.read
    given = b'{"json": "a", "model_config": 1, "copy": true}'
    assert read(given, b"") == {"json": "a", "model_config": 1, "copy": True, "_private": 1}


def test_values_are_converted_to_what_the_function_asked_for() -> None:
    def function(order: Order, mode: Literal["a", "b"] = "a") -> None: ...

    read = step_of(function).signature.read
    assert read(b'{"order": {"number": 1, "size": "l"}}', b"") == {
        "order": Order(number=1, size=Size.LARGE),
        "mode": "a",
    }
    with pytest.raises(ValidationError):
        read(b'{"order": {"number": 1}, "mode": "c"}', b"")


def test_a_sole_parameter_named_input_takes_the_whole_input() -> None:
    def function(input: Order, ctx: StepContext) -> None: ...  # noqa: A002  # what the test is about

    assert input_schema(function)["required"] == ["number"]
    assert step_of(function).signature.read(b'{"number": 2}', b"") == {"input": Order(number=2)}


def test_further_keywords_take_the_rest_of_the_input() -> None:
    def function(text: str, **more: int) -> None: ...

    assert input_schema(function)["additionalProperties"] is True
    assert step_of(function).signature.read(b'{"text": "a", "x": 1}', b"") == {"text": "a", "x": 1}


def test_a_parameter_named_config_takes_the_config() -> None:
    def function(text: str, config: Order) -> None: ...

    step = step_of(function)
    assert json.loads(step.contract.config_schema)["required"] == ["number"]
    assert step.signature.read(b'{"text": "a"}', b'{"number": 3}')["config"] == Order(number=3)
    assert "config" not in json.loads(step.contract.input_schema)["properties"]


def untyped():  # type: ignore[no-untyped-def]  # noqa: ANN201  # what a test below is about
    ...


def test_the_return_annotation_is_the_output() -> None:
    def plain() -> dict[str, Any]: ...  # type: ignore[empty-body]  # only its hints count

    def nothing() -> None: ...

    def model() -> Receipt: ...  # type: ignore[empty-body]  # as above

    def waits() -> Receipt | Suspend: ...  # type: ignore[empty-body]  # as above

    assert output_schema(plain)["type"] == "object"
    assert output_schema(nothing) == {"type": "null"}
    assert output_schema(model)["required"] == ["total"]
    assert output_schema(waits) == output_schema(model)
    assert output_schema(untyped) is None


def test_schemas_that_are_given_win() -> None:
    def function(**more: int) -> None: ...

    step = step_of(function, input_schema={"type": "object"}, output_schema={"type": "string"})
    assert (step.contract.input_schema, step.contract.output_schema) == ('{"type": "object"}', '{"type": "string"}')


def test_the_declaration_becomes_the_contract() -> None:
    def function(ctx: StepContext) -> None:
        """Says what it does
        in two lines.

        And more.
        """

    contract = step_of(
        function,
        version="2.1.0",
        effect="at_most_once",
        timeout=9,
        max_retries=2,
        errors=["a", ErrorCode("b", retryable=False)],
        tags=["t"],
        examples=[{"x": 1}],
    ).contract
    assert contract.description == "Says what it does in two lines."
    assert (contract.version, contract.effect, contract.default_timeout_seconds) == ("2.1.0", 3, 9)
    assert [(error.code, error.retryable) for error in contract.error_codes] == [("a", True), ("b", False)]
    assert (list(contract.tags), list(contract.examples), contract.streams) == (["t"], ['{"x":1}'], True)


def takes_positions(text: str, /) -> None: ...


def takes_many(*texts: str) -> None: ...


def generates() -> Any:  # noqa: ANN401  # what the test is about
    yield 1


def unknown_type(value: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # as above


def no_schema(value: object, where: Callable[[], int]) -> None: ...


@pytest.mark.parametrize("function", [takes_positions, takes_many, generates, unknown_type, no_schema])
def test_a_function_that_makes_no_contract_is_refused_with_what_to_change(function: Callable[..., Any]) -> None:
    with pytest.raises(InvalidStep, match=r"'a\.step' cannot be a step type: \w+"):
        step_of(function)


@pytest.mark.parametrize("wrong", [{"effect": "sometimes"}, {"timeout": 0}, {"slots": 0}, {"examples": [float("nan")]}])
def test_a_declaration_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidStep):
        step_of(lambda: None, **wrong)


def test_a_type_is_declared_once_for_each_version() -> None:
    worker = Worker()
    worker.step("a", version="1.0.0")(lambda: None)
    worker.step("a", version="2.0.0")(lambda: None)
    with pytest.raises(InvalidStep, match="twice"):
        worker.step("a", version="2.0.0")(lambda: None)
