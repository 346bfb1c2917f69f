"""Slots come back, however a step ends: what was found by killing workers (`tests/faults`)."""

from tests.dispatch.workers.desks import Office, a_type, ack, taken, until
from workflow_engine.dispatch.workers.session import ALL
from workflow_engine.steps.contract import Effect


async def test_a_step_that_may_run_once_takes_its_slot_once() -> None:
    office = Office()
    pay = a_type("pay", effect=Effect.AT_MOST_ONCE)
    worker = office.worker("w", pay)
    office.dispatch("a", pay)
    await office.commit()
    (handover,) = taken(worker)
    ack(office, handover)

    assert worker.used[ALL] == 1
    worker.release(handover)
    assert worker.used[ALL] == 0


async def test_a_step_that_may_run_once_and_was_given_up_frees_its_slot_and_its_worker_may_finish_it() -> None:
    office = Office()
    pay = a_type("pay", effect=Effect.AT_MOST_ONCE)
    worker = office.worker("w", pay)
    office.dispatch("a", pay)
    await office.commit()
    taken(worker)  # and no ack comes
    await until(lambda: office.delivered)
    await office.commit()

    assert worker.outbox.take().cancels == []
    assert worker.in_flight == worker.used[ALL] == 0
