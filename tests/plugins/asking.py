"""The built-in step types through the door every plugin uses, and requests to ask them with."""

from functools import cache
from typing import Any

from workflow_engine.layout import plugins_folder
from workflow_engine.steps.contract import Completed, OfferedStep, Resumption, Routed, StepRequest, Suspended
from workflow_engine.steps.plugins import load_plugins

NOON = 1_793_534_400.0
NOON_TEXT = "2026-11-01T12:00:00.000000Z"


@cache
def builtins() -> dict[str, OfferedStep]:
    return {offered.type.name: offered for offered in load_plugins(plugins_folder()).steps}


def request(
    step_type: str,
    config: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    *,
    now: float = NOON,
    **more: Any,
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
        now=now,
        **more,
    )


def verdict(step_type: str, config: Any = None, given: Any = None, **more: Any) -> Any:
    """Whatever the step answers, verdict or plain JSON."""
    return builtins()[step_type].function(request(step_type, config, given, **more))


def ask(step_type: str, config: Any = None, given: Any = None, **more: Any) -> Any:
    """The output of a step that completes at once."""
    answered = verdict(step_type, config, given, **more)
    assert not isinstance(answered, Suspended)
    return answered.output if isinstance(answered, Completed | Routed) else answered


def resumed(by: str, memo: Any = None, payload: Any = None) -> Resumption:
    return Resumption(by, memo, payload)  # type: ignore[arg-type] # tests spell the two literals themselves
