"""Conditions in all their forms, the older ones first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.expressions.scopes import SKIPPED, Data, completed, failed, names
from workflow_engine.expressions import (
    EvaluationFailed,
    ExpressionLimits,
    InvalidExpression,
    UnknownReference,
    compile_condition,
)
from workflow_engine.expressions.operators import ALL, UNARY, equal
from workflow_engine.jsontext import Json

NAMES = names("a", "b", "fetch-data", "success")
DATA = Data(
    {
        "a": completed(
            {
                "data": {"status": "success", "score": 85, "tags": ["x", "y"], "min": 80, "ratio": 1.0, "on": True},
                "status": "inner",
                "content-type": "text/plain",
                "empty": "",
                "nothing": None,
                "pattern": "^suc",
                "broken": "(",
                "flag": True,
            }
        ),
        "b": failed("timeout", "too slow"),
        "fetch-data": completed({"n": 3, "rows": [{"id": 7}]}),
        "success": SKIPPED,
    },
    {"input": {"n": 2, "name": "Ada"}, "global": {"region": "eu"}, "execution": {"id": "e"}, "workflow": {"name": "w"}},
)


def holds(condition: Json) -> bool:
    return compile_condition(condition, NAMES).holds(DATA)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a.output.data.score > 80", True),
        ("a.output.data.score>80", True),
        ("a.output.data.score >= 85", True),
        ("a.output.data.score <= 85", True),
        ("a.output.data.score < 85", False),
        ("a.data.score == 85", True),
        ("a.data.score == 85.0", True),
        ("a.data.score != -85", True),
        ("a.data.status == 'success'", True),
        ('a.data.status == "success"', True),
        ("a.data.tags contains 'x'", True),
        ("a.data.tags not_contains 'x'", False),
        ("a.data.status contains 'cce'", True),
        ("a.data contains 'score'", True),
        ('a.data.status in ["success"]', True),
        ("a.data.status not_in ['failed', 'skipped']", True),
        ("a.data.score in [84, 85]", True),
        ("'x' in a.data.tags", True),
        ("a.data.status starts_with 'succ'", True),
        ("a.data.status ends_with 'ess'", True),
        ("a.data.status regex_match '^s'", True),
        (r"a.data.status regex_match '^s\w+s$'", True),
        ("a.data.status regex_match 'cce'", True),
        ("a.data.status regex_match '^cce'", False),
        ("a.data.score regex_match '8'", False),
        ("a.data.status regex_match a.pattern", True),
        ("a.empty is_empty", True),
        ("a.data.tags is_not_empty", True),
        ("a.data.missing is_empty", True),
        ("a.data.missing is_null", True),
        ("a.data.missing is_not_null", False),
        ("a.data.score > 80 and a.data.score < 90", True),
        ("a.data.score > 90 or a.data.status == 'success' and input.n == 2", True),
        ("not a.data.score > 90", True),
        ("not (a.data.score > 80 or input.n == 3)", False),
        ("(a.data.score > 80 or input.n == 3) and global.region == 'us'", False),
        ("a.data.tags[1] == 'y'", True),
        ("a['data'].score == 85", True),
        ('a["content-type"] starts_with "text/"', True),
        ("a.data.score >= a.data.min", True),
        ("a.data.on == true", True),
        ("a.data.on == True", True),
        ("a.nothing == None", True),
        ("a.nothing == null", True),
        ("input.name == 'Ada'", True),
        ("global.region == 'eu'", True),
        ("fetch-data.n == 3", True),
        ("fetch-data.output.rows[0].id == 7", True),
        ("a.data.tags == ['x', 'y']", True),
        (r"a.data.status != 'it\'s'", True),
    ],
)
def test_an_older_condition_says_what_it_always_said(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a.status == 'completed'", True),
        ("a.output.status == 'inner'", True),
        ("success.status == 'skipped'", True),
        ("b.status == 'failed'", True),
        ("b.error.code == 'timeout'", True),
        ("a.error is_null", True),
        ("b.output is_null", True),
        ("success.anything is_null", True),
        ("success is_null", True),
        ("a is_not_null", True),
    ],
)
def test_the_own_keys_of_a_record_come_before_those_of_its_output(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize("operator", [">", ">=", "<", "<="])
@pytest.mark.parametrize("other", ["5", "'text'", "true", "null", "[1]"])
def test_ordering_against_what_is_missing_is_false(operator: str, other: str) -> None:
    assert holds(f"a.nope {operator} {other}") is False
    assert holds(f"{other} {operator} a.nope") is False


@pytest.mark.parametrize("condition", ["a.data.status > 5", "a.data.on > 0", "a.data.tags < 'z'", "a.data.score > '1'"])
def test_ordering_unlike_types_is_false(condition: str) -> None:
    assert holds(condition) is False


def test_equality_tells_true_from_one_but_not_one_from_one_point_zero() -> None:
    assert holds("a.data.on == 1") is False
    assert holds("a.data.on != 1") is True
    assert holds("a.data.ratio == 1") is True
    assert holds("[1, [true]] == [1.0, [true]]") is True
    assert holds("[1] == [true]") is False
    assert holds("[true] contains 1") is False


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (True, True),
        (False, False),
        ([], True),
        (["a.data.score > 80", "a.data.score > 90"], False),
        (["a.data.score > 80", {"left_operand": "a.status", "operator": "==", "right_operand": "completed"}], True),
        ({"left_operand": "a.output.data.score", "operator": ">=", "right_operand": 85}, True),
        (
            {"left_operand": "steps.a.output.data.score", "operator": ">=", "right_operand": "steps.a.output.data.min"},
            True,
        ),
        ({"left_operand": "a.data.score", "operator": ">", "right_operand": "a.data.min"}, True),
        ({"left_operand": "a.data.status", "operator": "==", "right_operand": "success"}, True),
        ({"left_operand": "'a.data.status'", "operator": "==", "right_operand": "'a.data.status'"}, True),
        ({"left_operand": "x", "operator": "in", "right_operand": "a.data.tags"}, True),
        ({"left_operand": 85, "operator": "==", "right_operand": "a.data.score"}, True),
        ({"left_operand": "a.nope", "operator": "is_null"}, True),
        ({"left_operand": "a.nope", "operator": "is_null", "right_operand": None}, True),
        ({"left_operand": "a.data", "operator": "contains", "right_operand": "score"}, True),
        ({"left_operand": "a.data.status", "operator": "regex_match", "right_operand": "^succ"}, True),
        ({"left_operand": "a.data.tags", "operator": "==", "right_operand": ["x", "y"]}, True),
        ({"logical_operator": "not", "conditions": ["a.status == 'completed'"]}, False),
        ({"logical_operator": "or", "conditions": ["a.data.score < 1", "steps.a.output.flag"]}, True),
        ({"logical_operator": "and", "conditions": [True, {"logical_operator": "or", "conditions": [False]}]}, False),
    ],
)
def test_objects_groups_and_lists_are_conditions(condition: Json, expected: bool) -> None:
    assert holds(condition) is expected


def test_a_missing_operand_never_compares_as_text() -> None:
    either: Json = {
        "logical_operator": "or",
        "conditions": [
            {"left_operand": "a.output.nope", "operator": ">", "right_operand": 0.05},
            {"left_operand": "a.output.nope2", "operator": "<", "right_operand": 50},
        ],
    }
    assert holds(either) is False


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("steps.a.output.data.score >= 85 && size(steps.a.output.data.tags) == 2", True),
        ("a.output.data.score > 80 && !(b.status == 'completed')", True),
        ("size(a.output.data.tags) == 2", True),
        ("a.output.flag", True),
        ("steps.a.output.flag", True),
        ('steps["fetch-data"].output.n + 1 == 4', True),
        ("steps.a.output.?nope.orValue(0) > 1", False),
        ("has(steps.a.output.nope)", False),
        ("has(a.output.data) && a.output.data.score == 85", True),
        ("has(b.output) || b.error.code == 'timeout'", True),
        ("steps.a.output.data.tags.exists(a, a == 'y')", True),
        ("input.n in [1, 2]", True),
        ("steps.a.output.data.status.matches('^s')", True),
        ("true", True),
        ("type(input.n) == int", True),
    ],
)
def test_anything_else_is_cel_as_it_stands(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("steps.a.output.nope > 1", "no key `nope`"),
        ("steps.success.output.x == 1", "no key `output`"),
        ("steps.a.output.data.status + 1 == 2", "no operation for these types"),
        ("steps.a.output.data.score", "true or false, but this is a number"),
        ("a.output.data.tags", "true or false, but this is a list"),
        ("1 / (input.n - 2) == 1", "divide by zero"),
        ("a.data.status regex_match a.broken", "no regular expression"),
    ],
)
def test_cel_that_cannot_decide_fails_the_evaluation(condition: str, reason: str) -> None:
    compiled = compile_condition(condition, NAMES)
    with pytest.raises(EvaluationFailed, match=reason):
        compiled.holds(DATA)


def deep_group(levels: int) -> Json:
    condition: Json = True
    for _ in range(levels):
        condition = {"logical_operator": "not", "conditions": [condition]}
    return condition


@pytest.mark.parametrize(
    "condition",
    [
        "a.data.score >",
        "a.data.score = 85",
        "a.data.score 85",
        "a.data.score >> 85",
        "",
        "   ",
        "'open",
        "a.data.status regex_match '('",
        "a.data.status regex_match 5",
        "a.data.score > 1 and",
        "a.data.nope resembles 1",
        "size(a.output.data.tags)",
        "1 + 1",
        None,
        7,
        1.5,
        {},
        {"left_operand": "a.data.score", "operator": "resembles", "right_operand": 1},
        {"left_operand": "a.data.score", "operator": "==", "right_operand": 1, "extra": 1},
        {"left_operand": "a.data.score", "operator": "=="},
        {"operator": "==", "right_operand": 1},
        {"left_operand": "a.x", "operator": "regex_match", "right_operand": "("},
        {"left_operand": "a.x", "operator": ["=="], "right_operand": 1},
        {"left_operand": "${a.output.x}", "operator": "==", "right_operand": 1},
        {"logical_operator": "xor", "conditions": [True]},
        {"logical_operator": "and", "conditions": []},
        {"logical_operator": "and", "conditions": "a.x == 1"},
        {"logical_operator": "not", "conditions": [True, True]},
        {"logical_operator": "and"},
        {"logical_operator": "and", "conditions": [True], "else": 1},
        [None],
        deep_group(40),
        [True] * 300,
        "(" * 200 + "a.x == 1" + ")" * 200,
        "not " * 400 + "a.x == 1",
        "a.x == " + "[" * 200 + "]" * 200,
        "a.x == 1 or " * 1000 + "a.x == 1",
    ],
)
def test_what_is_no_condition_is_refused_when_the_document_is_saved(condition: Json) -> None:
    with pytest.raises(InvalidExpression) as refusal:
        compile_condition(condition, NAMES)
    assert refusal.value.http_status == 422


def test_nesting_up_to_the_limit_is_accepted() -> None:
    assert holds(deep_group(32)) is True


@pytest.mark.parametrize(
    "condition",
    [
        "garbage",
        "ghost.data.score > 1",
        "ghost.x contains 'y'",
        "steps.ghost.output.x == 1",
        "fetch.output.n == 1",
        {"left_operand": "ghost.x", "operator": "==", "right_operand": 1},
        {"left_operand": "steps.ghost.output", "operator": "is_null"},
    ],
)
def test_a_name_that_is_no_step_is_an_unknown_reference(condition: Json) -> None:
    with pytest.raises(UnknownReference) as refusal:
        compile_condition(condition, NAMES)
    assert refusal.value.code == "unknown-reference"


def test_a_dash_between_numbers_is_a_subtraction_and_never_part_of_a_key() -> None:
    assert compile_condition("input.n-1 > 0", NAMES).holds(DATA) is True
    assert compile_condition("input.n-fetch.output.n == 1", names("fetch")).holds(
        Data({"fetch": completed({"n": 1})}, {"input": {"n": 2}})
    )


def test_references_stand_in_order_of_appearance() -> None:
    assert compile_condition("b.x == 1 and a.y == 2 or b.z == 3", NAMES).references == ("b", "a")
    assert compile_condition(["steps.b.status == 'x'", "a.y == 2"], NAMES).references == ("b", "a")
    assert compile_condition("input.n == 1", NAMES).references == ()
    in_a_loop = compile_condition("input.l.exists(a, a > 1) && b.status == 'failed'", NAMES)
    assert in_a_loop.references == ("b",)


def test_paths_tell_which_may_be_missing() -> None:
    compiled = compile_condition(["a.data.x == 1", "steps.b.output.y.z > 2"], NAMES)
    assert [str(path) for path in compiled.paths] == ["steps.a.output.data.x", "steps.b.output.y.z"]
    assert [str(path) for path in compiled.lenient_paths] == ["steps.a.output.data.x"]


def test_a_pattern_that_would_backtrack_for_ever_ends_at_once() -> None:
    scope = Data({"a": completed({"t": "a" * 2000 + "!"})})
    condition = compile_condition("a.t regex_match '^(a+)+$'", names("a"))
    assert condition.holds(scope) is False


def test_too_much_text_for_a_pattern_fails_instead_of_holding_up_the_engine() -> None:
    scope = Data({"a": completed({"t": "a" * 65_000, "long": "a" * 70_000})})
    with pytest.raises(EvaluationFailed, match="more work"):
        compile_condition("a.t regex_match '((a?){20}){20}b'", names("a")).holds(scope)
    with pytest.raises(EvaluationFailed, match="65536 bytes"):
        compile_condition("a.long regex_match 'b'", names("a")).holds(scope)


def test_the_work_of_comparing_containers_is_counted() -> None:
    limits = ExpressionLimits(max_work=1000)
    scope = Data({"a": completed({"l": [0] * 2000})})
    with pytest.raises(EvaluationFailed, match="more work"):
        compile_condition("a.l contains 5", names("a", limits=limits)).holds(scope)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.sampled_from(["a", "a.x", "a.output.y[0]", "a.status", "a.error.code", "b.x.y", "input.z", "input"])
WORDS = st.sampled_from(["1", "-2.5", "'x'", "true", "null", "[]", "['x', 1]"])
COMPARISONS = st.builds(
    lambda left, operator, right: f"{left} {operator}" + ("" if operator in UNARY else f" {right}"),
    PATHS | WORDS,
    st.sampled_from([operator for operator in ALL if operator != "regex_match"]),
    PATHS | WORDS,
) | st.builds(lambda path, pattern: f"{path} regex_match '{pattern}'", PATHS, st.sampled_from(["^x", "(x|y)*", ""]))
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner) | inner.map("not {}".format)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(condition=CONDITIONS, output=JSON, given_input=JSON, status=st.sampled_from(["completed", "skipped", "failed"]))
def test_no_data_makes_an_older_condition_fail(condition: str, output: Json, given_input: Json, status: str) -> None:
    record: dict[str, Json] = {"status": status}
    if status == "completed":
        record["output"] = output
    scope = Data({"a": record, "b": completed(output)}, {"input": given_input})
    compiled = compile_condition(condition, names("a", "b"))
    result = compiled.holds(scope)
    assert result is compiled.holds(scope)
    assert compile_condition(f"not ({condition})", names("a", "b")).holds(scope) is not result


@given(JSON)
def test_a_value_equals_itself(value: Json) -> None:
    assert equal(value, value)
    assert not equal([value], [value, value])
