"""`workflow-engine keys`: in a database that no server uses, and at a server that is up."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine, Said
from tests.serving.process import ServerProcess, server_processes


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/flows.db"


@pytest.fixture
def offline(cli: CommandLine, database: str) -> CommandLine:
    """Where no server is up, and the settings name a database."""
    return CommandLine(cli.folder, {**cli.settings, "database_url": database})


def listed(said: Said) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(said.out)["keys"]
    return found


def test_a_key_is_printed_alone_on_stdout_so_that_it_can_be_captured(offline: CommandLine) -> None:
    said = offline("keys", "create", "image-team", "--scope", "register", "--scope", "execute", "--note", "for CI")

    (key_id,) = [each["key_id"] for each in listed(offline("keys", "list", "--json"))]
    assert said.code == 0
    assert said.out.startswith(f"wfe_{key_id}_")
    assert len(said.out.split()) == 1
    assert said.err == f"created key {key_id} of image-team; it is not shown again\n"


def test_keys_are_listed_without_their_secrets_and_revoked(offline: CommandLine) -> None:
    assert offline("keys", "list").out.startswith("no keys: ")
    secret = offline("keys", "create", "ops", "--scope", "admin", "--note", "on call").out.strip()
    key_id = secret.split("_")[1]

    (line,) = offline("keys", "list").out.splitlines()[1:]
    assert line.split()[:3] == [key_id, "ops", "admin"]
    assert line.rstrip().endswith("good    on call")
    assert secret.split("_")[2] not in offline("keys", "list", "--json").out

    assert offline("keys", "revoke", key_id).out == f"revoked {key_id} of ops\n"
    assert "revoked" in offline("keys", "list").out
    assert listed(offline("keys", "list", "--json"))[0]["revoked_at"]


def test_an_unknown_key_cannot_be_revoked(offline: CommandLine) -> None:
    said = offline("keys", "revoke", "nobody")
    assert (said.code, said.err) == (1, "error: Key not found\n")


@pytest.mark.parametrize(
    "arguments", [("ops", "--scope", "root"), ("a b", "--scope", "admin"), ("ops",), ("--scope", "admin")]
)
def test_what_makes_no_key_ends_with_2(offline: CommandLine, arguments: tuple[str, ...]) -> None:
    said = offline("keys", "create", *arguments)
    assert (said.code, said.out) == (2, "")


def test_a_key_in_memory_is_refused(cli: CommandLine) -> None:
    said = cli("keys", "create", "ops", "--scope", "admin", "--database-url", "memory://")
    assert said.code == 2
    assert "would be gone" in said.err


def test_a_server_and_a_database_exclude_each_other(cli: CommandLine) -> None:
    said = cli("keys", "list", "--server", "http://127.0.0.1:1", "--database-url", "sqlite:///x.db")
    assert said.code == 2


def test_every_command_shows_its_key_to_a_server_that_wants_one(database: str, tmp_path: Path) -> None:
    with server_processes(tmp_path) as serve:
        server = serve(database, log_level="debug").start()
        plain = CommandLine(tmp_path, {"port": server.port})
        made = plain("keys", "create", "ops", "--scope", "admin")
        key = made.out.strip()
        keyed = CommandLine(tmp_path, {"port": server.port, "api_key": key})
        document = keyed.write("flow.json", '{"name": "f", "steps": [{"step_id": "a", "step_type": "data_input"}]}')

        refused = plain("keys", "list")
        assert (refused.code, refused.out) == (1, "")
        assert "needs a key" in refused.err
        assert "--api-key" in refused.err
        assert plain("keys", "list", "--api-key", key).code == 0
        assert keyed("keys", "list", "--api-key", key[:-1] + "!").code == 1
        assert CommandLine(tmp_path)("steps", "list", "--server", server.url, "--api-key", key).code == 0

        assert keyed("run", document).code == 0
        assert keyed("validate", document).code == 0
        (execution,) = json.loads(keyed("executions", "list", "--json").out)["executions"]
        assert keyed("executions", "show", str(execution["execution_id"])).code == 0
        assert keyed("executions", "events", str(execution["execution_id"])).code == 0
        assert keyed("hosts", "list").code == 0

        _revoke_the_last(keyed, key)
        _assert_not_told(server, key)


def _revoke_the_last(keyed: CommandLine, key: str) -> None:
    assert keyed("keys", "revoke", key.split("_")[1]).code == 0
    assert "it was revoked" in keyed("keys", "list").err


def _assert_not_told(server: ServerProcess, key: str) -> None:
    assert "key created" in server.log
    assert "key revoked" in server.log
    assert key.split("_")[2] not in server.log


def test_the_database_of_a_server_elsewhere_is_left_to_it(offline: CommandLine, database: str, tmp_path: Path) -> None:
    with server_processes(tmp_path) as serve:
        server = serve(database).start()

        said = offline("keys", "create", "ops", "--scope", "admin")

        assert said.code == 2
        assert "--server URL" in said.err
        assert offline("keys", "create", "ops", "--scope", "admin", "--server", server.url).code == 0


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ä", ""])
def test_what_no_header_can_hold_is_no_key_and_is_not_repeated(cli: CommandLine, key: str) -> None:
    said = cli("hosts", "list", "--server", "http://127.0.0.1:1", "--api-key", key)
    assert said.code in (1, 2)
    assert not key or key not in said.err
    assert "Traceback" not in said.err


def test_the_list_looks_well_on_a_terminal(offline: CommandLine) -> None:
    offline("keys", "create", "image-team", "--scope", "register", "--note", "the workers of the image pipeline in CI")
    shown = offline.on_terminal("keys", "list", columns=90).out
    assert "\x1b[" in shown
    assert "image-team" in shown
