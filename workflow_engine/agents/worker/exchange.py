"""What really went over the wire while a model was called: the plain facts that errors are judged by.

Libraries between the wire and us translate failures, each in its own way, and lose some on the way. The transport
below them writes down what it saw, in the `Exchange` of the call that it serves.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)
class Request:
    """One request. `broken` says what ended it before its answer was complete."""

    status: int | None = None
    retry_after: float | None = None
    broken: str | None = None
    timed_out: bool = False
    started: bool = False
    """Something of its answer's body has come."""
    unreadable: str | None = None
    """Why we did not go on reading: too large, compressed, a redirect."""


@dataclass(slots=True)
class Exchange:
    """All requests of one step, in their order. `refused` is the address that was not allowed, and why."""

    expects_end: bool = False
    """Answers are streams that say when they are over; one that stops without a word was dropped."""
    requests: list[Request] = field(default_factory=list)
    refused: str | None = None

    def begin(self) -> Request:
        request = Request()
        self.requests.append(request)
        return request

    @property
    def last(self) -> Request:
        return self.requests[-1] if self.requests else Request()


CURRENT: Final[ContextVar[Exchange | None]] = ContextVar("exchange", default=None)
"""The exchange of the step that this task serves; tasks it starts inherit it."""


def current() -> Exchange:
    """A request that no step asked for is written down nowhere."""
    return CURRENT.get() or Exchange()
