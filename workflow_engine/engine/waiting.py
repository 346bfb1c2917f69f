"""Waiting for the end of an execution without keeping a server from stopping."""

import asyncio

from workflow_engine.engine.caller import Caller
from workflow_engine.engine.executions import Executions
from workflow_engine.engine.views import ResultsView


async def results_within(
    executions: Executions, caller: Caller, execution_id: str, seconds: float, stopping: asyncio.Event
) -> ResultsView:
    """The results at the end; as they are when the time is over, or `stopping` is set. Raises `ExecutionNotFound`."""
    end = asyncio.ensure_future(executions.wait(caller, execution_id, seconds))
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((end, stop), return_when=asyncio.FIRST_COMPLETED)
        return await end if end.done() else await executions.results(caller, execution_id)
    finally:
        end.cancel()
        stop.cancel()
