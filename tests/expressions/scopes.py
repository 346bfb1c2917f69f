"""A scope made of plain dictionaries, and the names that fit it; what the tests of this folder evaluate on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflow_engine.expressions import ExpressionLimits, Names
from workflow_engine.jsontext import Json

ROOTS = frozenset({"input", "global", "execution", "workflow"})


@dataclass(frozen=True)
class Data:
    """`steps` are records by id, `roots` the values of the other names."""

    steps: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    roots: Mapping[str, Json] = field(default_factory=dict)

    def step(self, step_id: str) -> Mapping[str, Json]:
        return self.steps[step_id]

    def root(self, name: str) -> Json:
        return self.roots[name]


def completed(output: Json) -> dict[str, Json]:
    return {"status": "completed", "output": output}


def failed(code: str, message: str) -> dict[str, Json]:
    return {"status": "failed", "error": {"code": code, "message": message}}


SKIPPED: dict[str, Json] = {"status": "skipped"}
RUNNING: dict[str, Json] = {"status": "running"}


def names(
    *step_ids: str,
    roots: frozenset[str] = ROOTS,
    previous: str | None = None,
    limits: ExpressionLimits | None = None,
) -> Names:
    return Names(frozenset(step_ids), roots, previous, limits or ExpressionLimits())
