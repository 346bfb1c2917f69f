"""`--since`, as people write it."""

from datetime import UTC, datetime

import pytest

from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.cli.times import since_when


@pytest.mark.parametrize(("age", "seconds"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)])
def test_an_age_is_counted_back_from_now(age: str, seconds: float) -> None:
    back = (datetime.now(UTC) - datetime.fromisoformat(since_when(age))).total_seconds()
    assert back == pytest.approx(seconds, abs=5)


def test_a_time_is_answered_in_utc() -> None:
    assert since_when("2026-11-01T12:00:00+02:00") == "2026-11-01T10:00:00+00:00"


@pytest.mark.parametrize("written", ["soon", "2 hours", "-3h", "9999999h", "0001-01-01T00:00:00+23:59"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(InvalidArgument, match="neither an age"):
        since_when(written)
