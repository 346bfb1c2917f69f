"""An engine inside a program, without any server: open, offer a function, run, watch."""

from pathlib import Path

import pytest

from workflow_engine import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import OfferedStep, StepFailure, StepRequest, StepType

HELLO: JsonObject = {
    "name": "hello",
    "steps": [
        {"step_id": "greet", "step_type": "shout", "input_mapping": {"text": "Hello, ${input.who}!"}},
        {"step_id": "again", "step_type": "shout", "input_mapping": {"text": "greet.text"}},
    ],
    "output": {"said": "${steps.again.output.text}"},
}


def shout(request: StepRequest) -> Json:
    return {"text": str(request.input["text"]).upper()}


async def test_a_program_runs_a_document_with_its_own_function(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flows.db'}"
    async with Engine.open(url, steps=[OfferedStep(StepType("shout"), shout)]) as engine:
        accepted = await engine.executions.start(LOCAL, {"workflow_config": HELLO, "input_data": {"who": "World"}})
        kinds = [event.kind async for event in engine.executions.watch(LOCAL, accepted.execution_id)]
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)

    assert kinds[0] == "execution_started"
    assert kinds[-1] == "execution_completed"
    assert results.output == {"said": "HELLO, WORLD!"}


async def test_what_one_engine_ran_another_one_reads(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flows.db'}"
    async with Engine.open(url, steps=[OfferedStep(StepType("shout"), shout)]) as engine:
        accepted = await engine.executions.start(LOCAL, {"workflow_config": HELLO, "input_data": {"who": "you"}})
        await engine.executions.wait(LOCAL, accepted.execution_id, 10)
    async with Engine.open(url, steps=[OfferedStep(StepType("shout"), shout)]) as engine:
        results = await engine.executions.results(LOCAL, accepted.execution_id)

    assert results.output == {"said": "HELLO, YOU!"}


async def test_a_function_fails_with_a_code_of_its_own() -> None:
    async def refuse(_request: StepRequest) -> Json:
        raise StepFailure("too-quiet", "Speak up", retryable=False)

    async with Engine.open("memory://", steps=[OfferedStep(StepType("shout"), refuse)]) as engine:
        accepted = await engine.executions.start(LOCAL, {"workflow_config": HELLO, "input_data": {"who": "you"}})
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)

    assert results.status == "failed"
    assert results.error is not None
    assert results.error.message == "Critical step greet failed: Speak up"


async def test_an_engine_that_fails_inside_still_lets_go_of_its_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flows.db'}"
    with pytest.raises(ZeroDivisionError):
        async with Engine.open(url):
            raise ZeroDivisionError
    async with Engine.open(url) as engine:
        await engine.ready()
