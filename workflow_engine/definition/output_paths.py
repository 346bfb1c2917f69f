"""Paths that a step's contract does not know: no mistake for certain, but worth a warning."""

from collections.abc import Iterable, Mapping

from workflow_engine.definition.findings import Findings
from workflow_engine.definition.structure import Sketch
from workflow_engine.expressions import StaticPath
from workflow_engine.jsontext import Json


def warn_of_unknown_paths(
    sketch: Sketch, paths: Iterable[StaticPath], steps: Mapping[str, Sketch], findings: Findings
) -> None:
    for path in dict.fromkeys(paths):
        producer = steps.get(path.step_id) if path.step_id is not None else None
        if producer is None or producer.type is None or path.segments[:1] != ("output",):
            continue
        if not _knows(producer.type.output_schema, path.segments[1:]):
            findings.warn(
                f"Step {sketch.id} reads {path}, which the output of {producer.type.name} is not known to have"
            )


def _knows(schema: Json, segments: tuple[str | int, ...]) -> bool:
    """Whether an output of this schema may have something there. A schema that lists no properties says nothing."""
    for segment in segments:
        if not isinstance(schema, dict) or not isinstance(segment, str):
            return True
        properties = schema.get("properties")
        if not isinstance(properties, dict) or "$ref" in schema or "patternProperties" in schema:
            return True
        if segment not in properties:
            return schema.get("additionalProperties", False) is not False
        schema = properties[segment]
    return True
