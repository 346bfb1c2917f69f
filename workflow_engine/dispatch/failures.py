"""What a step raised, as the report it becomes: whatever it is, it can be written down, and fails that step alone."""

from typing import Final

from workflow_engine.execution.inputs import Failed
from workflow_engine.history.events import StepError
from workflow_engine.jsontext import Json, load, write
from workflow_engine.steps.contract import StepFailure

LONGEST_CODE: Final = 128
LONGEST_MESSAGE: Final = 8_192
MOST_DETAILS_BYTES: Final = 65_536


def report_of(
    path: str,
    delivery: int,
    failure: BaseException,
    now: float,
    duration_ms: float,
    worker: str | None = None,
    since: float = 0.0,
) -> Failed:
    """A step says by `StepFailure` how it failed; anything else it raises is `unexpected-error`, and is retried."""
    if not isinstance(failure, StepFailure):
        message = f"{type(failure).__name__}: {_text(failure, LONGEST_MESSAGE)}"
        return Failed(now, path, delivery, StepError("unexpected-error", message), duration_ms)
    code, message = _text(failure.error_code, LONGEST_CODE), _text(failure.message, LONGEST_MESSAGE)
    retryable = failure.retryable if isinstance(failure.retryable, bool) else None
    error = StepError(code, message, _plain(failure.details))
    return Failed(now, path, delivery, error, duration_ms, retryable, _seconds(failure.retry_after), worker, since)


def _text(value: object, longest: int) -> str:
    """Text of a length that can be shown, without half surrogates."""
    try:
        text = str(value)
    except Exception as failure:  # noqa: BLE001  # an exception may fail to describe itself, too
        text = f"it cannot be shown ({type(failure).__name__})"
    return text[:longest].encode(errors="replace").decode()


def _plain(details: object) -> Json:
    try:
        written = write(details)
    except (TypeError, ValueError):
        return None
    return load(written) if len(written) <= MOST_DETAILS_BYTES else None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
