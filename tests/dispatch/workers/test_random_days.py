"""Thousands of random moments of a desk, its workers and its storage; then everything is well again, and nothing may be
lost, done twice under one fence, or held by nobody.

Time is virtual: whenever nothing is ready to run, the clock moves on to what comes next.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

import pytest

from tests.dispatch.workers.desks import a_task, a_type
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.workers.desk import Desk, Then
from workflow_engine.dispatch.workers.hearing import Hearing
from workflow_engine.dispatch.workers.messages import Answer, Code, Hello, LeaseRef, Output, Result
from workflow_engine.dispatch.workers.outcomes import Outcomes, Reading
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.dispatch.workers.terms import Terms
from workflow_engine.dispatch.workers.tokens import Tokens
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.errors import AlreadyReported, OtherResult, StaleDelivery
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Failed, Report, Succeeded, Withdrawn
from workflow_engine.journal.contract import JournalUnavailable
from workflow_engine.steps.contract import Completed, Effect, StepType

TERMS: Final = Terms(lease=60, ack_within=5, ping_every=10, dead_after=1e9, quarantine_after=1_000_000)
TYPES: Final = (a_type("work"), a_type("heavy", cost=2), a_type("pay", effect=Effect.AT_MOST_ONCE))
WORKERS: Final = 4
MOMENTS: Final = 400
OPEN, DONE, CANCELLED, FAILED, UNKNOWN = "open", "done", "cancelled", "failed", "unknown"
ENDED: Final = (DONE, CANCELLED, FAILED)


# --- time


class Skipping(selectors.DefaultSelector):
    """Waits for nothing: the time somebody would wait is over at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.skipping = Skipping()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.now


@dataclass
class LoopClock:
    loop: VirtualLoop

    def now(self) -> float:
        return 1_700_000_000.0 + self.loop.time()

    def monotonic(self) -> float:
        return self.loop.time()


# --- executions of one step each, with a mailbox and a commit, as the core has them


@dataclass
class Step:
    task: Task
    status: str = OPEN
    accepted: object = None
    delivery: int = 1
    started: int = 0
    """The latest fence a worker was sent."""
    mail: deque[tuple[Report | str, Then | None]] = field(default_factory=deque)


class Core:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.steps: dict[str, Step] = {}
        self.is_away = False
        """The storage cannot be read or written now."""

    def deliver(self, namespace: str, execution_id: str, make: Callable[[Execution], Report], then: Then) -> None:
        assert namespace == "default"
        step = self.steps[execution_id]
        if self.is_away:  # its execution left memory, and cannot be brought back
            asyncio.get_running_loop().call_soon(then, JournalUnavailable("away"))
            return
        report = make(cast(Execution, step))
        if step.status in ENDED:
            then(_refusal(step, report))
        else:
            step.mail.append((report, then))

    def start(self, name: str, step_type: StepType, timeout: float | None) -> None:
        self.steps[name] = Step(_task(name, step_type, 1, timeout))
        self.desk.dispatch(self.steps[name].task)

    def commit(self, name: str) -> None:
        step = self.steps[name]
        letters, step.mail = step.mail, deque()
        before, answers = step.delivery, []
        aborts = False
        for report, then in letters:
            refusal, over = self._decide(step, report)
            aborts = aborts or over
            answers.append((then, refusal))
        for then, refusal in sorted(answers, key=lambda answer: answer[1] is None):
            if then is not None:
                then(refusal)
        if aborts:
            self.desk.abort(name, "a")
        if step.status == OPEN and step.delivery > before:
            self.desk.dispatch(step.task)

    def fail(self, name: str) -> None:
        """The storage is away: everybody is told so, and results are submitted again by the runtime."""
        step = self.steps[name]
        letters, step.mail = step.mail, deque()
        for report, then in letters:
            if then is not None:
                then(JournalUnavailable("away"))
            if isinstance(report, Succeeded | Failed):
                step.mail.append((report, None))

    def _decide(self, step: Step, report: Report | str) -> tuple[WorkflowEngineError | None, bool]:
        if step.status in ENDED:
            return (None if isinstance(report, str) else _refusal(step, report)), False
        return self._ordered(step, report) if isinstance(report, str) else self._told(step, report)

    def _ordered(self, step: Step, order: str) -> tuple[WorkflowEngineError | None, bool]:
        if order == "cancel":
            step.status = CANCELLED
            return None, True
        if step.status == UNKNOWN:
            step.status = OPEN
            _again(step)
        return None, False

    def _told(self, step: Step, report: Report) -> tuple[WorkflowEngineError | None, bool]:
        if report.delivery != step.delivery or (step.status == UNKNOWN and not isinstance(report, Succeeded)):
            return _refusal(step, report), False
        once = step.task.type.effect is Effect.AT_MOST_ONCE
        match report:
            case Withdrawn(untouched=untouched):
                if once and not untouched:
                    assert step.started == step.delivery, "nobody was ever sent it"
                    step.status = UNKNOWN
                else:
                    _again(step)
            case Succeeded():
                step.status, step.accepted = DONE, report.verdict
            case Failed():
                if once:
                    step.status = FAILED
                else:
                    _again(step)
                return None, True
        return None, False


def _again(step: Step) -> None:
    step.delivery += 1
    request = step.task.request
    step.task = _task(request.execution_id, step.task.type, step.delivery, request.timeout_seconds)


def _task(name: str, step_type: StepType, delivery: int, timeout: float | None) -> Task:
    task = a_task(name, step_type, delivery)
    object.__setattr__(task.request, "timeout_seconds", timeout)
    return task


def _refusal(step: Step, report: Report) -> StaleDelivery:
    if report.delivery != step.delivery or not isinstance(report, Succeeded) or step.status != DONE:
        return StaleDelivery("a")
    return AlreadyReported("a") if step.accepted == report.verdict else OtherResult("a")


class Marks:
    """Reads results without a contract."""

    def read(self, _execution: Execution, result: Result, now: float, worker: str, since: float) -> Reading:
        lease, outcome = result.lease, cast(Output, result.outcome)
        done = Completed(outcome.data.decode())
        return Reading(Succeeded(now, lease.path, lease.delivery, done, 1.0, worker, since))


# --- workers


@dataclass
class Worker:
    """One worker id. `life` grows whenever its process dies: then it knows of nothing any more."""

    name: str
    day: "Day"
    life: int = 0
    session: Session | None = None
    held: dict[LeaseRef, None] = field(default_factory=dict)
    finished: dict[LeaseRef, bytes] = field(default_factory=dict)
    """Results it sent and was not answered."""
    called_back: list[LeaseRef] = field(default_factory=list)
    unacked: list[LeaseRef] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.session is not None and self.session.alive

    async def open(self) -> None:
        sessions = self.day.sessions
        session = sessions.open("local", "default", Hello(self.name), "stream", explicit_acks=True)
        self.session, self.called_back, self.unacked = session, [], []
        sessions.serve(session, [one.pin for one in TYPES])
        sessions.credits(session, {"": self.day.random.randint(1, 4)})
        verdicts = await sessions.resume(session, list(self.held))
        for verdict in verdicts:
            if not verdict.keep:
                self.held.pop(verdict.lease, None)
        sessions.ready(session)
        for lease in list(self.finished):
            self.answer(lease)

    def die(self) -> None:
        self.life += 1
        self.day.zombies += [*self.held]
        self.held.clear()
        self.finished.clear()
        self.break_off()

    def read(self) -> None:
        """Take everything there is on the stream."""
        if not self.is_open or self.session is None:
            return
        was_draining = self.session.draining
        outgoing = self.session.outbox.take()
        for cancel in outgoing.cancels:
            self.held.pop(cancel.lease, None)
            self.called_back.append(cancel.lease)
        for handover in outgoing.assignments:
            assert not was_draining, "a draining worker was given something"
            self.day.note_start(handover.lease, self)
            self.held[handover.lease] = None
            self.unacked.append(handover.lease)

    def ack(self) -> None:
        if self.is_open and self.session is not None:
            self.day.hearing.acks(self.session, self.unacked)
            self.unacked = []

    def finish(self) -> None:
        if self.is_open and self.held:
            self.answer(self.day.random.choice([*self.held]))

    def reject(self) -> None:
        if self.is_open and self.session is not None and self.held:
            lease = self.day.random.choice([*self.held])
            del self.held[lease]
            self.day.hearing.rejects(self.session, [(lease, "no")])

    def renew(self) -> None:
        if self.is_open and self.session is not None:
            for answer in self.day.hearing.renew(self.session, [*self.held]):
                if answer.code is not Code.OK:
                    self.held.pop(answer.lease, None)

    def break_off(self) -> None:
        if self.session is not None:
            self.day.sessions.close(self.session)

    def drain(self) -> None:
        if self.is_open and self.session is not None:
            self.day.sessions.drain(self.session, self.day.random.choice((0.0, 3.0)))

    def credit(self) -> None:
        if self.is_open and self.session is not None:
            self.day.sessions.credits(self.session, {"": self.day.random.randint(0, 4)})

    def report_late(self) -> None:
        """What a process sends that was thought to be dead."""
        if self.is_open and self.session is not None and self.day.zombies:
            late = Result(self.day.random.choice(self.day.zombies), Output(b"late"))
            self.day.hearing.results(self.session, [late], lambda _answer: None)

    def answer(self, lease: LeaseRef) -> None:
        assert self.session is not None
        data = self.finished.setdefault(lease, b"%s under %d" % (self.name.encode(), lease.delivery))
        self.held.pop(lease, None)
        life, session = self.life, self.session

        def answered(answer: Answer) -> None:
            if self.life == life and answer.code is not Code.UNAVAILABLE:
                self.finished.pop(lease, None)
                self.day.note_answer(lease, answer)
            elif self.life == life and self.is_open and session is self.session:
                asyncio.get_running_loop().call_later(0.5, self.answer_again, lease)

        self.day.hearing.results(self.session, [Result(lease, Output(data))], answered)

    def answer_again(self, lease: LeaseRef) -> None:
        if self.is_open and lease in self.finished:
            self.answer(lease)

    def let_go(self) -> None:
        if self.is_open and self.session is not None:
            self.day.hearing.cancel_acks(self.session, self.called_back)
            self.called_back = []


# --- a day


class Day:
    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.random = Random(seed)
        self.desk = Desk(LoopClock(loop), Tokens(b"k" * 32), TERMS)
        self.core = Core(self.desk)
        self.desk.connect(self.core.deliver)
        self.sessions = Sessions(self.desk)
        self.sessions.connect(self._find, lambda _place: None)
        self.hearing = Hearing(self.desk, self.sessions, cast(Outcomes, Marks()))
        self.workers = [Worker(f"w{number}", self) for number in range(WORKERS)]
        self.zombies: list[LeaseRef] = []
        self.starts: dict[str, list[tuple[int, str, int]]] = {}

    async def _find(self, _namespace: str, _execution_id: str) -> None:
        return

    def note_start(self, lease: LeaseRef, worker: Worker) -> None:
        starts = self.starts.setdefault(lease.execution_id, [])
        last = starts[-1][0] if starts else 0
        assert lease.delivery > last, f"{lease.execution_id} under fence {lease.delivery}, after {starts}"
        self.core.steps[lease.execution_id].started = lease.delivery
        starts.append((lease.delivery, worker.name, worker.life))

    def note_answer(self, lease: LeaseRef, answer: Answer) -> None:
        if answer.code is Code.OK:
            assert self.core.steps[lease.execution_id].status == DONE

    async def moment(self) -> None:
        move = self.random.choice(MOVES)
        if move is Day.rest:
            await self.rest()
        elif move is Worker.open:
            await self.random.choice(self.workers).open()
        elif move in STEP_MOVES:
            if self.core.steps:
                move(self, self.random.choice([*self.core.steps]))
        elif move in DAY_MOVES:
            move(self)
        else:
            move(self.random.choice(self.workers))
        self.check()

    async def rest(self) -> None:
        await asyncio.sleep(self.random.choice((0.0, 0.1, 1.0, 6.0, 30.0, 61.0)))

    def start(self) -> None:
        if not self.core.is_away:
            timeout = self.random.choice((None, None, 20.0, 200.0))
            self.core.start(f"e{len(self.core.steps)}", self.random.choice(TYPES), timeout)

    def commit(self) -> None:
        for name in self.core.steps:
            self.commit_one(name)

    def commit_one(self, name: str) -> None:
        if not self.core.is_away:
            self.core.commit(name)

    def lose_storage(self) -> None:
        for name in self.core.steps:
            self.core.fail(name)
        self.core.is_away = True

    def find_storage(self) -> None:
        self.core.is_away = False

    def cancel(self, name: str) -> None:
        self.core.steps[name].mail.append(("cancel", None))

    def say_again(self, name: str) -> None:
        self.core.steps[name].mail.append(("again", None))

    def check(self) -> None:
        for worker in self.workers:
            if worker.is_open and worker.session is not None:
                _check_slots(worker.session)

    async def settle(self) -> None:
        """Everything is well from now on: whoever is here does what he has and is given."""
        self.core.is_away = False
        for worker in self.workers:
            if not worker.is_open or worker.session is None or worker.session.draining:
                if worker.is_open and worker.session is not None:
                    self.sessions.close(worker.session)
                await worker.open()
            self.sessions.credits(cast(Session, worker.session), {"": 3})
        for _ in range(400):
            for name, step in self.core.steps.items():
                if step.status == UNKNOWN:
                    step.mail.append(("again", None))
                self.core.commit(name)
            for worker in self.workers:
                worker.read()
                worker.ack()
                worker.let_go()
                for lease in [*worker.held]:
                    worker.answer(lease)
            await asyncio.sleep(1.0)

    def check_end(self) -> None:
        for name, step in self.core.steps.items():
            left = self.desk.of_step(name, "a")
            assert step.status in ENDED, f"{name} is never done: {step.status} under fence {step.delivery}, {left}"
            assert left is None, f"{name} is done, and its hand-over is kept: {left}"
        for worker in self.workers:
            session = cast(Session, worker.session)
            _check_slots(session)
            assert session.in_flight == 0, f"{worker.name} holds {session.held}, {session.cancelling}"
        assert not any(list(line.waiting()) for line in self.desk.lines())


STEP_MOVES: Final = (Day.commit_one, Day.cancel, Day.say_again)
DAY_MOVES: Final = (Day.start, Day.commit, Day.lose_storage, Day.find_storage)
MOVES: Final[tuple[Callable[..., Any], ...]] = (
    *(Day.start, Day.commit, Worker.read, Worker.ack, Worker.finish) * 6,
    *(Day.rest, Day.commit_one, Day.find_storage, Worker.open, Worker.renew, Worker.let_go) * 3,
    *(Day.cancel, Day.say_again, Day.lose_storage, Worker.break_off, Worker.credit, Worker.reject),
    *(Worker.report_late, Worker.die, Worker.drain),
)


def _check_slots(session: Session) -> None:
    cost = sum(one.task.type.slot_cost for one in (*session.held.values(), *session.cancelling.values()))
    assert session.used.get("", 0) == cost + session.promised


@pytest.mark.parametrize("seed", range(80))
def test_after_any_day_every_step_is_done_and_no_slot_is_lost(seed: int) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_a_day(seed))


async def _a_day(seed: int) -> None:
    day = Day(seed, cast(VirtualLoop, asyncio.get_running_loop()))
    for _ in range(MOMENTS):
        await day.moment()
    await day.settle()
    day.check_end()
