"""The crash test in short (`python -m tests.faults.crash` is the long one), and the proof that it can fail."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.crash import STEPS_IN_FLIGHT, crash_test
from tests.faults.evidence import Evidence, Found, Order, violations
from tests.serving.receiver import Call, Reply

KILLS = 3


def test_nothing_acknowledged_is_lost_or_done_twice_however_often_the_server_dies(
    database_url: str, tmp_path: Path
) -> None:
    report = crash_test(database_url, tmp_path, KILLS, seed=3)

    assert report.violations == []
    assert len(report.in_flight) == KILLS
    assert min(report.in_flight) >= STEPS_IN_FLIGHT
    assert report.calls > 3 * report.executions, "no step was ever interrupted, so nothing was tested"


# --- the checker itself


def call(number: int, step: str, given: Mapping[str, Any], execution: str = "e1", key: str = "") -> tuple[Call, Reply]:
    config = {"step": step, "execution": execution}
    reply = Reply({"value": 0, "token": f"t{number}"})
    return Call(number, key or f"{execution}/{step}", config, given), reply


def event(seq: int, kind: str, path: str | None = None) -> dict[str, Any]:
    return {"seq": seq, "kind": kind} | ({} if path is None else {"path": path})


def found() -> Found:
    tokens = {"left": "t2", "right": "t3", "join": "t4"}
    results = {
        "status": "completed",
        "output": {"value": 16},
        "error": None,
        "step_results": {step: {"output_data": {"token": token}} for step, token in tokens.items()},
    }
    ends = [event(2 + place, "step_completed", step) for place, step in enumerate(["left", "right", "join"])]
    events = [event(1, "execution_started"), *ends, event(5, "execution_completed")]
    return Found(results, events, [("left", 1), ("right", 1), ("left", 2), ("join", 1)])


def kept() -> Evidence:
    """One execution of 5; `left` was called twice because the first caller died."""
    joined = {"left_by": "t2", "right_by": "t3"}
    calls = [call(1, "left", {}), call(2, "left", {}), call(3, "right", {}), call(4, "join", joined)]
    return Evidence([Order("k1", 5, ("e1", "e1"))], ["e1"], {"e1": found()}, calls)


def with_found(**changed: Any) -> Evidence:  # noqa: ANN401 - fields of Found
    return replace(kept(), found={"e1": replace(found(), **changed)})


def with_results(**changed: Any) -> Evidence:  # noqa: ANN401 - keys of results
    return with_found(results={**found().results, **changed})


def with_calls(*more: tuple[Call, Reply]) -> Evidence:
    return replace(kept(), calls=[*kept().calls, *more])


def with_events(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Evidence:
    return with_found(events=change([dict(each) for each in found().events]))


def ends_of_left_doubled(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*events[:-1], event(5, "step_failed", "left"), event(6, "execution_completed")]


PLANTED: dict[str, tuple[Evidence, str]] = {
    "a lost execution": (replace(kept(), listed=[]), "is lost"),
    "an execution that exists twice": (replace(kept(), listed=["e1", "e1"]), "listed 2 times"),
    "an execution nobody asked for": (replace(kept(), listed=["e1", "e2"]), "nobody asked for"),
    "a replay that started another": (replace(kept(), orders=[Order("k1", 5, ("e1", "e2"))]), "was answered with"),
    "one execution for two keys": (
        replace(kept(), orders=[Order("k1", 5, ("e1",)), Order("k2", 5, ("e1",))]),
        "given to 2 keys",
    ),
    "an execution that failed": (with_results(status="failed"), "ended ('failed'"),
    "a wrong result": (with_results(output={"value": 17}), "ended ('completed', {'value': 17}"),
    "a gap": (with_events(lambda events: [each for each in events if each["seq"] != 3]), "a gap"),
    "an event twice": (with_events(lambda events: [*events[:2], *events[1:]]), "a gap or a repetition"),
    "a second end of a step": (with_events(ends_of_left_doubled), "behind its end"),
    "an event behind the end": (
        with_events(lambda events: [*events, event(6, "step_started", "join")]),
        "behind its end",
    ),
    "no end": (with_events(lambda events: events[:-1]), "no terminal event"),
    "a fence that does not grow": (
        with_found(deliveries=[("left", 1), ("left", 1), ("right", 1), ("join", 1)]),
        "was handed over with 1 after 1",
    ),
    "a changed key": (with_calls(call(5, "right", {}, key="other")), "several keys"),
    "a key of two steps": (
        replace(kept(), calls=[*kept().calls[:3], call(4, "join", kept().calls[3][0].input, key="e1/left")]),
        "used for 2 steps",
    ),
    "a call that was never stored": (with_calls(call(5, "right", {})), "called 2 times and handed over 1 times"),
    "a call for an unknown execution": (
        with_calls(call(5, "left", {}, execution="e9")),
        "called 1 times and handed over 0 times",
    ),
    "a result out of nowhere": (
        with_results(step_results={**found().results["step_results"], "right": {"output_data": {"token": "t99"}}}),
        "never answered",
    ),
    "a result that was replaced": (
        with_results(step_results={**found().results["step_results"], "left": {"output_data": {"token": "t1"}}}),
        "another result of left",
    ),
}


def test_kept_promises_are_no_violations() -> None:
    assert violations(kept()) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(planted: str) -> None:
    evidence, said = PLANTED[planted]

    assert said in "\n".join(violations(evidence))
