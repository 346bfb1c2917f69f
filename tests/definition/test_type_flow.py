"""Gate 1: what one step hands to the next, held against both contracts before anything runs."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.steps.test_fitting import schemas, values
from workflow_engine.definition.report import ValidationReport, validate_document
from workflow_engine.dispatch.gates import Gates
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import closed_object, open_object
from workflow_engine.steps.contract import DefaultInput, StepFailure, StepType
from workflow_engine.steps.schemas import InvalidSchema, compile_schema

PERSON = closed_object(
    ["name"], name={"type": "string"}, age={"type": "integer"}, pets={"type": "array", "minItems": 1}
)
TYPES = {
    "produce": StepType("produce", output_schema=PERSON),
    "open": StepType("open", output_schema=open_object(name={"type": "string"})),
    "consume": StepType(
        "consume",
        input_schema=closed_object(
            ["count"],
            count={"type": "integer", "maximum": 100},
            maybe={"type": ["integer", "null"]},
            kind={"enum": ["a", "b"]},
            deep=closed_object(on={"type": "boolean"}, tags={"type": "array", "items": {"type": "string"}}),
        ),
        config_schema=closed_object(level={"type": "integer"}, when={"format": "condition"}),
    ),
    "follow": StepType("follow", input_schema=closed_object(["x"]), default_input=DefaultInput.DEPENDENCIES),
}


def report(
    mapping: JsonObject | None = None,
    types: Mapping[str, StepType] = TYPES,
    producer: str = "produce",
    **fields: Json,
) -> ValidationReport:
    steps: list[Json] = [
        {"step_id": "a", "step_type": producer},
        {"step_id": "b", "step_type": "consume", "dependencies": ["a"], "input_mapping": mapping, **fields},
    ]
    return validate_document({"name": "n", "steps": steps}, types.get)


def found(answer: ValidationReport) -> list[tuple[str, str]]:
    return [(problem.pointer.removeprefix("/steps/1"), problem.code) for problem in answer.problems]


@pytest.mark.parametrize(
    ("mapping", "pointer", "code"),
    [
        ({"count": "a.name"}, "/input_mapping/count", "type-mismatch"),
        ({"count": "${steps.a.output.name}"}, "/input_mapping/count", "type-mismatch"),
        ({"count": "${steps.a.output.name + '!'}"}, "/input_mapping/count", "type-mismatch"),
        ({"count": "n = ${steps.a.output.age}"}, "/input_mapping/count", "type-mismatch"),
        ({"count": "a.nope"}, "/input_mapping/count", "unknown-output"),
        ({"count": "a.name.length"}, "/input_mapping/count", "unknown-output"),
        ({"count": "${steps.a.output.nope + 1}"}, "/input_mapping/count", "unknown-output"),
        ({"count": "a.age", "extra": "a.name"}, "/input_mapping/extra", "unknown-field"),
        ({"count": "a.age", "extra": 1}, "/input_mapping/extra", "unknown-field"),
        ({"maybe": "a.age"}, "/input_mapping/count", "missing-field"),
        ({"count": 101}, "/input_mapping/count", "out-of-range"),
        ({"count": "a.age", "kind": {"x": 1}}, "/input_mapping/kind", "unknown-value"),
        ({"count": "a.age", "deep": {"on": "${steps.a.output.age}"}}, "/input_mapping/deep/on", "type-mismatch"),
        (
            {"count": "a.age", "deep": {"tags": ["x", "${steps.a.output.age}"]}},
            "/input_mapping/deep/tags/1",
            "type-mismatch",
        ),
        ({"count": "a.age", "deep": {"off": "${steps.a.output.age}"}}, "/input_mapping/deep/off", "unknown-field"),
        ({"count": "a"}, "/input_mapping/count", "type-mismatch"),
    ],
)
def test_what_could_never_run_is_refused_where_it_stands(mapping: JsonObject, pointer: str, code: str) -> None:
    assert found(report(mapping)) == [(pointer, code)]


@pytest.mark.parametrize(
    "mapping",
    [
        {"count": "a.age"},
        {"count": "${steps.a.output.age + 1}"},
        {"count": "${has(steps.a.output.age) ? steps.a.output.age : 0}"},
        {"count": "${has(steps.a.output.nope) ? steps.a.output.nope : 0}"},
        {"count": "a.age", "maybe": "a.name"},
        {"count": "${steps.a.output.?nope.orValue(1)}"},
        {"count": "input.anything"},
    ],
)
def test_what_may_run_is_left_alone(mapping: JsonObject) -> None:
    """A skipped step leaves null behind, so that `maybe` may be null although a name is a text."""
    assert found(report(mapping)) == []


def test_the_sentence_names_both_types() -> None:
    (problem,) = report({"count": "a.name"}).problems
    assert problem.message == "steps.a.output.name is string, but the input of consume takes integer there"


def test_what_an_open_schema_does_not_list_is_a_warning_only() -> None:
    answer = report({"count": "a.nope"}, producer="open")
    assert answer.is_valid
    assert answer.warnings == ("Step b reads steps.a.output.nope, which the output of open is not known to have",)
    refused = report({"count": "a.nope"})
    assert refused.warnings == (), "what is refused is not told twice"


def test_the_config_is_held_to_its_contract_too() -> None:
    wrong = report({"count": "a.age"}, config={"level": "${steps.a.output.name}", "when": "a.age > 1"})
    assert found(wrong) == [("/config/level", "type-mismatch")]
    assert found(report({"count": "a.age"}, config={"nope": "${steps.a.output.name}"})) == [
        ("/config/nope", "unknown-field")
    ]


def test_literals_beside_the_mapping_are_judged_where_they_stand() -> None:
    assert found(report({"count": "a.age"}, input_data={"count": "many"})) == [("/input_data/count", "wrong-type")]
    assert found(report(None, input_data={"count": 1})) == []


def test_what_lies_beneath_the_literals_is_not_guessed() -> None:
    steps: list[Json] = [
        {"step_id": "a", "step_type": "produce"},
        {"step_id": "b", "step_type": "follow", "dependencies": ["a"]},
    ]
    assert validate_document({"name": "n", "steps": steps}, TYPES.get).is_valid


def test_the_input_of_the_workflow_has_a_contract_too() -> None:
    def of(path: str) -> list[tuple[str, str]]:
        steps: list[Json] = [{"step_id": "b", "step_type": "consume", "input_mapping": {"count": path}}]
        schema = closed_object(text={"type": "string"}, n={"type": "integer"})
        answer = validate_document({"name": "n", "input_schema": schema, "steps": steps}, TYPES.get)
        return [(problem.pointer, problem.code) for problem in answer.problems]

    place = "/steps/0/input_mapping/count"
    assert of("input.n") == []
    assert of("${input.text}") == [(place, "type-mismatch")]
    assert of("input.nope") == [(place, "unknown-input")]


def test_the_output_of_the_workflow_cannot_read_what_is_not_there() -> None:
    steps: list[Json] = [{"step_id": "a", "step_type": "produce"}]
    document: JsonObject = {"name": "n", "steps": steps, "output": {"x": ["${steps.a.output.nope}"]}}
    (problem,) = validate_document(document, TYPES.get).problems
    assert (problem.pointer, problem.code) == ("/output/x/0", "unknown-output")


def test_an_expression_that_cannot_be_compiled_is_told_once() -> None:
    answer = report({"count": "${nonsense(}"})
    assert [problem.pointer for problem in answer.problems] == ["/steps/1/input_mapping/count"]


@settings(max_examples=200, deadline=None)
@given(schemas(), schemas(), st.lists(values, min_size=8, max_size=16), st.lists(st.sampled_from("ab"), max_size=2))
def test_nothing_is_refused_that_the_gates_let_through(
    output: JsonObject, other: JsonObject, some: list[Json], path: list[str]
) -> None:
    """Whatever output some run could have: when the gates of both steps accept it, validation accepts the document."""
    for taken in (other, output):
        consumer = StepType("consume", input_schema={**closed_object(["v"], v=taken), "$defs": taken["$defs"]})
        try:
            is_answer = compile_schema(output).is_valid
            compile_schema(consumer.input_schema)
        except InvalidSchema:
            return
        handed = [_at(value, path) for value in some if is_answer(value)]
        if any(present and _passes(consumer, {"v": value}) for present, value in handed):
            types = {"produce": StepType("produce", output_schema=output), "consume": consumer}
            reference = "".join(f".{part}" for part in path)
            assert found(report({"v": f"${{steps.a.output{reference}}}"}, types)) == []
            assert found(report({"v": f"a{reference}"}, types)) == []
        for value in some:
            if not isinstance(value, str) and _passes(consumer, {"v": value}):
                types = {"produce": StepType("produce"), "consume": consumer}
                assert found(report({"v": value}, types)) == []


def _at(value: Json, path: list[str]) -> tuple[bool, Json]:
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _passes(step_type: StepType, given_input: JsonObject) -> bool:
    try:
        Gates(1_000_000).check_request(step_type, {}, given_input)
    except StepFailure:
        return False
    return True
