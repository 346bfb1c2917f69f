"""What a step makes of an HTTP status that is no success."""

import pytest

from workflow_engine.steps.http_answers import retry_after_seconds, status_failure
from workflow_engine.steps.services import HttpResponse

MONDAY = "Mon, 02 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "999999999999999999999"}, 86_400.0),
        ({"retry-after": "Mon, 02 Nov 2026 12:00:30 GMT", "date": MONDAY}, 30.0),
        ({"retry-after": "Mon, 02 Nov 2026 11:00:00 GMT", "date": MONDAY}, 0.0),
        ({"retry-after": "Mon, 02 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Mon, 02 Nov 2026 12:00:30 -0000", "date": MONDAY}, None),
        ({"retry-after": "soon", "date": MONDAY}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "٣"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_seconds(headers) == seconds


@pytest.mark.parametrize(
    ("status", "retryable", "after"),
    [(302, False, None), (400, False, None), (404, False, None), (429, True, 5.0), (500, True, None), (503, True, 5.0)],
)
def test_an_overloaded_or_broken_server_is_worth_another_attempt(
    status: int, retryable: bool, after: float | None
) -> None:
    failure = status_failure("it said no", HttpResponse(status, {"retry-after": "5"}, b"why", "http://a.example/"))
    assert (failure.error_code, failure.message) == ("http-status", "it said no")
    assert (failure.retryable, failure.retry_after) == (retryable, after)
    assert failure.details == {"status_code": status, "body": "why"}


def test_the_excerpt_of_an_answer_is_short_and_storable() -> None:
    failure = status_failure("no", HttpResponse(500, {}, b"\xff\x00" + b"x" * 1000, "http://a.example/"))
    assert isinstance(failure.details, dict)
    excerpt = failure.details["body"]
    assert isinstance(excerpt, str)
    assert excerpt.startswith("\ufffdxxx")
    assert len(excerpt) == 499
