"""What `POST /workflows/validate` answers: to the published cases, and to anything at all."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.definition.step_types import planned, problems, resolve, step, workflow
from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.envelope import read_envelope
from workflow_engine.definition.report import validate_document
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepType

CONFORMANCE = Path(__file__).parents[1] / "conformance"
VALIDATIONS: list[dict[str, Any]] = json.loads((CONFORMANCE / "validations.json").read_text())
EXECUTIONS: list[dict[str, Any]] = json.loads((CONFORMANCE / "executions.json").read_text())


def lenient(name: str) -> StepType | None:
    """The types of the published cases; what their settings mean is the business of the plugins."""
    known = {"data_input", "data_processing", "data_merge", "delay", "agent_execution", "switch"}
    return StepType(name) if name in known else None


@pytest.mark.parametrize("case", VALIDATIONS, ids=lambda case: case["id"])
def test_the_published_validations(case: dict[str, Any]) -> None:
    answer: dict[str, Any] = validate_document(case["body"], lenient).to_json()
    for name, expected in case["expect"].items():
        assert (set(answer[name]) == set(expected)) if name == "errors" else (answer[name] == expected)


@pytest.mark.parametrize("case", EXECUTIONS, ids=lambda case: case["id"])
def test_the_published_executions_are_accepted_or_refused_as_expected(case: dict[str, Any]) -> None:
    document = case["workflow_config"]
    body = document if case.get("bare") else {"workflow_config": document, "input_data": case.get("input_data", {})}
    is_refused = case["expect"].get("http") == 422
    assert validate_document(document, lenient).is_valid is not is_refused
    if is_refused:
        with pytest.raises(InvalidDocument):
            compile_plan(read_envelope(body).definition, lenient)
    else:
        assert compile_plan(read_envelope(body).definition, lenient).steps


def test_the_shape_of_the_answer() -> None:
    answer = validate_document(
        workflow(step("a"), step("b", "nope", dependencies=["ghost"]), {"step_type": "anything"}), resolve
    ).to_json()
    assert answer == {
        "is_valid": False,
        "errors": ["Step missing 'step_id'", "Unknown step type: nope", "Step b depends on unknown step: ghost"],
        "warnings": [],
        "step_validation": {
            "a": {"status": "valid", "step_type": "anything"},
            "b": {"error": "Unknown step type: nope; Step b depends on unknown step: ghost"},
        },
        "problems": [
            {"code": "missing-field", "message": "Step missing 'step_id'", "pointer": "/steps/2/step_id"},
            {"code": "unknown-step-type", "message": "Unknown step type: nope", "pointer": "/steps/1/step_type"},
            {
                "code": "unknown-dependency",
                "message": "Step b depends on unknown step: ghost",
                "pointer": "/steps/1/dependencies/0",
            },
        ],
    }


def test_a_document_without_steps_is_told_so_in_one_sentence() -> None:
    answer = validate_document({"colour": "red", "name": 1}, resolve).to_json()
    assert answer["errors"] == ["Workflow must have 'steps' field"]
    assert answer["step_validation"] == {}


def test_a_duplicate_makes_the_id_invalid_although_the_first_step_is_sound() -> None:
    report = validate_document(workflow(step("a"), step("a")), resolve)
    assert report.step_validation == {"a": {"error": "Duplicate step_id: a"}}


def test_a_workflow_of_no_steps_is_valid_and_doubtful() -> None:
    report = validate_document(workflow(), resolve)
    assert report.is_valid
    assert report.warnings == ("The workflow has no steps",)


def test_a_catch_route_behind_one_that_takes_everything_is_doubtful() -> None:
    routes: Json = [{"errors": ["*"], "then": "h"}, {"errors": ["timeout"], "then": "h"}]
    report = validate_document(workflow(step("a", catch=routes), step("h")), resolve)
    assert report.is_valid
    assert report.warnings == ("Catch route 2 of step a is never used: one before it takes every error",)


@pytest.mark.parametrize("document", [None, True, 7, 1.5, "text", [], {}])
def test_anything_is_answered(document: Json) -> None:
    assert not validate_document(document, resolve).is_valid


# --- documents nobody would write -------------------------------------------------------------------------------------

SOUND: JsonObject = workflow(
    step("init", "data_input", config={"data": {"n": 1}}),
    step("route", "switch", config={"cases": [{"condition": "init.data.n == 1", "then": "left"}], "default": "right"}),
    step("left", conditions="init.data.n > 0", input_mapping={"n": "init.data.n", "t": "n is ${input.n}"}),
    step("right", "delay", config={"delay_seconds": 0.5}, max_retries=2, compensate="undo", step_order=3),
    step("join", dependencies=["left", "right"], catch=[{"errors": ["*"], "then": "rescue"}], trigger_rule="all_done"),
    step("rescue", input_mapping={"why": "${error.code}"}, input_data={"x": 1}),
    step("undo", input_mapping={"what": "right"}),
    output={"n": "${steps.init.output.data.n}"},
    tags=["x"],
    input_schema={"type": "object"},
    connections=[{"source_step_id": "init", "target_step_id": "left"}],
)

WORDS = st.sampled_from(
    [
        "init",
        "left",
        "undo",
        "ghost",
        "steps",
        "",
        "a-b",
        "${",
        "${init}",
        "$prev.x",
        "init.data.n == 1",
        "*",
        "not",
        "é",
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), WORDS, st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(WORDS, st.sampled_from(["step_id", "format", "errors", "then"])), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Json, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [place]
    if isinstance(value, dict):
        for key, member in value.items():
            found += places(member, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*place, index))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    document: dict[str, Any] = copy.deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(places(document)[1:] or [("steps",)]))
        container: Any = document
        for part in way:
            container = container[part]
        match draw(st.sampled_from(["replace", "remove", "rename", "repeat"])):
            case "remove" if last in places_in(container):
                del container[last]
            case "rename" if isinstance(container, dict) and last in container:
                container[draw(WORDS)] = container.pop(last)
            case "repeat" if isinstance(container, list):
                container.append(copy.deepcopy(container[-1]))
            case _:
                container[last] = draw(VALUES)
    return document


def places_in(container: Any) -> Any:  # noqa: ANN401 - of an object or a list
    return container if isinstance(container, dict) else range(len(container))


def test_the_document_that_is_mutated_is_sound() -> None:
    assert problems(SOUND) == ()
    assert planned(step("a")).steps


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_nothing_but_an_invalid_document_ever_comes_of_a_document(document: Json) -> None:
    assert validate_document(document, resolve).is_valid is starts(document)


def starts(document: Json) -> bool:
    try:
        compile_plan(read_envelope(document).definition, resolve)
    except InvalidDocument:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_nothing_but_an_answer_ever_comes_of_validation(document: Json) -> None:
    assert isinstance(validate_document(document, resolve).to_json(), dict)
