"""Every document that is only validated: what is said of it, and that nothing came of it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.cases import Case, validation_cases
from tests.serving.client import Answer, Client

CASES = validation_cases("validations.json", "ours.json")


@pytest.fixture(scope="module")
def answers(client: Client, at_once: ThreadPoolExecutor) -> Mapping[str, Answer]:
    found = at_once.map(lambda case: client.post("/workflows/validate", case.body), CASES)
    return dict(zip([case.id for case in CASES], found, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_document_is_judged_as_its_case_says(case: Case, answers: Mapping[str, Answer]) -> None:
    answer = answers[case.id]
    assert answer.status == 200
    said = {name: answer.body[name] for name in case.expect if name != "codes"}
    wanted = {name: value for name, value in case.expect.items() if name != "codes"}
    if "errors" in wanted:
        said["errors"], wanted["errors"] = set(said["errors"]), set(wanted["errors"])
    assert said == wanted, case.title
    assert sorted(answer.codes) == sorted(case.expect.get("codes", answer.codes)), case.title


def test_validating_starts_nothing(client: Client, answers: Mapping[str, Answer]) -> None:
    assert answers
    assert client.executions() == []
