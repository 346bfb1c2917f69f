"""Pause, resume, cancel, routes, and everything that is refused or never changes."""

from collections.abc import Callable

import pytest

from tests.execution.scenario import NOW, Scenario, step
from workflow_engine.errors import InvalidDocument
from workflow_engine.execution.errors import AlreadyPaused, ExecutionEnded, NotPaused, StaleDelivery
from workflow_engine.history.events import ExecutionCompleted
from workflow_engine.jsontext import JsonObject

# --- pause and resume


def test_what_runs_when_it_is_paused_is_recorded_and_nothing_new_begins() -> None:
    flow = Scenario(step("a"), step("b", "a"), step("c"), execution_pattern="parallel")

    assert flow.paused() == ["execution paused"]
    assert flow.done("a", {"x": 1}) == ["a completed"]
    assert flow.failed("c", "boom") == ["c failed", "b cancelled", "execution failed"]


def test_resuming_begins_what_became_ready_meanwhile() -> None:
    flow = Scenario(step("a"), step("b", "a"))
    flow.paused()
    flow.done("a")

    assert flow.status == "paused"
    assert flow.resumed() == ["execution resumed", "b scheduled"]


def test_a_paused_execution_completes_only_after_it_is_resumed() -> None:
    flow = Scenario(step("a"))
    flow.paused()
    flow.done("a")

    assert flow.status == "paused"
    assert flow.resumed() == ["execution resumed", "execution completed"]


def test_waits_and_retries_keep_until_it_is_resumed() -> None:
    flow = Scenario(step("a", max_retries=1), step("b"), step("c"), execution_pattern="parallel")
    flow.failed("a")
    flow.suspended("b", seconds=5)
    flow.suspended("c", signal="go")
    flow.paused()

    assert flow.due_in is None
    assert flow.after(60) == []
    assert flow.signalled("go", 1) == ["signal go"]
    assert flow.resumed() == ["execution resumed", "a scheduled", "b timer fired", "c resumed"]


def test_a_step_that_suspends_itself_while_paused_waits() -> None:
    flow = Scenario(step("a"))
    flow.signalled("go")
    flow.paused()

    assert flow.suspended("a", signal="go") == ["a waiting"]
    assert flow.resumed() == ["execution resumed", "a resumed"]


def test_attempts_time_out_while_paused() -> None:
    flow = Scenario(step("a", timeout_seconds=5, critical=False), step("b"))
    flow.paused()

    assert flow.due_in == 5
    assert flow.after(5) == ["a failed"]
    assert flow.resumed() == ["execution resumed", "b scheduled"]


def test_pausing_twice_and_resuming_what_runs_are_refused() -> None:
    flow = Scenario(step("a"))
    with pytest.raises(NotPaused, match="running"):
        flow.resumed()
    flow.paused()
    with pytest.raises(AlreadyPaused, match="a person wants it"):
        flow.paused()

    assert len(flow.told) == 3


def test_a_paused_execution_can_be_cancelled() -> None:
    flow = Scenario(step("a"), step("b"))
    flow.paused()

    assert flow.cancelled() == ["a cancelled", "b cancelled", "execution cancelled"]


# --- cancel


def test_cancel_ends_every_step_that_has_not_ended() -> None:
    steps = (step("done"), step("runs", "done"), step("waits", "done"), step("backs", "done", max_retries=1))
    flow = Scenario(*steps, step("pending", "runs"), execution_pattern="parallel")
    flow.done("done")
    flow.suspended("waits", signal="go")
    flow.failed("backs")

    assert flow.cancelled() == [
        "runs cancelled",
        "waits cancelled",
        "backs cancelled",
        "pending cancelled",
        "execution cancelled",
    ]
    assert flow.step("pending").reason == "no longer wanted"
    assert flow.execution.state.reason == "no longer wanted"
    assert flow.running == ()


def test_after_a_cancel_no_result_is_applied() -> None:
    flow = Scenario(step("a"))
    flow.cancelled()

    with pytest.raises(StaleDelivery):
        flow.done("a")
    assert flow.statuses == {"a": "cancelled"}


# --- stale reports


def test_a_report_under_an_old_fence_changes_nothing() -> None:
    flow = Scenario(step("a", max_retries=2))
    flow.failed("a")
    flow.after(2)

    with pytest.raises(StaleDelivery):
        flow.done("a", delivery=1)
    with pytest.raises(StaleDelivery):
        flow.failed("a", delivery=3)
    assert flow.done("a", delivery=2) == ["a completed", "execution completed"]


def test_a_second_report_of_the_same_step_changes_nothing() -> None:
    flow = Scenario(step("a"), step("b"))
    flow.done("a", 1)

    with pytest.raises(StaleDelivery):
        flow.done("a", 2)
    assert flow.step("a").output == 1


def test_a_report_of_a_step_that_waits_changes_nothing() -> None:
    flow = Scenario(step("a"))
    flow.suspended("a", signal="go")

    with pytest.raises(StaleDelivery):
        flow.done("a")


def test_a_report_of_a_step_nobody_knows_changes_nothing() -> None:
    flow = Scenario(step("a"))

    with pytest.raises(StaleDelivery):
        flow.done("ghost", delivery=1)


# --- the end


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_terminal_state_never_changes(end: str) -> None:
    flow = Scenario(step("a"))
    ways: dict[str, Callable[[], list[str]]] = {
        "completed": lambda: flow.done("a"),
        "failed": lambda: flow.failed("a"),
        "cancelled": flow.cancelled,
    }
    ways[end]()
    assert flow.status == end

    for act in (flow.cancelled, flow.paused, flow.resumed, flow.died, lambda: flow.signalled("go")):
        with pytest.raises(ExecutionEnded, match=end):
            act()
    assert flow.after(1e6) == []
    assert flow.status == end


def test_waiting_is_derived_and_no_event() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")
    flow.suspended("a", signal="go")
    assert flow.status == "running"
    flow.suspended("b", seconds=5)
    assert flow.status == "waiting"
    flow.after(5)
    assert flow.status == "running"
    assert not [event for event in flow.told if event.kind == "execution_waiting"]


def test_a_workflow_without_steps_completes_at_once() -> None:
    assert Scenario().begun == ["execution started", "execution completed"]


def test_the_output_of_the_workflow_is_built_from_its_steps() -> None:
    flow = Scenario(step("a"), output={"text": "${steps.a.output.x}", "n": "${steps.a.output.n + 1}"})
    flow.done("a", {"x": "hello", "n": 1})

    last = flow.told[-1]
    assert isinstance(last, ExecutionCompleted)
    assert last.output == {"text": "hello", "n": 2}
    assert last.at == NOW


def test_an_output_that_cannot_be_built_fails_the_execution() -> None:
    flow = Scenario(step("a"), output={"x": "${steps.a.output.gone}"})

    assert flow.done("a", {"there": 1}) == ["a completed", "execution failed"]
    assert flow.error is not None
    assert flow.error.code == "mapping-error"
    assert "gone" in flow.error.message
    assert "there" in flow.error.message


# --- expressions


def test_an_expression_that_cannot_be_computed_fails_its_step_alone() -> None:
    flow = Scenario(step("a", input_mapping={"x": "${1 / input.zero}"}, critical=False), step("b"), given={"zero": 0})

    assert flow.begun == ["execution started", "a failed", "b scheduled"]
    failure = flow.step("a").error
    assert failure is not None
    assert failure.code == "expression-error"


def test_a_guard_that_cannot_be_computed_fails_its_step() -> None:
    flow = Scenario(step("a", conditions="size(input.gone) > 1"))

    assert flow.begun == ["execution started", "a failed", "execution failed"]


def test_an_expression_is_asked_again_only_when_the_document_says_so() -> None:
    flow = Scenario(
        step("a", input_mapping={"x": "${1 / input.zero}"}, retry_on=["expression-error"], max_retries=2),
        given={"zero": 0},
    )

    assert flow.begun == ["execution started", "a retrying"]
    assert flow.after(2) == ["a retrying"]
    assert flow.after(5) == ["a failed", "execution failed"]


# --- routes

SWITCH = ("yes", "no", "other")


def switching(*more: JsonObject) -> Scenario:
    choice = step("switch", step_type="route", config={"to": list(SWITCH)})
    return Scenario(choice, *(step(name) for name in SWITCH), *more, execution_pattern="parallel")


def test_of_the_steps_it_could_choose_only_the_chosen_go_on() -> None:
    flow = switching(step("behind_no", "no"))

    assert flow.begun == ["execution started", "switch scheduled"]
    assert flow.routed("switch", "yes") == [
        "switch completed",
        "yes scheduled",
        "no skipped",
        "other skipped",
        "behind_no skipped",
    ]
    assert flow.step("no").reason == "Not routed to by switch"


def test_several_or_none_may_be_chosen() -> None:
    assert switching().routed("switch", "yes", "other") == [
        "switch completed",
        "yes scheduled",
        "no skipped",
        "other scheduled",
    ]
    assert switching().routed("switch")[-1] == "execution completed"


def test_a_dependant_it_could_not_choose_is_not_affected() -> None:
    flow = switching(step("log", "switch"))

    assert "log scheduled" in flow.routed("switch", "yes")


def test_a_step_without_choices_of_its_own_chooses_among_its_dependants() -> None:
    flow = Scenario(step("a"), step("b", "a"), step("c", "a"))

    assert flow.routed("a", "c") == ["a completed", "b skipped", "c scheduled"]


def test_a_join_behind_the_branches_runs_whichever_was_chosen() -> None:
    flow = switching(step("join", *SWITCH))
    flow.routed("switch", "no")

    assert flow.done("no") == ["no completed", "join scheduled"]


def test_a_route_to_a_stranger_fails_the_step() -> None:
    flow = switching(step("stranger"))

    assert flow.routed("switch", "stranger")[0] == "switch failed"
    failure = flow.step("switch").error
    assert failure is not None
    assert failure.code == "invalid-config"
    assert failure.message == "Step switch routes to stranger, which does not depend on it"


def test_a_plain_result_of_a_routing_step_lets_all_of_them_go_on() -> None:
    assert switching().done("switch") == ["switch completed", "yes scheduled", "no scheduled", "other scheduled"]


def test_steps_that_wait_for_each_other_are_found_when_the_document_is_read() -> None:
    with pytest.raises(InvalidDocument, match="a -> b -> a"):
        Scenario(step("a", "b"), step("b", "a"))
