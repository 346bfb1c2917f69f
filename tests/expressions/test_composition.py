"""Templates put together from others."""

from tests.expressions.scopes import Data, completed, names
from workflow_engine.expressions import (
    ExpressionLimits,
    Template,
    compile_condition,
    compile_mapping,
    compile_template,
)
from workflow_engine.expressions.composition import fixed, list_of, object_of, truth_of
from workflow_engine.jsontext import Json

NAMES = names("a", "b")
LIMITS = ExpressionLimits()
SCOPE = Data({"a": completed({"n": 3}), "b": completed({"m": [1]})})


def built(template: Template) -> Json:
    return template.build(SCOPE, template.compute(SCOPE))


def test_members_find_what_each_of_them_computed() -> None:
    whole = object_of(
        {
            "first": compile_template("n=${a.output.n}", NAMES),
            "inner": list_of(
                [
                    compile_template({"x": "${a.output.n + 1}", "y": ["${a.output.n + 2}", "same"]}, NAMES),
                    compile_mapping("b.m", NAMES),
                    truth_of(compile_condition("a.n == 3", NAMES)),
                ],
                LIMITS,
            ),
            "last": compile_template("${a.output.n * 2}", NAMES),
        },
        LIMITS,
    )
    assert built(whole) == {"first": "n=3", "inner": [{"x": 4, "y": [5, "same"]}, [1], True], "last": 6}
    assert whole.compute(SCOPE) == ("n=3", 4, 5, True, 6)
    assert whole.references == ("a", "b")
    assert not whole.is_literal


def test_what_is_literal_all_over_is_literal_as_a_whole() -> None:
    whole = object_of({"x": fixed(1, LIMITS), "y": list_of([fixed("${no}", LIMITS)], LIMITS)}, LIMITS)
    assert whole.is_literal
    assert whole.compute(SCOPE) == ()
    assert built(whole) == {"x": 1, "y": ["${no}"]}


def test_an_empty_object_and_an_empty_list_are_literal() -> None:
    assert built(object_of({}, LIMITS)) == {}
    assert built(list_of([], LIMITS)) == []
    assert object_of({}, LIMITS).is_literal


def test_a_value_that_is_taken_over_is_not_copied() -> None:
    whole = built(object_of({"m": compile_mapping("b.m", NAMES)}, LIMITS))
    assert isinstance(whole, dict)
    assert whole["m"] is SCOPE.steps["b"]["output"]["m"]  # type: ignore[index, call-overload]  # a list in an object


def test_the_truth_of_a_condition_knows_which_of_its_paths_must_exist() -> None:
    strict = truth_of(compile_condition("steps.a.output.n == 3", NAMES))
    assert [str(path) for path in strict.paths] == ["steps.a.output.n"]
    assert truth_of(compile_condition("a.n == 3", NAMES)).paths == ()
    assert built(truth_of(compile_condition("a.nope > 3", NAMES))) is False
