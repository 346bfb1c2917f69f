"""The settings of agents: which MCP servers there are, where keys stand, and which limits fit together."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from workflow_engine.settings import Agents, InvalidSettings, load_settings, surroundings
from workflow_engine.settings.mcp_servers import McpServer, read_mcp_servers

SECRET = "sk-very-secret"


def test_the_defaults_are_the_promised_ones() -> None:
    agents = Agents()
    assert (agents.worker, agents.worker_slots, agents.allowed_hosts, agents.mcp_servers) == ("auto", 200, (), "")
    assert (agents.max_turns, agents.most_turns, agents.max_total_tokens, agents.max_cost_usd) == (10, 100, None, None)
    assert (agents.max_depth, agents.max_bad_calls, agents.max_repairs) == (3, 5, 2)
    assert (agents.max_tool_calls, agents.max_parallel_tools, agents.max_tool_result_bytes) == (16, 8, 32_768)
    assert (agents.max_messages, agents.call_timeout_seconds) == (1_000, 120.0)


def test_more_turns_by_default_than_anybody_may_ask_for_are_refused() -> None:
    with pytest.raises(ValidationError, match="max_turns must not be larger than most_turns"):
        Agents(max_turns=101)


def test_a_first_pause_beyond_the_longest_is_refused() -> None:
    with pytest.raises(ValidationError, match="worker_restart_seconds must not be larger"):
        Agents(worker_restart_seconds=61)


def test_mcp_servers_are_read_by_their_names() -> None:
    text = """{"docs": {"url": "https://mcp.example.com/mcp", "credential": "DOCS"},
               "files": {"command": "mcp-files", "args": ["/srv"], "env": {"MODE": "ro"}}}"""
    assert read_mcp_servers(text) == {
        "docs": McpServer(url="https://mcp.example.com/mcp", credential="DOCS"),
        "files": McpServer(command="mcp-files", args=("/srv",), env={"MODE": "ro"}),
    }
    assert read_mcp_servers(" ") == {}
    assert Agents(mcp_servers=text).mcp_servers == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is no JSON"),
        ("[]", "it must be an object"),
        ('{"a b": {"url": "http://x"}}', "the name of an MCP server"),
        ('{"a": {}}', "at /a: give either a url or a command"),
        ('{"a": {"url": "http://x", "command": "y"}}', "at /a: give either a url or a command"),
        ('{"a": {"url": "ftp://x"}}', "at /a/url"),
        ('{"a": {"url": "http://x", "env": {"K": "sk-very-secret"}}}', "at /a: args and env belong to a command"),
        ('{"a": {"command": "x", "credential": "Y"}}', "at /a: a command has no credential"),
        ('{"a": {"url": "http://x", "credential": "sk-very-secret"}}', "at /a/credential"),
        ('{"a": {"url": "http://x", "key": "sk-very-secret"}}', "at /a/key"),
    ],
)
def test_mcp_servers_that_cannot_be_are_refused_at_the_start_and_no_value_is_repeated(
    text: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_AGENTS__MCP_SERVERS", text)
    with pytest.raises(InvalidSettings, match="WORKFLOW_ENGINE_AGENTS__MCP_SERVERS: ") as refused:
        load_settings(env_file=None)
    assert why in str(refused.value)
    assert SECRET not in str(refused.value)


def test_mcp_servers_may_hold_secrets_and_are_not_shown() -> None:
    text = '{"a": {"command": "x", "env": {"KEY": "sk-very-secret"}}}'
    assert SECRET not in repr(Agents(mcp_servers=text))


def test_a_named_credential_is_no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_CREDENTIAL_DOCS", SECRET)
    assert SECRET not in repr(load_settings(env_file=None))


def test_keys_of_providers_are_found_in_the_file_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=of-the-file\nANTHROPIC_API_KEY=of-the-file\nBARE\n")
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    found = surroundings(file)
    assert (found["OPENAI_API_KEY"], found["ANTHROPIC_API_KEY"], found["BARE"]) == (
        *("of-the-environment", "of-the-file", ""),
    )
    assert "OPENAI_API_KEY" in surroundings(None)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidSettings, match="cannot be read"):
        surroundings(tmp_path / ".env")
