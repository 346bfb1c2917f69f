"""Circles: of dependencies, references, failure routes and choices together."""

import pytest

from tests.definition.step_types import planned, problems, step, workflow
from workflow_engine.definition.cycles import find_circles
from workflow_engine.jsontext import Json

CIRCLES: list[tuple[str, list[Json], str]] = [
    ("dependencies", [step("a", dependencies=["b"]), step("b", dependencies=["a"])], "a -> b -> a"),
    ("mappings", [step("a", input_mapping={"x": "b.x"}), step("b", input_mapping={"x": "a.x"})], "a -> b -> a"),
    (
        "a dependency, a condition and a template",
        [
            step("a", dependencies=["c"]),
            step("b", conditions="a.ok == true"),
            step("c", config={"x": "${steps.b.output.x}"}),
        ],
        "a -> b -> c -> a",
    ),
    (
        "a failure route and a reference",
        [step("a", catch=[{"errors": ["*"], "then": "h"}], input_mapping={"x": "h.x"}), step("h")],
        "a -> h -> a",
    ),
    (
        "a failure route and a dependency further on",
        [
            step("a", catch=[{"errors": ["*"], "then": "h"}], dependencies=["b"]),
            step("b", dependencies=["h"]),
            step("h"),
        ],
        "a -> h -> b -> a",
    ),
    (
        "a choice",
        [step("a", "switch", config={"default": "b"}, dependencies=["b"]), step("b")],
        "a -> b -> a",
    ),
]


@pytest.mark.parametrize(("steps", "circle"), [case[1:] for case in CIRCLES], ids=[case[0] for case in CIRCLES])
def test_a_circle_is_refused_and_named_in_the_direction_of_time(steps: list[Json], circle: str) -> None:
    found = problems(workflow(*steps))
    assert [(problem.code, problem.pointer) for problem in found] == [("cycle", "/steps/0")]
    assert found[0].message == f"These steps wait for each other: {circle}"


def test_a_catch_target_may_refer_to_what_failed() -> None:
    plan = planned(
        step("a", catch=[{"errors": ["*"], "then": "h"}]),
        step("h", dependencies=["a"], input_mapping={"why": "steps.a.error", "code": "${error.code}"}),
        step("after", dependencies=["a", "h"]),
    )
    assert plan.steps["h"].waits_for == ()
    assert plan.steps["after"].waits_for == ("a", "h")


def test_a_compensation_is_outside_of_every_circle() -> None:
    assert planned(step("a", compensate="u"), step("u", input_mapping={"x": "a.x"})).steps["u"].waits_for == ()


def test_circles_that_share_no_step_are_all_found() -> None:
    before = {"a": ["b"], "b": ["a"], "c": ["d", "a"], "d": ["e"], "e": ["c"], "f": ["c"]}
    assert {frozenset(circle) for circle in find_circles(before)} == {frozenset("ab"), frozenset("cde")}


def test_a_diamond_is_no_circle() -> None:
    assert list(find_circles({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})) == []


def test_a_circle_of_a_thousand_steps_is_found_without_recursion() -> None:
    before = {str(number): [str((number - 1) % 1_000)] for number in range(1_000)}
    assert [len(circle) for circle in find_circles(before)] == [1_001]
