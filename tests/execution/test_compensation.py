"""Undoing what was done: which compensations run, in which order, and what ends how."""

import pytest

from tests.execution.scenario import Scenario, step
from workflow_engine.history.events import ExecutionCancelled
from workflow_engine.jsontext import Json

BOOKED = (
    step("hotel", compensate="cancel_hotel"),
    step("flight", compensate="cancel_flight"),
    step("cancel_hotel", input_mapping={"ref": "hotel.ref"}),
    step("cancel_flight", input_mapping={"ref": "flight.ref"}),
    step("pay", "hotel", "flight"),
)


def booked(**fields: Json) -> Scenario:
    """Both are booked, the flight first."""
    flow = Scenario(*BOOKED, given=None, execution_pattern="parallel", **fields)
    flow.done("flight", {"ref": "f"})
    flow.done("hotel", {"ref": "h"})
    return flow


def test_compensations_run_one_at_a_time_in_reverse_order_of_completion() -> None:
    flow = booked()

    assert flow.failed("pay") == ["pay failed", "execution compensating", "cancel_hotel scheduled"]
    assert flow.status == "running"
    assert flow.done("cancel_hotel") == ["cancel_hotel completed", "cancel_flight scheduled"]
    assert flow.done("cancel_flight") == ["cancel_flight completed", "execution failed"]
    assert flow.error is not None
    assert flow.error.message == "Critical step pay failed: pay went boom"


def test_only_what_completed_is_compensated() -> None:
    flow = Scenario(*BOOKED, execution_pattern="parallel")
    flow.done("flight", {"ref": "f"})

    assert flow.failed("hotel") == [
        "hotel failed",
        "cancel_hotel cancelled",
        "pay cancelled",
        "execution compensating",
        "cancel_flight scheduled",
    ]
    assert flow.done("cancel_flight") == ["cancel_flight completed", "execution failed"]


def test_a_compensation_never_runs_on_the_forward_way() -> None:
    flow = booked()

    assert flow.done("pay") == [
        "pay completed",
        "cancel_hotel skipped",
        "cancel_flight skipped",
        "execution completed",
    ]
    assert flow.step("cancel_hotel").reason == "Nothing to compensate"


def test_a_failing_compensation_is_named_and_the_others_still_run() -> None:
    flow = booked()
    flow.failed("pay")

    assert flow.failed("cancel_hotel") == ["cancel_hotel failed", "cancel_flight scheduled"]
    assert flow.done("cancel_flight") == ["cancel_flight completed", "execution failed"]
    assert flow.error is not None
    assert flow.error.message == (
        "Critical step pay failed: pay went boom; compensation cancel_hotel failed: cancel_hotel went boom"
    )


def test_a_compensation_is_retried_like_any_step() -> None:
    flow = Scenario(step("a", compensate="undo"), step("undo", max_retries=1), step("b", "a"))
    flow.done("a")
    flow.failed("b")

    assert flow.failed("undo") == ["undo retrying"]
    assert flow.after(2) == ["undo scheduled"]
    assert flow.done("undo") == ["undo completed", "execution failed"]


def test_a_compensation_whose_input_cannot_be_computed_fails_and_the_rest_goes_on() -> None:
    flow = Scenario(
        step("a", compensate="undo_a"),
        step("b", "a", compensate="undo_b"),
        step("undo_a"),
        step("undo_b", input_mapping={"x": "${1 / input.zero}"}),
        step("c", "b"),
        given={"zero": 0},
    )
    flow.done("a")
    flow.done("b")

    assert flow.failed("c") == ["c failed", "execution compensating", "undo_b failed", "undo_a scheduled"]


def test_the_guard_of_a_compensation_may_skip_it() -> None:
    flow = Scenario(step("a", compensate="undo"), step("undo", conditions="steps.a.output.ref != ''"), step("b", "a"))
    flow.done("a", {"ref": ""})

    assert flow.failed("b") == ["b failed", "execution compensating", "undo skipped", "execution failed"]


def test_a_failure_while_compensating_is_not_caught_and_starts_no_second_round() -> None:
    flow = booked()
    flow.failed("pay")
    flow.failed("cancel_hotel")
    flow.failed("cancel_flight")

    assert flow.status == "failed"
    assert [event.kind for event in flow.told].count("execution_compensating") == 1


def test_cancel_does_not_compensate_unless_asked() -> None:
    flow = booked()

    assert flow.cancelled() == [
        "cancel_hotel cancelled",
        "cancel_flight cancelled",
        "pay cancelled",
        "execution cancelled",
    ]


def test_cancel_compensates_when_asked_and_ends_cancelled() -> None:
    flow = booked()

    assert flow.cancelled(compensate=True) == ["pay cancelled", "execution compensating", "cancel_hotel scheduled"]
    flow.done("cancel_hotel")
    assert flow.failed("cancel_flight") == ["cancel_flight failed", "execution cancelled"]
    last = flow.told[-1]
    assert isinstance(last, ExecutionCancelled)
    assert last.reason == "no longer wanted; compensation cancel_flight failed: cancel_flight went boom"


def test_cancel_with_nothing_to_compensate_ends_at_once() -> None:
    flow = Scenario(*BOOKED)

    assert flow.cancelled(compensate=True)[-1] == "execution cancelled"


def test_cancel_while_compensating_stops_even_that() -> None:
    flow = booked()
    flow.failed("pay")

    assert flow.cancelled() == ["cancel_hotel cancelled", "cancel_flight cancelled", "execution cancelled"]


def test_cancel_that_asks_for_compensations_lets_those_that_run_go_on() -> None:
    flow = booked()
    flow.failed("pay")

    assert flow.cancelled(compensate=True) == []
    assert flow.running == ("cancel_hotel",)


def test_cancel_that_asks_for_compensations_wakes_a_paused_execution() -> None:
    flow = booked()
    flow.paused()

    assert flow.cancelled(compensate=True) == [
        "execution resumed",
        "pay cancelled",
        "execution compensating",
        "cancel_hotel scheduled",
    ]


def test_the_deadline_of_the_execution_does_not_cut_compensations_short() -> None:
    flow = booked(timeout_seconds=10)

    assert flow.after(10) == ["pay cancelled", "execution compensating", "cancel_hotel scheduled"]
    assert flow.due_in is None
    assert flow.after(100) == []
    flow.done("cancel_hotel")
    assert flow.done("cancel_flight")[-1] == "execution failed"
    assert flow.error is not None
    assert flow.error.message == "Workflow timed out after 10 seconds"


def test_the_timeout_of_a_compensation_holds() -> None:
    flow = Scenario(step("a", compensate="undo"), step("undo", timeout_seconds=3), step("b", "a"))
    flow.done("a")
    flow.failed("b")

    assert flow.after(3) == ["undo failed", "execution failed"]
    assert flow.error is not None
    assert "compensation undo failed: Step undo timed out after 3 seconds" in flow.error.message


def test_pausing_holds_the_next_compensation_back() -> None:
    flow = booked()
    flow.failed("pay")
    flow.paused()

    assert flow.done("cancel_hotel") == ["cancel_hotel completed"]
    assert flow.status == "paused"
    assert flow.resumed() == ["execution resumed", "cancel_flight scheduled"]


def test_a_step_that_fails_while_paused_fails_the_execution_but_its_compensations_wait() -> None:
    flow = booked()
    flow.paused()

    assert flow.failed("pay") == ["pay failed", "execution compensating"]
    assert flow.status == "paused"
    assert flow.resumed() == ["execution resumed", "cancel_hotel scheduled"]


def test_an_output_that_cannot_be_built_is_compensated_like_a_failure() -> None:
    flow = Scenario(step("a", compensate="undo"), step("undo"), output={"x": "${steps.a.output.gone}"})

    assert flow.done("a", {}) == ["a completed", "execution compensating", "undo scheduled"]
    assert flow.done("undo") == ["undo completed", "execution failed"]


@pytest.mark.parametrize("crash_before", [1, 2])
def test_a_crash_while_compensating_runs_no_compensation_twice_at_once(crash_before: int) -> None:
    flow = booked()
    flow.failed("pay")
    if crash_before == 2:
        flow.done("cancel_hotel")
    current = flow.running[0]

    assert flow.died() == [f"{current} rescheduled"]
    assert flow.running == (current,)
