"""What an HTTP status other than success means for a step: its code, whether to try again, and when."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from workflow_engine.steps.contract import StepFailure
from workflow_engine.steps.services import HttpResponse

HTTP_STATUS: Final = "http-status"
_LONGEST_WAIT: Final = 86_400.0
_EXCERPT: Final = 500


def status_failure(sentence: str, response: HttpResponse) -> StepFailure:
    """A failure with code `http-status`: worth another attempt when the server was overloaded or broken (429, 5xx)."""
    excerpt = response.body[:_EXCERPT].decode("utf-8", "replace").replace("\x00", "")
    return StepFailure(
        HTTP_STATUS,
        sentence,
        retryable=response.status == 429 or response.status >= 500,
        details={"status_code": response.status, "body": excerpt},
        retry_after=retry_after_seconds(response.headers) if response.status in (429, 503) else None,
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header.

    A date in it is taken relative to the answer's own `Date`, not to our clock.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):  # absent, unreadable, or one of the two without a time zone
        return None
    return min(max(wait.total_seconds(), 0.0), _LONGEST_WAIT)
