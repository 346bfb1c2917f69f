"""What becomes of running steps when whoever held them is gone."""

import pytest

from tests.execution.scenario import Scenario, step
from workflow_engine.execution.decide import DEATHS_BEFORE_QUARANTINE
from workflow_engine.execution.errors import AlreadyReported, NoUnknownOutcome, OtherResult, StaleDelivery, UnknownStep
from workflow_engine.history.events import StepError
from workflow_engine.jsontext import Json


def test_what_ran_is_handed_over_again_under_a_larger_fence() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")

    assert flow.died() == ["a rescheduled", "b rescheduled"]
    assert flow.step("a").delivery == 2
    assert flow.step("a").attempt == 1
    with pytest.raises(StaleDelivery):
        flow.done("a", delivery=1)
    assert flow.done("a") == ["a completed"]


def test_a_crash_costs_no_retry() -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.died()
    flow.died()

    assert flow.failed("a") == ["a retrying"]


def test_what_waited_or_backed_off_is_not_handed_over() -> None:
    flow = Scenario(step("a"), step("b", max_retries=1), execution_pattern="parallel")
    flow.suspended("a", signal="go")
    flow.failed("b")

    assert flow.died() == []


def test_timers_that_were_due_while_it_was_away_fire_at_once() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")
    flow.suspended("a", seconds=5)
    flow.now += 60

    assert flow.died() == ["b rescheduled", "a timer fired"]


def test_an_attempt_that_is_handed_over_again_has_its_time_anew() -> None:
    flow = Scenario(step("a", timeout_seconds=10))
    flow.now += 3600

    assert flow.died() == ["a rescheduled"]
    assert flow.due_in == 10


def test_a_step_that_was_woken_goes_on_where_it_was_after_a_crash() -> None:
    flow = Scenario(step("a"))
    flow.suspended("a", signal="go", memo="m")
    flow.signalled("go", "p")

    assert flow.died() == ["a rescheduled"]
    resumed = flow.step("a").resumed
    assert resumed is not None
    assert (resumed.by, resumed.memo, resumed.payload) == ("signal", "m", "p")


# --- quarantine


def test_the_third_death_in_a_row_sets_the_execution_aside() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")
    for _ in range(DEATHS_BEFORE_QUARANTINE - 1):
        assert flow.died() == ["a rescheduled", "b rescheduled"]

    assert flow.died() == ["a rescheduled", "b rescheduled", "execution paused"]
    assert flow.status == "paused"
    assert flow.execution.state.paused == "quarantined"
    assert flow.running == ()


def quarantined(**fields: Json) -> Scenario:
    flow = Scenario(step("a", **fields))
    for _ in range(DEATHS_BEFORE_QUARANTINE):
        flow.died()
    return flow


def test_a_quarantined_execution_goes_on_when_it_is_resumed() -> None:
    flow = quarantined()

    assert flow.resumed() == ["execution resumed", "a rescheduled"]
    assert flow.running == ("a",)
    assert flow.done("a") == ["a completed", "execution completed"]


def test_after_it_was_resumed_it_may_die_as_often_again() -> None:
    flow = quarantined()
    flow.resumed()

    assert flow.died() == ["a rescheduled"]
    assert flow.died() == ["a rescheduled"]
    assert flow.died() == ["a rescheduled", "execution paused"]


def test_no_time_runs_against_a_step_in_quarantine() -> None:
    flow = quarantined(timeout_seconds=10)

    assert flow.due_in is None
    assert flow.after(3600) == []
    assert flow.resumed() == ["execution resumed", "a rescheduled"]
    assert flow.due_in == 10


def test_a_quarantined_execution_stays_so_when_the_server_dies_again() -> None:
    flow = quarantined()

    assert flow.died() == []
    assert flow.status == "paused"


def test_an_attempt_that_came_to_an_end_breaks_the_row() -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.died()
    flow.died()
    flow.failed("a")
    flow.after(2)

    assert flow.died() == ["a rescheduled"]


def test_a_step_that_was_not_there_for_all_three_does_not_count() -> None:
    flow = Scenario(step("a"), step("b", "a"))
    flow.died()
    flow.died()
    flow.done("a")

    assert flow.died() == ["b rescheduled"]


def test_an_orderly_stop_is_no_death() -> None:
    flow = Scenario(step("a"))
    for _ in range(5):
        assert flow.stopped() == ["a rescheduled"]
        assert flow.died() == ["a rescheduled"]

    assert flow.step("a").server_deaths == 0
    assert flow.status == "running"


def test_two_deaths_after_an_orderly_stop_are_two() -> None:
    flow = Scenario(step("a"))
    flow.stopped()
    flow.died()

    assert flow.died() == ["a rescheduled"]
    assert flow.died() == ["a rescheduled"]
    assert flow.died() == ["a rescheduled", "execution paused"]


# --- paused executions


def test_what_ran_in_a_paused_execution_goes_on_only_when_it_is_resumed() -> None:
    flow = Scenario(step("a", timeout_seconds=10))
    flow.paused()

    assert flow.died() == ["a rescheduled"]
    assert list(flow.running) == []
    assert flow.due_in is None
    assert flow.resumed() == ["execution resumed", "a rescheduled"]
    assert list(flow.running) == ["a"]


# --- outcome unknown


def test_what_must_not_start_twice_waits_for_somebody_to_say_what_became_of_it() -> None:
    flow = Scenario(step("a", step_type="pay", timeout_seconds=10), step("b", "a"))

    assert flow.died() == ["a waiting"]
    assert flow.status == "waiting"
    wait = flow.step("a").wait
    assert wait is not None
    assert wait.reason == "outcome-unknown"
    assert flow.after(3600) == []
    assert flow.died() == []
    assert flow.signalled("go") == ["signal go"]


def test_whoever_had_it_may_tell_late_and_tell_it_again() -> None:
    flow = Scenario(step("a", step_type="pay"), step("b", "a"))
    flow.died()

    assert flow.done("a", {"ref": 1}, delivery=1) == ["a rescheduled", "a completed", "b scheduled"]
    assert flow.step("a").delivery == 1
    with pytest.raises(AlreadyReported):
        flow.done("a", {"ref": 1}, delivery=1)
    with pytest.raises(OtherResult):
        flow.done("a", {"ref": 2}, delivery=1)


def test_it_completed() -> None:
    flow = Scenario(step("a", step_type="pay"), step("b", "a"))
    flow.died()

    assert flow.resolved("a", completed=True, output={"ref": 1}) == ["a rescheduled", "a completed", "b scheduled"]
    assert flow.step("a").output == {"ref": 1}


def test_it_failed() -> None:
    flow = Scenario(step("a", step_type="pay", max_retries=3))
    flow.died()

    assert flow.resolved("a", error=StepError("declined", "no money"))[-2:] == ["a failed", "execution failed"]


def test_it_may_be_run_again() -> None:
    flow = Scenario(step("a", step_type="pay", timeout_seconds=10))
    flow.died()

    assert flow.resolved("a") == ["a rescheduled"]
    assert flow.running == ("a",)
    assert flow.due_in == 10
    assert flow.done("a") == ["a completed", "execution completed"]


def test_a_policy_may_say_what_happens_instead_of_a_person() -> None:
    catch: Json = [{"errors": ["outcome-unknown"], "then": "ask_the_bank"}]
    flow = Scenario(step("a", step_type="pay", catch=catch), step("ask_the_bank"))

    assert flow.died() == ["a failed", "ask_the_bank scheduled"]


def test_an_orderly_stop_leaves_the_outcome_just_as_unknown() -> None:
    assert Scenario(step("a", step_type="pay")).stopped() == ["a waiting"]


def test_only_an_unknown_outcome_can_be_resolved() -> None:
    flow = Scenario(step("a"), step("b", "a"))
    with pytest.raises(NoUnknownOutcome):
        flow.resolved("a")
    with pytest.raises(UnknownStep):
        flow.resolved("b")
    with pytest.raises(UnknownStep):
        flow.resolved("ghost")
