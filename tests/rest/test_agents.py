"""Saved agents, their usage and what is said to them, over HTTP."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.journal.commits import NOW
from tests.journal.test_bookkeeping import a_call, used
from tests.rest.documents import hello, patient
from tests.rest.serving import Served, serving
from workflow_engine.rest import examples

RESEARCHER = {"name": "Researcher", "model": "gpt-4o-mini", "tools": ["http_request"]}
SENT = {"role": "user", "content": "Make it shorter."}


def test_an_agent_is_saved_read_replaced_and_deleted(client: httpx2.Client) -> None:
    saved = client.post("/agents", json={**RESEARCHER, "agent_id": "r"})
    assert (saved.status_code, saved.json()) == (
        200,
        {"agent_id": "r", "message": "Agent saved successfully", "version_number": 1},
    )
    read = client.get("/agents/r").json()
    assert (read["name"], read["tools"], read["owner"]) == ("Researcher", [{"step_type": "http_request"}], "local")
    assert read.keys() >= {"agent_id", "version_number", "created_at", "updated_at"}

    changed = client.put("/agents/r", json={**RESEARCHER, "temperature": 0.5})
    assert changed.json()["version_number"] == 2
    assert client.delete("/agents/r").json() == {"message": "Agent deleted successfully"}
    gone = client.get("/agents/r")
    assert (gone.status_code, gone.json()["detail"], gone.json()["code"]) == (404, "Agent not found", "agent-not-found")
    assert client.delete("/agents/r").status_code == 404


def test_an_agent_without_an_id_is_named_after_its_name_and_agent_name_is_its_name(client: httpx2.Client) -> None:
    body = {"agent_name": "Sales Report", "model": "m", "system_prompt": "Be short."}
    assert client.post("/agents", json=body).json()["agent_id"] == "agent-sales-report"
    assert client.get("/agents/agent-sales-report").json()["name"] == "Sales Report"


def test_what_was_read_can_be_sent_back_and_changes_nothing(client: httpx2.Client) -> None:
    client.post("/agents", json={**RESEARCHER, "agent_id": "mirror"})
    read = client.get("/agents/mirror").json()
    assert client.put("/agents/mirror", json=read).json()["version_number"] == 1
    assert client.post("/agents", json=read).json()["version_number"] == 1


def test_a_replacement_needs_an_agent_that_exists_and_its_own_id(client: httpx2.Client) -> None:
    assert client.put("/agents/nobody", json=RESEARCHER).status_code == 404
    client.post("/agents", json={**RESEARCHER, "agent_id": "owner"})
    foreign = client.put("/agents/owner", json={**RESEARCHER, "agent_id": "other"})
    assert (foreign.status_code, foreign.json()["problems"][0]["pointer"]) == (422, "/agent_id")


def test_the_list_of_agents_pages(client: httpx2.Client) -> None:
    for n in range(3):
        client.post("/agents", json={**RESEARCHER, "agent_id": f"paged-{n}"})
    page = client.get("/agents?limit=2&offset=1").json()
    assert (page["limit"], page["offset"], len(page["agents"])) == (2, 1, 2)
    assert page["total"] >= 3
    assert page["agents"][0]["model"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], {""}),
        ({}, {"/name", "/model"}),
        ({**RESEARCHER, "temperature": 3, "colour": "red"}, {"/temperature", "/colour"}),
        ({**RESEARCHER, "agent_id": 7}, {"/agent_id"}),
        ({**RESEARCHER, "limits": {"max_turns": 0}}, {"/limits/max_turns"}),
    ],
)
def test_what_is_no_agent_is_refused_with_every_problem(
    client: httpx2.Client, body: object, pointers: set[str]
) -> None:
    for refused in (client.post("/agents", json=body), client.put("/agents/whoever", json=body)):
        assert refused.status_code == 422
        assert refused.json()["code"] == "invalid-document"
        assert {each["pointer"] for each in refused.json()["problems"]} == pointers


def test_an_id_that_is_none_is_refused(client: httpx2.Client) -> None:
    refused = client.post("/agents", json={**RESEARCHER, "agent_id": "no/id"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-agent-id")


def test_the_example_is_an_agent(client: httpx2.Client) -> None:
    assert client.post("/agents", json=examples.AGENT).json().keys() == examples.SAVED_AGENT.keys()


def test_somebody_elses_agent_is_read_but_not_changed() -> None:
    with serving() as server, server.client() as client:
        ann, bob = (
            client.post("/keys", json={"principal": name, "scopes": ["execute"]}, headers=admin).json()["secret"]
            for name, admin in _with_an_administrator(client)
        )
        client.headers["Authorization"] = f"Bearer {ann}"
        client.post("/agents", json={**RESEARCHER, "agent_id": "r"})

        client.headers["Authorization"] = f"Bearer {bob}"
        assert client.get("/agents/r").json()["owner"] == "ann"
        for refused in (client.put("/agents/r", json=RESEARCHER), client.delete("/agents/r")):
            assert (refused.status_code, refused.json()["code"]) == (403, "foreign-agent")


def _with_an_administrator(client: httpx2.Client) -> Iterator[tuple[str, dict[str, str]]]:
    secret = client.post("/keys", json={"principal": "ops", "scopes": ["admin"]}).json()["secret"]
    for name in ("ann", "bob"):
        yield name, {"Authorization": f"Bearer {secret}"}


# --- usage


@pytest.fixture(scope="module")
def spent() -> Iterator[Served]:
    """A server with the usage of two executions."""
    with serving() as server:
        calls = [
            a_call("e1", agent="Dear", cost_usd=2.0, user_id="ann"),
            a_call("e1", agent="Cheap", cost_usd=None, at=NOW + 100),
            a_call("e2", agent="Cheap", cost_usd=0.0, simulated=True, at=NOW + 200),
        ]
        server.run(lambda engine: used(engine.journal, *calls))
        yield server


def test_usage_is_grouped_with_the_total_of_all(spent: Served) -> None:
    with spent.client() as client:
        report = client.get("/usage?group_by=agent&limit=1").json()
        assert [(line["key"], line["cost_usd"]) for line in report["usage"]] == [("Dear", 2.0)]
        assert report["total"] == {
            "calls": 3,
            "input_tokens": 300,
            "output_tokens": 30,
            "cost_usd": 2.0,
            "unknown_cost_calls": 1,
            "simulated_calls": 1,
        }
        assert (report["group_by"], report["limit"], report["offset"]) == ("agent", 1, 0)


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ("", 3),
        ("execution_id=e1", 2),
        ("agent=Cheap", 2),
        ("user_id=ann", 1),
        ("model=other", 0),
        ("step_id=ask&principal=local", 3),
        ("workflow_id=none", 0),
        (f"from={NOW + 100}", 2),
        (f"to={NOW + 200}", 2),
        ("from=2023-11-14T22:15:00Z&to=2023-11-14T22:16:00Z", 1),
    ],
)
def test_usage_is_filtered_by_its_parameters(spent: Served, query: str, calls: int) -> None:
    with spent.client() as client:
        report = client.get(f"/usage?{query}").json()
        assert (report["usage"], report["total"]["calls"]) == ([], calls)


@pytest.mark.parametrize(
    "query", ["group_by=weather", "from=yesterday", "to=", "limit=0", "group_by=agent&group_by=step"]
)
def test_a_report_that_cannot_be_made_is_refused_with_its_parameter(spent: Served, query: str) -> None:
    with spent.client() as client:
        refused = client.get(f"/usage?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-parameter")
        assert refused.json()["problems"][0]["pointer"] == f"query.{query.partition('=')[0]}"


# --- messages


def test_a_step_that_is_no_agent_takes_no_messages(client: httpx2.Client) -> None:
    execution_id = client.post("/workflows/execute", json=patient()).json()["execution_id"]
    path = f"/executions/{execution_id}/steps/wait/messages"
    assert client.get(path).status_code == 409
    assert client.post(path, json=SENT).status_code == 409
    client.post(f"/executions/{execution_id}/signals/go")


def test_messages_of_what_does_not_exist_are_not_found(client: httpx2.Client) -> None:
    done = client.post("/workflows/execute?wait=10", json=hello()).json()["execution_id"]
    for path in (f"/executions/{done}/steps/ask%231.model/messages", "/executions/nobody/steps/ask/messages"):
        assert client.get(path).status_code == 404, path
    assert client.post("/executions/nobody/steps/ask/messages", json=SENT).status_code == 404


def conversing(agent_id: str) -> dict[str, object]:
    """A workflow whose agent waits for its user between the turns."""
    config = {"agent_id": agent_id, "query": "Analyze this.", "multi_turn": True}
    return {"name": "talk", "steps": [{"step_id": "ask", "step_type": "agent_execution", "config": config}]}


def until_waiting(client: httpx2.Client, path: str, messages: int) -> list[dict[str, object]]:
    """What was said, when the agent has answered so many times and waits."""
    deadline = time.monotonic() + 20
    while True:
        told = client.get(path).json()
        if told["status"] == "waiting" and len(told["messages"]) == messages:
            said: list[dict[str, object]] = told["messages"]
            return said
        assert time.monotonic() < deadline, told
        time.sleep(0.01)


def test_a_conversation_goes_on_by_messages_until_the_last_one_and_is_booked(client: httpx2.Client) -> None:
    client.post("/agents", json={**RESEARCHER, "agent_id": "talker", "tools": [], "simulation": "always"})
    started = client.post("/workflows/execute", json={"workflow_config": conversing("talker"), "user_id": "eve"})
    execution_id = started.json()["execution_id"]
    path = f"/executions/{execution_id}/steps/ask/messages"

    first = until_waiting(client, path, 2)
    assert [(each["role"], str(each["content"])[:26]) for each in first] == [
        ("user", "Analyze this."),
        ("assistant", "Based on my analysis using"),
    ]
    said, once = {"content": "Give me a summary."}, {"Idempotency-Key": f"say-{execution_id}"}
    for _ in range(2):
        assert client.post(path, json=said, headers=once).json() == {"message": "Message accepted"}
    assert client.post(path, json=SENT, headers=once).status_code == 422
    second = until_waiting(client, path, 4)
    assert str(second[3]["content"]).startswith("Here's a summary")

    last = {**SENT, "metadata": {"final_turn": True}, "session_id": "s"}
    assert client.post(path, json=last).status_code == 200
    results = client.get(f"/executions/{execution_id}/results?wait=20").json()
    assert results["status"] == "completed"
    assert client.post(path, json=SENT).status_code == 409
    (line,) = client.get(f"/usage?group_by=user&execution_id={execution_id}").json()["usage"]
    assert (line["key"], line["calls"], line["simulated_calls"], line["cost_usd"]) == ("eve", 3, 3, 0.0)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/content"),
        ({"content": 7}, "/content"),
        ({**SENT, "role": "tool"}, "/role"),
        ({**SENT, "metadata": "final_turn"}, "/metadata"),
        ({**SENT, "mood": "good"}, "/mood"),
    ],
)
def test_what_is_no_message_is_refused(client: httpx2.Client, body: object, pointer: str) -> None:
    refused = client.post("/executions/nobody/steps/ask/messages", json=body)
    assert (refused.status_code, refused.json()["problems"][0]["pointer"]) == (422, pointer)
