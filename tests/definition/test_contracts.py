"""Configs against the contracts of their step types."""

import pytest

from tests.definition.step_types import problems, refusals, step, workflow
from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.reading import read_definition
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import StepType

WRONG_CONFIGS: list[tuple[str, str, Json, str, str]] = [
    ("a wrong type", "data_input", {"input_type": 1}, "wrong-type", "/input_type"),
    ("an unknown field", "data_input", {"dta": {}}, "unknown-field", "/dta"),
    ("a missing field", "delay", {}, "missing-field", "/delay_seconds"),
    ("a number out of range", "delay", {"delay_seconds": -1}, "out-of-range", "/delay_seconds"),
    ("an unknown field beside a template", "delay", {"delay_seconds": "${input.n}", "x": 1}, "unknown-field", "/x"),
    (
        "a missing field beside a template",
        "switch",
        {"cases": [{"condition": "input.ok == true"}]},
        "missing-field",
        "/cases/0/then",
    ),
    (
        "an unknown field below an annotated list",
        "switch",
        {"cases": [{"then": "z", "els": 1}]},
        "unknown-field",
        "/cases/0/els",
    ),
]


@pytest.mark.parametrize(
    ("step_type", "config", "code", "place"),
    [case[1:] for case in WRONG_CONFIGS],
    ids=[case[0] for case in WRONG_CONFIGS],
)
def test_a_config_that_cannot_fit_is_refused(step_type: str, config: Json, code: str, place: str) -> None:
    assert refusals(workflow(step("s", step_type, config=config), step("z"))) == [(code, f"/steps/0/config{place}")]


def test_a_missing_field_is_named_where_it_belongs_also_without_a_config() -> None:
    assert refusals(workflow(step("s", "delay"))) == [("missing-field", "/steps/0/config/delay_seconds")]


def test_an_unknown_field_is_answered_with_the_nearest_setting() -> None:
    found = problems(workflow(step("s", "data_input", config={"input_typ": "static"})))
    assert found[0].message == "Unknown field; did you mean 'input_type'?"


@pytest.mark.parametrize(
    ("step_type", "config"),
    [
        ("data_processing", {"processing_type": "nope"}),
        ("delay", {"delay_seconds": "${input.n}"}),
        ("data_input", {"data": {"any": ["thing"]}, "input_type": "nope"}),
        ("switch", {"cases": "${input.cases}"}),
        ("switch", {"value": {"any": "json"}}),
        ("anything", {"whatever": 1}),
    ],
)
def test_what_only_the_running_step_can_judge_is_let_through(step_type: str, config: Json) -> None:
    assert problems(workflow(step("s", step_type, config=config))) == ()


def test_a_template_inside_a_union_is_not_judged() -> None:
    schema: Json = {"anyOf": [{"required": ["a"], "properties": {"a": {"type": "integer"}}}, {"required": ["b"]}]}
    union = StepType("union", config_schema={"type": "object", "properties": {"u": schema}})

    def accepts(config: Json) -> bool:
        definition = read_definition(workflow(step("s", "union", config=config)))
        try:
            compile_plan(definition, lambda _: union)
        except InvalidDocument:
            return False
        return True

    assert accepts({"u": {"a": "${input.n}"}})
    assert accepts({"u": {"a": 1}})
    assert not accepts({"u": {"a": "text"}})


def test_a_type_whose_schema_cannot_be_used_is_a_problem_of_the_step() -> None:
    broken = StepType("broken", config_schema={"type": "nonsense"})
    with pytest.raises(InvalidDocument) as refused:
        compile_plan(read_definition(workflow(step("s", "broken"))), lambda _: broken)
    assert [(each.code, each.pointer) for each in refused.value.found] == [("invalid-schema", "/steps/0/step_type")]
