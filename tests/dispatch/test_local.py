"""Steps that run in this process."""

import asyncio

from workflow_engine.clock import SystemClock
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.local import LocalSteps
from workflow_engine.dispatch.threads import StepThreads
from workflow_engine.steps.contract import StepRequest, StepType

SLOW = StepType("slow")


def task(name: str, priority: int = 0) -> Task:
    request = StepRequest(name, None, "w", "default", "a", "a", "slow", 1, 1, f"wfk_{name}_a", {}, {}, 0.0)
    return Task(SLOW, request, priority)


async def test_where_many_wait_the_higher_priority_goes_first_and_equal_ones_in_order() -> None:
    began: list[str] = []
    reported: asyncio.Queue[str] = asyncio.Queue()

    async def work(request: StepRequest) -> None:
        began.append(request.execution_id)
        await asyncio.sleep(0)

    local = LocalSteps(lambda _type: work, Gates(1_000), SystemClock(), StepThreads(1, 1), max_running=1)
    local.report_to(lambda done, _report: reported.put_nowait(done.request.execution_id))
    for waiting in (task("first"), task("low"), task("gone", 9), task("high", 5), task("late", 5)):
        local.dispatch(waiting)
    local.abort("gone", "a")

    assert [await reported.get() for _ in range(4)] == ["first", "high", "late", "low"]
    assert began == ["first", "high", "late", "low"]
    assert local.busy == (0, 0)
