"""The ids that tie logs and calls together, as they come in headers and metadata."""

from typing import Final

LONGEST_CORRELATION_ID: Final = 255
_HEX: Final = frozenset("0123456789abcdef")


def is_correlation_id(text: str) -> bool:
    """Whether it is 1 to 255 printable ASCII characters."""
    return 0 < len(text) <= LONGEST_CORRELATION_ID and text.isascii() and text.isprintable()


def trace_id_of(traceparent: str) -> str | None:
    """The trace id of a W3C trace context; one that cannot be read counts as absent."""
    version, _, rest = traceparent.partition("-")
    trace_id, _, rest = rest.partition("-")
    readable = len(version) == 2 and len(trace_id) == 32 and set(version + trace_id) <= _HEX
    return trace_id if readable and version != "ff" and trace_id != "0" * 32 and len(rest) >= 19 else None
