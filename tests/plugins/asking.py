"""The built-in step types through the door every plugin uses, and requests to ask them with."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypedDict, Unpack, cast

from workflow_engine.agents.config import AgentConfig
from workflow_engine.agents.preparing import PreparedAgents
from workflow_engine.agents.simulation import AgentFacts
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.layout import plugins_folder
from workflow_engine.steps.agent_steps import SIMULATED_CALL, WORKER_STEPS
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    OfferedStep,
    Resumption,
    Routed,
    Simulation,
    StepRequest,
)
from workflow_engine.steps.plugins import load_plugins
from workflow_engine.steps.services import Services

NOON = 1_793_534_400.0
NOON_TEXT = "2026-11-01T12:00:00.000000Z"


class More(TypedDict, total=False):
    """What a test may say of a request beside its config and input."""

    now: float
    resumption: Resumption
    simulation: Simulation
    step_simulation: Simulation
    dependencies: JsonObject
    timeout_seconds: float


@cache
def builtins() -> dict[str, OfferedStep]:
    """As an engine has them that knows no provider, no worker and no stored agent."""
    return lending()


def lending(
    environment: Mapping[str, str] | None = None,
    agents: Mapping[str, AgentConfig] | None = None,
    *,
    is_served: bool = False,
) -> dict[str, OfferedStep]:
    facts = AgentFacts(environment or {}, lambda _: is_served, lambda _: False)
    prepared = PreparedAgents(facts)
    offered = load_plugins(plugins_folder(), services=Services(agents=prepared)).steps
    catalogue = Catalogue(offered, by_workers=WORKER_STEPS)
    prepared.connect(catalogue.resolve, lambda _, agent_id: (agents or {}).get(agent_id))
    return {each.type.name: each for each in offered}


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
        step_simulation=more.get("step_simulation"),
        dependencies=more.get("dependencies", {}),
    )


def verdict(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> object:
    """Whatever the step answers, verdict or plain JSON."""
    return builtins()[step_type].function(request(step_type, config, given, **more))


def ask(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> dict[str, Any]:
    """The output of a step that completes at once, or talks to a simulated model."""
    answered = concluded(step_type, config, given, **more)
    output = answered.output if isinstance(answered, Completed | Routed) else answered
    assert isinstance(output, dict)
    return output


def concluded(
    step_type: str, config: JsonObject | None = None, given: JsonObject | None = None, **more: Unpack[More]
) -> object:
    """What the step answers in the end: a conversation is one simulated turn long."""
    function = builtins()[step_type].function
    answered = function(request(step_type, config, given, **more))
    if not isinstance(answered, Conversing):
        return answered
    came = Resumption("agent", answered.memo, outcome(answered.conversation))
    again: More = {**more, "resumption": came}
    return function(request(step_type, config, given, **again))


def outcome(conversation: JsonObject) -> JsonObject:
    """What comes of a conversation with a simulated model that calls no tool; of a direct call, its parameters."""
    told: JsonObject = {"turns": 1, "tools_used": [], "tool_calls": 0, "seconds": 0.0, "structured": None}
    if conversation["direct_call"] is not None:
        called = cast(JsonObject, conversation["direct_call"])
        return {**told, "simulated": False, "simulation_reason": None, "tool_result": called["arguments"]}
    said = simulated(conversation, 1)
    message = cast(JsonObject, said["message"])
    beside = {
        key: said[key] for key in ("finish_reason", "usage", "cost_usd", "simulated", "simulation_reason", "model")
    }
    return {**told, **beside, "response": message["content"]}


def simulated(conversation: JsonObject, turn: int, **more: Json) -> JsonObject:
    """One answer of the simulated model."""
    simulation = cast(JsonObject, conversation["simulation"])
    asked: JsonObject = {
        key: conversation[key]
        for key in ("models", "messages", "tools", "temperature", "max_tokens", "response_schema")
    }
    asked |= {"script": simulation["script"], "reason": simulation["reason"], "seed": "1", "turn": turn, **more}
    answered = builtins()[SIMULATED_CALL.name].function(request(SIMULATED_CALL.name, {}, asked))
    assert isinstance(answered, Completed)
    assert answered.simulated
    assert isinstance(answered.output, dict)
    return answered.output
