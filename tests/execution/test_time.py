"""Timeouts, deadlines, timers and signals: what is due when, and what it does."""

import pytest

from tests.execution.scenario import NOW, Scenario, step
from workflow_engine.execution.errors import TooManySignals

# --- the timeout of an attempt


def test_an_attempt_that_runs_too_long_fails_as_timed_out() -> None:
    flow = Scenario(step("a", timeout_seconds=1.5))

    assert flow.due_in == 1.5
    assert flow.after(1.4) == []
    assert flow.after(0.2) == ["a failed", "execution failed"]
    assert flow.error is not None
    assert flow.error.message == "Critical step a failed: Step a timed out after 1.5 seconds"
    failure = flow.step("a").error
    assert failure is not None
    assert failure.code == "timeout"
    assert flow.step("a").duration_ms == pytest.approx(1600)


def test_a_timeout_is_retried_like_any_failure_and_every_attempt_has_its_own() -> None:
    flow = Scenario(step("a", timeout_seconds=10, max_retries=1))

    assert flow.after(10) == ["a retrying"]
    assert flow.after(2) == ["a scheduled"]
    assert flow.due_in == 10
    assert flow.after(10) == ["a failed", "execution failed"]


def test_no_attempt_runs_while_it_backs_off_so_none_times_out() -> None:
    flow = Scenario(step("a", timeout_seconds=1, max_retries=1, retry_delay_seconds=60))
    flow.failed("a")

    assert flow.due_in == pytest.approx(60, rel=0.1)
    assert flow.after(5) == []


def test_an_attempt_that_waits_can_time_out() -> None:
    flow = Scenario(step("a", timeout_seconds=10))
    flow.suspended("a", signal="go")

    assert flow.due_in == 10
    assert flow.after(10) == ["a failed", "execution failed"]


def test_going_on_after_a_wait_does_not_renew_the_timeout() -> None:
    flow = Scenario(step("a", timeout_seconds=10))
    flow.suspended("a", seconds=6)

    assert flow.after(6) == ["a timer fired"]
    assert flow.after(4) == ["a failed", "execution failed"]


def test_a_report_that_comes_before_the_alarm_still_counts() -> None:
    flow = Scenario(step("a", timeout_seconds=1))
    flow.now += 5

    assert flow.done("a") == ["a completed", "execution completed"]


def test_several_attempts_time_out_at_once_in_the_order_they_began() -> None:
    steps = [step(name, timeout_seconds=1, critical=False) for name in "bac"]
    flow = Scenario(*steps, execution_pattern="parallel")

    assert flow.after(1) == ["b failed", "a failed", "c failed", "execution completed"]


# --- the deadline of the execution


def test_an_execution_that_takes_too_long_fails() -> None:
    flow = Scenario(step("a"), step("b"), timeout_seconds=30)

    assert flow.after(29.9) == []
    assert flow.after(0.1) == ["a cancelled", "b cancelled", "execution failed"]
    assert flow.error is not None
    assert flow.error.code == "execution-timeout"
    assert flow.error.message == "Workflow timed out after 30 seconds"


def test_the_deadline_of_the_execution_comes_before_those_of_its_steps() -> None:
    flow = Scenario(step("a", timeout_seconds=30), timeout_seconds=30)

    assert flow.after(30) == ["a cancelled", "execution failed"]


def test_the_deadline_holds_while_the_execution_waits_or_is_paused() -> None:
    waiting = Scenario(step("a"), timeout_seconds=30)
    waiting.suspended("a", signal="go")
    assert waiting.after(30)[-1] == "execution failed"

    paused = Scenario(step("a"), timeout_seconds=30)
    paused.paused()
    assert paused.due_in == 30
    assert paused.after(30)[-1] == "execution failed"


# --- waiting for a timer


def test_a_timer_fires_at_its_time_and_the_step_goes_on_under_a_new_fence() -> None:
    flow = Scenario(step("a"))

    assert flow.suspended("a", seconds=10, memo={"page": 3}) == ["a waiting"]
    assert flow.status == "waiting"
    assert flow.running == ()
    assert flow.after(9.9) == []
    assert flow.after(0.1) == ["a timer fired"]
    resumed = flow.step("a").resumed
    assert resumed is not None
    assert (resumed.by, resumed.memo, resumed.at) == ("timer", {"page": 3}, NOW + 10)
    assert flow.step("a").delivery == 2
    assert flow.step("a").attempt == 1


def test_a_timer_fires_once() -> None:
    flow = Scenario(step("a"))
    flow.suspended("a", seconds=1)
    flow.after(1)

    assert flow.after(0) == []
    assert flow.after(100) == []


def test_a_clock_that_was_set_back_fires_nothing_early_and_nothing_twice() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")
    flow.suspended("a", seconds=10)
    flow.suspended("b", seconds=5)

    assert flow.after(5) == ["b timer fired"]
    assert flow.after(-100) == []
    assert flow.after(100) == []
    assert flow.after(5) == ["a timer fired"]


def test_no_seconds_at_all_are_over_at_once() -> None:
    assert Scenario(step("a")).suspended("a", seconds=0) == ["a waiting", "a timer fired"]


def test_a_step_may_wait_again_and_again() -> None:
    flow = Scenario(step("a"))
    for _ in range(3):
        flow.suspended("a", seconds=1)
        assert flow.after(1) == ["a timer fired"]

    assert flow.done("a") == ["a completed", "execution completed"]
    assert flow.step("a").duration_ms == pytest.approx(3000)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e10])
def test_a_wait_that_could_never_end_fails_the_step(seconds: float) -> None:
    flow = Scenario(step("a"))

    assert flow.suspended("a", seconds=seconds) == ["a failed", "execution failed"]
    failure = flow.step("a").error
    assert failure is not None
    assert failure.code == "contract-violation"


def test_waiting_for_nothing_fails_the_step() -> None:
    assert Scenario(step("a")).suspended("a") == ["a failed", "execution failed"]


# --- waiting for a signal


def test_a_signal_wakes_the_step_that_waits_for_it() -> None:
    flow = Scenario(step("a"))
    flow.suspended("a", signal="go", memo="m")

    assert flow.due_in is None
    assert flow.signalled("stay") == ["signal stay"]
    assert flow.signalled("go", {"by": "me"}) == ["signal go", "a resumed"]
    resumed = flow.step("a").resumed
    assert resumed is not None
    assert (resumed.by, resumed.memo, resumed.payload) == ("signal", "m", {"by": "me"})


def test_signals_that_came_before_are_kept_in_order() -> None:
    flow = Scenario(step("a"))
    flow.signalled("go", 1)
    flow.signalled("go", 2)
    payloads = []
    for _ in range(2):
        assert flow.suspended("a", signal="go") == ["a waiting", "a resumed"]
        resumed = flow.step("a").resumed
        assert resumed is not None
        payloads.append(resumed.payload)

    assert payloads == [1, 2]
    assert flow.suspended("a", signal="go") == ["a waiting"]


def test_one_signal_wakes_one_step() -> None:
    flow = Scenario(step("a"), step("b"), execution_pattern="parallel")
    flow.suspended("b", signal="go")
    flow.suspended("a", signal="go")

    assert flow.signalled("go") == ["signal go", "a resumed"]
    assert flow.signalled("go") == ["signal go", "b resumed"]


def test_whichever_comes_first_of_timer_and_signal_wakes_the_step() -> None:
    by_signal = Scenario(step("a"))
    by_signal.suspended("a", seconds=10, signal="go")
    assert by_signal.signalled("go") == ["signal go", "a resumed"]
    assert by_signal.after(10) == []

    by_timer = Scenario(step("a"))
    by_timer.suspended("a", seconds=10, signal="go")
    assert by_timer.after(10) == ["a timer fired"]
    assert by_timer.signalled("go") == ["signal go"]


def test_a_signal_that_is_here_wins_over_a_timer_that_is_due() -> None:
    flow = Scenario(step("a"))
    flow.suspended("a", seconds=10, signal="go")
    flow.now += 20

    assert flow.signalled("go") == ["signal go", "a resumed"]


def test_signals_nobody_takes_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.execution.decide.MOST_UNTAKEN_SIGNALS", 3)
    flow = Scenario(step("a"))
    for name in ("go", "go", "stay"):
        flow.signalled(name)

    with pytest.raises(TooManySignals):
        flow.signalled("go")
    flow.suspended("a", signal="go")
    assert flow.signalled("go") == ["signal go"]


# --- what is due next


def test_the_next_instant_is_the_earliest_of_all() -> None:
    flow = Scenario(
        step("a"), step("b", timeout_seconds=20), step("c", max_retries=1), execution_pattern="parallel",
        timeout_seconds=100,
    )  # fmt: skip
    assert flow.due_in == 20
    flow.failed("c", retry_after=15)
    assert flow.due_in == 15
    flow.suspended("a", seconds=7)
    assert flow.due_in == 7
    flow.done("b")
    flow.after(7)
    assert flow.due_in == 8
    flow.cancelled()
    assert flow.due_in is None


def test_nothing_is_due_while_steps_only_run() -> None:
    assert Scenario(step("a")).due_in is None
