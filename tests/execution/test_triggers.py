"""Trigger rules over the ends of dependencies, and what is skipped behind what."""

import pytest

from tests.execution.scenario import Scenario, step
from workflow_engine.jsontext import Json, JsonObject

ENDS = ("completed", "skipped", "failed", "handled", "upstream")
R, S, U = "running", "skipped", "upstream_failed"


def joining(rule: str, first: str, second: str) -> Scenario:
    """Two dependencies, brought to these ends, and a join behind them."""
    steps: list[JsonObject] = []
    for name, end in (("a", first), ("b", second)):
        fields: dict[str, Json] = {"critical": False}
        if end == "handled":
            fields |= {"catch": [{"errors": ["*"], "then": f"{name}_rescue"}]}
            steps.append(step(f"{name}_rescue"))
        if end == "skipped":
            fields |= {"conditions": "input.never"}
        if end == "upstream":
            steps.append(step(f"{name}_before", critical=False))
            steps.append(step(name, f"{name}_before", **fields))
        else:
            steps.append(step(name, **fields))
    steps.append(step("join", "a", "b", trigger_rule=rule))
    flow = Scenario(*steps, given={"never": False}, execution_pattern="parallel")
    for name, end in (("a", first), ("b", second)):
        bring_to_end(flow, name, end)
    return flow


def bring_to_end(flow: Scenario, name: str, end: str) -> None:
    if end == "completed":
        flow.done(name)
    elif end in ("failed", "handled"):
        flow.failed(name)
    elif end == "upstream":
        flow.failed(f"{name}_before")


def verdict(flow: Scenario) -> str:
    join = flow.step("join")
    return U if join.status == "skipped" and join.upstream_failed else str(join.status)


# What the join does behind two ends, in the words of Airflow. A handled failure counts as skipped, a step that was
# skipped behind a failure counts as failed.
TABLE = {
    "none_failed_min_one_success": {
        ("completed", "completed"): R,
        ("completed", "skipped"): R,
        ("completed", "handled"): R,
        ("skipped", "skipped"): S,
        ("skipped", "handled"): S,
        ("completed", "failed"): U,
        ("completed", "upstream"): U,
        ("skipped", "failed"): U,
    },
    "all_success": {
        ("completed", "completed"): R,
        ("completed", "skipped"): S,
        ("completed", "handled"): S,
        ("skipped", "skipped"): S,
        ("completed", "failed"): U,
        ("skipped", "failed"): U,
        ("completed", "upstream"): U,
    },
    "all_done": {(first, second): R for first in ENDS for second in ENDS},
    "one_success": {
        ("completed", "failed"): R,
        ("completed", "upstream"): R,
        ("completed", "skipped"): R,
        ("completed", "handled"): R,
        ("skipped", "handled"): S,
        ("skipped", "failed"): U,
        ("failed", "upstream"): U,
    },
    "none_failed": {
        ("completed", "skipped"): R,
        ("skipped", "skipped"): R,
        ("handled", "handled"): R,
        ("completed", "failed"): U,
        ("skipped", "upstream"): U,
    },
}
CASES = [(rule, *ends, then) for rule, rows in TABLE.items() for ends, then in rows.items()]


@pytest.mark.parametrize(("rule", "first", "second", "then"), CASES)
def test_a_trigger_rule_means_what_it_means_in_airflow(rule: str, first: str, second: str, then: str) -> None:
    assert verdict(joining(rule, first, second)) == then
    assert verdict(joining(rule, second, first)) == then


@pytest.mark.parametrize("rule", TABLE)
def test_a_rule_waits_until_all_dependencies_have_ended(rule: str) -> None:
    flow = Scenario(step("a"), step("b"), step("join", "a", "b", trigger_rule=rule), execution_pattern="parallel")

    assert flow.done("a") == ["a completed"]
    assert flow.done("b") == ["b completed", "join scheduled"]


@pytest.mark.parametrize("rule", TABLE)
def test_a_step_without_dependencies_runs_whatever_its_rule(rule: str) -> None:
    assert Scenario(step("a", trigger_rule=rule)).begun == ["execution started", "a scheduled"]


def test_a_chain_behind_a_skipped_step_is_skipped_to_its_end() -> None:
    flow = Scenario(step("a", conditions="false"), step("b", "a"), step("c", "b"), step("d"))

    assert flow.begun == ["execution started", "a skipped", "b skipped", "c skipped", "d scheduled"]
    assert flow.step("a").reason == "Conditions not met"
    assert flow.step("c").reason == "Dependencies skipped"
    assert not flow.step("c").upstream_failed


def test_a_diamond_joins_whichever_branch_ran() -> None:
    steps = (
        step("ask"),
        step("yes", "ask", conditions="ask.output.ok"),
        step("no", "ask", conditions="!ask.output.ok"),
        step("join", "yes", "no", input_mapping={"yes": "yes.text", "no": "no.text"}),
    )
    flow = Scenario(*steps)
    flow.done("ask", {"ok": True})
    assert flow.done("yes", {"text": "y"}) == ["yes completed", "no skipped", "join scheduled"]
    flow.done("join")
    assert flow.status == "completed"


def test_a_failure_that_is_not_critical_skips_its_dependants_and_the_execution_still_completes() -> None:
    flow = Scenario(step("a", critical=False), step("b", "a"), step("c", "b"), step("d"))

    assert flow.failed("a") == ["a failed", "b skipped", "c skipped", "d scheduled"]
    assert flow.step("b").reason == "upstream_failed"
    assert flow.step("c").upstream_failed
    assert flow.done("d") == ["d completed", "execution completed"]


def test_a_critical_failure_ends_the_execution_and_calls_back_what_runs() -> None:
    flow = Scenario(step("a"), step("b"), step("c", "b"), execution_pattern="parallel")

    assert flow.failed("a") == ["a failed", "b cancelled", "c cancelled", "execution failed"]
    assert flow.error is not None
    assert flow.error.code == "critical-step-failed"
    assert flow.error.message == "Critical step a failed: a went boom"
    assert flow.step("b").reason == flow.error.message
    assert flow.running == ()


def test_a_reference_orders_but_does_not_gate() -> None:
    steps = (
        step("a", conditions="false"),
        step("reader", input_mapping={"x": "a.text"}),
        step("looker", conditions="a.status == 'skipped'"),
    )
    flow = Scenario(*steps, execution_pattern="parallel")

    assert flow.begun == ["execution started", "a skipped", "reader scheduled", "looker scheduled"]


def test_a_step_waits_for_whatever_it_mentions() -> None:
    flow = Scenario(step("reader", input_mapping={"x": "a.text"}), step("a"), execution_pattern="parallel")

    assert flow.begun == ["execution started", "a scheduled"]
    assert flow.done("a", {"text": 1}) == ["a completed", "reader scheduled"]
