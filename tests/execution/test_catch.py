"""Where a failure is routed, and what becomes of the step it is routed to."""

from tests.execution.scenario import Scenario, step
from workflow_engine.jsontext import Json


def catching(*routes: tuple[list[str], str]) -> Json:
    return [{"errors": [*errors], "then": target} for errors, target in routes]


def test_the_first_route_that_names_the_code_takes_the_failure() -> None:
    routes = catching((["late"], "x"), (["boom"], "y"), (["*"], "z"))
    flow = Scenario(step("a", catch=routes), step("x"), step("y"), step("z"))

    assert flow.failed("a") == ["a failed", "x skipped", "y scheduled"]
    assert flow.step("a").handled_by == "y"
    assert flow.done("y") == ["y completed", "z skipped", "execution completed"]


def test_a_star_takes_what_no_route_before_it_took() -> None:
    flow = Scenario(step("a", catch=catching((["late"], "x"), (["*"], "z"))), step("x"), step("z"))

    assert flow.failed("a", "other") == ["a failed", "x skipped", "z scheduled"]


def test_a_failure_no_route_takes_fails_the_execution() -> None:
    flow = Scenario(step("a", catch=catching((["late"], "x"))), step("x"))

    assert flow.failed("a") == ["a failed", "x cancelled", "execution failed"]


def test_a_failure_is_caught_only_after_its_retries() -> None:
    flow = Scenario(step("a", max_retries=1, catch=catching((["*"], "x"))), step("x"))

    assert flow.failed("a") == ["a retrying"]
    flow.after(2)
    assert flow.failed("a") == ["a failed", "x scheduled"]


def test_a_target_nobody_routes_to_is_skipped_once_nobody_can_any_more() -> None:
    flow = Scenario(
        step("a", catch=catching((["*"], "x"))), step("b", "a", catch=catching((["*"], "x"))), step("x"), step("c", "x")
    )

    assert flow.done("a") == ["a completed", "b scheduled"]
    assert flow.done("b") == ["b completed", "x skipped", "c skipped", "execution completed"]
    assert flow.step("x").reason == "Not routed to"


def test_a_target_of_several_runs_once_for_the_first_failure() -> None:
    flow = Scenario(
        step("a", catch=catching((["*"], "x"))),
        step("b", catch=catching((["*"], "x"))),
        step("x"),
        execution_pattern="parallel",
    )

    assert flow.failed("b") == ["b failed", "x scheduled"]
    assert flow.failed("a") == ["a failed"]
    assert flow.step("a").handled_by == "x"
    assert flow.step("x").caught_from == "b"
    assert flow.done("x") == ["x completed", "execution completed"]


def test_a_target_that_has_ended_takes_a_second_failure_without_running_again() -> None:
    flow = Scenario(
        step("a", catch=catching((["*"], "x"))),
        step("b", "x", catch=catching((["*"], "x2"))),
        step("c", catch=catching((["*"], "x"))),
        step("x"),
        step("x2"),
        execution_pattern="parallel",
    )
    flow.failed("a")
    flow.done("x")

    assert flow.failed("c") == ["c failed"]
    assert flow.statuses["x"] == "completed"


def test_the_error_is_in_the_scope_of_the_target() -> None:
    told: Json = {"code": "${error.code}", "text": "${error.code}: ${error.message}", "by": "${error.details.by}"}
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("x", input_mapping=told))
    flow.failed("a")

    caught = flow.step("x").caught
    assert caught is not None
    assert caught.code == "boom"
    assert "boom: a went boom" in flow.step("x").computed


def test_the_guard_of_a_target_sees_the_error() -> None:
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("x", conditions="error.code == 'late'"))

    assert flow.failed("a") == ["a failed", "x skipped", "execution completed"]


def test_a_step_behind_both_runs_either_way() -> None:
    steps = (step("a", catch=catching((["*"], "x"))), step("x"), step("after", "a", "x"))
    fine = Scenario(*steps)
    assert fine.done("a") == ["a completed", "x skipped", "after scheduled"]

    rescued = Scenario(*steps)
    assert rescued.failed("a") == ["a failed", "x scheduled"]
    assert rescued.done("x") == ["x completed", "after scheduled"]
    assert rescued.done("after") == ["after completed", "execution completed"]
    assert rescued.statuses["a"] == "failed"


def test_a_step_behind_a_handled_failure_alone_is_skipped() -> None:
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("x"), step("b", "a"))
    flow.failed("a")

    assert flow.done("x") == ["x completed", "b skipped", "execution completed"]
    assert not flow.step("b").upstream_failed


def test_a_target_that_fails_fails_like_any_other_step() -> None:
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("x"))
    flow.failed("a")

    assert flow.failed("x") == ["x failed", "execution failed"]


def test_a_target_may_have_a_catch_of_its_own() -> None:
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("x", catch=catching((["*"], "y"))), step("y"))
    flow.failed("a")

    assert flow.failed("x") == ["x failed", "y scheduled"]
    assert flow.done("y") == ["y completed", "execution completed"]


def test_a_target_waits_for_what_else_it_depends_on() -> None:
    flow = Scenario(step("a", catch=catching((["*"], "x"))), step("b"), step("x", "b"), execution_pattern="parallel")

    assert flow.failed("a") == ["a failed"]
    assert flow.done("b") == ["b completed", "x scheduled"]


def test_a_failure_before_the_step_began_is_caught_too() -> None:
    flow = Scenario(
        step("a", input_mapping={"x": "${1 / input.zero}"}, catch=catching((["expression-error"], "x"))),
        step("x"),
        given={"zero": 0},
    )

    assert flow.begun == ["execution started", "a failed", "x scheduled"]


def test_of_several_failures_before_it_begins_a_target_runs_for_the_first() -> None:
    flow = Scenario(step("b", catch=catching((["*"], "x"))), step("a", catch=catching((["*"], "x"))), step("x"))
    flow.failed("b")

    assert flow.failed("a") == ["a failed", "x scheduled"]
    assert flow.step("x").caught_from == "b"
