"""Never a 500: every hostile request gets the documented refusal, and nothing of it back."""

import json
from typing import Any

import pytest

from tests.rest.hostile import MARK, Hostile, cases
from tests.rest.serving import Answer, Served, exchange

CASES = list(cases())


@pytest.mark.parametrize("hostile", CASES, ids=[case.name for case in CASES])
def test_a_hostile_request_is_refused_as_documented(served: Served, hostile: Hostile) -> None:
    if hostile.first is not None:
        assert exchange(served.port, hostile.first).status == 200
    answer = exchange(served.port, *hostile.parts)
    problem = problem_of(answer)
    assert (answer.status, problem["status"]) == (hostile.status, hostile.status)
    found = [each for each in problem["problems"] if each["code"] == hostile.code]
    assert hostile.code == problem["code"] or found, problem
    if hostile.pointer is not None:
        assert hostile.pointer in [each["pointer"] for each in found], problem
    assert hostile.advice in " ".join(each["message"] for each in found)


@pytest.mark.parametrize("hostile", CASES, ids=[case.name for case in CASES])
def test_a_refusal_does_not_repeat_what_was_sent(served: Served, hostile: Hostile) -> None:
    answer = exchange(served.port, *hostile.parts)
    problem = {name: value for name, value in problem_of(answer).items() if name != "instance"}
    assert MARK not in json.dumps(problem)
    assert MARK not in str(answer.headers)


def test_there_are_as_many_hostile_requests_as_we_say() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_server_is_well_after_all_of_them(served: Served) -> None:
    with served.client() as client:
        assert client.get("/readyz").status_code == 200
        errors = client.get("/analytics/errors?component=server").json()
    assert errors["error_statistics"]["total_errors"] == 0


def problem_of(answer: Answer) -> dict[str, Any]:
    assert answer.headers.get("content-type") == "application/problem+json", (answer.status, answer.body[:500])
    problem: dict[str, Any] = json.loads(answer.body)
    assert {"type", "title", "status", "detail", "code", "problems"} <= problem.keys()
    assert isinstance(problem["detail"], str)
    return problem
