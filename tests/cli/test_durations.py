"""Lengths of time in a few characters."""

import time

import pytest

from workflow_engine.cli.durations import clock_time, length

DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 ms"),
        (0.00042, "0.4 ms"),
        (0.00995, "10 ms"),
        (0.123, "123 ms"),
        (0.9996, "1.0 s"),
        (1.25, "1.2 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3_600, "1 h 00 min"),
        (2 * DAY + 3 * 3_600, "2 d 3 h"),
        (-5, "0 ms"),
    ],
)
def test_a_length_has_the_unit_that_fits(seconds: float, written: str) -> None:
    assert length(seconds) == written


def test_a_time_of_another_day_shows_its_day() -> None:
    now = time.time()
    assert len(clock_time(now)) == len("12:00:00")
    assert len(clock_time(now - 2 * DAY)) == len("2026-01-01 12:00:00")
