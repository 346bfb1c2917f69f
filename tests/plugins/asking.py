"""The built-in step types through the door every plugin uses, and requests to ask them with."""

from functools import cache
from typing import Any, TypedDict, Unpack

from workflow_engine.jsontext import JsonObject
from workflow_engine.layout import plugins_folder
from workflow_engine.steps.contract import Completed, OfferedStep, Resumption, Routed, Simulation, StepRequest
from workflow_engine.steps.plugins import load_plugins

NOON = 1_793_534_400.0
NOON_TEXT = "2026-11-01T12:00:00.000000Z"


class More(TypedDict, total=False):
    """What a test may say of a request beside its config and input."""

    now: float
    resumption: Resumption
    simulation: Simulation
    timeout_seconds: float


@cache
def builtins() -> dict[str, OfferedStep]:
    return {offered.type.name: offered for offered in load_plugins(plugins_folder()).steps}


def request(
    step_type: str,
    config: JsonObject | None = None,
    given: JsonObject | None = None,
    **more: Unpack[More],
) -> StepRequest:
    return StepRequest(
        execution_id="e1",
        workflow_id="w1",
        workflow_name="asking",
        namespace="default",
        path="a",
        step_id="a",
        step_type=step_type,
        attempt=1,
        delivery=1,
        idempotency_key="wfk_e1_a",
        input=given or {},
        config=config or {},
        now=more.get("now", NOON),
        timeout_seconds=more.get("timeout_seconds"),
        resumption=more.get("resumption"),
        simulation=more.get("simulation", Simulation.FALLBACK),
    )


def verdict(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> object:
    """Whatever the step answers, verdict or plain JSON."""
    return builtins()[step_type].function(request(step_type, config, given, **more))


def ask(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> dict[str, Any]:
    """The output of a step that completes at once."""
    answered = verdict(step_type, config, given, **more)
    output = answered.output if isinstance(answered, Completed | Routed) else answered
    assert isinstance(output, dict)
    return output
