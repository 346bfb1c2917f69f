"""The engine inside a program of your own: no server, a Python function as a step, and the run as it happens."""

import asyncio
import sys

from workflow_engine import LOCAL, Engine, JsonObject, OfferedStep, StepRequest, StepType

# The annotation is for type checkers: what they infer of a literal is narrower than JSON, and no JSON to them.
HELLO: JsonObject = {
    "name": "hello",
    "steps": [{"step_id": "shout", "step_type": "text.shout", "input_mapping": {"text": "input.text"}}],
    "output": {"said": "${steps.shout.output.text}"},
}


async def shout(request: StepRequest) -> JsonObject:
    return {"text": f"{request.input['text']}!".upper()}


async def main(url: str) -> None:
    async with Engine.open(url, steps=[OfferedStep(StepType("text.shout"), shout)]) as engine:
        started = await engine.executions.start(LOCAL, {"workflow_config": HELLO, "input_data": {"text": "hello"}})
        async for event in engine.executions.watch(LOCAL, started.execution_id):
            print(event.seq, event.kind, event.path or "")
        results = await engine.executions.results(LOCAL, started.execution_id)
        print(results.status, results.output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "memory://"))
