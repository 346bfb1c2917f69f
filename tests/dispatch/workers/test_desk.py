"""Steps wait for workers, and workers for steps: who gets what, and what happens when a worker is lost."""

from tests.dispatch.workers.desks import Office, a_task, a_type, ack, names, taken, until
from workflow_engine.dispatch.workers.handover import Stage
from workflow_engine.execution.inputs import Failed, Succeeded, Taken, Withdrawn
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Completed, Effect, StepType

WORK = a_type()


async def test_what_came_first_is_done_first_however_late_the_worker_comes() -> None:
    office = Office()
    for name in ("first", "second", "third"):
        office.dispatch(name, WORK)
    worker = office.worker("w", WORK, slots=2)
    assert names(worker) == ["first", "second"]


async def test_new_work_does_not_pass_what_waits() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    office.dispatch("first", WORK)
    office.dispatch("second", WORK)
    office.dispatch("third", WORK)
    first = taken(worker)[0]
    worker.release(first)
    office.desk.over(first)
    office.desk.feed(worker)
    assert names(worker) == ["second"]


async def test_a_higher_priority_goes_first() -> None:
    office = Office()
    office.dispatch("plain", WORK)
    office.dispatch("urgent", WORK, priority=5)
    assert names(office.worker("w", WORK, slots=2)) == ["urgent", "plain"]


async def test_workers_that_have_room_take_turns() -> None:
    office = Office()
    workers = [office.worker(f"w{n}", WORK, slots=10) for n in range(3)]
    for n in range(6):
        office.dispatch(str(n), WORK)
    assert [len(taken(worker)) for worker in workers] == [2, 2, 2]


async def test_a_worker_of_several_types_does_the_oldest_of_them_first() -> None:
    office = Office()
    other = a_type("other")
    office.dispatch("old", other)
    office.dispatch("new", WORK)
    assert names(office.worker("w", WORK, other)) == ["old"]


async def test_slots_are_never_exceeded_and_costs_count() -> None:
    office = Office()
    heavy = a_type("heavy", cost=3)
    worker = office.worker("w", heavy, slots=7)
    for n in range(5):
        office.dispatch(str(n), heavy)
    assert len(taken(worker)) == 2


async def test_a_step_that_costs_more_than_there_is_gets_all_of_it() -> None:
    office = Office()
    heavy = a_type("heavy", cost=3)
    worker = office.worker("w", heavy, WORK, slots=2)
    office.dispatch("light", WORK)
    office.dispatch("heavy", heavy)
    light = taken(worker)
    assert [one.lease.execution_id for one in light] == ["light"]
    worker.release(light[0])
    office.desk.over(light[0])
    office.desk.feed(worker)
    assert names(worker) == ["heavy"]


async def test_slots_of_one_type_bound_that_type_alone() -> None:
    office = Office()
    gpu = a_type("gpu")
    worker = office.worker("w", WORK, gpu, slots=10)
    office.sessions.credits(worker, {"": 10, "gpu": 1})
    for n in range(3):
        office.dispatch(f"gpu{n}", gpu)
        office.dispatch(f"work{n}", WORK)
    assert sorted(names(worker)) == ["gpu0", "work0", "work1", "work2"]


async def test_without_slots_nothing_is_assigned_and_more_slots_are_used_at_once() -> None:
    office = Office()
    worker = office.worker("w", WORK, slots=0)
    office.dispatch("a", WORK)
    assert names(worker) == []
    office.sessions.credits(worker, {"": 1})
    assert names(worker) == ["a"]


async def test_a_step_that_is_not_acked_goes_back_under_a_larger_fence() -> None:
    office = Office()
    slow, quick = office.worker("slow", WORK), office.worker("quick", WORK)
    office.dispatch("a", WORK)
    assert [one.lease.delivery for one in taken(slow)] == [1]
    await until(lambda: office.delivered)
    assert [type(report) for report in await office.commit()] == [Withdrawn]
    assert [one.lease.delivery for one in (*taken(quick), *taken(slow))] == [2]


async def test_a_lapsed_lease_stays_where_it_is_until_somebody_else_can_have_the_step() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    ack(office, handover)
    await until(lambda: handover.stage is Stage.WAITING)
    assert office.delivered == []
    assert office.desk.at(handover.lease) is handover
    office.dispatch("b", WORK)
    assert names(worker) == []
    office.worker("other", WORK)
    assert [execution_id for execution_id, _, _ in office.delivered] == ["a"]


async def test_a_worker_that_lets_its_lease_run_out_for_as_long_again_gets_its_slot_back() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    ack(office, *taken(worker))
    await until(lambda: office.delivered)
    assert [type(report) for report in await office.commit()] == [Withdrawn]
    outgoing = worker.outbox.take()
    assert [one.lease.delivery for one in outgoing.assignments] == [2]
    assert [cancel.reason for cancel in outgoing.cancels] == ["superseded"]


async def test_what_a_worker_let_lapse_itself_does_not_keep_it_from_other_work() -> None:
    office = Office()
    worker = office.worker("w", WORK, slots=2)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    ack(office, handover)
    await until(lambda: handover.stage is Stage.WAITING)
    office.dispatch("b", WORK)
    assert names(worker) == ["b"]


async def test_a_step_that_may_run_once_is_given_away_only_after_that_is_written_down() -> None:
    office = Office()
    pay = a_type("pay", effect=Effect.AT_MOST_ONCE)
    worker = office.worker("w", pay)
    office.dispatch("a", pay)
    assert names(worker) == []
    assert [type(report) for report in await office.commit()] == [Taken]
    assert names(worker) == ["a"]


async def test_a_step_that_may_run_once_and_was_lost_is_never_handed_over_again() -> None:
    office = Office()
    pay = a_type("pay", effect=Effect.AT_MOST_ONCE)
    worker = office.worker("w", pay)
    office.dispatch("a", pay)
    await office.commit()
    assert names(worker) == ["a"]
    await until(lambda: office.delivered)
    (report,) = await office.commit()
    assert isinstance(report, Withdrawn)
    assert not report.untouched
    assert office.desk.of_step("a", "a") is None


async def test_a_late_step_fails_and_its_worker_is_told_to_stop() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    task = a_task("a", WORK)
    object.__setattr__(task.request, "timeout_seconds", 0.05)
    office.tasks["a"] = task
    office.desk.dispatch(task)
    (handover,) = taken(worker)
    await until(lambda: office.delivered)
    report = office.delivered[0][1]
    assert isinstance(report, Failed)
    assert report.error.code == "timeout"
    office.desk.abort("a", "a")
    (cancel,) = worker.outbox.take().cancels
    assert (cancel.lease, cancel.reason) == (handover.lease, "timeout")


async def test_a_cancelled_step_takes_its_slot_until_the_worker_lets_go_of_it() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(worker)
    office.desk.abort("a", "a")
    office.dispatch("b", WORK)
    assert names(worker) == []
    worker.release(handover)
    office.desk.feed(worker)
    assert names(worker) == ["b"]


async def test_a_worker_that_lets_a_cancel_pass_is_known_for_it() -> None:
    office = Office()
    worker = office.worker("w", WORK)
    office.dispatch("a", WORK)
    taken(worker)
    office.desk.abort("a", "a")
    await until(lambda: worker.ignored_cancels == 1)


async def test_what_never_left_the_process_goes_to_the_next_worker_under_the_same_lease() -> None:
    office = Office()
    office.worker("w", WORK)
    office.dispatch("a", WORK)
    office.sessions.close(next(iter(office.sessions)))
    assert [one.lease.delivery for one in taken(office.worker("other", WORK))] == [1]


async def test_a_step_that_was_given_back_goes_to_somebody_else_and_not_straight_back() -> None:
    office = Office()
    unwilling = office.worker("unwilling", WORK)
    office.dispatch("a", WORK)
    (handover,) = taken(unwilling)
    office.desk.give_back(handover, "not now")
    (report,) = await office.commit()
    assert isinstance(report, Withdrawn)
    assert report.untouched
    assert names(unwilling) == []
    assert names(office.worker("willing", WORK)) == ["a"]


async def test_a_type_whose_workers_are_lost_one_after_the_other_is_quarantined_until_it_is_reset() -> None:
    office = Office()
    line = office.desk.line("default", WORK.pin)
    for n in range(office.terms.quarantine_after):
        assert not line.quarantined
        line.count_loss((f"w{n}", n), office.terms.quarantine_after)
    assert line.quarantined
    office.dispatch("a", WORK)
    worker = office.worker("w", WORK)
    assert names(worker) == []
    line.quarantined = False
    line.heal()
    office.desk.serve(line)
    assert names(worker) == ["a"]


def test_one_lost_worker_counts_once_however_many_steps_it_had() -> None:
    line = Office().desk.line("default", WORK.pin)
    for _ in range(100):
        line.count_loss(("w", 1), 5)
    assert (line.losses, line.quarantined) == (1, False)


async def test_a_made_up_output_is_marked_and_only_made_when_nobody_serves_the_type() -> None:
    office = Office()
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    made_up = StepType("made.up", execution_type=WORK.execution_type, output_schema=schema)
    office.dispatch("a", made_up, simulate_unserved=True)
    (report,) = await office.commit()
    assert isinstance(report, Succeeded)
    assert isinstance(report.verdict, Completed)
    assert report.verdict.simulated
    worker = office.worker("w", made_up)
    office.dispatch("b", made_up, simulate_unserved=True)
    assert names(worker) == ["b"]


async def test_after_a_restart_a_step_waits_for_the_workers_that_may_have_it() -> None:
    office = Office()
    soon = office.desk.clock.monotonic() + 60
    office.desk.returning.expect([("default", "old", [WORK.pin])], soon)
    office.tasks["a"] = a_task("a", WORK)
    office.desk.restore(office.tasks["a"])
    stranger = office.worker("stranger", WORK)
    assert names(stranger) == []
    office.worker("old", WORK, slots=0)
    (report,) = await office.commit()
    assert isinstance(report, Withdrawn)
    assert [one.lease.delivery for one in taken(stranger)] == [2]


async def test_after_a_restart_nothing_waits_for_workers_of_other_types() -> None:
    office = Office()
    office.desk.returning.expect([("default", "old", ["other@1.0.0"])], office.desk.clock.monotonic() + 60)
    office.desk.restore(a_task("a", WORK))
    assert [one.lease.delivery for one in taken(office.worker("w", WORK))] == [1]


async def test_who_does_not_come_back_is_waited_for_no_longer_than_its_lease() -> None:
    office = Office()
    office.desk.returning.expect([("default", "old", [WORK.pin])], office.desk.clock.monotonic() + 0.1)
    office.tasks["a"] = a_task("a", WORK)
    office.desk.restore(office.tasks["a"])
    worker = office.worker("w", WORK)
    await until(lambda: office.delivered)
    await office.commit()
    assert [one.lease.delivery for one in taken(worker)] == [2]


async def test_a_step_that_may_run_once_and_was_not_given_away_waits_for_nobody_after_a_restart() -> None:
    office = Office()
    pay = a_type("pay", effect=Effect.AT_MOST_ONCE)
    office.desk.returning.expect([("default", "old", [pay.pin])], office.desk.clock.monotonic() + 60)
    office.tasks["a"] = a_task("a", pay)
    office.desk.restore(office.tasks["a"])
    worker = office.worker("w", pay)
    await office.commit()
    assert names(worker) == ["a"]
