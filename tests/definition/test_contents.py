"""What a step evaluates: its guard, its input and its config, and whom they mention."""

import pytest

from tests.definition.step_types import planned, problems, refusals, step, workflow
from tests.expressions.scopes import Data, completed, failed
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.expressions import MappingError, Template
from workflow_engine.jsontext import Json, JsonObject

SCOPE = Data(
    {"a": completed({"n": 3, "tags": ["x"]}), "b": failed("boom", "it broke")},
    {
        "input": {"n": 1},
        "global": {"region": "eu"},
        "error": {"code": "boom", "message": "it broke", "details": None, "step_id": "b"},
    },
)


def built(template: Template) -> Json:
    return template.build(SCOPE, template.compute(SCOPE))


def test_the_input_is_the_mapping_with_the_literals_merged_over_it() -> None:
    found = planned(
        step("a"),
        step(
            "s",
            input_mapping={"n": "a.n", "more": "${steps.a.output.n + 1}", "raw": [7], "over": "a.tags"},
            input_data={"over": "a.n", "last": {"x": "${1+1}"}},
        ),
    ).steps["s"]
    assert found.has_mapping
    assert built(found.input) == {"n": 3, "more": 4, "raw": [7], "over": "a.n", "last": {"x": "${1+1}"}}
    assert list(built(found.input)) == ["n", "more", "raw", "over", "last"]  # type: ignore[arg-type]  # an object
    assert found.waits_for == ("a",)


@pytest.mark.parametrize("mapping", [None, {}])
def test_without_a_mapping_the_step_type_decides_and_literals_stay(mapping: Json) -> None:
    found = planned(step("s", input_mapping=mapping, input_data={"x": 1})).steps["s"]
    assert not found.has_mapping
    assert built(found.input) == {"x": 1}


def test_references_make_a_step_wait_and_only_dependencies_gate_it() -> None:
    found = planned(
        step("a"),
        step("b"),
        step("c"),
        step("d"),
        step(
            "s",
            dependencies=["d"],
            conditions="b.ok == true",
            input_mapping={"x": "a.n"},
            config={"y": "${c.output.n}"},
        ),
    ).steps["s"]
    assert found.dependencies == ("d",)
    assert found.waits_for == ("d", "b", "a", "c")


def test_templates_are_expanded_at_any_depth_of_a_config() -> None:
    config: Json = {
        "list": [1, {"deep": "${a.output.n}"}],
        "text": "n=${steps.a.output.n + 1}",
        "plain": "$${not}",
        "other": True,
    }
    found = planned(step("a"), step("s", config=config)).steps["s"]
    assert built(found.config) == {"list": [1, {"deep": 3}], "text": "n=4", "plain": "${not}", "other": True}


def test_a_literal_config_is_the_very_value_of_the_document() -> None:
    found = planned(step("s", config={"x": {"y": [1]}})).steps["s"]
    assert found.config.is_literal
    assert built(found.config) == {"x": {"y": [1]}}


def test_annotated_members_of_a_config_are_given_their_meaning() -> None:
    cases: list[Json] = [
        {"condition": "a.n > 2 and a.tags contains 'x'", "then": "x", "note": "${input.n}"},
        {"condition": {"left_operand": "a.missing", "operator": "is_null"}, "then": "y"},
        {"condition": "steps.a.output.n == 4", "then": "y"},
    ]
    found = planned(
        step("a"),
        step("s", "switch", config={"cases": cases, "value": "steps.a.output.n * 2", "default": "x"}),
        step("x"),
        step("y"),
    ).steps["s"]
    assert built(found.config) == {
        "cases": [
            {"condition": True, "then": "x", "note": "${input.n}"},
            {"condition": True, "then": "y"},
            {"condition": False, "then": "y"},
        ],
        "value": 6,
        "default": "x",
    }
    assert found.waits_for == ("a",)


def test_prev_is_the_single_dependency() -> None:
    assert planned(step("a"), step("s", dependencies=["a"], input_mapping={"x": "$prev.n"})).steps[
        "s"
    ].input.references == ("a",)


def test_a_catch_target_sees_the_error_and_no_other_step_does() -> None:
    catch: Json = [{"errors": ["*"], "then": "h"}]
    target = planned(step("b", catch=catch), step("h", input_mapping={"why": "error.code", "of": "${error.step_id}"}))
    assert built(target.steps["h"].input) == {"why": "boom", "of": "b"}
    document = workflow(step("b", catch=catch), step("h"), step("s", input_mapping={"why": "error.code"}))
    assert refusals(document) == [("invalid-expression", "/steps/2/input_mapping/why")]


WRONG_EXPRESSIONS: list[tuple[str, JsonObject, str, str]] = [
    ("an unknown step in a mapping", {"input_mapping": {"q": "ghost.x"}}, "unknown-reference", "input_mapping/q"),
    ("text in a mapping", {"input_mapping": {"q": "hello, world"}}, "invalid-expression", "input_mapping/q"),
    ("a key with a slash", {"input_mapping": {"a/b": "ghost"}}, "unknown-reference", "input_mapping/a~1b"),
    ("an unclosed template", {"input_mapping": {"q": "${a.n"}}, "invalid-expression", "input_mapping/q"),
    ("no CEL", {"input_mapping": {"q": "${a.n +}"}}, "invalid-expression", "input_mapping/q"),
    (
        "$prev of two steps",
        {"input_mapping": {"q": "$prev"}, "dependencies": ["a", "b"]},
        "invalid-expression",
        "input_mapping/q",
    ),
    ("$prev of no step", {"input_mapping": {"q": "$prev.x"}}, "invalid-expression", "input_mapping/q"),
    ("itself in a mapping", {"input_mapping": {"q": "s.x"}}, "self-reference", "input_mapping/q"),
    ("itself in a condition", {"conditions": "s.x == 1"}, "self-reference", "conditions"),
    ("no condition", {"conditions": "garbage"}, "unknown-reference", "conditions"),
    ("an empty condition", {"conditions": ""}, "invalid-expression", "conditions"),
    (
        "an unknown operator",
        {"conditions": {"left_operand": "a.x", "operator": "like"}},
        "invalid-expression",
        "conditions",
    ),
    ("a compensation in a mapping", {"input_mapping": {"q": "u.x"}}, "compensation-on-forward-way", "input_mapping/q"),
    (
        "an unknown step deep in a config",
        {"config": {"x": [0, {"y": "${ghost.n}"}]}},
        "unknown-reference",
        "config/x/1/y",
    ),
    ("an unknown step in parameters", {"parameters": {"x": "${ghost.n}"}}, "unknown-reference", "parameters/x"),
    ("a name of graphs", {"config": {"x": "${state.n}"}}, "invalid-expression", "config/x"),
]


@pytest.mark.parametrize(
    ("fields", "code", "place"), [case[1:] for case in WRONG_EXPRESSIONS], ids=[case[0] for case in WRONG_EXPRESSIONS]
)
def test_a_wrong_expression_is_refused_where_it_stands(fields: JsonObject, code: str, place: str) -> None:
    document = workflow({**step("s"), **fields}, step("a", compensate="u"), step("b"), step("u"))
    assert refusals(document) == [(code, f"/steps/0/{place}")]


def test_wrong_annotated_members_are_refused_where_they_stand() -> None:
    cases: list[Json] = [{"condition": "ghost.x == 1", "then": "a"}, {"condition": "a.x ==", "then": "a"}]
    document = workflow(step("s", "switch", config={"cases": cases, "value": "ghost"}), step("a"))
    assert refusals(document) == [
        ("unknown-reference", "/steps/0/config/cases/0/condition"),
        ("invalid-expression", "/steps/0/config/cases/1/condition"),
        ("unknown-reference", "/steps/0/config/value"),
    ]


def test_the_expressions_of_one_document_are_bounded_together() -> None:
    limits = DefinitionLimits(expression_bytes=200)
    few = workflow(*(step(f"s{number}", conditions="input.x == 1") for number in range(6)))
    assert problems(few, limits) == ()
    many = workflow(*(step(f"s{number}", conditions="input.x == 1") for number in range(8)))
    assert refusals(many, limits) == [("too-many-expressions", "/steps/7/conditions")]


def test_the_output_of_the_workflow_is_counted_too() -> None:
    limits = DefinitionLimits(expression_bytes=40)
    assert refusals(workflow(output={"n": "${input.n + 1}", "text": "x" * 20}), limits) == [
        ("too-many-expressions", "/output")
    ]


def test_plain_paths_are_not_counted_among_the_expressions() -> None:
    mapping: JsonObject = {f"k{number}": "input.x" for number in range(100)}
    assert problems(workflow(step("s", input_mapping=mapping)), DefinitionLimits(expression_bytes=10)) == ()


def test_what_is_missing_is_found_when_the_step_runs() -> None:
    found = planned(step("a"), step("s", input_mapping={"q": "a.nope"})).steps["s"]
    with pytest.raises(MappingError, match="there is no `nope`"):
        built(found.input)
