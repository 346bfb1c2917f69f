"""The bodies of answers about agents, what they used, and what was said to them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NotRequired, cast

from typing_extensions import TypedDict

from workflow_engine.clock import iso
from workflow_engine.engine.agents import AgentList
from workflow_engine.engine.usage import UsageReport
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.usage import UsageTotals
from workflow_engine.rest.wire import instant

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic makes JSON Schemas of these shapes, and would follow the recursive alias without end.
    Json, JsonObject = object, dict


class SavedAgentBody(TypedDict):
    """`version_number` grows by one with every save that changes the document."""

    agent_id: str
    message: str
    version_number: int


class AgentBody(TypedDict):
    """The agent as it was saved, with what the server knows of it: it can be sent back as it is."""

    agent_id: str
    version_number: int
    owner: str
    created_at: str
    updated_at: str
    name: str
    model: str
    provider_type: NotRequired[str | None]
    system_prompt: NotRequired[str]


class AgentListBody(TypedDict):
    """Newest change first."""

    agents: list[AgentBody]
    total: int
    limit: int
    offset: int


class UsageSums(TypedDict):
    """`cost_usd` is the sum of the calls whose price is known; `unknown_cost_calls` counts the others."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unknown_cost_calls: int
    simulated_calls: int


class UsageLine(UsageSums):
    """`key` is what the line is about; null for the calls that do not say it."""

    key: str | None


class UsageBody(TypedDict):
    """A page of lines, the dearest first, and the total of all; no lines without `group_by`."""

    group_by: str
    since: str | None
    until: str | None
    usage: list[UsageLine]
    total: UsageSums
    limit: int
    offset: int


class ConversationMessage(TypedDict):
    """What was said by whom. Further keys may come, such as `tool_calls` of an assistant."""

    role: str
    content: Json
    at: NotRequired[str]
    turn: NotRequired[int]
    tool_calls: NotRequired[list[JsonObject]]


class ConversationBody(TypedDict):
    """Oldest first; `status` is that of the step."""

    messages: list[ConversationMessage]
    status: str


def saved_agent_body(row: AgentRow) -> SavedAgentBody:
    return {
        "agent_id": row.agent_id,
        "message": "Agent saved successfully",
        "version_number": row.version_number,
    }


def agent_body(row: AgentRow) -> Mapping[str, object]:
    return {
        **row.document,
        "agent_id": row.agent_id,
        "version_number": row.version_number,
        "owner": row.owner,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def agent_list_body(found: AgentList, limit: int, offset: int) -> Mapping[str, object]:
    agents = [agent_body(row) for row in found.agents]
    return {"agents": agents, "total": found.total, "limit": limit, "offset": offset}


def usage_body(report: UsageReport) -> UsageBody:
    wanted = report.wanted
    return {
        "group_by": wanted.group_by.value,
        "since": instant(wanted.since),
        "until": instant(wanted.until),
        "usage": [{"key": line.key, **_sums(line)} for line in report.lines],
        "total": _sums(report.total),
        "limit": wanted.limit,
        "offset": wanted.offset,
    }


def conversation_body(found: JsonObject) -> JsonObject:
    messages = cast(list[JsonObject], found["messages"])
    return {**found, "messages": [_said(message) for message in messages]}


def _said(message: JsonObject) -> JsonObject:
    at = message.get("at")
    return {**message, "at": iso(at)} if isinstance(at, float | int) else message


def _sums(line: UsageTotals) -> UsageSums:
    return {
        "calls": line.calls,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "cost_usd": line.cost_usd,
        "unknown_cost_calls": line.unknown_cost_calls,
        "simulated_calls": line.simulated_calls,
    }
