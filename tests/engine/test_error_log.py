"""The error log keeps the latest, counts all, and stays within its bounds."""

from workflow_engine.clock import ManualClock
from workflow_engine.engine.error_log import MOST_TYPES, ErrorLog, LoggedError, Severity


def failed(clock: ManualClock, code: str = "timeout", component: str = "step") -> LoggedError:
    return LoggedError(clock.now(), component, code, Severity.MEDIUM, "it took too long", "e", "a")


def test_all_are_counted_and_only_the_latest_are_kept() -> None:
    clock = ManualClock()
    log = ErrorLog(clock, keep=2)
    for code in ("one", "two", "three"):
        log.record(failed(clock, code))
    found = log.statistics()
    assert (found.total, found.recent) == (3, 3)
    assert [error.error_type for error in found.latest] == ["three", "two"]
    assert found.by_type == {"one": 1, "two": 1, "three": 1}
    assert found.by_severity == {"low": 0, "medium": 3, "high": 0, "critical": 0}


def test_recent_means_within_the_hour() -> None:
    clock = ManualClock()
    log = ErrorLog(clock)
    log.record(failed(clock))
    clock.advance(59 * 60)
    log.record(failed(clock))
    assert log.statistics().recent == 2
    clock.advance(2 * 60)
    assert log.statistics().recent == 1
    clock.advance(60 * 60)
    assert (log.statistics().recent, log.statistics().total) == (0, 2)


def test_one_component_can_be_looked_at_alone() -> None:
    clock = ManualClock()
    log = ErrorLog(clock)
    log.record(failed(clock))
    log.fault("RuntimeError", "see the log")
    assert log.statistics("server").by_type == {"RuntimeError": 1}
    assert log.statistics("server").by_severity["critical"] == 1
    assert [error.component for error in log.statistics("step").latest] == ["step"]
    assert log.statistics("nobody").total == 0


def test_codes_beyond_a_number_are_one() -> None:
    clock = ManualClock()
    log = ErrorLog(clock)
    for number in range(MOST_TYPES + 10):
        log.record(failed(clock, f"code-{number}"))
    assert log.statistics().by_type["other"] == 10


def test_memory_does_not_grow_with_time() -> None:
    clock = ManualClock()
    log = ErrorLog(clock)
    for _ in range(500):
        log.record(failed(clock))
        clock.advance(60)
    assert len(log._minutes) <= 62
