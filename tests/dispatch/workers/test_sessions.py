"""A worker comes, comes back, drains and goes; what it holds stays its own as long as its lease."""

import asyncio

import pytest

from tests.dispatch.workers.desks import QUICK, Office, a_task, a_type, ack, names, taken, until
from workflow_engine.dispatch.workers.errors import (
    InvalidCredits,
    InvalidHello,
    SessionNotFound,
    TooManySessions,
    UnsupportedProtocol,
)
from workflow_engine.dispatch.workers.handover import Stage
from workflow_engine.dispatch.workers.messages import Hello, LeaseRef
from workflow_engine.dispatch.workers.terms import Terms
from workflow_engine.execution.inputs import Withdrawn

WORK = a_type()
LONG = Terms(lease=60, ack_within=60)


async def test_a_newer_session_of_a_worker_takes_the_place_of_the_older() -> None:
    office = Office()
    older, newer = office.worker("w", WORK), office.worker("w", WORK)
    assert newer.epoch > older.epoch
    assert (older.alive, older.superseded, newer.alive) == (False, True, True)
    office.sessions.close(older)
    office.dispatch("a", WORK)
    assert names(newer) == ["a"]


async def test_a_worker_that_comes_back_keeps_what_it_names_and_loses_what_it_does_not() -> None:
    office = Office(LONG)
    first = office.worker("w", WORK, slots=2)
    office.dispatch("kept", WORK)
    office.dispatch("forgotten", WORK)
    kept, forgotten = taken(first)
    office.sessions.close(first)
    second = office.sessions.open("local", "default", Hello("w"), "stream", explicit_acks=True)
    office.sessions.serve(second, [WORK.pin])
    office.sessions.credits(second, {"": 2})
    verdicts = await office.sessions.resume(second, [kept.lease])
    assert [verdict.keep for verdict in verdicts] == [True]
    office.sessions.ready(second)
    assert kept.holder is second
    assert [type(report) for report in await office.commit()] == [Withdrawn]
    assert [(one.lease.execution_id, one.lease.delivery) for one in taken(second)] == [("forgotten", 2)]
    assert forgotten.stage is Stage.GONE


async def test_a_forged_token_and_an_unknown_lease_are_not_kept() -> None:
    office = Office(LONG)
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    forged = LeaseRef(handover.lease.execution_id, "a", 1, "x" * 24)
    unknown = office.desk.tokens.lease("nobody", "a", 1)
    verdicts = await office.sessions.resume(worker, [forged, unknown])
    assert [verdict.keep for verdict in verdicts] == [False, False]


async def test_the_end_of_a_session_ends_no_lease() -> None:
    office = Office(LONG)
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    office.sessions.close(worker)
    assert handover.stage is Stage.LEASED
    assert [session.worker_id for session in office.sessions] == ["w"]
    assert names(office.worker("other", WORK)) == []


async def test_a_worker_that_breaks_off_again_before_it_is_ready_loses_nothing() -> None:
    office = Office(LONG)
    first = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(first)
    office.sessions.close(first)
    halfway = office.sessions.open("local", "default", Hello("w"), "stream", explicit_acks=True)
    office.sessions.close(halfway)
    third = office.sessions.open("local", "default", Hello("w"), "stream", explicit_acks=True)
    assert [verdict.keep for verdict in await office.sessions.resume(third, [handover.lease])] == [True]


async def test_a_silent_worker_is_closed_and_its_lease_runs_on() -> None:
    office = Office(Terms(ping_every=0.02, dead_after=0.06, lease=60, ack_within=60))
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    await until(lambda: not worker.alive)
    assert handover.stage is Stage.LEASED
    assert worker.outbox.closed


async def test_a_worker_that_answers_its_pings_stays() -> None:
    office = Office(Terms(ping_every=0.02, dead_after=0.06, lease=60, ack_within=60))
    worker = office.worker("w", WORK)
    for _ in range(10):
        await worker.outbox.news()
        assert worker.outbox.take().ping is not None
        office.sessions.heard(worker)
    assert worker.alive


async def test_a_draining_worker_gets_nothing_new_and_is_told_when_it_may_go() -> None:
    office = Office(LONG)
    worker = office.worker("w", WORK, slots=5)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    office.sessions.drain(worker, 0)
    office.dispatch("b", WORK)
    assert names(worker) == []
    worker.release(handover)
    office.sessions.tell_if_drained(worker)
    assert worker.outbox.take().drained


async def test_a_draining_worker_is_not_let_go_before_its_last_result_is_durable() -> None:
    office = Office(LONG)
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    office.sessions.drain(worker, 0)
    worker.release(handover)
    worker.unanswered += 1
    office.sessions.tell_if_drained(worker)
    assert not worker.outbox.take().drained
    worker.unanswered -= 1
    office.sessions.tell_if_drained(worker)
    assert worker.outbox.take().drained


async def test_what_a_draining_worker_did_not_finish_in_time_goes_to_the_next() -> None:
    office = Office(LONG)
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    taken(worker)
    office.sessions.drain(worker, 0.05)
    other = office.worker("other", WORK)
    await until(lambda: office.delivered)
    await office.commit()
    assert [one.lease.delivery for one in taken(other)] == [2]


async def test_a_worker_that_left_nothing_behind_is_forgotten_at_once_and_one_that_did_is_not() -> None:
    office = Office(LONG)
    idle, busy = office.worker("idle", WORK, slots=0), office.worker("busy", WORK)
    office.dispatch("a", WORK)
    taken(busy)
    office.sessions.close(idle)
    office.sessions.close(busy)
    await until(lambda: office.gone)
    await asyncio.sleep(0.05)
    assert office.gone == [("default", "idle")]


async def test_a_session_is_found_by_its_own_principal_alone() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    assert office.sessions.find("default", "local", worker.id) is worker
    for namespace, principal, session_id in (
        ("other", "local", worker.id),
        ("default", "stranger", worker.id),
        ("default", "local", "nobody"),
    ):
        with pytest.raises(SessionNotFound):
            office.sessions.find(namespace, principal, session_id)


@pytest.mark.parametrize("worker_id", ["", "with space", "ü", "x" * 129, "a\nb"])
async def test_a_worker_id_that_is_none_is_refused(worker_id: str) -> None:
    with pytest.raises(InvalidHello):
        Office().sessions.open("local", "default", Hello(worker_id), "stream", explicit_acks=True)


@pytest.mark.parametrize(("lowest", "highest"), [(2, 3), (0, 1), (3, 2), (-1, -1)])
async def test_a_range_of_versions_that_leaves_ours_out_is_refused(lowest: int, highest: int) -> None:
    with pytest.raises((UnsupportedProtocol, InvalidHello)):
        Office().sessions.open("local", "default", Hello("w", lowest, highest), "stream", explicit_acks=True)


async def test_there_are_at_most_so_many_sessions_and_a_worker_may_always_replace_its_own() -> None:
    office = Office(Terms(max_sessions=1))
    office.worker("w", WORK)
    with pytest.raises(TooManySessions):
        office.worker("other", WORK)
    assert office.worker("w", WORK).alive


@pytest.mark.parametrize("slots", [{"": -1}, {"": 10_001}, {"work": 10**9}])
async def test_slots_out_of_range_are_refused_and_change_nothing(slots: dict[str, int]) -> None:
    office = Office()
    worker = office.worker("w", WORK)
    with pytest.raises(InvalidCredits):
        office.sessions.credits(worker, slots)
    assert worker.slots == {"": 1}


async def test_a_lease_that_ran_out_may_be_taken_up_again_as_long_as_nobody_else_has_the_step() -> None:
    office = Office(QUICK)
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    ack(office, handover)
    await until(lambda: handover.stage is Stage.WAITING)
    assert office.sessions.take_up(worker, handover)
    assert names(office.worker("other", WORK)) == []


async def test_a_worker_of_before_a_restart_takes_up_what_it_holds() -> None:
    office = Office(LONG)
    office.desk.returning.expect([("default", "w", [WORK.pin])], office.desk.clock.monotonic() + 60)
    office.tasks["a"] = a_task("a", WORK)
    office.desk.restore(office.tasks["a"])
    worker = office.sessions.open("local", "default", Hello("w"), "stream", explicit_acks=True)
    lease = office.desk.tokens.lease("a", "a", 1)
    assert [verdict.keep for verdict in await office.sessions.resume(worker, [lease])] == [True]
    office.sessions.ready(worker)
    assert office.delivered == []
    assert worker.in_flight == 1
