"""What one check of the doctor found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A `FAIL` keeps a server from starting or from keeping its promises; a `WARN` does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was looked at; `advice` says what to change, unless all is well."""

    level: Level
    subject: str
    message: str
    advice: str = ""


def ok(subject: str, message: str) -> Finding:
    return Finding(Level.OK, subject, message)


def warn(subject: str, message: str, advice: str) -> Finding:
    return Finding(Level.WARN, subject, message, advice)


def fail(subject: str, message: str, advice: str) -> Finding:
    return Finding(Level.FAIL, subject, message, advice)
