"""How steps may hang together: dependencies, failure routes, compensations, and steps that choose others."""

import pytest

from tests.definition.step_types import planned, refusals, step, workflow
from workflow_engine.definition.plan import Role
from workflow_engine.jsontext import Json


def catch(then: str, *errors: str) -> Json:
    return [{"errors": list(errors or ("*",)), "then": then}]


def switch(step_id: str, *targets: str, **fields: Json) -> Json:
    cases: list[Json] = [{"condition": True, "then": target} for target in targets]
    return step(step_id, "switch", config={"cases": cases}, **fields)


WRONG_STRUCTURES: list[tuple[str, list[Json], str, str]] = [
    ("an unknown type", [step("a", "nope")], "unknown-step-type", "/steps/0/step_type"),
    ("an id twice", [step("a"), step("a")], "duplicate-step-id", "/steps/1/step_id"),
    ("an unknown dependency", [step("a", dependencies=["b"])], "unknown-dependency", "/steps/0/dependencies/0"),
    ("a dependency on itself", [step("a", dependencies=["a"])], "self-reference", "/steps/0/dependencies/0"),
    ("an unknown catch target", [step("a", catch=catch("x"))], "unknown-step", "/steps/0/catch/0/then"),
    (
        "a catch target that is the step itself",
        [step("a", catch=catch("a"))],
        "self-reference",
        "/steps/0/catch/0/then",
    ),
    (
        "a catch route for no error",
        [step("a", catch=[{"errors": [], "then": "b"}]), step("b")],
        "out-of-range",
        "/steps/0/catch/0/errors",
    ),
    ("an unknown compensation", [step("a", compensate="x")], "unknown-step", "/steps/0/compensate"),
    ("a step that compensates itself", [step("a", compensate="a")], "self-reference", "/steps/0/compensate"),
    (
        "a compensation of two steps",
        [step("a", compensate="u"), step("b", compensate="u"), step("u")],
        "shared-compensation",
        "/steps/1/compensate",
    ),
    (
        "a compensation that is compensated",
        [step("a", compensate="u"), step("u", compensate="v"), step("v")],
        "compensated-compensation",
        "/steps/1/compensate",
    ),
    (
        "a compensation whose failure is caught",
        [step("a", compensate="u"), step("u", catch=catch("h")), step("h")],
        "caught-compensation",
        "/steps/1/catch",
    ),
    (
        "a failure routed to a compensation",
        [step("a", compensate="u", catch=catch("u")), step("u")],
        "compensation-on-forward-way",
        "/steps/0/catch/0/then",
    ),
    (
        "a dependency on a compensation",
        [step("a", compensate="u"), step("u"), step("b", dependencies=["a", "u"])],
        "compensation-on-forward-way",
        "/steps/2/dependencies/1",
    ),
    (
        "a compensation that depends on another step",
        [step("a", compensate="u"), step("b"), step("u", dependencies=["b"])],
        "compensation-dependency",
        "/steps/2/dependencies/0",
    ),
    ("a choice of an unknown step", [switch("s", "x")], "unknown-step", "/steps/0/config/cases/0/then"),
    ("a choice of itself", [switch("s", "s")], "self-reference", "/steps/0/config/cases/0/then"),
    (
        "a choice of a catch target",
        [switch("s", "h"), step("a", catch=catch("h")), step("h")],
        "route-to-special-step",
        "/steps/0/config/cases/0/then",
    ),
    (
        "a choice of a compensation",
        [switch("s", "u"), step("a", compensate="u"), step("u")],
        "route-to-special-step",
        "/steps/0/config/cases/0/then",
    ),
    (
        "a choice that is made by a template",
        [switch("s", "${input.next}")],
        "unknown-step",
        "/steps/0/config/cases/0/then",
    ),
]


@pytest.mark.parametrize(
    ("steps", "code", "pointer"), [case[1:] for case in WRONG_STRUCTURES], ids=[case[0] for case in WRONG_STRUCTURES]
)
def test_steps_that_cannot_hang_together_are_refused(steps: list[Json], code: str, pointer: str) -> None:
    assert (code, pointer) in refusals(workflow(*steps))


def test_a_connection_is_a_dependency_of_its_target() -> None:
    edges: list[Json] = [
        {"source_step_id": "a", "target_step_id": "b", "label": "then"},
        {"source_step_id": "a", "target_step_id": "b"},
    ]
    plan = planned(step("a"), step("b"), connections=edges)
    assert plan.steps["b"].dependencies == ("a",)
    assert plan.dependents["a"] == ("b",)


@pytest.mark.parametrize(
    ("source", "target", "code", "pointer"),
    [
        ("x", "a", "unknown-dependency", "/connections/0/source_step_id"),
        ("a", "x", "unknown-step", "/connections/0/target_step_id"),
        ("a", "a", "self-reference", "/connections/0/source_step_id"),
    ],
)
def test_a_connection_joins_two_steps_of_the_workflow(source: str, target: str, code: str, pointer: str) -> None:
    edges: list[Json] = [{"source_step_id": source, "target_step_id": target}]
    assert refusals(workflow(step("a"), connections=edges)) == [(code, pointer)]


def test_dependencies_keep_their_order_and_count_once() -> None:
    assert planned(step("a"), step("b"), step("c", dependencies=["b", "a", "b"])).steps["c"].dependencies == ("b", "a")


def test_a_catch_target_runs_only_when_a_failure_is_routed_to_it() -> None:
    plan = planned(
        step("a", catch=catch("h", "timeout", "boom")),
        step("b", catch=catch("h")),
        step("h", dependencies=["a", "c"]),
        step("c"),
    )
    target = plan.steps["h"]
    assert target.role is Role.CATCH_TARGET
    assert plan.routers == {"h": ("a", "b")}
    assert target.dependencies == ("c",), "its trigger rule does not look at the steps that route to it"
    assert target.waits_for == ("c",), "and it does not wait for them: one of them has just failed"
    assert plan.steps["a"].catch[0].takes("boom")
    assert not plan.steps["a"].catch[0].takes("other")
    assert plan.steps["b"].catch[0].takes("other")


def test_a_compensation_waits_for_nothing_and_may_read_what_it_undoes() -> None:
    plan = planned(
        step("a", compensate="u"),
        step("b"),
        step("u", dependencies=["a"], input_mapping={"id": "a.id", "other": "${steps.b.output.?x.orValue(0)}"}),
    )
    undo = plan.steps["u"]
    assert undo.role is Role.COMPENSATION
    assert (undo.waits_for, undo.dependencies) == ((), ())
    assert undo.input.references == ("a", "b")
    assert plan.steps["a"].compensate == "u"


def test_a_step_that_others_are_chosen_by_is_a_dependency_of_each() -> None:
    plan = planned(switch("s", "x", "y"), step("x"), step("y", dependencies=["z"]), step("z"))
    assert plan.steps["s"].routes_to == ("x", "y")
    assert plan.steps["x"].dependencies == ("s",)
    assert plan.steps["y"].dependencies == ("z", "s")
    assert plan.dependents["s"] == ("x", "y")


def test_dependants_that_cannot_be_chosen_are_not_routed_to() -> None:
    plan = planned(switch("s", "x"), step("x"), step("always", dependencies=["s"]))
    assert plan.steps["s"].routes_to == ("x",)


def test_order_comes_from_step_order_and_then_from_the_list() -> None:
    plan = planned(step("c", step_order=3), step("a", step_order=1), step("b1"), step("b2"), step("d", step_order=-1))
    assert list(plan.steps) == ["d", "b1", "b2", "a", "c"]
    assert [found.rank for found in plan.steps.values()] == [0, 1, 2, 3, 4]


def test_a_mapping_inside_the_config_counts_when_there_is_no_other() -> None:
    inner: Json = {"input_mapping": {"x": "input.x"}}
    lifted = planned(step("a", config=inner)).steps["a"]
    assert lifted.has_mapping
    assert lifted.config.is_literal
    beaten = planned(step("a", input_mapping={"y": "input.y"}, config=inner)).steps["a"]
    assert [str(path) for path in beaten.input.paths] == ["input.y"]


def test_a_problem_of_a_mapping_inside_the_config_points_there() -> None:
    document = workflow(step("a", parameters={"input_mapping": {"x": "ghost.x"}}))
    assert refusals(document) == [("unknown-reference", "/steps/0/parameters/input_mapping/x")]


def test_a_type_with_a_setting_called_input_mapping_keeps_it() -> None:
    found = planned(step("a", "subflow", config={"input_mapping": {"x": "anything at all"}})).steps["a"]
    assert not found.has_mapping


def test_names_of_unreadable_steps_cause_no_further_problems() -> None:
    document = workflow(
        {"step_id": "9", "step_type": "anything"},
        step("b", dependencies=["9"], catch=catch("9"), compensate="9"),
        step("c", conditions="b.ok == true"),
    )
    assert refusals(document) == [("invalid-step-id", "/steps/0/step_id")]
