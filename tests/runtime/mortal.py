"""A server that can be killed, as a program: `python -m tests.runtime.mortal URL WORK_FOLDER KIND COUNT`.

It says `ready` when it has recovered, and then a line for every start that was accepted. Each run of a step leaves a
line in the folder, so that it is seen from outside what ran how often.
"""

import asyncio
import sys
from pathlib import Path

from tests.runtime.engines import document, settings, step
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest, StepType

BODIES: dict[str, JsonObject] = {
    "chain": document(step("a"), step("b", "a"), step("c", "b"), step("d", "c")),
    "pay": document(step("a", step_type="pay")),
}


class Diary:
    """Who ran, in a file that outlives the process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "diary"

    def write(self, request: StepRequest) -> None:
        with self.path.open("a") as lines:
            lines.write(f"{request.execution_id} {request.path} {request.delivery} {request.idempotency_key}\n")

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []


def steps(diary: Diary) -> list[OfferedStep]:
    async def work(request: StepRequest) -> Json:
        diary.write(request)
        await asyncio.sleep(0.005)
        return {"path": request.path}

    async def pay(request: StepRequest) -> Json:
        diary.write(request)
        await asyncio.sleep(0.3)
        return {"paid": True}

    return [
        OfferedStep(StepType("work"), work),
        OfferedStep(StepType("pay", effect=Effect.AT_MOST_ONCE), pay),
    ]


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(url: str, folder: Path, kind: str, count: int) -> None:
    async with Engine.open(url, settings=settings(grace=0.0), steps=steps(Diary(folder))) as engine:
        await engine.ready()
        say("ready")
        for number in range(count):
            accepted = await engine.executions.start(LOCAL, BODIES[kind], key=f"{kind}-{number}")
            say(f"{kind}-{number}", accepted.execution_id)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
