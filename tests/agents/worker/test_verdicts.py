"""What failed calls mean, on plain values: exceptions by their names, and what was seen on the wire."""

import json

import pytest
from workflow_client import StepError

from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker.exchange import Exchange, Request
from workflow_engine.agents.worker.verdicts import verdict

REDACT = Redaction({"OPENAI_API_KEY": "the-key-itself"})


def raised(name: str, text: str = "said the library") -> Exception:
    made: Exception = type(name, (Exception,), {})(text)
    return made


def judged(failure: Exception, *requests: Request, refused: str | None = None) -> StepError:
    return verdict(failure, Exchange(requests=list(requests), refused=refused), REDACT)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "provider-bad-request"),
        (401, "provider-auth"),
        (403, "provider-auth"),
        (404, "model-not-found"),
        (408, "provider-timeout"),
        (413, "provider-bad-request"),
        (429, "provider-rate-limited"),
        (500, "provider-unavailable"),
        (503, "provider-unavailable"),
        (529, "provider-unavailable"),
    ],
)
def test_the_status_decides_whatever_the_library_made_of_it(status: int, code: str) -> None:
    failure = judged(raised("APIConnectionError"), Request(status=status))
    assert failure.code == code
    assert f"HTTP {status}" in failure.message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ContextWindowExceededError", "context-window-exceeded"),
        ("ContentPolicyViolationError", "content-filtered"),
        ("AuthenticationError", "provider-auth"),
        ("NotFoundError", "model-not-found"),
        ("BadRequestError", "provider-bad-request"),
    ],
)
def test_the_library_tells_apart_what_comes_as_400(name: str, code: str) -> None:
    assert judged(raised(name), Request(status=400)).code == code


def test_a_server_error_is_none_of_the_clients_faults() -> None:
    assert judged(raised("AuthenticationError"), Request(status=500)).code == "provider-unavailable"


def test_retry_after_is_handed_on_with_the_rate_limit_only() -> None:
    assert judged(raised("X"), Request(status=429, retry_after=7.0)).retry_after == 7.0
    assert judged(raised("X"), Request(status=400, retry_after=7.0)).retry_after is None


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(broken="ConnectError"), "provider-unavailable"),
        (Request(broken="ReadTimeout", timed_out=True), "provider-timeout"),
        (Request(status=200, broken="ReadError"), "provider-unavailable"),
        (Request(status=200, unreadable="it has more than 9 bytes"), "provider-invalid-response"),
        (Request(status=200), "provider-invalid-response"),
    ],
)
def test_the_wire_is_believed(request_: Request, code: str) -> None:
    assert judged(raised("InternalServerError"), request_).code == code


def test_what_cannot_be_parsed_is_found_behind_the_librarys_error() -> None:
    failure = raised("ServiceUnavailableError")
    failure.__cause__ = json.JSONDecodeError("Expecting value", "<html>", 0)
    assert judged(failure, Request(status=200)).code == "provider-invalid-response"
    assert judged(raised("ServiceUnavailableError"), Request(status=200)).code == "provider-unavailable"


def test_without_any_request_the_library_is_believed() -> None:
    assert judged(raised("NoCredentialsError")).code == "provider-auth"
    assert judged(raised("UnsupportedParamsError")).code == "provider-bad-request"
    assert "said the library" in judged(raised("ValueError")).message


def test_a_fallbacks_final_word_does_not_hide_that_the_model_itself_may_be_back() -> None:
    failure = judged(raised("X", "no such thing"), Request(status=429, retry_after=3.0), Request(status=400))
    assert (failure.code, failure.retry_after) == ("provider-rate-limited", 3.0)
    assert judged(raised("X"), Request(status=400), Request(status=503)).code == "provider-unavailable"
    assert judged(raised("X"), Request(status=401), Request(status=400)).code == "provider-bad-request"


def test_a_refused_address_is_said_before_all() -> None:
    assert judged(raised("X"), Request(broken="ConnectError"), refused="a loopback address").code == "host-not-allowed"


def test_messages_are_short_and_hold_no_key() -> None:
    failure = judged(raised("BadRequestError", "litellm.BadRequestError: the-key-itself " + "x" * 5_000))
    assert len(failure.message) <= 500
    assert "the-key-itself" not in failure.message
    assert "litellm" not in failure.message


def test_what_a_provider_says_about_a_key_is_not_repeated() -> None:
    assert "abc" not in judged(raised("AuthenticationError", "wrong key abc"), Request(status=401)).message
