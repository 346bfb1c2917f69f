"""A model of our own in the place of the agent worker: a worker in this process, which a function answers for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from workflow_engine.assembly import Engine
from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import Failure, Hello, Output, Result, Said
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.workers import Asked
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.agent_steps import WORKER_STEPS
from workflow_engine.steps.contract import StepFailure

Model: TypeAlias = Callable[[JsonObject], Json]
SLOTS = 100


@asynccontextmanager
async def answering(engine: Engine, model: Model) -> AsyncIterator[Session]:
    """While this is entered, `model` answers every call of a model: with JSON, or by raising `StepFailure`."""
    serves = tuple(step.pin for step in WORKER_STEPS)
    opened = await engine.workers.open_polling(LOCAL, Asked(Hello("models"), serves=serves, slots={"": SLOTS}))
    task = asyncio.create_task(_serve(engine, opened.session, model))
    try:
        yield opened.session
    finally:
        if task.done():
            task.result()  # the model raised what it should not: the test is to hear of it
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _serve(engine: Engine, session: Session, model: Model) -> None:
    while True:
        polled = await engine.workers.polling.poll(session, 10.0, SLOTS)
        results = tuple(_result(handover, model) for handover in polled.assignments)
        await engine.workers.hearing.everything(session, Said(results=results))


def _result(handover: HandOver, model: Model) -> Result:
    try:
        return Result(handover.lease, Output(write(model(handover.task.request.input))))
    except StepFailure as failure:
        return Result(handover.lease, Failure(failure.error_code, failure.message, retryable=failure.retryable))
