"""How large a workflow document may be, field by field: one immutable value, handed down from the settings."""

from dataclasses import dataclass, field
from typing import Final

from workflow_engine.expressions import ExpressionLimits
from workflow_engine.steps.schemas import SchemaLimits

YEAR_IN_SECONDS: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most`, both included."""

    least: float
    most: float

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"from {self.least:g} to {self.most:.0f}"


@dataclass(frozen=True, slots=True)
class DefinitionLimits:
    """Seconds for times, bytes of compact JSON for `document_bytes`, characters for `tag_length`. Of a document that is
    wrong all over, the first `problems` are told. `expression_bytes` bounds the source of all expressions together:
    each byte takes about 10 microseconds to compile."""

    document_bytes: int = 1_048_576
    steps: int = 1_000
    problems: int = 500
    expression_bytes: int = 262_144
    tags: int = 32
    tag_length: int = 64
    timeout_seconds: Range = Range(0.001, YEAR_IN_SECONDS)
    delay_seconds: Range = Range(0, 86_400)
    max_retries: Range = Range(0, 1_000)
    max_parallel: Range = Range(0, 10_000)
    expressions: ExpressionLimits = field(default_factory=ExpressionLimits)
    schemas: SchemaLimits = field(default_factory=SchemaLimits)
