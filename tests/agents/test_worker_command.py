"""How the server starts its agent worker: reachable, with the keys of providers, and with nothing of the server's."""

import os

import pytest

from workflow_engine.agents.worker_command import KEY, Reaching, has_something_to_call, reachable, worker_command
from workflow_engine.layout import client_folder, package_folder
from workflow_engine.settings import Agents, Settings

MCP = '{"docs": {"url": "https://mcp.example.com/mcp"}}'
SETTINGS = Settings(
    log_level="warning", agents=Agents(worker_slots=7, allowed_hosts=("10.0.0.0/8", "llm"), mcp_servers=MCP)
)
HERE = {
    "OPENAI_API_KEY": "sk-one",
    "WORKFLOW_ENGINE_CREDENTIAL_DOCS": "secret",
    "WORKFLOW_ENGINE_API_KEY": "wfe_of_a_person",
    "WORKFLOW_ENGINE_DATABASE_URL": "postgresql://u:p@h/d",
    "DATABASE_URL": "postgresql://u:p@h/d",
    "PYTHONPATH": "/elsewhere",
    "PATH": "/bin",
}
COMMAND = worker_command(SETTINGS, Reaching("127.0.0.1:50051", "wfe_internal"), HERE)


def test_it_is_told_where_the_server_is_and_how_much_it_may_have_in_hand() -> None:
    said = " ".join(COMMAND.arguments)
    assert "-m workflow_engine.agents.worker --with-parent" in said
    assert "--server 127.0.0.1:50051" in said
    assert "--slots 7" in said
    assert "--log-level warning" in said


def test_it_gets_keys_of_providers_and_credentials_and_a_key_of_its_own() -> None:
    assert COMMAND.environment["OPENAI_API_KEY"] == "sk-one"
    assert COMMAND.environment["WORKFLOW_ENGINE_CREDENTIAL_DOCS"] == "secret"
    assert COMMAND.environment[KEY] == "wfe_internal"
    assert COMMAND.environment["PATH"] == "/bin"


def test_it_gets_neither_the_database_nor_the_key_of_a_person() -> None:
    told = " ".join(f"{name}={value}" for name, value in COMMAND.environment.items())
    assert "postgresql" not in told
    assert "wfe_of_a_person" not in told


def test_its_arguments_which_everybody_can_see_hold_no_secret() -> None:
    said = " ".join(COMMAND.arguments)
    assert not any(secret in said for secret in ("sk-one", "secret", "wfe_"))


def test_it_is_told_what_the_settings_say_of_it() -> None:
    told = [value for name, value in COMMAND.environment.items() if name.startswith("WORKFLOW_ENGINE_AGENTS__")]
    assert set(told) == {"10.0.0.0/8,llm", MCP, str(16 * 1024**2), "10.0"}


def test_it_finds_the_package_and_the_client_wherever_they_are_and_what_was_there() -> None:
    wanted = [str(package_folder()), str(client_folder()), "/elsewhere"]
    assert COMMAND.environment["PYTHONPATH"].split(os.pathsep) == wanted


@pytest.mark.parametrize(("host", "allowed"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False)])  # noqa: S104 - not listened on
def test_addresses_of_this_machine_are_allowed_where_only_this_machine_reaches_the_server(
    host: str, allowed: bool
) -> None:
    command = worker_command(Settings(host=host), Reaching("x:1", "k"), {})
    assert ("--allow-loopback" in command.arguments) is allowed


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("127.0.0.1", "127.0.0.1:7"),
        ("", "127.0.0.1:7"),
        ("0.0.0.0", "127.0.0.1:7"),  # noqa: S104 - not listened on
        ("::", "[::1]:7"),
        ("[::1]", "[::1]:7"),
        ("localhost", "localhost:7"),
        ("10.1.2.3", "10.1.2.3:7"),
    ],
)
def test_it_reaches_the_server_wherever_that_listens(host: str, target: str) -> None:
    assert reachable(host, 7) == target


@pytest.mark.parametrize(
    ("environment", "settings", "answer"),
    [
        ({}, Settings(), False),
        ({"OPENAI_API_KEY": ""}, Settings(), False),
        ({"WORKFLOW_ENGINE_API_KEY": "wfe_x"}, Settings(), False),
        ({"OPENAI_API_KEY": "k"}, Settings(), True),
        ({"ONPREM_API_BASE": "http://llm/v1"}, Settings(), True),
        ({"MISTRAL_API_KEY": "k"}, Settings(), True),
        ({"WORKFLOW_ENGINE_CREDENTIAL_X": "k"}, Settings(), True),
        ({}, SETTINGS, True),
    ],
)
def test_a_provider_a_key_a_credential_or_an_mcp_server_is_reason_enough_to_start_it(
    environment: dict[str, str], settings: Settings, answer: bool
) -> None:
    assert has_something_to_call(environment, settings) is answer
