"""Outcomes as frames, within the limits of a session."""

from typing import Final

from workflow_client.generated.worker_pb2 import Failure, Lease, Payload, Result
from workflow_client.generated.worker_pb2 import Suspend as SuspendFrame
from workflow_client.json_values import Json, NotJson, write
from workflow_client.protocol.held import Held
from workflow_client.protocol.terms import Terms
from workflow_client.steps import PAYLOAD_TOO_LARGE, UNEXPECTED_ERROR, StepError, Suspend

LONGEST_CODE: Final = 128
LONGEST_MESSAGE: Final = 8_192
MOST_DETAILS_BYTES: Final = 65_536


def completed(lease: Lease, output: bytes, duration_ms: float, terms: Terms) -> Result:
    """A result that no frame may carry fails its step, and only that, before it is sent."""
    if len(output) > terms.max_inline_bytes:
        return failed(lease, _too_large("output", len(output), terms.max_inline_bytes), duration_ms)
    return Result(lease=lease, output=Payload(data=output), duration_ms=duration_ms)


def failed(lease: Lease, error: StepError, duration_ms: float) -> Result:
    failure = Failure(code=_text(error.code, LONGEST_CODE), message=_text(error.message, LONGEST_MESSAGE))
    details = _details(error.details)
    if details:
        failure.details.data = details
    if error.retryable is not None:
        failure.retryable = error.retryable
    if error.retry_after is not None:
        failure.retry_after_seconds = error.retry_after
    return Result(lease=lease, failure=failure, duration_ms=duration_ms)


def suspended(lease: Lease, suspend: Suspend, duration_ms: float, terms: Terms) -> Result:
    if "suspend" not in terms.capabilities:
        error = StepError("suspend-not-supported", "This server cannot suspend steps; update it", retryable=False)
        return failed(lease, error, duration_ms)
    memo = b"" if suspend.memo is None else write(suspend.memo)
    if len(memo) > terms.max_inline_bytes:
        return failed(lease, _too_large("memo", len(memo), terms.max_inline_bytes), duration_ms)
    frame = SuspendFrame(seconds=suspend.seconds, signal=suspend.signal)
    if memo:
        frame.memo.data = memo
    return Result(lease=lease, suspend=frame, duration_ms=duration_ms)


def unexpected(failure: BaseException) -> StepError:
    """Whatever a function raised, as a failure that can be written down."""
    try:
        text = str(failure)
    except Exception as worse:  # noqa: BLE001  # an exception may fail to describe itself, too
        text = f"it cannot be shown ({type(worse).__name__})"
    return StepError(UNEXPECTED_ERROR, f"{type(failure).__name__}: {text}")


def replacement(held: Held, why: str) -> Result:
    error = StepError("invalid-result", f"The server could not read the result: {why}", retryable=False)
    return failed(held.lease, error, 0.0)


def _too_large(what: str, size: int, limit: int) -> StepError:
    message = f"The {what} has {size} bytes of JSON, {limit} are allowed; keep large data elsewhere and return where"
    return StepError(PAYLOAD_TOO_LARGE, message, retryable=False)


def _text(value: object, longest: int) -> str:
    return str(value)[:longest].encode(errors="replace").decode()


def _details(details: Json) -> bytes:
    """What cannot be sent is left out: a failure must reach the server whatever its details are."""
    if details is None:
        return b""
    try:
        written = write(details)
    except NotJson as failure:
        return write({"dropped": str(failure)})
    too_large = f"The details had {len(written)} bytes, {MOST_DETAILS_BYTES} are allowed"
    return written if len(written) <= MOST_DETAILS_BYTES else write({"dropped": too_large})
