"""What saving makes of the row before: the rule that every keeper shares."""

from dataclasses import replace

from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.contract import KeyTaken, UnknownRow
from workflow_engine.jsontext import digest


def saved_agent(before: AgentRow | None, wanted: AgentRow, create: bool | None) -> AgentRow:
    """The row to keep: `wanted` when it is the first, else its document with the number, owner and birth of the one
    before. Raises `KeyTaken` or `UnknownRow` as `save_agent` promises.
    """
    if before is None:
        if create is False:
            raise UnknownRow("agent", wanted.agent_id)
        return wanted
    if create is True:
        raise KeyTaken("agent", wanted.agent_id)
    if digest(before.document) == digest(wanted.document):
        return before
    number = before.version_number + 1
    return replace(before, version_number=number, document=wanted.document, updated_at=wanted.updated_at)
