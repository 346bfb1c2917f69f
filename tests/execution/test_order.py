"""Which ready step begins, and how many at once."""

import pytest

from tests.execution.scenario import Scenario, document_of, plan_of, step
from workflow_engine.definition.model import ExecutionOptions


@pytest.mark.parametrize("pattern", ["sequential", "conditional", "dependency"])
def test_one_step_runs_at_a_time_and_always_the_first_ready_one(pattern: str) -> None:
    flow = Scenario(step("a"), step("b", "d"), step("c"), step("d"), execution_pattern=pattern)

    assert flow.begun == ["execution started", "a scheduled"]
    assert flow.done("a") == ["a completed", "c scheduled"]
    assert flow.done("c") == ["c completed", "d scheduled"]
    assert flow.done("d") == ["d completed", "b scheduled"]


def test_step_order_comes_before_the_place_in_the_list() -> None:
    flow = Scenario(step("a", step_order=2), step("b", step_order=1), step("c", step_order=2), step("d"))
    order: list[str] = []
    while flow.running:
        order += flow.running
        flow.done(flow.running[0])

    assert order == ["d", "b", "a", "c"]


def test_a_step_that_becomes_ready_goes_before_a_later_one() -> None:
    flow = Scenario(step("a"), step("b", "a"), step("c"))

    assert flow.done("a") == ["a completed", "b scheduled"]


def test_parallel_begins_everything_that_is_ready() -> None:
    flow = Scenario(*(step(f"s{n}") for n in range(20)), execution_pattern="parallel", max_parallel=0)

    assert len(flow.running) == 20


def test_no_more_than_max_parallel_are_open_at_once() -> None:
    flow = Scenario(*(step(f"s{n}") for n in range(5)), execution_pattern="parallel", max_parallel=2)

    assert flow.running == ("s0", "s1")
    assert flow.done("s1") == ["s1 completed", "s2 scheduled"]
    assert flow.running == ("s0", "s2")


def test_sixteen_are_open_at_once_when_the_document_says_nothing() -> None:
    assert len(Scenario(*(step(f"s{n}") for n in range(20)), execution_pattern="parallel").running) == 16


def test_the_options_of_a_run_set_the_width() -> None:
    options = ExecutionOptions(max_parallel=3)

    assert plan_of(document_of(step("a"), execution_pattern="parallel"), options).width == 3
    assert plan_of(document_of(step("a"), execution_pattern="sequential"), options).width == 1


def test_skipping_takes_no_place() -> None:
    skipped = (step(f"s{n}", conditions="false") for n in range(5))
    flow = Scenario(*skipped, step("a"), step("b"), execution_pattern="parallel", max_parallel=2)

    assert flow.running == ("a", "b")


def test_a_workflow_whose_steps_are_all_skipped_completes() -> None:
    flow = Scenario(step("a", conditions="false"))

    assert flow.begun == ["execution started", "a skipped", "execution completed"]


def test_a_step_that_backs_off_or_waits_keeps_its_place() -> None:
    flow = Scenario(step("a", max_retries=1), step("b"))

    assert flow.failed("a") == ["a retrying"]
    assert flow.after(2) == ["a scheduled"]
    assert flow.suspended("a", seconds=5) == ["a waiting"]
    assert flow.after(5) == ["a timer fired"]
    assert flow.done("a") == ["a completed", "b scheduled"]
