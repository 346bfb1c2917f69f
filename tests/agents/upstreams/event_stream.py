"""AWS's binary event stream, as its servers write it: lengths, a checksum, headers, payload, a checksum."""

import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Final

STRING: Final = 7
"""The type of a header's value; there are others, but services use this one."""
PRELUDE_BYTES: Final = 12
CHECKSUM_BYTES: Final = 4


def event(kind: str, payload: bytes) -> bytes:
    """One frame with a JSON payload."""
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """One frame by which a service breaks off a stream that had begun."""
    return frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload)


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    fields = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    length = PRELUDE_BYTES + len(fields) + len(payload) + CHECKSUM_BYTES
    prelude = struct.pack("!II", length, len(fields))
    message = prelude + struct.pack("!I", crc32(prelude)) + fields + payload
    return message + struct.pack("!I", crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", STRING, len(value)) + value
