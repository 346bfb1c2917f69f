"""What may stand in a request the engine is asked to send.

Methods, headers and URLs, each refusal with its sentence.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from workflow_engine.jsontext import Json

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
RESERVED_HEADERS: Final = frozenset(
    {"connection", "content-length", "host", "idempotency-key", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"webhook-id", "webhook-signature", "webhook-timestamp"}
)
"""Headers that belong to the transport or to the engine."""
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


def header_problem(name: str, value: Json) -> str | None:
    """Why nobody can send this header, or may; None when it is fine."""
    if not HEADER_NAME.fullmatch(name):
        return "This is no name of an HTTP header"
    if name.lower() in RESERVED_HEADERS:
        return "This header is set by the engine"
    if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
        return "The value of a header is a string of visible ASCII characters, spaces and tabs"
    return None


def url_problem(url: Json, most_bytes: int) -> str | None:
    """Why this is no URL the engine could call, or None. Whether it may call the host is judged elsewhere."""
    if not isinstance(url, str):
        return "The field 'url' is missing" if url is None else "This must be a string"
    if len(url.encode()) > most_bytes:
        return f"A URL may have at most {most_bytes} bytes"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "This must be an absolute URL that begins with http:// or https://"
    if "@" in parts.netloc:
        return "A URL must not carry credentials; put them into a header"
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return "A URL holds no spaces, backslashes or control characters"
    return None
