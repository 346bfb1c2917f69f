"""How many tokens an answer may have within what an agent's limits leave."""

import pytest
from workflow_client import StepError

from workflow_engine.agents.worker.asked import Price
from workflow_engine.agents.worker.budget import MARGIN, OVERHEAD, Left, capped

CHEAP = Price(1.0, 2.0)
DEAR = Price(10.0, 40.0)


def never() -> int:
    raise AssertionError("nothing had to be counted")


def test_without_limits_an_answer_may_have_what_was_asked_for() -> None:
    assert capped(None, Left(None, None), (), 10**9, never) is None
    assert capped(500, Left(None, None), (), 10**9, never) == 500


def test_nothing_is_counted_where_even_one_token_for_each_byte_would_fit() -> None:
    assert capped(100, Left(10_000, 1.0), (CHEAP,), 5_000, never) == 100


def test_what_is_left_of_the_tokens_is_shared_by_question_and_answer() -> None:
    assert capped(1_000, Left(1_000, None), (), 4_000, lambda: 200) == 1_000 - int(200 * MARGIN) - OVERHEAD


def test_an_answer_can_cost_no_more_than_is_left_at_the_dearest_price() -> None:
    most = capped(10_000, Left(None, 0.01), (CHEAP, DEAR), 4_000, lambda: 200)
    assert most is not None
    asked = int(200 * MARGIN) + OVERHEAD
    assert DEAR.of(asked, most) <= 0.01 < DEAR.of(asked, most + 1)


def test_free_models_are_limited_by_tokens_alone() -> None:
    assert capped(None, Left(None, 0.5), (Price(0, 0),), 4_000, lambda: 10) is None


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (Left(100, None), "agent-token-limit"),
        (Left(0, None), "agent-token-limit"),
        (Left(-5, None), "agent-token-limit"),
        (Left(None, 0.0001), "agent-cost-limit"),
        (Left(None, 0.0), "agent-cost-limit"),
        (Left(100_000, 0.0001), "agent-cost-limit"),
        (Left(100, 100.0), "agent-token-limit"),
    ],
)
def test_a_call_that_could_exceed_a_limit_is_refused_by_the_name_of_that_limit(left: Left, code: str) -> None:
    with pytest.raises(StepError) as refused:
        capped(1_000, left, (DEAR,), 4_000, lambda: 200)
    assert refused.value.code == code


def test_a_short_answer_that_was_asked_for_may_be_short() -> None:
    assert capped(5, Left(300, None), (), 4_000, lambda: 200) == 5
