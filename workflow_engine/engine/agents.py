"""Saved agents: documents under an id, which steps name instead of saying all of it themselves.

They are few and stand in memory, where a step finds them without waiting; every change is written first.
"""

import re
from asyncio import Lock
from dataclasses import dataclass
from typing import Final

from workflow_engine.agents.config import AgentConfig, read_agent
from workflow_engine.clock import Clock
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.plans import beside
from workflow_engine.engine.workflows import WORKFLOW_ID, slug
from workflow_engine.errors import Conflict, Forbidden, InvalidDocument, InvalidRequest, NotFound
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.contract import Journal, KeyTaken, UnknownRow
from workflow_engine.jsontext import Json
from workflow_engine.logs import logger

AGENT_ID: Final[re.Pattern[str]] = WORKFLOW_ID

log = logger(__name__)


class AgentNotFound(NotFound):
    code = "agent-not-found"

    def __init__(self) -> None:
        super().__init__("Agent not found")


class AgentExists(Conflict):
    code = "agent-exists"

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"agent {agent_id} exists already; PUT it to change it")


class InvalidAgentId(InvalidRequest):
    code = "invalid-agent-id"

    def __init__(self) -> None:
        super().__init__("an agent id has 1 to 255 letters, digits and _ . : - and begins with a letter, digit or _")


class ForeignAgent(Forbidden):
    code = "foreign-agent"

    def __init__(self) -> None:
        super().__init__("This agent belongs to somebody else: who saved it first may change it, or a key with admin")


@dataclass(frozen=True, slots=True)
class AgentList:
    agents: tuple[AgentRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """`config` is None for a document of an older version that is none any more."""

    row: AgentRow
    config: AgentConfig | None


class Agents:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._changing = Lock()

    async def load(self) -> None:
        """All of them, of every namespace; once, at start."""
        for row in await self._journal.agents():
            self._keep(row, _config_of(row))

    def _keep(self, row: AgentRow, config: AgentConfig | None) -> None:
        self._kept[(row.namespace, row.agent_id)] = _Kept(row, config)

    def find(self, namespace: str, agent_id: str) -> AgentConfig | None:
        """What a step asks that names an agent. Raises `InvalidDocument` for one that this version cannot read."""
        kept = self._kept.get((namespace, agent_id))
        if kept is None:
            return None
        return kept.config or read_agent(kept.row.document)

    async def save(
        self, caller: Caller, body: Json, agent_id: str | None = None, *, create: bool | None = None
    ) -> AgentRow:
        """Save an agent under this id or one made of its name; the same document again changes nothing. Steps that run
        keep what they began with.

        `create=True` refuses an id that exists (`AgentExists`), False one that does not (`AgentNotFound`). Raises
        `InvalidDocument`, `InvalidAgentId`, `ForeignAgent`.
        """
        caller.require("execute")
        config = await beside(body, lambda: read_agent(body))
        name = default_id(config.name) if agent_id is None else agent_id
        if not AGENT_ID.fullmatch(name):
            raise InvalidAgentId
        async with self._changing:
            self._refuse_foreign(caller, name)
            try:
                row = await self._journal.save_agent(
                    caller.namespace, name, config.document(), caller.principal, self._clock.now(), create=create
                )
            except KeyTaken as taken:
                raise AgentExists(name) from taken
            except UnknownRow as unknown:
                raise AgentNotFound from unknown
            self._keep(row, config)
        return row

    def _refuse_foreign(self, caller: Caller, agent_id: str) -> None:
        kept = self._kept.get((caller.namespace, agent_id))
        if kept is not None and kept.row.owner != caller.principal and "admin" not in caller.scopes:
            raise ForeignAgent

    def get(self, caller: Caller, agent_id: str) -> AgentRow:
        """Raises `AgentNotFound`."""
        kept = self._kept.get((caller.namespace, agent_id))
        if kept is None:
            raise AgentNotFound
        return kept.row

    def list(self, caller: Caller, limit: int = 50, offset: int = 0) -> AgentList:
        """Newest change first."""
        rows = [kept.row for (namespace, _), kept in self._kept.items() if namespace == caller.namespace]
        rows.sort(key=lambda row: (row.updated_at, row.agent_id), reverse=True)
        return AgentList(tuple(rows[offset : offset + limit]), len(rows))

    async def delete(self, caller: Caller, agent_id: str) -> None:
        """Steps that run keep what they began with. Raises `AgentNotFound`, `ForeignAgent`."""
        caller.require("execute")
        async with self._changing:
            self._refuse_foreign(caller, agent_id)
            was_there = await self._journal.delete_agent(caller.namespace, agent_id)
            # Also where nothing was there: an earlier try may have been written without an answer.
            self._kept.pop((caller.namespace, agent_id), None)
        if not was_there:
            raise AgentNotFound


def default_id(name: str) -> str:
    """`agent-<name in lower case, spaces to ->`, with whatever an id may not hold left out."""
    return f"agent-{slug(name)}"


def _config_of(row: AgentRow) -> AgentConfig | None:
    try:
        return read_agent(row.document)
    except InvalidDocument as invalid:
        log.warning("a saved agent cannot be used", agent_id=row.agent_id, reason=str(invalid))
        return None
