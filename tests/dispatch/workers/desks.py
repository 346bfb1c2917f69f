"""A desk without executions: what it delivers is kept, and the test says when it is durable."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from workflow_engine.clock import SystemClock
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.workers.desk import Desk, Then
from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import Hello
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.dispatch.workers.terms import Terms
from workflow_engine.dispatch.workers.tokens import Tokens
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Report, Taken, Withdrawn
from workflow_engine.steps.contract import Effect, ExecutionType, StepRequest, StepType

QUICK = Terms(ping_every=5, dead_after=10, lease=0.3, ack_within=0.1, cancel_grace=0.1)


def a_type(name: str = "work", *, effect: Effect = Effect.IDEMPOTENT, cost: int = 1) -> StepType:
    return StepType(name, execution_type=ExecutionType.GRPC, effect=effect, slot_cost=cost)


def a_task(execution_id: str, step_type: StepType, delivery: int = 1, **more: object) -> Task:
    request = StepRequest(
        execution_id=execution_id,
        workflow_id=None,
        workflow_name="test",
        namespace="default",
        path="a",
        step_id="a",
        step_type=step_type.name,
        attempt=1,
        delivery=delivery,
        idempotency_key=f"wfk_{execution_id}_a",
        input={},
        config={},
        now=0.0,
    )
    return Task(step_type, request, **more)  # type: ignore[arg-type]  # the further facts of a task


@dataclass(slots=True)
class Office:
    """A desk and its sessions; `delivered` are the reports that wait for their commit."""

    terms: Terms = QUICK
    desk: Desk = field(init=False)
    sessions: Sessions = field(init=False)
    delivered: list[tuple[str, Report, Then]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(SystemClock(), Tokens(b"k" * 32), self.terms)
        self.desk.connect(self._deliver)
        self.sessions = Sessions(self.desk)
        self.sessions.connect(self._find, self.gone.append)

    def _deliver(self, namespace: str, execution_id: str, make: Callable[[Execution], Report], then: Then) -> None:
        assert (namespace, execution_id in self.tasks) == ("default", True)
        report = make(cast(Execution, None))
        if isinstance(report, Taken) and self.tasks[execution_id].type.effect is not Effect.AT_MOST_ONCE:
            then(None)  # nothing waits for it
        else:
            self.delivered.append((execution_id, report, then))

    async def _find(self, _namespace: str, _execution_id: str) -> None:
        return

    def dispatch(self, execution_id: str, step_type: StepType, delivery: int = 1, **more: object) -> None:
        task = a_task(execution_id, step_type, delivery, **more)
        self.tasks[execution_id] = task
        self.desk.dispatch(task)

    async def commit(self) -> list[Report]:
        """Everything delivered becomes durable; a withdrawn hand-over is followed by the next, as the core does it."""
        delivered, self.delivered[:] = list(self.delivered), []
        for execution_id, report, then in delivered:
            then(None)
            if isinstance(report, Withdrawn):
                task = self.tasks[execution_id]
                if task.type.effect is not Effect.AT_MOST_ONCE or report.untouched:
                    self.dispatch(execution_id, task.type, report.delivery + 1)
        await asyncio.sleep(0)  # slots that were kept for what follows are free now
        return [report for _, report, _ in delivered]

    def worker(self, worker_id: str, *types: StepType, slots: int = 1, transport: str = "stream") -> Session:
        session = self.sessions.open("local", "default", Hello(worker_id), transport, explicit_acks=True)
        self.sessions.serve(session, [one.pin for one in types])
        self.sessions.credits(session, {"": slots})
        self.sessions.ready(session)
        return session


def taken(session: Session) -> list[HandOver]:
    """The assignments that wait to be sent."""
    return session.outbox.take().assignments


def ack(office: Office, handover: HandOver) -> None:
    handover.acked = True
    handover.due = office.desk.clock.monotonic() + office.terms.lease
    office.desk.watch(handover)


def names(session: Session) -> list[str]:
    return [handover.lease.execution_id for handover in taken(session)]


async def until(holds: Callable[[], object]) -> None:
    """Deadlines run on the loop's own clock: look until what they bring about is there."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # a deadline signals nobody but the desk
            await asyncio.sleep(0.01)
