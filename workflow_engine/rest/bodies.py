"""Request bodies: how much is read, what counts as JSON, and small bodies as values.

The time a body may take is watched where the bytes come in (connections.py).
"""

import asyncio
from typing import Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError
from starlette.types import Receive, Scope

from workflow_engine.definition.refusals import problems_of
from workflow_engine.errors import InvalidDocument, Problem, TooLarge
from workflow_engine.jsontext import Json, JsonLimits, read_strict, write
from workflow_engine.rest.problems import UnsupportedMediaType
from workflow_engine.settings import Limits

LONGEST_ON_THE_LOOP: Final = 64 * 1024
"""Bytes of JSON that are read within a millisecond or so; larger bodies are read in a thread."""
MOST_PROBLEMS: Final = 100


class BodyTooLarge(TooLarge):
    code = "body-too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A request body may have at most {limit} bytes")


class ClientGone(Exception):
    """The client hung up before its request was complete; nobody is left to answer."""


class Body(BaseModel):
    """A small body, read strictly: no unknown field, no type taken for another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


B = TypeVar("B", bound=Body)


def at_most(characters: int) -> AfterValidator:
    """The bound of a text: `Annotated[str, at_most(128)]`."""

    def check(text: str) -> str:
        if len(text) > characters:
            raise PydanticCustomError("out-of-range", "This may have at most {most} characters", {"most": characters})
        return text

    return AfterValidator(check)


async def read_json(scope: Scope, receive: Receive, limits: Limits) -> Json:
    """The body as JSON. Raises `UnsupportedMediaType`, `BodyTooLarge`, `MalformedJson`, `NumberOutOfRange`, ..."""
    headers = _headers(scope)
    _check_length(headers, limits.max_body_bytes)
    if _announces_body(headers):
        _check_type(headers)
    body = await _read(receive, limits.max_body_bytes)
    bounds = JsonLimits(limits.max_nesting, limits.max_keys)
    if len(body) <= LONGEST_ON_THE_LOOP:
        return read_strict(body, bounds)
    return await asyncio.to_thread(read_strict, body, bounds)


async def read_optional_json(scope: Scope, receive: Receive, limits: Limits) -> Json:
    """As `read_json`; no body at all is null."""
    headers = _headers(scope)
    if not _announces_body(headers):
        return None
    return await read_json(scope, receive, limits)


def read_as(model: type[B], value: Json) -> B:
    """A small body as a value. Raises `InvalidDocument` with every problem."""
    if not isinstance(value, dict):
        raise InvalidDocument([Problem("wrong-type", "The body must be an object")])
    try:
        return model.model_validate_json(write(value))
    except ValidationError as error:
        raise InvalidDocument([problem for _, problem in problems_of(error, model, MOST_PROBLEMS)]) from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _announces_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0 ") != b""


def _check_length(headers: dict[bytes, bytes], limit: int) -> None:
    """Before a byte of it is read."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and (len(length) > 19 or int(length) > limit):
        raise BodyTooLarge(limit)


def _check_type(headers: dict[bytes, bytes]) -> None:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType
    written = headers.get(b"content-type", b"")
    if written == b"application/json":
        return
    kind, *parameters = written.lower().split(b";")
    is_json = kind.strip() == b"application/json" or (
        kind.startswith(b"application/") and kind.rstrip().endswith(b"+json")
    )
    if not is_json or not all(map(_is_harmless, parameters)):
        raise UnsupportedMediaType


def _is_harmless(parameter: bytes) -> bool:
    name, _, value = parameter.strip().partition(b"=")
    return name != b"charset" or value.strip(b'"') in (b"utf-8", b"utf8")
