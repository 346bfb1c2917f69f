"""The cursor of `GET /executions`: the key of the last row of a page, as text that nobody should read."""

import base64
import binascii
import hashlib

from workflow_engine.journal.contract import ExecutionRecord, InvalidCursor
from workflow_engine.jsontext import load, write

_CHECK_BYTES = 6


def cursor_after(record: ExecutionRecord) -> str:
    """The cursor of the page that goes on behind this execution."""
    place = write([record.started_at, record.execution_id])
    return base64.urlsafe_b64encode(_check(record.namespace, place) + place).decode().rstrip("=")


def place_of(cursor: str, namespace: str) -> tuple[float, str]:
    """(started_at, execution id) of the last row of the page before. Raises `InvalidCursor`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    check, place = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    # Not a signature: a namespace's own rows are all a cursor can point at. It tells a cursor from a typing error.
    if check != _check(namespace, place):
        raise InvalidCursor
    match load(place):
        case [float() | int() as started_at, str() as execution_id]:
            return float(started_at), execution_id
    raise InvalidCursor


def _check(namespace: str, place: bytes) -> bytes:
    return hashlib.sha256(namespace.encode() + b"\0" + place).digest()[:_CHECK_BYTES]
