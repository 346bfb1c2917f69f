import json

import pytest

from workflow_engine.agents.worker.settings import (
    InvalidAgentSetting,
    LocalServer,
    RemoteServer,
    WorkerSettings,
    read_settings,
)


def read(**environment: str) -> WorkerSettings:
    named = {f"WORKFLOW_ENGINE_AGENTS__{name.upper()}": value for name, value in environment.items()}
    return read_settings(named, allow_loopback=False)


def test_an_empty_environment_has_defaults() -> None:
    assert read() == WorkerSettings()


def test_hosts_and_limits_are_read() -> None:
    settings = read(allowed_hosts=" llm.internal:8080 , 10.0.0.0/8,", max_answer_bytes="1000", grace_seconds="1.5")
    assert settings.allowed_hosts == ("llm.internal:8080", "10.0.0.0/8")
    assert (settings.max_answer_bytes, settings.grace) == (1_000, 1.5)


def test_servers_are_reached_at_a_url_or_started_as_a_program() -> None:
    servers = {"far": {"url": "https://x/mcp", "credential": "K"}, "near": {"command": "run", "args": ["-v"]}}
    settings = read(mcp_servers=json.dumps(servers))
    assert settings.mcp_servers == {
        "far": RemoteServer("https://x/mcp", "K", is_named=True),
        "near": LocalServer("run", ("-v",), {}),
    }


@pytest.mark.parametrize(
    "environment",
    [
        {"max_answer_bytes": "0"},
        {"cached_routers": "many"},
        {"grace_seconds": "-1"},
        {"grace_seconds": "nan"},
        {"mcp_servers": "{"},
        {"mcp_servers": "[]"},
        {"mcp_servers": '{"a": 1}'},
        {"mcp_servers": '{"a": {}}'},
        {"mcp_servers": '{"a": {"url": "u", "command": "c"}}'},
        {"mcp_servers": '{"a": {"command": "c", "args": "x"}}'},
        {"mcp_servers": '{"a": {"command": "c", "env": {"K": 1}}}'},
    ],
    ids=str,
)
def test_a_setting_that_means_nothing_is_refused_by_its_name(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidAgentSetting, match=f"WORKFLOW_ENGINE_AGENTS__{next(iter(environment)).upper()}"):
        read(**environment)


def test_a_refusal_repeats_no_value_that_may_be_secret() -> None:
    with pytest.raises(InvalidAgentSetting) as refused:
        read(mcp_servers='{"a": {"command": "c", "env": {"KEY": "hush-hush", "N": 1}}}')
    assert "hush-hush" not in str(refused.value)
