"""Whether an attempt is followed by another, and after how long."""

import pytest

from tests.execution.scenario import NOW, SEED, Scenario, step
from workflow_engine.definition.model import BackoffStrategy
from workflow_engine.definition.plan import RetryPolicy
from workflow_engine.execution.retries import retry_delay
from workflow_engine.history.events import StepRetrying
from workflow_engine.jsontext import Json, JsonObject


def delays(flow: Scenario) -> list[float]:
    """Fail the step until nothing follows; the delays that were recorded."""
    found = []
    while flow.failed("a") == ["a retrying"]:
        due = flow.due_in
        assert due is not None
        found.append(due)
        assert flow.after(due) == ["a scheduled"]
    return found


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("fixed_delay", [2, 2, 2, 2]),
        ("linear_backoff", [2, 4, 6, 8]),
        ("exponential_backoff", [2, 4, 8, 16]),
    ],
)
def test_each_strategy_has_its_delays(strategy: str, expected: list[float]) -> None:
    flow = Scenario(step("a", max_retries=4, retry_strategy=strategy, retry_delay_seconds=2))

    found = delays(flow)

    assert found == pytest.approx(expected, rel=0.1)
    assert found != expected  # jitter was drawn
    assert flow.status == "failed"
    assert flow.step("a").attempt == 5


def test_exponential_is_the_default_and_begins_with_one_second() -> None:
    assert delays(Scenario(step("a", max_retries=3))) == pytest.approx([1, 2, 4], rel=0.1)


def test_a_delay_is_never_longer_than_allowed() -> None:
    found = delays(Scenario(step("a", max_retries=12, max_retry_delay_seconds=5)))

    assert max(found) <= 5
    assert found[-1] >= 4.5


def test_jitter_is_drawn_once_and_recorded() -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.failed("a")

    recorded = next(event for event in flow.told if isinstance(event, StepRetrying))

    assert recorded.due_at == NOW + retry_delay(RetryPolicy(1), 1, None, SEED, "a")


def test_jitter_stays_within_ten_percent_and_uses_that_room() -> None:
    policy = RetryPolicy(1, BackoffStrategy.FIXED, delay=1.0)
    drawn = [retry_delay(policy, attempt, None, seed, "a") for seed in range(200) for attempt in range(1, 6)]

    assert 0.9 <= min(drawn) < 0.902
    assert 1.098 < max(drawn) <= 1.1
    assert 0.99 < sum(drawn) / len(drawn) < 1.01


def test_jitter_differs_between_seeds_paths_and_attempts() -> None:
    policy = RetryPolicy(1, BackoffStrategy.FIXED, delay=1.0)

    assert len({retry_delay(policy, a, None, s, p) for a in (1, 2) for s in (1, 2) for p in ("a", "b")}) == 8


def test_nothing_is_retried_unless_the_document_asks_for_it() -> None:
    flow = Scenario(step("a"))

    assert flow.failed("a") == ["a failed", "execution failed"]


def test_strategy_none_retries_nothing() -> None:
    flow = Scenario(step("a", max_retries=5, retry_strategy="none"))

    assert flow.failed("a") == ["a failed", "execution failed"]


@pytest.mark.parametrize(
    "code", ["invalid-config", "mapping-error", "contract-violation", "payload-too-large", "expression-error"]
)
def test_what_another_attempt_cannot_cure_is_not_retried(code: str) -> None:
    assert Scenario(step("a", max_retries=5)).failed("a", code)[0] == "a failed"


@pytest.mark.parametrize("code", ["timeout", "transport-error", "unexpected-error", "anything-else"])
def test_everything_else_is(code: str) -> None:
    assert Scenario(step("a", max_retries=5)).failed("a", code) == ["a retrying"]


@pytest.mark.parametrize(
    ("fields", "code", "retryable", "retried"),
    [
        ({"retry_on": ["flaky"]}, "flaky", None, True),
        ({"retry_on": ["flaky"]}, "other", None, False),
        ({"retry_on": ["flaky"]}, "other", True, False),
        ({"retry_on": ["*"]}, "contract-violation", None, True),
        ({"retry_on": ["contract-violation"]}, "contract-violation", None, True),
        ({"retry_on": []}, "timeout", None, False),
        ({"no_retry_on": ["flaky"]}, "flaky", None, False),
        ({"no_retry_on": ["flaky"]}, "flaky", True, False),
        ({"no_retry_on": ["flaky"]}, "other", None, True),
        ({"retry_on": ["flaky"], "no_retry_on": ["flaky"]}, "flaky", None, False),
        ({"retry_on": ["flaky"]}, "flaky", False, False),
        ({"retry_on": ["*"]}, "flaky", False, False),
        ({}, "contract-violation", True, True),
        ({}, "timeout", False, False),
    ],
)
def test_the_workers_no_wins_over_the_document_and_the_document_over_the_rest(
    fields: JsonObject, code: str, retryable: bool | None, retried: bool
) -> None:
    flow = Scenario(step("a", max_retries=1, **fields))

    assert (flow.failed("a", code, retryable=retryable) == ["a retrying"]) is retried


def test_a_step_type_announces_what_is_retried_by_default() -> None:
    def retried(code: str, **fields: Json) -> bool:
        flow = Scenario(step("a", step_type="announce", max_retries=1, **fields))
        return flow.failed("a", code) == ["a retrying"]

    assert not retried("hopeless")
    assert retried("invalid-config")
    assert retried("hopeless", retry_on=["hopeless"])


def test_the_worker_says_when_to_come_back() -> None:
    flow = Scenario(step("a", max_retries=1, max_retry_delay_seconds=5))
    flow.failed("a", retry_after=120)

    assert flow.due_in == 120


@pytest.mark.parametrize(("said", "kept"), [(-5.0, 0.0), (1e12, 86_400.0)])
def test_a_worker_cannot_ask_for_the_past_or_for_ever(said: float, kept: float) -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.failed("a", retry_after=said)

    assert flow.due_in == kept


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf")])
def test_nonsense_of_a_worker_is_not_taken_for_a_time(nonsense: float) -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.failed("a", retry_after=nonsense)

    assert flow.due_in == pytest.approx(1, rel=0.1)


def test_what_must_not_start_twice_is_never_retried() -> None:
    flow = Scenario(step("a", step_type="pay", max_retries=5, retry_on=["*"]))

    assert flow.failed("a", "transport-error", retryable=True) == ["a failed", "execution failed"]


def test_a_step_type_brings_its_own_retries_and_timeout() -> None:
    flow = Scenario(step("a", step_type="hasty"))

    assert flow.due_in == 5
    assert flow.after(5) == ["a retrying"]


def test_what_an_expression_yielded_is_kept_for_every_attempt() -> None:
    flow = Scenario(step("a", input_mapping={"x": "${input.n + 1}"}, max_retries=1), given={"n": 1})
    flow.failed("a")
    flow.after(2)

    assert flow.step("a").computed == (2,)
    assert flow.step("a").attempt == 2
    assert flow.step("a").delivery == 2


def test_a_late_retry_is_not_started_before_its_time() -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.failed("a")

    assert flow.after(0.5) == []
    assert flow.status == "waiting"
    assert flow.after(1) == ["a scheduled"]


def test_a_step_that_succeeds_in_the_end_has_no_error() -> None:
    flow = Scenario(step("a", max_retries=1))
    flow.failed("a")
    flow.after(2)

    assert flow.done("a") == ["a completed", "execution completed"]
    assert flow.step("a").error is None
