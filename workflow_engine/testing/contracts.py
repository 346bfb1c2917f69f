"""The contract of a step type as a worker brings it: one value, written as a message or as a body of REST."""

import json
from dataclasses import dataclass, field

from workflow_engine.jsontext import JsonObject
from workflow_engine.rpc.generated import registry_pb2

EFFECTS = {
    "pure": registry_pb2.EFFECT_PURE,
    "idempotent": registry_pb2.EFFECT_IDEMPOTENT,
    "at_most_once": registry_pb2.EFFECT_AT_MOST_ONCE,
}


@dataclass(frozen=True, slots=True)
class Contract:
    """`effect` is pure, idempotent or at_most_once; schemas are JSON Schema 2020-12, empty for anything."""

    name: str
    version: str = "1.0.0"
    effect: str = "idempotent"
    input_schema: JsonObject = field(default_factory=dict)
    output_schema: JsonObject = field(default_factory=dict)
    timeout_seconds: float | None = None
    slot_cost: int = 1
    streams: bool = False
    description: str = ""

    @property
    def pin(self) -> str:
        return f"{self.name}@{self.version}"

    def message(self) -> registry_pb2.StepContract:
        return registry_pb2.StepContract(
            name=self.name,
            version=self.version,
            description=self.description,
            effect=EFFECTS[self.effect],
            input_schema=_text(self.input_schema),
            output_schema=_text(self.output_schema),
            default_timeout_seconds=self.timeout_seconds,
            slot_cost=self.slot_cost,
            streams=self.streams,
        )

    def body(self) -> JsonObject:
        """As for `POST /steps/register`."""
        written: JsonObject = {
            "step_type": self.name,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "effect": self.effect,
            "slot_cost": self.slot_cost,
            "streams": self.streams,
            "default_timeout_seconds": self.timeout_seconds,
            "input_schema": self.input_schema or None,
            "output_schema": self.output_schema or None,
        }
        return {name: value for name, value in written.items() if value not in (None, "")}


def _text(schema: JsonObject) -> str:
    return json.dumps(schema) if schema else ""
