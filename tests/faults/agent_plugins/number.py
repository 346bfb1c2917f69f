"""The tool of the fault test of agents: takes a moment, and writes down that it runs before it does anything."""

import json
import os
import random
import time
from typing import Final, cast

from tests.faults.agent_script import TOOL, value_of
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest, StepType

_NUMBER: Final[JsonObject] = {"type": "integer"}
_TEXT: Final[JsonObject] = {"type": "string"}
NUMBER: Final = StepType(
    TOOL,
    config_schema={"type": "object", "properties": {"log": _TEXT}, "required": ["log"]},
    input_schema={
        "type": "object",
        "properties": {"n": _NUMBER, "place": _NUMBER, "so_far": _NUMBER},
        "required": ["n", "place", "so_far"],
        "additionalProperties": False,
    },
    effect=Effect.IDEMPOTENT,
)


def workflow_engine_step_types() -> list[OfferedStep]:
    return [OfferedStep(NUMBER, number)]


def number(request: StepRequest) -> Json:
    run = f"{os.getpid()}/{request.path}/{request.delivery}"
    note = {
        "execution": request.execution_id,
        "path": request.path,
        "delivery": request.delivery,
        "at": time.time(),
        "run": run,
    }
    _append(str(request.config["log"]), note)
    time.sleep(random.uniform(0.02, 0.05))
    return {"value": value_of(cast(dict[str, int], request.input)), "run": run}


def _append(log: str, note: dict[str, object]) -> None:
    """One write, so that a kill leaves all of it or nothing, and lines of several runs never mix."""
    place = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(place, json.dumps(note).encode() + b"\n")
    finally:
        os.close(place)
