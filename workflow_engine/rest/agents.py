"""Routes about saved agents, and what the calls of their models used."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.agents.config import AgentConfig
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.journal.usage import UsageFilter
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rest import examples
from workflow_engine.rest.agent_bodies import (
    AgentBody,
    AgentListBody,
    SavedAgentBody,
    UsageBody,
    agent_body,
    agent_list_body,
    saved_agent_body,
    usage_body,
)
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.parameters import LIMIT, OFFSET, query_of
from workflow_engine.rest.usage_parameters import (
    AGENT,
    EXECUTION_ID,
    FROM,
    GROUP_BY,
    MODEL,
    PRINCIPAL,
    STEP_ID,
    TO,
    USED_BY,
    USED_IN,
)
from workflow_engine.rest.wire import MessageBody

ID: Final = {"agent_id": "Id of the agent."}
SERVER_FIELDS: Final = ("version_number", "owner", "created_at", "updated_at")
"""What `GET` adds to an agent; sent back, it is no part of it."""

router = APIRouter(route_class=Route, tags=["agents"])


@router.post(
    "/agents",
    **describe(
        "save_agent",
        "Save an agent",
        answers=SavedAgentBody,
        example=examples.SAVED_AGENT,
        body=AgentConfig,
        body_example=examples.AGENT,
        refusals=WITH_BODY,
    ),
)
async def save_agent(call: Call) -> Response:
    """Under its `agent_id`, or one made of its name. Steps that run keep what they began with."""
    sent = _sent(await call.read())
    return answer(saved_agent_body(await call.face.agents.save(call.caller, sent.document, sent.agent_id)))


@router.get("/agents", **describe("list_agents", "List agents", answers=AgentListBody, query=[LIMIT, OFFSET]))
async def list_agents(call: Call) -> Response:
    with query_of(call) as query:
        limit, offset = query(LIMIT), query(OFFSET)
    return answer(agent_list_body(call.face.agents.list(call.caller, limit, offset), limit, offset))


@router.get(
    "/agents/{agent_id}",
    **describe("get_agent", "Read an agent", answers=AgentBody, path=ID, refusals=(404,)),
)
async def get_agent(call: Call) -> Response:
    return answer(agent_body(call.face.agents.get(call.caller, _id(call))))


@router.put(
    "/agents/{agent_id}",
    **describe(
        "replace_agent",
        "Change an agent",
        answers=SavedAgentBody,
        example=examples.SAVED_AGENT,
        body=AgentConfig,
        body_example=examples.AGENT,
        path=ID,
        refusals=(404, *WITH_BODY),
    ),
)
async def replace_agent(call: Call) -> Response:
    """The same document again changes nothing."""
    sent = _sent(await call.read())
    if sent.agent_id not in (None, _id(call)):
        raise InvalidDocument([Problem("wrong-agent-id", "This is not the id of the path", "/agent_id")])
    return answer(saved_agent_body(await call.face.agents.save(call.caller, sent.document, _id(call), create=False)))


@router.delete(
    "/agents/{agent_id}",
    **describe("delete_agent", "Delete an agent", answers=MessageBody, path=ID, refusals=(404,)),
)
async def delete_agent(call: Call) -> Response:
    """Steps that run keep what they began with; what it used stays in the reports."""
    await call.face.agents.delete(call.caller, _id(call))
    return answer({"message": "Agent deleted successfully"})


@router.get(
    "/usage",
    **describe(
        "report_usage",
        "What model calls used and cost",
        answers=UsageBody,
        query=[GROUP_BY, FROM, TO, EXECUTION_ID, STEP_ID, AGENT, USED_BY, PRINCIPAL, MODEL, USED_IN, LIMIT, OFFSET],
        refusals=(422,),
    ),
)
async def report_usage(call: Call) -> Response:
    """Calls that are committed by now. Simulated ones are among them, and cost nothing."""
    with query_of(call) as query:
        wanted = UsageFilter(
            group_by=query(GROUP_BY),
            since=query(FROM),
            until=query(TO),
            execution_id=query(EXECUTION_ID),
            workflow_id=query(USED_IN),
            step_id=query(STEP_ID),
            agent=query(AGENT),
            user_id=query(USED_BY),
            principal=query(PRINCIPAL),
            model=query(MODEL),
            limit=query(LIMIT),
            offset=query(OFFSET),
        )
    return answer(usage_body(await call.face.usage.report(call.caller, wanted)))


@dataclass(frozen=True, slots=True)
class _Sent:
    """An agent to save, and the id it is to be saved under."""

    document: JsonObject
    agent_id: str | None


def _sent(body: Json) -> _Sent:
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("wrong-type", "An agent must be an object")])
    named = body.get("agent_id")
    if named is not None and not isinstance(named, str):
        raise InvalidDocument([Problem("wrong-type", "This must be a string", "/agent_id")])
    document = {name: value for name, value in body.items() if name != "agent_id" and name not in SERVER_FIELDS}
    return _Sent(document, named)


def _id(call: Call) -> str:
    agent_id: str = call.path_params["agent_id"]
    return agent_id
