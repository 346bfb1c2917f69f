"""Every case over HTTP against a real server process: refused, or run to its end and compared with what is expected."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.cases import Case, execution_cases
from tests.conformance.comparing import Outcome, differences, executed
from tests.serving.client import Client

CASES = execution_cases("executions.json", "ours.json")


@pytest.fixture(scope="module")
def outcomes(client: Client, at_once: ThreadPoolExecutor) -> Mapping[str, Outcome]:
    """By case; all of them were started at once."""
    return dict(zip([case.id for case in CASES], at_once.map(lambda case: executed(client, case), CASES), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_execution_ends_as_its_case_says(case: Case, outcomes: Mapping[str, Outcome]) -> None:
    assert differences(case.expect, outcomes[case.id]) == [], case.title


def test_every_history_is_whole(outcomes: Mapping[str, Outcome]) -> None:
    for outcome in outcomes.values():
        assert [event["seq"] for event in outcome.events] == list(range(1, len(outcome.events) + 1))
        assert [event["kind"] for event in outcome.events[-1:]] in ([], [f"execution_{outcome.summary.get('status')}"])


def test_counts_agree_with_the_statuses_of_the_steps(outcomes: Mapping[str, Outcome]) -> None:
    for outcome in outcomes.values():
        statuses = list((outcome.summary.get("step_statuses") or {}).values())
        for status in ("completed", "failed", "skipped"):
            assert outcome.summary.get(f"{status}_steps", 0) == statuses.count(status)
        assert outcome.summary.get("total_steps", 0) == len(statuses)
