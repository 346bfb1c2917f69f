"""Tools of MCP servers through the real agent worker: listed, called, refused, late, and gone."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.agents.agent_worker import CALL_SECONDS, MCP_CALL, MCP_TOOLS, AgentWorker, Outcome
from tests.agents.keys import MCP_KEY
from tests.agents.upstreams.processes import mcp_over_http
from tests.serving.process import free_port


@pytest.fixture(scope="module")
def tools() -> Iterator[str]:
    """The URL of an MCP server that wants the key which the worker knows as TOOLS."""
    with mcp_over_http(MCP_KEY) as url:
        yield url


def listed(agents: AgentWorker, **server: Any) -> Outcome:  # noqa: ANN401 - JSON
    return agents.call(MCP_TOOLS, {"server": server, "timeout_seconds": 5})


def called(agents: AgentWorker, server: dict[str, Any], tool: str, within: float = 5, **arguments: Any) -> Outcome:  # noqa: ANN401 - JSON
    asked = {"server": server, "tool": tool, "arguments": arguments, "timeout_seconds": within}
    return agents.call(MCP_CALL, asked)


def here(url: str) -> dict[str, Any]:
    return {"url": url, "credential": "TOOLS"}


STDIO: Final = {"name": "local"}


def test_the_tools_of_a_server_are_listed_with_what_they_do(agents: AgentWorker, tools: str) -> None:
    outcome = listed(agents, **here(tools))
    assert outcome.code is None, outcome.message
    found = {tool["name"]: tool for tool in outcome.output["tools"]}
    assert list(found) == ["echo", "add", "fail", "slow", "environment"]
    assert found["echo"]["description"] == "Says what it is told."
    assert found["echo"]["input_schema"]["properties"]["text"]["type"] == "string"
    assert [(found[name]["read_only"], found[name]["idempotent"]) for name in ("echo", "add", "fail")] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_a_tool_answers_with_text_and_structure(agents: AgentWorker, tools: str) -> None:
    said = called(agents, here(tools), "echo", text="hello")
    added = called(agents, here(tools), "add", a=2, b=3)
    assert (said.code, added.code) == (None, None), (said.message, added.message)
    assert (said.output["text"], said.output["is_error"]) == ("hello", False)
    assert added.output["structured"] == {"sum": 5}


def test_a_tool_that_fails_is_an_answer_and_not_a_failure(agents: AgentWorker, tools: str) -> None:
    outcome = called(agents, here(tools), "fail", reason="as asked")
    assert outcome.code is None, outcome.message
    assert outcome.output["is_error"] is True
    assert "as asked" in outcome.output["text"]


def test_a_tool_that_the_server_does_not_have_is_named(agents: AgentWorker, tools: str) -> None:
    outcome = called(agents, here(tools), "nothing")
    assert outcome.code == "mcp-tool-unknown"
    assert "nothing" in outcome.message


def test_a_tool_that_takes_too_long_is_given_up(agents: AgentWorker, tools: str) -> None:
    outcome = called(agents, here(tools), "slow", within=0.5, seconds=30)
    assert outcome.code == "provider-timeout"
    assert outcome.seconds < CALL_SECONDS


def test_a_server_without_its_key_is_unavailable(agents: AgentWorker, tools: str) -> None:
    outcome = listed(agents, url=tools)
    assert outcome.code in {"mcp-unavailable", "provider-auth"}, outcome.message


def test_a_server_that_is_not_there_is_unavailable(agents: AgentWorker) -> None:
    outcome = listed(agents, url=f"http://127.0.0.1:{free_port()}/mcp")
    assert outcome.code == "mcp-unavailable"
    assert outcome.seconds < CALL_SECONDS


def test_a_credential_that_nobody_knows_is_named(agents: AgentWorker, tools: str) -> None:
    assert listed(agents, url=tools, credential="NOBODY").code == "credential-unknown"


@pytest.mark.parametrize("url", ["http://169.254.169.254/mcp", "http://10.0.0.1/mcp", "file:///etc/passwd"])
def test_an_address_inside_the_network_may_not_be_called(agents: AgentWorker, url: str) -> None:
    assert listed(agents, url=url).code == "host-not-allowed"


def test_a_server_by_name_comes_from_the_settings_of_the_worker(agents: AgentWorker) -> None:
    assert listed(agents, name="nobody").code == "mcp-server-unknown"
    named = listed(agents, **STDIO)
    assert named.code is None, named.message
    assert called(agents, STDIO, "add", a=20, b=22).output["structured"] == {"sum": 42}


def test_a_local_program_sees_no_key_of_the_worker(agents: AgentWorker) -> None:
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "WORKFLOW_ENGINE_CREDENTIAL_SPARE"):
        outcome = called(agents, STDIO, "environment", name=name)
        assert outcome.code is None, outcome.message
        assert json.dumps(outcome.output["text"]) == '""'
