"""Who asks, and what they may do. The first argument of every verb, from the first day."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from workflow_engine.errors import Forbidden
from workflow_engine.identifiers import DEFAULT_NAMESPACE

Scope: TypeAlias = Literal["execute", "register", "admin"]
"""`execute`: workflows and executions. `register`: step types and workers. `admin`: all of it, and hosts and keys."""

SCOPES: Final[tuple[Scope, ...]] = ("execute", "register", "admin")


class MissingScope(Forbidden):
    """The key is good, but not for this."""

    code = "missing-scope"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        super().__init__(f"This needs a key with the scope {scope}; reading is all that other keys may do here")


@dataclass(frozen=True, slots=True)
class Caller:
    """`principal` owns what it starts and registers; `namespace` bounds what it can see; the ids tie logs and calls
    together.
    """

    principal: str = "local"
    namespace: str = DEFAULT_NAMESPACE
    correlation_id: str | None = None
    trace_id: str | None = None
    scopes: frozenset[str] = frozenset(SCOPES)
    key_id: str | None = None
    """Of the key that was shown, where one was."""

    def require(self, scope: Scope) -> None:
        """The first line of every verb that changes something. Raises `MissingScope`."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise MissingScope(scope)


LOCAL: Final = Caller()
"""The one principal of an embedded engine and of a server without keys."""

ANONYMOUS: Final = Caller("anonymous", scopes=frozenset())
"""Who shows no key where none is needed, such as to see whether the server is up."""
