"""What an expression may mention (known when a document is saved), and where its values come from (when it runs)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.jsontext import Json

PLACES_OF_ROOTS: Final[Mapping[str, str]] = {
    "input": "an execution",
    "global": "an execution",
    "execution": "an execution",
    "workflow": "an execution",
    "state": "a graph",
    "item": "a map",
    "index": "a map",
    "iteration": "a loop",
    "error": "a catch target",
}
STEPS: Final = "steps"
RESERVED_NAMES: Final = frozenset({STEPS, *PLACES_OF_ROOTS})
RECORD_KEYS: Final = ("status", "output", "error")


@dataclass(frozen=True, slots=True)
class Names:
    """What the expressions at one place of a document may mention.

    `roots` are those of `PLACES_OF_ROOTS` that exist at that place; `previous` is the single dependency, for `$prev`.
    """

    step_ids: frozenset[str]
    roots: frozenset[str]
    previous: str | None = None
    limits: ExpressionLimits = field(default_factory=ExpressionLimits)


class Scope(Protocol):
    """The data of one execution, as an expression sees it."""

    def step(self, step_id: str) -> Mapping[str, Json]:
        """`{"status"}`, with `"output"` only when completed and `"error": {"code", "message"}` only when failed."""

    def root(self, name: str) -> Json:
        """The value of `input`, `global`, `state`, `item`, `index`, `iteration`, `error`, `execution` or `workflow`."""
