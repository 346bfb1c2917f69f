"""The built-in step types, from their contracts: what they take and answer, and their examples, really run."""

import asyncio
import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.tables.markdown import code, table
from workflow_engine import Engine
from workflow_engine.agents.preparing import PreparedAgents
from workflow_engine.agents.simulation import AgentFacts
from workflow_engine.clock import ManualClock
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import JsonObject
from workflow_engine.layout import plugins_folder
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    DefaultInput,
    OfferedStep,
    Routed,
    StepRequest,
    StepType,
    Suspended,
)
from workflow_engine.steps.plugins import load_plugins
from workflow_engine.steps.services import Services

NOON: Final = 1_793_534_400.0
_BOUNDS: Final = (("minimum", "at least"), ("maximum", "at most"))
_DEFAULT_INPUTS: Final = {
    DefaultInput.NONE: "nothing",
    DefaultInput.DEPENDENCIES: "the outputs of its completed dependencies, keyed by step id",
    DefaultInput.EXECUTION: "the input of the execution",
}


def step_types() -> str:
    return "\n\n".join(_page(offered) for offered in builtins())


def builtins() -> tuple[OfferedStep, ...]:
    """As on a machine where no provider of models is configured."""
    agents = PreparedAgents(AgentFacts({}, lambda _: False, lambda _: False))
    steps = load_plugins(plugins_folder(), services=Services(agents=agents)).steps
    agents.connect(Catalogue(steps).resolve, lambda _, agent_id: None)
    return steps


def _page(offered: OfferedStep) -> str:
    step = offered.type
    parts = [
        f"### {code(step.name)}",
        step.description,
        step.documentation,
        _facts(step),
        _fields("Config", step.config_schema),
        _fields("Output", step.output_schema),
        _failures(step),
        *_examples(offered),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(step: StepType) -> str:
    return (
        f"Version {step.version}, effect {code(step.effect)}. Without an `input_mapping` it sees "
        f"{_DEFAULT_INPUTS[step.default_input]}."
    )


def _fields(title: str, schema: Mapping[str, Any] | None) -> str:
    properties: Mapping[str, Any] = (schema or {}).get("properties") or {}
    if not properties:
        return ""
    required = (schema or {}).get("required", ())
    rows = [
        (code(name), _kind(field), _default(name, field, required, title), _described(field))
        for name, field in properties.items()
    ]
    return table([title.lower(), "type", "default" if title == "Config" else "always there", "meaning"], rows)


def _kind(schema: Mapping[str, Any]) -> str:
    if "format" in schema:
        return str(schema["format"])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    kind = schema.get("type")
    if kind is None:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema.get("anyOf", ()))) or _referenced(schema)
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _referenced(schema: Mapping[str, Any]) -> str:
    return "integer" if schema.get("$ref") == "#/$defs/status" else "any"


def _default(name: str, schema: Mapping[str, Any], required: Any, title: str) -> str:  # noqa: ANN401 - a part of a schema
    if title == "Output":
        return "yes" if name in required else "no"
    if "default" in schema:
        return code(json.dumps(schema["default"]))
    return "required" if name in required else ""


def _described(schema: Mapping[str, Any]) -> str:
    """The description, then the bounds and members that the schema adds to it."""
    said = [schema["description"]] if "description" in schema else []
    bounds = [f"{word} {schema[key]:,}" for key, word in _BOUNDS if key in schema]
    if bounds:
        said.append(f"{' and '.join(bounds).capitalize()}.")
    members = schema.get("properties") or (schema.get("items") or {}).get("properties")
    if members:
        said.append(f"Members: {', '.join(code(name) for name in members)}.")
    return " ".join(said)


def _failures(step: StepType) -> str:
    rows = [(code(each.code), "yes" if each.retryable else "no", each.description) for each in step.error_codes]
    return table(["error code", "retried by default", "when"], rows) if rows else ""


def _examples(offered: OfferedStep) -> Iterator[str]:
    for example in offered.type.examples:
        if isinstance(example, dict):
            answered = _answer(offered, example)
            shown = example if answered is None else {**example, "output": answered}
            yield f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```"


def _answer(offered: OfferedStep, example: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """What the step answers at once; None for one that waits or that calls somebody."""
    if inspect.iscoroutinefunction(offered.function):
        return None
    answered = offered.function(_request(offered.type, example))
    if isinstance(answered, Suspended):
        return None
    if isinstance(answered, Conversing):
        return asyncio.run(_conducted(offered.type, example))
    return answered.output if isinstance(answered, Completed | Routed) else answered


async def _conducted(step: StepType, example: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """What comes of a conversation: an engine conducts it, at an instant that stands still."""
    document: JsonObject = {
        "name": "example",
        "steps": [
            {
                "step_id": "example",
                "step_type": step.name,
                "config": example["config"],
                "input_mapping": {},
                "input_data": example["input"],
            }
        ],
    }
    async with Engine.open("memory://", clock=ManualClock(NOON)) as engine:
        accepted = await engine.executions.start(LOCAL, document)
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)
        return results.steps["example"].output


def _request(step: StepType, example: Mapping[str, Any]) -> StepRequest:
    return StepRequest(
        execution_id="example",
        workflow_id=None,
        workflow_name="example",
        namespace="default",
        path="example",
        step_id="example",
        step_type=step.name,
        attempt=1,
        delivery=1,
        idempotency_key="wfk_example_example",
        input=example["input"],
        config=example["config"],
        now=NOON,
    )
