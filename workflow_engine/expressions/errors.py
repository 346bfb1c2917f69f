"""What can be wrong with an expression: `InvalidExpression` when a document is saved, `EvaluationFailed` when it runs.

Messages name the expression, paths and keys, never the data that flows through them.
"""

from collections.abc import Iterable
from typing import Final

from workflow_engine.errors import InvalidRequest, WorkflowEngineError

MOST_KEYS_SHOWN: Final = 20
LONGEST_KEY_SHOWN: Final = 64


class InvalidExpression(InvalidRequest):
    """An expression, path, template or condition that cannot be saved; `advice` says what to change."""

    code = "invalid-expression"

    def __init__(self, source: str, advice: str) -> None:
        self.source = source
        self.advice = advice
        super().__init__(f"{advice}: `{source}`" if source else advice)


class UnknownReference(InvalidExpression):
    """A name that is no step of the document and nothing that is in scope at this place."""

    code = "unknown-reference"


class EvaluationFailed(WorkflowEngineError):
    """An expression that could not be computed from the data of this execution."""

    code = "expression-error"

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"`{source}`: {reason}")


class MappingError(EvaluationFailed):
    """A plain reference to something that is not there."""

    code = "mapping-error"


def keys_that_exist(place: str, keys: Iterable[str]) -> str:
    """Say which keys there are at `place`: at most 20, each cut to 64 characters."""
    names = [key[:LONGEST_KEY_SHOWN] for key in keys]
    if not names:
        return f"`{place}` has no keys"
    rest = len(names) - MOST_KEYS_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return f"`{place}` has the keys {', '.join(names[:MOST_KEYS_SHOWN])}{more}"
