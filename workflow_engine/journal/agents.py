"""What is kept of agents: their documents, and who may change them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workflow_engine.jsontext import JsonObject


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A saved agent. `version_number` grows by one with every save that changes the document."""

    namespace: str
    agent_id: str
    version_number: int
    document: JsonObject
    owner: str
    """The principal that saved it first."""
    created_at: float
    updated_at: float


class AgentRecords(Protocol):
    """The part of the `Journal` that is about agents."""

    async def save_agent(
        self,
        namespace: str,
        agent_id: str,
        document: JsonObject,
        owner: str,
        now: float,
        *,
        create: bool | None = None,
    ) -> AgentRow:
        """Save an agent (the same document again is a no-op; an agent that exists keeps its owner). `create=True`
        refuses an existing id (`KeyTaken`), False an unknown one (`UnknownRow`).
        """

    async def agent(self, namespace: str, agent_id: str) -> AgentRow | None: ...

    async def agents(self, namespace: str | None = None) -> Sequence[AgentRow]:
        """Of one namespace or, with None, of all; by namespace and id."""

    async def delete_agent(self, namespace: str, agent_id: str) -> bool:
        """Answers whether it was there."""
