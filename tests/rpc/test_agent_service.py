"""Agents, usage and providers over gRPC: the same behaviour as over REST."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.journal.commits import NOW
from tests.journal.test_bookkeeping import a_call, used
from tests.rest.documents import patient
from tests.rpc.serving import Served, agent_service, refused, workflows
from workflow_engine.engine.caller import LOCAL
from workflow_engine.journal.usage import UsageGroup
from workflow_engine.jsontext import Json
from workflow_engine.rpc.agent_values import GROUPS
from workflow_engine.rpc.conversation_values import conversation
from workflow_engine.rpc.generated import agent_pb2 as pb
from workflow_engine.rpc.generated import workflow_pb2

if TYPE_CHECKING:
    from workflow_engine.rpc.generated.agent_pb2_grpc import AgentServiceAsyncStub as AgentCalls
    from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceAsyncStub as Flows
else:
    AgentCalls = Flows = Any

RESEARCHER = {"name": "Researcher", "model": "gpt-4o-mini", "tools": ["http_request"]}


def written(value: object) -> bytes:
    return json.dumps(value).encode()


async def save(agents: AgentCalls, agent_id: str = "", **more: object) -> pb.SaveAgentResponse:
    document = written({**RESEARCHER, **more})
    return await agents.SaveAgent(pb.SaveAgentRequest(agent_id=agent_id, document=document))


async def test_an_agent_is_saved_read_listed_and_deleted(agents: AgentCalls) -> None:
    saved = await save(agents)
    assert (saved.agent_id, saved.version_number) == ("agent-researcher", 1)
    assert (await save(agents, temperature=0.5)).version_number == 2
    await save(agents, "second")

    found = (await agents.GetAgent(pb.GetAgentRequest(agent_id=saved.agent_id))).agent
    assert (found.owner, found.version_number) == ("local", 2)
    assert json.loads(found.document)["temperature"] == 0.5
    listed = await agents.ListAgents(pb.ListAgentsRequest(limit=1))
    assert ([each.agent_id for each in listed.agents], listed.total) == (["second"], 2)

    await agents.DeleteAgent(pb.DeleteAgentRequest(agent_id=saved.agent_id))
    gone = await refused(agents.GetAgent(pb.GetAgentRequest(agent_id=saved.agent_id)))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


async def test_what_is_no_agent_is_refused_with_every_problem(agents: AgentCalls) -> None:
    told = await refused(agents.SaveAgent(pb.SaveAgentRequest(document=b'{"name": "x", "temperature": 3}')))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert {pointer for pointer, _ in told.violations} == {"/model", "/temperature"}
    assert (await refused(agents.SaveAgent(pb.SaveAgentRequest(document=b"{")))).reason == "MALFORMED_JSON"


async def test_somebody_elses_agent_is_not_changed(served: Served, agents: AgentCalls) -> None:
    await save(agents, "r")
    key = (await served.engine.keys.create(LOCAL, "bob", ["execute"])).secret
    async with served.channel() as channel:
        asked = agent_service(channel).DeleteAgent(
            pb.DeleteAgentRequest(agent_id="r"), metadata=[("authorization", f"Bearer {key}")]
        )
        assert (await refused(asked)).code is grpc.StatusCode.PERMISSION_DENIED


# --- usage


def test_a_report_can_be_grouped_by_whatever_the_journal_groups_by() -> None:
    assert set(GROUPS) == set(pb.UsageGroup.values())
    assert set(GROUPS.values()) == set(UsageGroup)


async def test_usage_is_grouped_and_filtered(served: Served, agents: AgentCalls) -> None:
    calls = [
        a_call("e1", agent="Dear", cost_usd=2.0, user_id="ann"),
        a_call("e1", agent="Cheap", cost_usd=None, at=NOW + 100),
        a_call("e2", agent="Cheap", cost_usd=0.5, simulated=True, at=NOW + 200),
    ]
    await used(served.engine.journal, *calls)

    report = await agents.GetUsage(pb.GetUsageRequest(group_by=pb.USAGE_GROUP_AGENT, limit=1))
    assert [(line.key, line.sums.calls, line.sums.cost_usd) for line in report.lines] == [("Dear", 1, 2.0)]
    assert report.total == pb.UsageSums(
        calls=3, input_tokens=300, output_tokens=30, cost_usd=2.5, unknown_cost_calls=1, simulated_calls=1
    )
    by_user = await agents.GetUsage(pb.GetUsageRequest(group_by=pb.USAGE_GROUP_USER))
    assert [line.key for line in by_user.lines] == ["ann", ""]
    window = await agents.GetUsage(pb.GetUsageRequest(since=NOW + 100, until=NOW + 200, agent="Cheap"))
    assert (list(window.lines), window.total.calls) == ([], 1)
    since_ever = await agents.GetUsage(pb.GetUsageRequest(since=0))
    assert since_ever.total.calls == 3


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetUsageRequest(group_by=99), "/group_by"),  # type: ignore[arg-type]  # as a newer client would send it
        (pb.GetUsageRequest(since=float("nan")), "/since"),
        (pb.GetUsageRequest(limit=-1), "/limit"),
        (pb.GetUsageRequest(agent="a\nb"), "/agent"),
    ],
)
async def test_a_report_that_cannot_be_made_is_refused_with_its_field(
    agents: AgentCalls, request_: pb.GetUsageRequest, field: str
) -> None:
    told = await refused(agents.GetUsage(request_))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [pointer for pointer, _ in told.violations] == [field]


# --- providers


async def test_providers_are_told_as_the_engine_sees_them(served: Served, agents: AgentCalls) -> None:
    told = await agents.ListProviders(pb.ListProvidersRequest())

    seen = served.engine.face.providers
    assert [(each.name, each.configured, each.why) for each in told.providers] == [
        (view.name, view.configured, view.why) for view in seen.list(LOCAL)
    ]
    assert "OPENAI_API_KEY" in {name for each in told.providers for name in each.variables}
    assert (told.worker.status, told.worker.connected) == (seen.worker(LOCAL).status, 0)


# --- messages


async def waiting(flows: Flows) -> str:
    return (await flows.Execute(workflow_pb2.ExecuteRequest(body=written(patient())))).execution_id


async def test_a_step_that_is_no_agent_takes_no_messages(flows: Flows) -> None:
    execution_id = await waiting(flows)
    asked = workflow_pb2.ListMessagesRequest(execution_id=execution_id, path="wait")
    listed = await refused(flows.ListMessages(asked))
    said = workflow_pb2.SendMessageRequest(execution_id=execution_id, path="wait", content="hello")
    sent = await refused(flows.SendMessage(said))
    assert (listed.code, sent.code) == (grpc.StatusCode.ABORTED, grpc.StatusCode.ABORTED)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"role": "tool"}, "/role"),
        ({"metadata": b"[]"}, "/metadata"),
        ({"session_id": "s" * 256}, "/session_id"),
    ],
)
async def test_what_is_no_message_is_refused(served: Served, more: dict[str, Any], pointer: str) -> None:
    async with served.channel() as channel:
        asked = workflow_pb2.SendMessageRequest(execution_id="e", path="ask", content="hello", **more)
        told = await refused(workflows(channel).SendMessage(asked))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in told.violations] == [pointer]


async def test_a_conversation_goes_on_by_messages(agents: AgentCalls, flows: Flows) -> None:
    await save(agents, "talker", tools=[], simulation="always")
    config = {"agent_id": "talker", "query": "Analyze this.", "multi_turn": True}
    step = {"step_id": "ask", "step_type": "agent_execution", "config": config}
    started = await flows.Execute(workflow_pb2.ExecuteRequest(body=written({"name": "talk", "steps": [step]})))
    asked = workflow_pb2.ListMessagesRequest(execution_id=started.execution_id, path="ask")
    last = workflow_pb2.SendMessageRequest(
        execution_id=started.execution_id,
        path="ask",
        content="What else?",
        metadata=b'{"final_turn": true}',
        idempotency_key="k",
    )

    async with asyncio.timeout(20):
        watched = flows.Watch(workflow_pb2.WatchRequest(execution_id=started.execution_id))
        async for answered in watched:
            if any(event.kind == "step_waiting" for event in answered.events):
                break
        watched.cancel()
    told = await flows.ListMessages(asked)
    assert told.status == "waiting"
    assert [each.role for each in told.messages] == ["user", "assistant"]
    for _ in range(2):
        await flows.SendMessage(last)
    wanted = workflow_pb2.GetResultsRequest(execution_id=started.execution_id, wait_seconds=20)
    results = (await flows.GetResults(wanted)).results
    assert (results.status, results.steps["ask"].simulated) == ("completed", True)
    assert len((await flows.ListMessages(asked)).messages) == 4


def test_what_was_said_keeps_whatever_else_is_known_of_it() -> None:
    calls: list[Json] = [{"id": "1", "name": "look_up", "arguments": "{}"}]
    told = conversation(
        {
            "messages": [
                {"role": "user", "content": "Who?", "at": NOW},
                {"role": "assistant", "content": None, "turn": 1, "at": "2026-11-01T12:00:00Z", "tool_calls": calls},
            ],
            "status": "running",
        }
    )

    user, assistant = told.messages
    assert (user.role, user.content, user.at, user.turn) == ("user", "Who?", "2023-11-14T22:13:20.000000Z", 0)
    assert (assistant.content, assistant.turn, assistant.at) == ("", 1, "2026-11-01T12:00:00Z")
    assert json.loads(assistant.data)["tool_calls"] == calls
    assert told.status == "running"
