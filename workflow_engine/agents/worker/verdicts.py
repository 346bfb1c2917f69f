"""What a failed call means: by the facts of the wire first, by what libraries made of them where the wire is silent."""

import re
from collections.abc import Iterator
from typing import Final

from workflow_client import StepError

from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker.exchange import Exchange, Request

AUTH: Final = "provider-auth"
RATE: Final = "provider-rate-limited"
AWAY: Final = "provider-unavailable"
LATE: Final = "provider-timeout"
BAD: Final = "provider-bad-request"
UNKNOWN: Final = "model-not-found"
LONG: Final = "context-window-exceeded"
FILTERED: Final = "content-filtered"
UNREADABLE: Final = "provider-invalid-response"

SENTENCES: Final = {
    AUTH: "The provider refused the credentials",
    RATE: "The provider asks to slow down",
    AWAY: "The provider cannot be reached, or failed",
    LATE: "The provider did not answer in time",
    BAD: "The provider refused the request",
    UNKNOWN: "The provider knows no such model",
    LONG: "The conversation is longer than the model can read",
    FILTERED: "The provider's content filter refused",
    UNREADABLE: "The provider's answer cannot be read",
}
_RETRYABLE: Final = frozenset({RATE, AWAY, LATE, UNREADABLE})
_SILENT: Final = frozenset({AUTH})
"""What a provider says about a key may repeat it."""

_BY_STATUS: Final = {401: AUTH, 403: AUTH, 404: UNKNOWN, 408: LATE, 429: RATE}
_REFUSALS: Final = (  # what libraries tell apart within HTTP 400
    ("ContextWindowExceededError", LONG),
    ("ContentPolicyViolationError", FILTERED),
    ("AuthenticationError", AUTH),
    ("PermissionDeniedError", AUTH),
    ("NotFoundError", UNKNOWN),
)
_SAID_LATER: Final = (  # failures that a provider announces inside an answer that began well
    *_REFUSALS,
    ("RateLimitError", RATE),
    ("Timeout", LATE),
    ("ServiceUnavailableError", AWAY),
    ("MidStreamFallbackError", AWAY),
)
_NOT_ASKED: Final = (  # no request went out at all
    *_REFUSALS,
    ("NoCredentialsError", AUTH),
    ("PartialCredentialsError", AUTH),
    ("ProfileNotFound", AUTH),
    ("CredentialRetrievalError", AUTH),
    ("Timeout", LATE),
)
_PARSING: Final = frozenset(
    (
        "JSONDecodeError",
        "ValidationError",
        "UnicodeDecodeError",
        "APIResponseValidationError",
        "ChecksumMismatch",  # this one and the next ones: AWS event streams
        "InvalidHeadersLength",
        "InvalidPayloadLength",
        "DuplicateHeader",
    )
)


def verdict(failure: BaseException, exchange: Exchange, redact: Redaction) -> StepError:
    """The failure of a step, for what was raised while a model was called."""
    if exchange.refused is not None:
        return StepError("host-not-allowed", f"The address of `api_base` may not be called: {exchange.refused}")
    names = frozenset(_names(failure))
    told = last = exchange.last
    code = _judged(names, last)
    if code not in _RETRYABLE and (earlier := _worth_another_try(exchange)) is not None:
        code, told = earlier  # a model before its fallbacks may be back at the next attempt
    text = "" if code in _SILENT or told is not last else redact(_said(failure))
    return StepError(code, _sentence(code, told, text), retry_after=told.retry_after if code in (RATE, AWAY) else None)


def _judged(names: frozenset[str], last: Request) -> str:
    if "UnsupportedParamsError" in names:
        return BAD
    if last.unreadable is not None:
        return UNREADABLE
    if last.broken is not None:
        return LATE if last.timed_out else AWAY
    if last.status is None:
        return _first(names, _NOT_ASKED, BAD)
    if last.status >= 400:
        return by_status(last.status, names)
    if names & _PARSING:
        return UNREADABLE
    return _first(names, _SAID_LATER, UNREADABLE)


def by_status(status: int, names: frozenset[str] = frozenset()) -> str:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return AWAY if status >= 500 else _first(names, _REFUSALS, BAD)


def _first(names: frozenset[str], table: tuple[tuple[str, str], ...], otherwise: str) -> str:
    return next((code for name, code in table if name in names), otherwise)


def _worth_another_try(exchange: Exchange) -> tuple[str, Request] | None:
    for request in exchange.requests[:-1]:
        code = _judged(frozenset(), request)
        if code in _RETRYABLE and (request.broken or (request.status or 0) >= 400):
            return code, request
    return None


def _names(failure: BaseException) -> Iterator[str]:
    """Of the classes of a failure, and of those it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield from (kind.__name__ for kind in type(one).__mro__)
        original = getattr(one, "original_exception", None)
        waiting += [one.__cause__, one.__context__, original if isinstance(original, BaseException) else None]


_PREFIXES: Final = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Exception|Timeout)\s*[:-]\s*)+|litellm\.\w+: ")
_ADDITIONS: Final = re.compile(
    r"(?:\n|\. ?)?(?:Received Model Group|LiteLLM Retried|No fallback model|Available Model|Traceback|Handle with).*",
    re.DOTALL,
)


def _said(failure: BaseException) -> str:
    """Without what litellm puts around it."""
    text = str(getattr(failure, "message", None) or failure)
    return _PREFIXES.sub("", _ADDITIONS.sub("", text).strip())


def _sentence(code: str, told: Request, text: str) -> str:
    status = f" (HTTP {told.status})" if told.status is not None and told.status >= 400 else ""
    detail = told.unreadable or told.broken or text
    return f"{SENTENCES[code]}{status}{': ' if detail else ''}{detail}"[:500]
