"""Executions whose step types are not installed any more."""

from pathlib import Path

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.runtime.loading import PinnedTypesMissing
from workflow_engine.steps.contract import OfferedStep, StepRequest, StepType


async def shout(_request: StepRequest) -> dict[str, str]:
    return {"text": "HELLO"}


async def test_their_state_is_shown_and_their_results_are_refused_with_the_reason(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    async with Engine.open(url, steps=[OfferedStep(StepType("text.shout"), shout)]) as engine:
        started = await engine.executions.start(
            LOCAL, {"name": "x", "steps": [{"step_id": "a", "step_type": "text.shout"}]}
        )
        await engine.executions.wait(LOCAL, started.execution_id, 10)

    async with Engine.open(url) as engine:
        assert (await engine.executions.get(LOCAL, started.execution_id)).summary.status == "completed"
        assert (await engine.executions.events(LOCAL, started.execution_id)).events[-1].kind == "execution_completed"
        with pytest.raises(PinnedTypesMissing, match=r"text\.shout"):
            await engine.executions.results(LOCAL, started.execution_id)
