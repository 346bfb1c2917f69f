"""Versions order as Semver says, and ranges hold what they say."""

import random

import pytest

from workflow_engine.steps.versions import InvalidRange, InvalidVersion, Version, VersionRange, latest


def test_versions_are_ordered_as_semver_orders_them() -> None:
    ordered = [
        *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"),
        *("1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"),
    ]
    shuffled = [Version.parse(text) for text in ordered]
    random.Random(1).shuffle(shuffled)
    assert [str(version) for version in sorted(shuffled)] == ordered


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0+build", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.-1", "1.0.0-ä", "1" * 70],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidVersion):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "holds", "holds_not"),
    [
        ("1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.1.9", "1.3.0"]),
        ("1.2.3", ["1.2.3"], ["1.2.2", "1.2.4"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("^1.2", ["1.2.0", "1.9.0"], ["1.1.9", "2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.3.0"], ["1.2.2", "2.0.0"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.3.0", "0.1.9"]),
        ("^0.2.3", ["0.2.3", "0.2.4"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.1", "0.9.0"], ["1.0.0"]),
        ("^1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9"]),
        ("~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3.0"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        (">=1,<2", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        (">=1.2, <1.4", ["1.2.0", "1.3.9"], ["1.1.9", "1.4.0"]),
        ("<2,>=1", ["1.5.0"], ["2.0.0", "0.1.0"]),
        (">1.2.3", ["1.2.4", "3.0.0"], ["1.2.3"]),
        (">1", ["2.0.0"], ["1.9.9"]),
        ("<=1.2", ["1.2.9", "0.0.1"], ["1.3.0"]),
        ("<1.2", ["1.1.9"], ["1.2.0"]),
        ("1.0.0-rc.1", ["1.0.0-rc.1"], ["1.0.0", "1.0.0-rc.2"]),
        ("1", [], ["1.0.0-rc.1", "1.5.0-rc.1"]),
    ],
)
def test_a_range_holds_what_it_says(text: str, holds: list[str], holds_not: list[str]) -> None:
    within = VersionRange.parse(text)
    assert [each for each in holds if not within.holds(Version.parse(each))] == []
    assert [each for each in holds_not if within.holds(Version.parse(each))] == []


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1.x", "*", "^", ">=", "1 2", "1,", "1.2.3.4", "01", "^1.0.0-rc.1", "1" * 70]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidRange):
        VersionRange.parse(text)


def test_the_latest_is_a_release_when_there_is_one() -> None:
    known = [Version.parse(text) for text in ("1.9.0", "1.10.0", "2.0.0-rc.1")]
    assert str(latest(known)) == "1.10.0"
    assert str(latest(known[2:])) == "2.0.0-rc.1"
    assert str(latest(known, VersionRange.parse("<1.10"))) == "1.9.0"
    assert latest(known, VersionRange.parse("3")) is None
    assert latest([]) is None
