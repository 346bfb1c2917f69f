"""What the control steps decide, and how the waiting ones suspend and come back."""

from typing import Unpack

import pytest

from tests.plugins.asking import NOON, NOON_TEXT, More, ask, verdict
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Resumption, Routed, StepFailure, Suspended


def failure(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        verdict(step_type, config, given, **more)
    return caught.value


# --- conditional


def test_conditional_answers_every_key_clients_read() -> None:
    config: JsonObject = {"condition_key": "score", "condition_value": 85, "true_result": "yes", "false_result": "no"}
    assert ask("conditional", config, {"score": 85}) == {
        "result": "yes",
        "condition_met": True,
        "condition_type": "equals",
        "test_value": 85,
        "condition_value": 85,
        "evaluated_at": NOON_TEXT,
        "success": True,
    }


@pytest.mark.parametrize(
    ("kind", "value", "other", "met"),
    [
        ("equals", 1, 1.0, True),
        ("equals", True, 1, False),
        ("equals", {"a": [1, 2]}, {"a": [1, 2]}, True),
        ("equals", {"a": 1, "b": 2}, {"b": 2, "a": 1.0}, True),
        ("equals", [True], [1], False),
        ("equals", "85", 85, False),
        ("not_equals", 1, 2, True),
        ("not_equals", 1, 1, False),
        ("contains", "abc", "b", True),
        ("contains", "abc", 1, False),
        ("contains", [1, {"x": 1}], {"x": 1}, True),
        ("contains", [1], True, False),
        ("contains", {"k": 0}, "k", True),
        ("contains", {"k": 0}, ["k"], False),
        ("contains", 5, 5, False),
        ("greater_than", 2, 1.5, True),
        ("greater_than", "b", "a", True),
        ("greater_than", "9", 1, False),
        ("greater_than", True, False, False),
        ("greater_than", None, -1, False),
        ("less_than", 1, 2, True),
        ("less_than", None, 5, False),
        ("less_than", [1], [2], False),
        ("exists", 0, None, True),
        ("exists", None, None, False),
        ("not_exists", None, None, True),
        ("not_exists", "", None, False),
    ],
)
def test_conditional_compares_json_as_json(kind: str, value: Json, other: Json, met: bool) -> None:
    config: JsonObject = {"condition_type": kind, "condition_value": other}
    answer = ask("conditional", config, {"value": value})
    assert (answer["condition_met"], answer["result"], answer["test_value"]) == (met, met, value)


def test_a_key_that_is_missing_is_null() -> None:
    assert ask("conditional", {"condition_type": "exists", "condition_key": "k"}, {})["condition_met"] is False
    assert ask("conditional", {"condition_type": "less_than", "condition_value": 5}, {})["condition_met"] is False


def test_a_condition_arrives_evaluated_and_wins() -> None:
    answer = ask("conditional", {"condition": True, "condition_type": "equals", "condition_value": 1}, {"value": 2})
    assert (answer["condition_met"], answer["condition_type"], answer["test_value"]) == (True, "condition", True)


def test_a_condition_that_is_no_truth_is_an_invalid_config() -> None:
    assert failure("conditional", {"condition": "yes"}).error_code == "invalid-config"


def test_an_unknown_condition_type_is_an_invalid_config() -> None:
    failed = failure("conditional", {"condition_type": "resembles"})
    assert (failed.error_code, failed.message) == ("invalid-config", "Unknown condition_type: resembles")


# --- switch


def routed(config: JsonObject) -> Routed:
    answered = verdict("switch", config)
    assert isinstance(answered, Routed)
    return answered


def test_switch_goes_on_with_the_first_case_that_holds() -> None:
    config: JsonObject = {
        "cases": [{"condition": False, "then": "a"}, {"condition": True, "then": "b"}, {"condition": True, "then": "c"}]
    }
    answered = routed(config)
    assert answered.to == ("b",)
    assert answered.output == {
        "result": "b",
        "condition_met": True,
        "matched_case": 1,
        "routed_to": "b",
        "evaluated_at": NOON_TEXT,
        "success": True,
    }


def test_switch_compares_a_value() -> None:
    config: JsonObject = {"value": 1, "cases": [{"equals": True, "then": "a"}, {"equals": 1.0, "then": "b"}]}
    assert routed(config).to == ("b",)


@pytest.mark.parametrize(("default", "to"), [({"default": "z"}, ("z",)), ({}, ())])
def test_switch_without_a_match_takes_the_default_or_goes_nowhere(default: JsonObject, to: tuple[str, ...]) -> None:
    answered = routed({"cases": [{"condition": False, "then": "a"}], **default})
    assert answered.to == to
    assert isinstance(answered.output, dict)
    assert (answered.output["condition_met"], answered.output["matched_case"]) == (False, None)


@pytest.mark.parametrize(
    "config",
    [
        {"cases": [{"then": "a"}]},
        {"cases": [{"condition": True, "equals": 1, "then": "a"}], "value": 1},
        {"cases": [{"equals": 1, "then": "a"}]},
        {"cases": [{"condition": 1, "then": "a"}]},
    ],
)
def test_a_case_that_says_too_little_or_too_much_is_an_invalid_config(config: JsonObject) -> None:
    assert failure("switch", config).error_code == "invalid-config"


# --- delay


def test_a_delay_suspends_and_holds_nothing() -> None:
    assert verdict("delay", {"delay_seconds": 5}) == Suspended(seconds=5.0, memo={"started": NOON})
    assert verdict("delay") == Suspended(seconds=1.0, memo={"started": NOON})


def test_a_delay_that_is_over_tells_what_passed() -> None:
    came_back = Resumption("timer", {"started": NOON})
    assert ask("delay", {"delay_seconds": 5}, {"k": 1}, now=NOON + 5.25, resumption=came_back) == {
        "delay_requested": 5,
        "delay_actual": 5.25,
        "started_at": NOON_TEXT,
        "completed_at": "2026-11-01T12:00:05.250000Z",
        "input_data": {"k": 1},
        "success": True,
    }


def test_no_delay_is_over_at_once() -> None:
    assert ask("delay", {"delay_seconds": 0})["delay_actual"] == 0.0


def test_a_clock_that_was_set_back_gives_no_negative_delay() -> None:
    answer = ask("delay", {"delay_seconds": 5}, now=NOON - 100, resumption=Resumption("timer", {"started": NOON}))
    assert answer["delay_actual"] == 0.0


# --- wait_for_signal


def test_waiting_for_a_signal_suspends_with_and_without_a_time_limit() -> None:
    assert verdict("wait_for_signal", {"signal_name": "go"}) == Suspended(signal="go")
    config: JsonObject = {"signal_name": "go", "timeout_seconds": 60}
    assert verdict("wait_for_signal", config) == Suspended(seconds=60.0, signal="go")


def test_a_signal_that_came_is_the_output() -> None:
    came = Resumption("signal", payload={"by": "Ada"})
    assert ask("wait_for_signal", {"signal_name": "go"}, resumption=came) == {
        "signal": "go",
        "payload": {"by": "Ada"},
        "received_at": NOON_TEXT,
        "timed_out": False,
        "success": True,
    }


def test_a_signal_that_did_not_come_fails_the_step() -> None:
    config: JsonObject = {"signal_name": "go", "timeout_seconds": 60}
    failed = failure("wait_for_signal", config, resumption=Resumption("timer"))
    assert (failed.error_code, failed.retryable) == ("signal-timeout", False)
    assert failed.message == "Signal go did not come within 60 seconds"


def test_a_signal_that_did_not_come_may_be_no_failure() -> None:
    config: JsonObject = {"signal_name": "go", "timeout_seconds": 60, "on_timeout": "continue"}
    answer = ask("wait_for_signal", config, resumption=Resumption("timer"))
    assert (answer["timed_out"], answer["payload"], answer["received_at"]) == (True, None, None)


def test_an_unknown_way_to_time_out_is_found_before_waiting() -> None:
    failed = failure("wait_for_signal", {"signal_name": "go", "on_timeout": "shrug"})
    assert (failed.error_code, failed.message) == ("invalid-config", "Unknown on_timeout: shrug")
