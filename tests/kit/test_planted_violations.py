"""The kit finds what is broken: each of these servers breaks one rule on purpose, and one scenario says so."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kit.server import SHORT
from tests.rpc.serving import quick, serving
from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.dispatch.workers.hearing import Hearing
from workflow_engine.dispatch.workers.line import Line
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.testing import SCENARIOS, Scenario, Target, Verdict, run


@dataclass(frozen=True, slots=True)
class Planted:
    """`instead` takes the place of a method of the server; the scenario of this name must fail."""

    room: type
    method: str
    instead: Any
    scenario: str


PLANTED = {
    "any token is good": Planted(Desk, "proves", lambda *_: True, "a forged token is refused, and hurts nobody"),
    "credits are not counted": Planted(
        Session,
        "_has_room",
        lambda *_: True,
        "a worker never has more unfinished assignments than credits",
    ),
    "the newest comes first": Planted(
        Line,
        "add",
        lambda line, handover: _newest_first(line, handover),
        "the old backlog comes before new work, in the order it came",
    ),
    "nobody may come back": Planted(
        Sessions, "take_up", lambda *_: False, "a live worker that resumes in time keeps its task"
    ),
    "cancels are not sent": Planted(
        Desk, "_call_back", lambda *_: None, "a cancel reaches a worker that never renews, quickly"
    ),
    "drain is forgotten": Planted(
        Session,
        "can_begin",
        property(lambda session: session.ready and session.alive),
        "neither a renewal nor new credits resurrect a draining worker",
    ),
    "losses are not counted": Planted(
        Line, "count_loss", lambda *_: False, "a type that keeps losing its workers is quarantined; a person heals it"
    ),
    "silence is no matter": Planted(
        Sessions, "_look_after", lambda *_: None, "a silent worker is closed within dead_after"
    ),
    "chunks are taken as they come": Planted(
        Hearing,
        "chunks",
        lambda hearing, session, items: _all_chunks(hearing, session, items),
        "chunks reach watchers in order, without gap or duplicate",
    ),
}


def _newest_first(line: Line, handover: Any) -> None:  # noqa: ANN401 - a hand-over
    line._pushed += 1
    line._heap.insert(0, ((-line._pushed, 0), line._pushed, handover))


def _all_chunks(hearing: Hearing, session: Session, items: Any) -> None:  # noqa: ANN401 - chunks
    for item in items:
        handover = hearing._current(session, item.lease)
        if handover is not None:
            handover.chunks.append(item)
            hearing._later(60.0, handover)  # all are written at once, with the result


def scenario_of(name: str) -> Scenario:
    return next(one for one in SCENARIOS if one.name == name)


def short() -> dict[str, Any]:
    return {name.removeprefix("workers__"): value for name, value in SHORT.items() if name.startswith("workers__")}


@pytest.mark.parametrize("what", PLANTED)
async def test_a_broken_rule_is_found(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    planted = PLANTED[what]
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    monkeypatch.setattr(planted.room, planted.method, planted.instead)
    async with serving(quick(workers=short())) as served:
        report = await run(Target(grpc=served.address), [scenario_of(planted.scenario)], ["stream"])
    (outcome,) = report.outcomes
    assert outcome.verdict is Verdict.FAILED
    assert outcome.reason


@pytest.mark.parametrize("name", sorted({planted.scenario for planted in PLANTED.values()}))
async def test_the_same_scenario_passes_on_a_server_that_is_whole(name: str) -> None:
    async with serving(quick(workers=short())) as served:
        report = await run(Target(grpc=served.address), [scenario_of(name)], ["stream"])
    assert [one.verdict for one in report.outcomes] == [Verdict.PASSED], "\n".join(report.lines())
