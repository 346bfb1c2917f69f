"""Query parameters: each is said once, for the reader of a request and for the OpenAPI document.

A value that cannot be read is refused with the pointer `query.<name>`; a number above its limit is clamped where the
contract says so. Parameters nobody knows are ignored, as HTTP clients expect.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from workflow_engine.errors import InvalidRequest, Problem
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.jsontext import INT64_MAX, JsonObject
from workflow_engine.rest.call import Call
from workflow_engine.settings import Limits

T = TypeVar("T")

LONGEST_TEXT: Final = 1_024
DEFAULT_POLL_SECONDS: Final = 25.0
"""Shorter than what proxies take for silence."""
_INTEGER: Final = re.compile(r"-?[0-9]{1,30}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class InvalidParameters(InvalidRequest):
    """Parameters of the query that cannot be read; all of them are listed."""

    code = "invalid-parameter"

    def __init__(self, found: list[Problem]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{each.pointer}: {each.message}" for each in found))

    def problems(self) -> tuple[Problem, ...]:
        return self.found


class Unreadable(ValueError):
    """A value that is not what its parameter wants; the text says what it wants."""


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """`read` gets the values as sent (several when repeated), never none; `default` stands for an absent one."""

    name: str
    read: Callable[[list[str], Limits], T]
    default: Callable[[Limits], T]
    description: str
    schema: JsonObject = field(default_factory=dict)
    """Its JSON Schema, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Query:
    """The query of one request while it is read: `query(LIMIT)`. Goes on behind a problem, so that all are found."""

    call: Call
    found: list[Problem] = field(default_factory=list)

    def __call__(self, parameter: Parameter[T]) -> T:
        given = self.call.query_params.getlist(parameter.name) if self.call.scope["query_string"] else []
        if not given:
            return parameter.default(self.call.limits)
        try:
            return parameter.read(given, self.call.limits)
        except Unreadable as unreadable:
            self.found.append(Problem("invalid-parameter", str(unreadable), f"query.{parameter.name}"))
            return parameter.default(self.call.limits)


@contextmanager
def query_of(call: Call) -> Iterator[Query]:
    """Read parameters inside; at the end of the block every unreadable one is refused. Raises `InvalidParameters`."""
    query = Query(call)
    yield query
    if query.found:
        raise InvalidParameters(query.found)


# --- kinds of parameters


def one(read: Callable[[str, Limits], T]) -> Callable[[list[str], Limits], T]:
    def read_one(given: list[str], limits: Limits) -> T:
        if len(given) > 1:
            raise Unreadable("must be given once")
        return read(given[0], limits)

    return read_one


def integer(text: str, least: int, most: int = INT64_MAX, *, clamp: bool = False) -> int:
    if not _INTEGER.fullmatch(text) or int(text) < least:
        raise Unreadable(f"must be an integer from {least}")
    if int(text) > most and not clamp:
        raise Unreadable(f"must be an integer from {least} to {most}")
    return min(int(text), most)


def number(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(value):
        raise Unreadable("must be a finite number")
    return value


def boolean(text: str, _limits: Limits) -> bool:
    if text not in ("true", "false"):
        raise Unreadable("must be true or false")
    return text == "true"


def text(given: str, _limits: Limits) -> str:
    if not 0 < len(given) <= LONGEST_TEXT or "\0" in given or not given.isprintable():
        raise Unreadable(f"must be 1 to {LONGEST_TEXT} printable characters")
    return given


def instant(given: str, _limits: Limits) -> float:
    """RFC 3339, or seconds since 1970. A `+` in a query is a blank, so a blank before the zone is taken as one."""
    written = re.sub(r" (\d\d:\d\d)$", r"+\1", given)
    if _NUMBER.fullmatch(written):
        seconds = number(written)
    elif _INSTANT.fullmatch(written):
        seconds = _epoch(written)
    else:
        raise Unreadable("must be a time as in RFC 3339 (2026-11-01T12:00:00Z), or seconds since 1970")
    if abs(seconds) > 1e12:
        raise Unreadable("must be a time between the years 1 and 9999")
    return seconds


def _epoch(written: str) -> float:
    try:
        return datetime.fromisoformat(written.upper()).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise Unreadable("must be a day and an hour that exist") from None


def _seconds(given: str, limits: Limits) -> float:
    seconds = number(given)
    if seconds < 0:
        raise Unreadable("must be a number of seconds from 0")
    return min(seconds, limits.max_wait_seconds)


def _statuses(given: list[str], _limits: Limits) -> tuple[ExecutionStatus, ...]:
    named = [name for each in given for name in each.split(",")]
    if not set(named) <= set(ExecutionStatus):
        raise Unreadable(f"must be one or more of {', '.join(ExecutionStatus)}")
    return tuple(dict.fromkeys(ExecutionStatus(name) for name in named))


def optional_text(name: str, description: str) -> Parameter[str | None]:
    return Parameter(name, one(text), lambda _: None, description, {"type": "string"})


def optional_instant(name: str, description: str) -> Parameter[float | None]:
    return Parameter(name, one(instant), lambda _: None, description, {"type": "string", "format": "date-time"})


def _flag(name: str, description: str) -> Parameter[bool]:
    return Parameter(name, one(boolean), lambda _: False, description, {"type": "boolean", "default": False})


# --- the parameters there are

LIMIT: Final[Parameter[int]] = Parameter(
    "limit",
    one(lambda given, limits: integer(given, 1, limits.max_page, clamp=True)),
    lambda limits: limits.default_page,
    "Entries of a page; more than the server allows is clamped.",
    {"type": "integer", "minimum": 1, "default": 50},
)
OFFSET: Final[Parameter[int]] = Parameter(
    "offset",
    one(lambda given, _: integer(given, 0)),
    lambda _: 0,
    "Entries to leave out before the page begins.",
    {"type": "integer", "minimum": 0, "default": 0},
)
AFTER: Final[Parameter[int]] = Parameter(
    "after",
    one(lambda given, _: integer(given, 0)),
    lambda _: 0,
    "Only events with a larger `seq`.",
    {"type": "integer", "minimum": 0, "default": 0},
)
VERSION_NUMBER: Final[Parameter[int | None]] = Parameter(
    "version",
    one(lambda given, _: integer(given, 1)),
    lambda _: None,
    "Number of the version; the current one when absent.",
    {"type": "integer", "minimum": 1},
)
WAIT: Final[Parameter[float | None]] = Parameter(
    "wait",
    one(_seconds),
    lambda _: None,
    "Seconds to wait for the end; the answer is then the results object, also when the time ran out. "
    "More than the server allows (60) is clamped.",
    {"type": "number", "minimum": 0},
)
POLL_WAIT: Final[Parameter[float]] = Parameter(
    "wait",
    one(_seconds),
    lambda limits: min(DEFAULT_POLL_SECONDS, limits.max_wait_seconds),
    "Seconds to wait for the first step or cancel. More than the server allows (60) is clamped.",
    {"type": "number", "minimum": 0, "default": DEFAULT_POLL_SECONDS},
)
MOST_ASSIGNMENTS: Final[Parameter[int]] = Parameter(
    "max",
    one(lambda given, _: integer(given, 0)),
    lambda _: 0,
    "Most steps in the answer; 0 is as many as there are slots.",
    {"type": "integer", "minimum": 0, "default": 0},
)
STATUS: Final[Parameter[tuple[ExecutionStatus, ...]]] = Parameter(
    "status",
    _statuses,
    lambda _: (),
    "Only executions with one of these statuses: repeated, or separated by commas.",
    {"type": "array", "items": {"enum": list(ExecutionStatus)}},
)
DRY_RUN: Final = _flag("dry_run", "Keep nothing, and list what the contract would break.")
COMPENSATE: Final = _flag("compensate", "Undo completed steps that say how.")
WORKFLOW_ID: Final = optional_text("workflow_id", "Only executions of this workflow.")
WORKFLOW_NAME: Final = optional_text("workflow_name", "Only executions of workflows of this name.")
USER_ID: Final = optional_text("user_id", "Only executions started for this user.")
TAG: Final = optional_text("tag", "Only executions of workflows that carry this tag.")
CURSOR: Final = optional_text("cursor", "The `next_cursor` of the page before.")
COMPONENT: Final = optional_text("component", "Only errors of this component.")
STEP_VERSION: Final = optional_text("version", "The exact version, such as `1.2.0`.")
STARTED_AFTER: Final = optional_instant("started_after", "Only executions started after this instant.")
STARTED_BEFORE: Final = optional_instant("started_before", "Only executions started before this instant.")
