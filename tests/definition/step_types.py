"""A few step types and short ways to write documents with them; what the tests of this folder compile."""

from typing import Any

from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.reading import read_definition
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import closed_object, open_object
from workflow_engine.steps.contract import DefaultInput, StepType

STEP_TYPES = {
    each.name: each
    for each in (
        StepType(
            "data_input",
            config_schema=closed_object(input_type={"type": "string"}, data={}, source={"type": "string"}),
            output_schema=open_object(data={}, input_type={"type": "string"}, success={}),
        ),
        StepType(
            "data_processing",
            config_schema=closed_object(processing_type={"enum": ["uppercase", "lowercase"]}, options=open_object()),
            output_schema=open_object(result={}),
        ),
        StepType("data_merge", config_schema=closed_object(), default_input=DefaultInput.DEPENDENCIES),
        StepType(
            "delay",
            version="2.3.1",
            config_schema=closed_object(["delay_seconds"], delay_seconds={"type": "number", "minimum": 0}),
            default_timeout_seconds=30,
            default_max_retries=2,
        ),
        StepType(
            "switch",
            config_schema=closed_object(
                cases={
                    "type": "array",
                    "items": closed_object(
                        ["then"],
                        condition={"format": "condition"},
                        then={"type": "string", "format": "step-id"},
                        note={"type": "string", "format": "literal"},
                    ),
                },
                default={"type": "string", "format": "step-id"},
                value={"format": "expression"},
            ),
        ),
        StepType("subflow", config_schema=open_object(input_mapping={"type": "object"})),
        StepType("anything"),
    )
}


def resolve(name: str) -> StepType | None:
    return STEP_TYPES.get(name.partition("@")[0])


def step(step_id: str, step_type: str = "anything", **fields: Json) -> JsonObject:
    return {"step_id": step_id, "step_type": step_type, **fields}


def workflow(*steps: Json, **fields: Json) -> JsonObject:
    return {"name": "example", "steps": list(steps), **fields}


def planned(*steps: Json, options: ExecutionOptions | None = None, **fields: Json) -> Plan:
    return compile_plan(read_definition(workflow(*steps, **fields)), resolve, options=options)


def refusals(document: Json, limits: DefinitionLimits | None = None) -> list[tuple[str, str]]:
    """Code and pointer of everything that is wrong with a document, whoever finds it."""
    return [(problem.code, problem.pointer) for problem in problems(document, limits)]


def problems(document: Json, limits: DefinitionLimits | None = None) -> tuple[Any, ...]:
    try:
        compile_plan(read_definition(document, limits), resolve, limits=limits)
    except InvalidDocument as invalid:
        return invalid.found
    return ()
