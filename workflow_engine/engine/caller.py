"""Who asks. The first argument of every verb, from the first day."""

from dataclasses import dataclass

from workflow_engine.identifiers import DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class Caller:
    """`principal` owns what it starts and registers; `namespace` bounds what it can see; the ids tie logs and calls
    together.
    """

    principal: str = "local"
    namespace: str = DEFAULT_NAMESPACE
    correlation_id: str | None = None
    trace_id: str | None = None


LOCAL = Caller()
"""The one principal of an embedded engine and of a server without keys."""
