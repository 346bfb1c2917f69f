"""A worker that has no key but AWS's, whose region nobody has set, and that may call public addresses only."""

from collections.abc import Iterator

import pytest

from tests.agents.agent_worker import MCP_TOOLS, AgentWorker, agent_worker
from tests.agents.families import ANTHROPIC, BEDROCK, GEMINI, ONPREM, OPENAI
from tests.agents.keys import AWS_KEY, AWS_SECRET
from tests.agents.upstreams.reply import Reply
from tests.agents.upstreams.upstream import Upstream, always


@pytest.fixture(scope="module")
def bare_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentWorker]:
    aws = {"AWS_ACCESS_KEY_ID": AWS_KEY, "AWS_SECRET_ACCESS_KEY": AWS_SECRET}
    with agent_worker(tmp_path_factory.mktemp("bare"), aws) as worker:
        yield worker


def test_models_of_no_configured_provider_are_named_with_what_they_need(bare_agents: AgentWorker) -> None:
    outcome = bare_agents.ask(*(family.here for family in (OPENAI, ANTHROPIC, GEMINI, ONPREM)))
    assert outcome.code == "provider-not-configured"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "ONPREM_API_BASE"):
        assert name in outcome.message


def test_bedrock_without_a_region_is_a_named_failure(bare_agents: AgentWorker) -> None:
    outcome = bare_agents.ask(BEDROCK.here)
    assert outcome.code == "aws-region-missing"
    assert "AWS_REGION" in outcome.message


LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "2130706433", "127.1", "0x7f000001", "[::ffff:127.0.0.1]")


def test_a_model_on_loopback_may_not_be_called(bare_agents: AgentWorker) -> None:
    with Upstream(always(Reply("Yes."))) as elsewhere:
        for host in LOOPBACK:
            outcome = bare_agents.ask({"model": "openai/local-model", "api_base": f"http://{host}:{elsewhere.port}/v1"})
            assert outcome.code in {"host-not-allowed", "provider-unavailable"}, (host, outcome.message)
        assert elsewhere.calls == [] == elsewhere.unread


def test_an_mcp_server_on_loopback_may_not_be_called(bare_agents: AgentWorker) -> None:
    with Upstream(always(Reply("Yes."))) as elsewhere:
        asked = {"server": {"url": f"{elsewhere.url}/mcp"}, "timeout_seconds": 5}
        assert bare_agents.call(MCP_TOOLS, asked).code == "host-not-allowed"
        assert elsewhere.unread == []
