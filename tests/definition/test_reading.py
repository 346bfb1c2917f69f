"""Everything that is wrong with single fields: each thing with its place and its code, and no value is echoed."""

import math
from typing import Any

import pytest

from tests.definition.step_types import problems, refusals, resolve, step, workflow
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.reading import NO_STEPS, read_definition
from workflow_engine.definition.report import validate_document
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json


def with_step(**fields: Json) -> Json:
    return workflow({**step("a"), **fields})


A_YEAR = 31_536_000

WRONG_DOCUMENTS: list[tuple[Any, str, str]] = [
    ([], "wrong-type", ""),
    ("text", "wrong-type", ""),
    (None, "wrong-type", ""),
    ({}, "missing-field", "/steps"),
    ({"steps": {}}, "wrong-type", "/steps"),
    ({"steps": None}, "wrong-type", "/steps"),
    ({"steps": [1]}, "wrong-type", "/steps/0"),
    ({"steps": [], "name": 1}, "wrong-type", "/name"),
    ({"steps": [], "max_parallel": 1.0}, "wrong-type", "/max_parallel"),
    ({"steps": [], "max_parallel": True}, "wrong-type", "/max_parallel"),
    ({"steps": [], "max_parallel": -1}, "out-of-range", "/max_parallel"),
    ({"steps": [], "max_parallel": 10_001}, "out-of-range", "/max_parallel"),
    ({"steps": [], "timeout_seconds": 0}, "out-of-range", "/timeout_seconds"),
    ({"steps": [], "timeout_seconds": A_YEAR + 1}, "out-of-range", "/timeout_seconds"),
    ({"steps": [], "timeout_seconds": "1"}, "wrong-type", "/timeout_seconds"),
    ({"steps": [], "timeout_seconds": False}, "wrong-type", "/timeout_seconds"),
    ({"steps": [], "timeout_seconds": math.nan}, "number-out-of-range", "/timeout_seconds"),
    ({"steps": [], "metadata": {"n": 2**63}}, "number-out-of-range", "/metadata/n"),
    ({"steps": [], "metadata": {"n": object()}}, "wrong-type", "/metadata/n"),
    ({"steps": [], "metadata": {1: 2}}, "wrong-type", "/metadata"),
    ({"steps": [], "metadata": {"a": "\0"}}, "malformed-text", "/metadata/a"),
    ({"steps": [], "metadata": {"\ud800": 1}}, "malformed-text", "/metadata"),
    ({"steps": [], "execution_pattern": "graph"}, "unsupported-pattern", "/execution_pattern"),
    ({"steps": [], "execution_pattern": "zigzag"}, "unknown-value", "/execution_pattern"),
    ({"steps": [], "execution_pattern": 1}, "unknown-value", "/execution_pattern"),
    ({"steps": [], "on_missing_worker": "cry"}, "unknown-value", "/on_missing_worker"),
    ({"steps": [], "tags": "a"}, "wrong-type", "/tags"),
    ({"steps": [], "tags": [1]}, "wrong-type", "/tags/0"),
    ({"steps": [], "tags": ["x"] * 33}, "out-of-range", "/tags"),
    ({"steps": [], "tags": ["x" * 65]}, "out-of-range", "/tags/0"),
    ({"steps": [], "global_config": []}, "wrong-type", "/global_config"),
    ({"steps": [], "step": []}, "unknown-field", "/step"),
    ({"steps": [], "a/b~c": 1}, "unknown-field", "/a~1b~0c"),
    ({"steps": [], "connections": [{"source_step_id": "a"}]}, "missing-field", "/connections/0/target_step_id"),
    (workflow({"step_type": "anything"}), "missing-field", "/steps/0/step_id"),
    (with_step(step_id=None), "missing-field", "/steps/0/step_id"),
    (with_step(step_id=""), "missing-field", "/steps/0/step_id"),
    (with_step(step_id=7), "wrong-type", "/steps/0/step_id"),
    (with_step(step_id="1a"), "invalid-step-id", "/steps/0/step_id"),
    (with_step(step_id="a" * 64), "invalid-step-id", "/steps/0/step_id"),
    (with_step(step_id="a\n"), "invalid-step-id", "/steps/0/step_id"),
    (with_step(step_id="steps"), "reserved-step-id", "/steps/0/step_id"),
    (with_step(step_id="global"), "reserved-step-id", "/steps/0/step_id"),
    (workflow({"step_id": "a"}), "missing-field", "/steps/0/step_type"),
    (with_step(step_type=""), "missing-field", "/steps/0/step_type"),
    (with_step(step_type=[]), "wrong-type", "/steps/0/step_type"),
    (with_step(step_type="no type"), "invalid-step-type", "/steps/0/step_type"),
    (with_step(step_type="a" * 129), "invalid-step-type", "/steps/0/step_type"),
    (with_step(step_type="a@"), "invalid-step-type", "/steps/0/step_type"),
    (with_step(step_order="1"), "wrong-type", "/steps/0/step_order"),
    (with_step(dependencies="a"), "wrong-type", "/steps/0/dependencies"),
    (with_step(dependencies=[None]), "wrong-type", "/steps/0/dependencies/0"),
    (with_step(trigger_rule="sometimes"), "unknown-value", "/steps/0/trigger_rule"),
    (with_step(input_mapping=[]), "wrong-type", "/steps/0/input_mapping"),
    (with_step(input_data=1), "wrong-type", "/steps/0/input_data"),
    (with_step(config="x"), "wrong-type", "/steps/0/config"),
    (with_step(config={"x": 1}, parameters={"x": 2}), "conflicting-fields", "/steps/0/parameters"),
    (with_step(max_retries=1001), "out-of-range", "/steps/0/max_retries"),
    (with_step(max_retries=-1), "out-of-range", "/steps/0/max_retries"),
    (with_step(max_retries=1.0), "wrong-type", "/steps/0/max_retries"),
    (with_step(max_retries=True), "wrong-type", "/steps/0/max_retries"),
    (with_step(retry_strategy="often"), "unknown-value", "/steps/0/retry_strategy"),
    (with_step(retry_delay_seconds=86_401), "out-of-range", "/steps/0/retry_delay_seconds"),
    (with_step(max_retry_delay_seconds=-0.1), "out-of-range", "/steps/0/max_retry_delay_seconds"),
    (with_step(critical="yes"), "wrong-type", "/steps/0/critical"),
    (with_step(critical=1), "wrong-type", "/steps/0/critical"),
    (with_step(catch={}), "wrong-type", "/steps/0/catch"),
    (with_step(catch=[{"then": "a"}]), "missing-field", "/steps/0/catch/0/errors"),
    (with_step(catch=[{"errors": "*", "then": "a"}]), "wrong-type", "/steps/0/catch/0/errors"),
    (with_step(catch=[{"errors": ["*"], "then": "b", "when": 1}]), "unknown-field", "/steps/0/catch/0/when"),
    (with_step(compensate=1), "wrong-type", "/steps/0/compensate"),
    (with_step(simulation="maybe"), "unknown-value", "/steps/0/simulation"),
    (with_step(depends_on=[]), "unknown-field", "/steps/0/depends_on"),
]


@pytest.mark.parametrize(("document", "code", "pointer"), WRONG_DOCUMENTS)
def test_each_wrong_field_is_refused_at_its_place(document: Json, code: str, pointer: str) -> None:
    assert (code, pointer) in refusals(document)


FITTING_FIELDS: list[dict[str, Json]] = [
    {"timeout_seconds": 0.001},
    {"timeout_seconds": A_YEAR},
    {"timeout_seconds": None},
    {"max_retries": 0},
    {"max_retries": 1000},
    {"retry_delay_seconds": 86_400},
    {"step_type": "anything@>=1.0 <2"},
    {"conditions": None, "input_mapping": None, "config": None, "position": None, "description": None},
    {"step_name": "Any Text At All"},
    {"metadata": {"anything": ["goes"]}},
    {"config": {"x": 1}, "parameters": {"x": 1}},
]


@pytest.mark.parametrize("fields", FITTING_FIELDS)
def test_limits_are_inclusive_and_null_means_absent_where_absence_has_a_meaning(fields: dict[str, Json]) -> None:
    assert refusals(with_step(**fields)) == []


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"name": "x"}, NO_STEPS),
        (workflow({}), "Step missing 'step_id'"),
        (workflow({"step_id": "x"}), "Step x missing 'step_type'"),
        (workflow(step("x", "nope")), "Unknown step type: nope"),
        (workflow(step("x"), step("x")), "Duplicate step_id: x"),
        (workflow(step("x", dependencies=["y"])), "Step x depends on unknown step: y"),
    ],
)
def test_the_older_sentences_stand_word_for_word(document: Json, sentence: str) -> None:
    assert [problem.message for problem in problems(document)] == [sentence]


@pytest.mark.parametrize(
    ("field", "place", "advice"),
    [
        ("step", workflow(step=[]), "did you mean 'steps'?"),
        ("dependancies", workflow(step("a", dependancies=[])), "did you mean 'dependencies'?"),
        ("error", workflow(step("a", catch=[{"errors": [], "then": "b", "error": 1}])), "did you mean 'errors'?"),
        ("depends_on", workflow(step("a", depends_on=[])), "did you mean 'dependencies'?"),
        ("timeout", workflow(step("a", timeout=1)), "did you mean 'timeout_seconds'?"),
        ("qqq", workflow(step("a", qqq=1)), "Unknown field"),
    ],
)
def test_an_unknown_field_is_answered_with_the_nearest_known_one(field: str, place: Json, advice: str) -> None:
    found = next(problem for problem in problems(place) if problem.pointer.endswith(f"/{field}"))
    assert advice in found.message


def test_a_value_is_never_echoed() -> None:
    secret = "hunter2-hunter2"
    document = workflow(
        {"step_id": secret + "!", "step_type": secret + "!"},
        step("a", critical=secret, trigger_rule=secret, timeout_seconds=secret, config=secret, retry_strategy=secret),
        execution_pattern=secret,
        tags=secret,
    )
    found = problems(document)
    assert len(found) == 9
    assert not [problem for problem in found if secret in problem.message]


def test_every_problem_is_told_at_once_also_those_between_steps() -> None:
    document = workflow(
        step("a", "nope", critical="yes"),
        {"step_id": "b", "dependencies": ["ghost"]},
        {"step_id": "1"},
        step("c", dependencies=["b", "1"], input_mapping={"x": "ghost.y"}),
        colour="red",
    )
    assert sorted(set(refusals_of_all_stages(document))) == [
        ("invalid-step-id", "/steps/2/step_id"),
        ("missing-field", "/steps/1/step_type"),
        ("missing-field", "/steps/2/step_type"),
        ("unknown-dependency", "/steps/1/dependencies/0"),
        ("unknown-field", "/colour"),
        ("unknown-reference", "/steps/3/input_mapping/x"),
        ("unknown-step-type", "/steps/0/step_type"),
        ("wrong-type", "/steps/0/critical"),
    ]


def refusals_of_all_stages(document: Json) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in validate_document(document, resolve).problems]


def test_a_document_may_have_a_thousand_steps_and_no_more() -> None:
    steps = [step(f"s{number}") for number in range(1_000)]
    assert len(read_definition(workflow(*steps)).steps) == 1_000
    assert refusals(workflow(*steps, step("one_more"))) == [("out-of-range", "/steps")]


def test_a_document_may_have_a_mebibyte_and_no_more() -> None:
    assert refusals(workflow(metadata={"x": "y" * 1_048_576})) == [("document-too-large", "")]


def test_nesting_ends_at_64_also_in_a_value_that_contains_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert refusals(workflow(metadata={"x": endless})) == [("nesting-too-deep", "")]


def test_limits_are_settings() -> None:
    strict = DefinitionLimits(steps=1, tags=1, tag_length=3)
    assert refusals(workflow(step("a"), step("b")), strict) == [("out-of-range", "/steps")]
    assert refusals(workflow(tags=["abcd"]), strict) == [("out-of-range", "/tags/0")]


def test_a_document_that_is_wrong_all_over_is_not_answered_at_any_length() -> None:
    found = problems(workflow(**{f"f{number}": 1 for number in range(5_000)}))
    assert len(found) == 501
    assert found[-1].code == "more-problems"


def test_reading_raises_the_problems_as_one_error() -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_definition({"name": 1, "steps": 2})
    assert [problem.pointer for problem in refused.value.problems()] == ["/name", "/steps"]
