"""Semantic versions and ranges of them, as `name@range` in a document writes them.

A range is `1`, `1.2`, `1.2.3`, `^1.2`, `~1.2`, or comparisons joined by commas (`>=1,<2`). Build metadata is not
accepted: two different contracts must not share a precedence. A pre-release is chosen only when it is named exactly,
or when no range was given and there is no release.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Final, TypeAlias

from workflow_engine.errors import InvalidRequest

Triple: TypeAlias = tuple[int, int, int]

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,8})"
_PRERELEASE_PART: Final = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_PRERELEASE: Final = rf"{_PRERELEASE_PART}(?:\.{_PRERELEASE_PART})*"
_VERSION: Final = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRERELEASE}))?")
_COMPARISON: Final = re.compile(rf"(\^|~|>=|<=|>|<|=)?\s*({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?")
_MAX_LENGTH: Final = 64


class InvalidVersion(InvalidRequest):
    code = "invalid-version"

    def __init__(self) -> None:
        super().__init__("A version is MAJOR.MINOR.PATCH, e.g. 1.4.0 or 2.0.0-rc.1")


class InvalidRange(InvalidRequest):
    code = "invalid-version-range"

    def __init__(self) -> None:
        super().__init__("A version range is e.g. 1, 1.2, 1.2.3, ^1.2, ~1.2 or >=1,<2")


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """`prerelease` is the dotted text behind the hyphen, empty for a release."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Raises `InvalidVersion`."""
        found = _VERSION.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if found is None:
            raise InvalidVersion
        major, minor, patch, prerelease = found.groups()
        return cls(int(major), int(minor), int(patch), prerelease or "")

    @property
    def release(self) -> Triple:
        return (self.major, self.minor, self.patch)

    def next_minor(self) -> "Version":
        return Version(self.major, self.minor + 1, 0)

    def next_major(self) -> "Version":
        return Version(self.major + 1, 0, 0)

    def _precedence(self) -> tuple[Triple, bool, tuple[tuple[bool, int, str], ...]]:
        # Semver 11: a pre-release comes before its release; its parts compare one by one, numbers before words.
        parts = self.prerelease.split(".") if self.prerelease else []
        return self.release, not parts, tuple(_prerelease_rank(part) for part in parts)

    def __lt__(self, other: "Version") -> bool:
        return self._precedence() < other._precedence()

    def __str__(self) -> str:
        release = f"{self.major}.{self.minor}.{self.patch}"
        return f"{release}-{self.prerelease}" if self.prerelease else release


def _prerelease_rank(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The releases in [low, below), or one pre-release named exactly."""

    low: Triple = (0, 0, 0)
    below: Triple | None = None
    exactly: Version | None = None

    @classmethod
    def parse(cls, text: str) -> "VersionRange":
        """Raises `InvalidRange`."""
        if len(text) > _MAX_LENGTH:
            raise InvalidRange
        if (exact := _VERSION.fullmatch(text.strip())) and exact.group(4):
            return cls(exactly=Version.parse(text.strip()))
        low: Triple = (0, 0, 0)
        below: Triple | None = None
        for part in text.split(","):
            part_low, part_below = _bounds(part.strip())
            low = max(low, part_low)
            below = part_below if below is None else min(below, part_below or below)
        return cls(low, below)

    def holds(self, version: Version) -> bool:
        if self.exactly is not None:
            return version == self.exactly
        if version.prerelease:
            return False
        return self.low <= version.release and (self.below is None or version.release < self.below)


def _bounds(comparison: str) -> tuple[Triple, Triple | None]:
    found = _COMPARISON.fullmatch(comparison)
    if found is None:
        raise InvalidRange
    operator, *written = found.groups()
    numbers = [int(number) for number in written if number is not None]
    low = _filled(numbers)
    behind = _filled([*numbers[:-1], numbers[-1] + 1])
    match operator:
        case ">=":
            return low, None
        case ">":
            return behind, None
        case "<":
            return (0, 0, 0), low
        case "<=":
            return (0, 0, 0), behind
        case "~":
            return low, _filled([*numbers[:1], numbers[1] + 1]) if len(numbers) > 1 else behind
        case "^":
            return low, _after_leftmost_nonzero(numbers)
        case _:
            return low, behind


def _after_leftmost_nonzero(numbers: list[int]) -> Triple:
    for place, number in enumerate(numbers):
        if number > 0 or place == len(numbers) - 1:
            return _filled([*numbers[:place], number + 1])
    raise InvalidRange


def _filled(numbers: list[int]) -> Triple:
    major, minor, patch = [*numbers, 0, 0][:3]
    return major, minor, patch


def latest(versions: Iterable[Version], within: VersionRange | None = None) -> Version | None:
    """The highest release in the range; of pre-releases only when no range was given and there is no release."""
    known = list(versions)
    if within is not None:
        return max((version for version in known if within.holds(version)), default=None)
    releases = [version for version in known if not version.prerelease]
    return max(releases or known, default=None)
