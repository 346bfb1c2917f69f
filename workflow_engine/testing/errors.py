"""What the kit finds: a refusal by the server, a broken rule, or that a scenario cannot be played here.

None of these is ever an answer of a server, so they stand outside the tree of `workflow_engine.errors`.
"""

from collections.abc import Sequence


class Refused(Exception):
    """The server refused a call, or ended a session. `status` is its gRPC name or HTTP number, `pointers` say where."""

    def __init__(self, status: str, code: str, message: str, pointers: Sequence[str] = ()) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.pointers = tuple(pointers)
        super().__init__(f"{status} {code}: {message}")


class Violation(Exception):
    """The server broke a rule of the protocol; the sentence says which."""


class NothingCame(Violation):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no {what} came within {seconds:.1f} s")


class SessionEnded(Violation):
    """The session was over while something was waited for."""

    def __init__(self, what: str, why: BaseException | None) -> None:
        self.why = why
        super().__init__(f"the session ended while {what} was waited for: {why or 'without a status'}")


class NotPlayed(Exception):
    """This scenario cannot be played here; the sentence says why, and how it could."""


def expect(holds: bool, otherwise: str) -> None:
    """Raises `Violation` when a rule does not hold: `otherwise` says what was seen instead."""
    if not holds:
        raise Violation(otherwise)


def expect_equal(seen: object, wanted: object, what: str) -> None:
    expect(seen == wanted, f"{what} is {seen!r}, and must be {wanted!r}")
