"""Whether an attempt is followed by another, and when."""

import hashlib
import math
from typing import Final

from workflow_engine.definition.model import BackoffStrategy
from workflow_engine.definition.plan import PlannedStep, RetryPolicy
from workflow_engine.steps.contract import Effect

FINAL_CODES: Final = frozenset(
    {
        "invalid-config",
        "mapping-error",
        "expression-error",
        "contract-violation",
        "payload-too-large",
        "outcome-unknown",
        "signal-timeout",
        "step-not-served",
    }
)
"""Failures that another attempt cannot cure; the document's `retry_on` may still ask for one."""

JITTER: Final = 0.1
LONGEST_RETRY_AFTER: Final = 86_400.0


def is_retried(step: PlannedStep, attempt: int, code: str, word: bool | None) -> bool:
    """`word` is what the worker said about this failure; it wins over the document, the document over the type."""
    if step.retry.strategy is BackoffStrategy.NONE or attempt > step.retry.max_retries or word is False:
        return False
    if step.type.effect is Effect.AT_MOST_ONCE:
        return False
    if code in step.retry.no_retry_on:
        return False
    if step.retry.retry_on is not None:
        return code in step.retry.retry_on or "*" in step.retry.retry_on
    return word is True or _retried_by_default(step, code)


def _retried_by_default(step: PlannedStep, code: str) -> bool:
    announced = {error.code: error.retryable for error in step.type.error_codes}
    return announced.get(code, code not in FINAL_CODES)


def retry_delay(policy: RetryPolicy, attempt: int, retry_after: float | None, seed: int, path: str) -> float:
    """Seconds from the failure of `attempt` (from 1) to the next one, jitter drawn from (seed, path, attempt)."""
    if retry_after is not None and math.isfinite(retry_after):
        return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)
    base = min(_backoff(policy, attempt - 1), policy.max_delay)
    return min(base * (1 + JITTER * _draw(seed, path, attempt)), policy.max_delay)


def _backoff(policy: RetryPolicy, n: int) -> float:
    match policy.strategy:
        case BackoffStrategy.FIXED:
            return policy.delay
        case BackoffStrategy.LINEAR:
            return policy.delay * (n + 1)
        case _:
            return policy.delay * 2.0 ** min(n, 64)


def _draw(seed: int, path: str, attempt: int) -> float:
    """A number in [-1, 1) that is the same on every machine."""
    digest = hashlib.blake2b(f"{seed}:{path}:{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**63 - 1.0
