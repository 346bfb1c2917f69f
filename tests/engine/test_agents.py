"""Saved agents: who may change them, and what a step finds."""

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.clock import ManualClock
from workflow_engine.engine.agents import AgentExists, AgentNotFound, Agents, ForeignAgent, InvalidAgentId
from workflow_engine.engine.caller import LOCAL, Caller, MissingScope
from workflow_engine.errors import InvalidDocument
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.contract import Journal, JournalUnavailable
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.jsontext import JsonObject

NOW = 1_000.0
RESEARCHER: JsonObject = {"name": "Researcher Ünit 7", "model": "gpt-4o-mini", "tools": ["http_request"]}
TERSE: JsonObject = {**RESEARCHER, "temperature": 0.5}
ANN, BOB = (Caller(name, scopes=frozenset({"execute"})) for name in ("ann", "bob"))


async def agents_in(journal: Journal, clock: ManualClock | None = None) -> Agents:
    agents = Agents(journal, clock or ManualClock(NOW))
    await agents.load()
    return agents


@pytest.fixture
async def journal() -> Journal:
    journal = MemoryJournal()
    await journal.open()
    return journal


@pytest.fixture
async def agents(journal: Journal) -> Agents:
    return await agents_in(journal)


async def test_an_agent_is_saved_under_an_id_made_of_its_name_and_found_at_once(agents: Agents) -> None:
    row = await agents.save(ANN, RESEARCHER)

    assert (row.agent_id, row.version_number, row.owner, row.created_at) == (
        "agent-researcher-nit-7-ec9f710c",
        1,
        "ann",
        NOW,
    )
    found = agents.find("default", row.agent_id)
    assert found is not None
    assert (found.name, found.model, found.temperature) == ("Researcher Ünit 7", "gpt-4o-mini", 0.1)
    assert agents.find("default", "nobody") is None
    assert agents.find("elsewhere", row.agent_id) is None


async def test_what_is_saved_is_there_after_a_restart(journal: Journal, agents: Agents) -> None:
    row = await agents.save(ANN, RESEARCHER, "r")
    await agents.save(Caller(namespace="acme"), TERSE, "r")

    again = await agents_in(journal)

    assert again.get(ANN, "r") == row
    acme = again.find("acme", "r")
    assert acme is not None
    assert acme.temperature == 0.5


async def test_saving_again_makes_a_version_only_of_a_document_that_changed(agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")
    same = await agents.save(ANN, agents.get(ANN, "r").document, "r")
    changed = await agents.save(ANN, TERSE, "r")

    assert (same.version_number, changed.version_number) == (1, 2)
    found = agents.find("default", "r")
    assert found is not None
    assert found.temperature == 0.5


async def test_what_is_no_agent_is_refused_and_changes_nothing(agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")

    with pytest.raises(InvalidDocument) as refused:
        await agents.save(ANN, {"name": "x", "temperature": "hot", "colour": "red"}, "r")

    assert {each.pointer for each in refused.value.problems()} >= {"/model", "/temperature", "/colour"}
    assert agents.get(ANN, "r").version_number == 1


@pytest.mark.parametrize("agent_id", ["", " ", "a b", "a/b", "-a", "ä", "a" * 256, "a\n"])
async def test_what_is_no_id_is_refused(agents: Agents, agent_id: str) -> None:
    with pytest.raises(InvalidAgentId):
        await agents.save(ANN, RESEARCHER, agent_id)


async def test_creating_and_replacing_say_what_is_in_the_way(agents: Agents) -> None:
    with pytest.raises(AgentNotFound):
        await agents.save(ANN, RESEARCHER, "r", create=False)
    await agents.save(ANN, RESEARCHER, "r", create=True)
    with pytest.raises(AgentExists, match="agent r exists"):
        await agents.save(ANN, TERSE, "r", create=True)


async def test_an_agent_is_changed_by_its_owner_or_an_administrator_alone(agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")

    with pytest.raises(ForeignAgent):
        await agents.save(BOB, TERSE, "r")
    with pytest.raises(ForeignAgent):
        await agents.delete(BOB, "r")
    changed = await agents.save(LOCAL, TERSE, "r")

    assert (changed.version_number, changed.owner) == (2, "ann")
    await agents.delete(ANN, "r")
    with pytest.raises(AgentNotFound):
        agents.get(ANN, "r")


async def test_changing_agents_needs_the_scope_execute(agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")
    reader = Caller("ann", scopes=frozenset())

    with pytest.raises(MissingScope):
        await agents.save(reader, TERSE, "r")
    with pytest.raises(MissingScope):
        await agents.delete(reader, "r")
    assert agents.list(reader).total == 1


async def test_agents_are_listed_with_the_newest_change_first_within_the_namespace(journal: Journal) -> None:
    clock = ManualClock(NOW)
    agents = await agents_in(journal, clock)
    for agent_id in ("a", "b", "c"):
        await agents.save(ANN, RESEARCHER, agent_id)
        clock.advance(1)
    await agents.save(ANN, TERSE, "a")
    await agents.save(Caller(namespace="acme"), RESEARCHER, "d")

    found = agents.list(ANN, limit=2, offset=0)
    assert ([row.agent_id for row in found.agents], found.total) == (["a", "c"], 3)
    assert [row.agent_id for row in agents.list(ANN, limit=2, offset=2).agents] == ["b"]


async def test_an_agent_that_is_deleted_is_found_no_more(journal: Journal, agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")
    await agents.delete(ANN, "r")

    assert agents.find("default", "r") is None
    with pytest.raises(AgentNotFound):
        await agents.delete(ANN, "r")
    assert (await agents_in(journal)).list(ANN).total == 0


class AwayJournal(MemoryJournal):
    """Refuses every change of an agent while it is `away`."""

    away = False

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
        self._refuse()
        return await super().save_agent(namespace, agent_id, document, owner, now, create=create)

    async def delete_agent(self, namespace: str, agent_id: str) -> bool:
        self._refuse()
        return await super().delete_agent(namespace, agent_id)

    def _refuse(self) -> None:
        if self.away:
            raise JournalUnavailable("the disk is away")


async def test_a_journal_that_is_away_changes_nothing_in_memory() -> None:
    journal = AwayJournal()
    await journal.open()
    agents = await agents_in(journal)
    row = await agents.save(ANN, RESEARCHER, "r")
    journal.away = True

    with pytest.raises(JournalUnavailable):
        await agents.save(ANN, TERSE, "r")
    with pytest.raises(JournalUnavailable):
        await agents.delete(ANN, "r")

    assert agents.get(ANN, "r") == row


async def test_a_delete_whose_answer_was_lost_can_be_repeated(journal: Journal, agents: Agents) -> None:
    await agents.save(ANN, RESEARCHER, "r")
    await journal.delete_agent("default", "r")

    with pytest.raises(AgentNotFound):
        await agents.delete(ANN, "r")
    assert agents.find("default", "r") is None


async def test_an_agent_of_another_version_that_is_none_any_more_does_not_keep_the_server_from_starting(
    journal: Journal,
) -> None:
    await journal.save_agent("default", "old", {"name": "x", "brain": "steam"}, "ann", NOW)
    await journal.save_agent("default", "r", RESEARCHER, "ann", NOW)

    agents = await agents_in(journal)

    assert agents.get(ANN, "old").document == {"name": "x", "brain": "steam"}
    assert agents.find("default", "r") is not None
    with pytest.raises(InvalidDocument):
        agents.find("default", "old")
    assert (await agents.save(ANN, RESEARCHER, "old")).version_number == 2
    assert agents.find("default", "old") is not None


async def test_an_embedded_engine_has_agents_and_usage() -> None:
    async with Engine.open("memory://") as engine:
        await engine.agents.save(LOCAL, RESEARCHER, "r")
        assert engine.face.agents.find("default", "r") is not None
        assert engine.usage is engine.face.usage


async def test_names_in_other_scripts_are_ids_of_their_own(agents: Agents) -> None:
    rows = [await agents.save(ANN, {**RESEARCHER, "name": name}) for name in ("助手", "分析师", "agent 助手")]
    assert len({row.agent_id for row in rows}) == 3
