"""The comparison itself: what does not conform is noticed, in whatever place it is."""

from typing import Any

import pytest

from tests.conformance.comparing import Outcome, differences
from tests.serving.client import Answer

RESULTS = {
    "status": "completed",
    "output": {"n": 42},
    "metadata": {"error_message": "Critical step a failed: no"},
    "step_results": {
        "a": {"status": "failed", "retry_count": 2, "output_data": None, "error": {"code": "timeout"}},
        "b": {"status": "completed", "retry_count": 0, "output_data": {"text": "abc", "list": [1, {"x": 1, "y": 2}]}},
    },
}
SUMMARY = {"status": "completed", "step_statuses": {"a": "failed", "b": "completed"}, "completed_steps": 1}
EVENTS = [{"seq": 1, "kind": "step_completed", "path": "b"}]
RAN = Outcome(Answer(200, {}, {}), RESULTS, SUMMARY, EVENTS)
REFUSED = Outcome(Answer(422, {}, {"problems": [{"code": "unknown-field"}]}), {}, {}, [])

CONFORMING: list[tuple[dict[str, Any], Outcome]] = [
    ({"status": "completed", "steps": {"a": "failed", "b": "completed"}, "not_completed": ["a", "ghost"]}, RAN),
    ({"counts": {"completed_steps": 1}, "retries": {"a": 2}, "error_codes": {"a": "timeout"}, "order": ["b"]}, RAN),
    ({"output": {"b": {"list": [1, {"x": 1}]}}, "output_startswith": {"b.text": "ab"}, "result": {"n": 42}}, RAN),
    ({"error_contains": "Critical step a failed"}, RAN),
    ({"http": 422, "codes": ["unknown-field"]}, REFUSED),
]
DIFFERING: list[tuple[dict[str, Any], Outcome]] = [
    ({"status": "failed"}, RAN),
    ({"steps": {"a": "completed"}}, RAN),
    ({"steps": {"ghost": "skipped"}}, RAN),
    ({"not_completed": ["b"]}, RAN),
    ({"counts": {"completed_steps": 2}}, RAN),
    ({"retries": {"a": 1}}, RAN),
    ({"error_codes": {"b": "timeout"}}, RAN),
    ({"order": []}, RAN),
    ({"output": {"b": {"list": [1.0, {"x": 1}]}}}, RAN),
    ({"output": {"b": {"list": [True, {"x": 1}]}}}, RAN),
    ({"output": {"b": {"list": [1]}}}, RAN),
    ({"output": {"b": {"ghost": None}}}, RAN),
    ({"output": {"a": {"text": "abc"}}}, RAN),
    ({"output_startswith": {"b.text": "b"}}, RAN),
    ({"result": {"n": "42"}}, RAN),
    ({"error_contains": "timed out"}, RAN),
    ({"http": 422}, RAN),
    ({"http": 400}, REFUSED),
    ({"codes": ["unknown-step"], "http": 422}, REFUSED),
    ({"status": "completed"}, REFUSED),
]


@pytest.mark.parametrize(("expect", "outcome"), CONFORMING)
def test_what_conforms_has_no_differences(expect: dict[str, Any], outcome: Outcome) -> None:
    assert differences(expect, outcome) == []


@pytest.mark.parametrize(("expect", "outcome"), DIFFERING)
def test_every_difference_is_noticed(expect: dict[str, Any], outcome: Outcome) -> None:
    assert differences(expect, outcome) != []


def test_an_expectation_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        differences({"stats": "completed"}, RAN)
