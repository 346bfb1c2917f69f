"""What a call says beside its message: who asks, under which key, and how its fields are read."""

import asyncio
import math
from typing import Any, Final

from grpc import aio

from workflow_engine.engine.caller import Caller
from workflow_engine.engine.face import Face
from workflow_engine.engine.keys import bearer_key
from workflow_engine.engine.tracing import LONGEST_CORRELATION_ID, is_correlation_id, trace_id_of
from workflow_engine.errors import InvalidDocument, InvalidRequest, Problem
from workflow_engine.jsontext import INT64_MAX, Json, JsonLimits, JsonObject, read_strict
from workflow_engine.settings import Limits

LONGEST_ON_THE_LOOP: Final = 64 * 1024
"""Bytes of JSON that are read within a millisecond or so; larger ones are read in a thread."""
LONGEST_TEXT: Final = 1_024
IDEMPOTENCY_KEY: Final = "idempotency-key"

Context = aio.ServicerContext[Any, Any]


class InvalidMetadata(InvalidRequest):
    """Metadata of a call cannot be used; its pointer is `metadata.<name>`."""

    code = "invalid-metadata"

    def __init__(self, name: str, wanted: str) -> None:
        self.name = name
        super().__init__(f"The metadata {name} must be {wanted}")

    def problems(self) -> tuple[Problem, ...]:
        return (Problem(self.code, str(self), f"metadata.{self.name}"),)


class InvalidField(InvalidRequest):
    """A field of the message cannot be used; its pointer is `/<name>`."""

    code = "invalid-field"

    def __init__(self, name: str, wanted: str) -> None:
        self.name = name
        super().__init__(f"The field {name} must be {wanted}")

    def problems(self) -> tuple[Problem, ...]:
        return (Problem(self.code, str(self), f"/{self.name}"),)


# --- metadata


def caller_of(context: Context, face: Face) -> Caller:
    """Who asks, with the ids that tie logs and calls together. Raises `KeyRequired`, `InvalidKey`,
    `UnreadableAuthorization`, `InvalidMetadata`.
    """
    correlation_id = _once(context, "x-correlation-id")
    if correlation_id is not None and not is_correlation_id(correlation_id):
        raise InvalidMetadata("x-correlation-id", f"1 to {LONGEST_CORRELATION_ID} printable ASCII characters")
    trace_id = trace_id_of(_once(context, "traceparent") or "")
    presented = bearer_key(_sent(context, "authorization"))
    return face.keys.authenticate(presented, correlation_id=correlation_id, trace_id=trace_id)


def key_of(context: Context, in_message: str) -> str | None:
    """The idempotency key, of the message or of the metadata. Raises `InvalidMetadata` for two that differ."""
    in_metadata = _once(context, IDEMPOTENCY_KEY)
    if in_message and in_metadata is not None and in_message != in_metadata:
        raise InvalidMetadata(IDEMPOTENCY_KEY, "the same as the field idempotency_key, or left out")
    return in_message or in_metadata


def _once(context: Context, name: str) -> str | None:
    found = _sent(context, name)
    if len(found) > 1:
        raise InvalidMetadata(name, "sent once")
    return found[0] if found else None


def _sent(context: Context, name: str) -> list[str]:
    metadata = context.invocation_metadata() or ()
    return [value if isinstance(value, str) else value.decode("latin-1") for key, value in metadata if key == name]


# --- fields


async def read_json(sent: bytes, limits: Limits) -> Json:
    """JSON of a client. Raises `MalformedJson`, `NumberOutOfRange`, `NestingTooDeep`, `TooManyKeys`."""
    bounds = JsonLimits(limits.max_nesting, limits.max_keys)
    if len(sent) <= LONGEST_ON_THE_LOOP:
        return read_strict(sent, bounds)
    return await asyncio.to_thread(read_strict, sent, bounds)


async def read_optional_json(sent: bytes, limits: Limits) -> Json:
    """As `read_json`; no bytes at all are null."""
    return await read_json(sent, limits) if sent else None


async def read_document(sent: bytes, limits: Limits) -> JsonObject:
    """As `read_json`, for a workflow. Raises `InvalidDocument` for what is no object, too."""
    value = await read_json(sent, limits)
    if not isinstance(value, dict):
        raise InvalidDocument([Problem("wrong-type", "A workflow must be an object")])
    return value


def page_of(limit: int, limits: Limits) -> int:
    """Entries of a page: 0 is the default, and more than the server allows is clamped."""
    return min(whole("limit", limit), limits.max_page) or limits.default_page


def whole(name: str, value: int) -> int:
    if not 0 <= value <= INT64_MAX:
        raise InvalidField(name, "an integer from 0")
    return value


def wait_of(seconds: float, limits: Limits) -> float:
    """Seconds to wait; more than the server allows is clamped."""
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidField("wait_seconds", "a finite number of seconds from 0")
    return min(seconds, limits.max_wait_seconds)


def instant(name: str, seconds: float) -> float:
    if not math.isfinite(seconds) or abs(seconds) > 1e12:
        raise InvalidField(name, "seconds since 1970, between the years 1 and 9999")
    return seconds


def text(name: str, given: str, most: int = LONGEST_TEXT) -> str:
    if len(given) > most:
        raise InvalidField(name, f"a text of at most {most} characters")
    return given


def required(name: str, given: str, most: int = LONGEST_TEXT) -> str:
    if not given:
        raise InvalidField(name, f"a text of 1 to {most} characters")
    return text(name, given, most)


def wanted(name: str, given: str) -> str | None:
    """A filter: empty means any."""
    if not given.isprintable():
        raise InvalidField(name, f"at most {LONGEST_TEXT} printable characters")
    return text(name, given) or None
