"""`workflow-engine doctor`."""

import json
import re
import socket
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine, Said
from tests.rpc.certificates import make_certificates
from tests.serving.process import Serve
from workflow_engine.journal.revisions import TABLE


def found(out: str) -> dict[str, tuple[str, str]]:
    """Level and message by what was looked at; the worst where there are several."""
    lines = (re.match(r"(ok|warn|fail) +(\S+(?: \S+)?)  +(.*)", line) for line in out.splitlines())
    return {match[2].strip(): (match[1], match[3]) for match in lines if match}


def test_a_healthy_place_is_found_healthy_and_left_as_it_was(cli: CommandLine, database_url: str) -> None:
    said = cli("doctor", "--database-url", database_url)
    assert said.code == 0, said.out
    findings = found(said.out)
    looked_at = {
        "Python",
        "installation",
        "settings",
        "storage",
        "durability",
        "schema",
        "port",
        "gRPC port",
        "plugins",
    }
    assert looked_at <= set(findings)
    assert {level for level, _ in findings.values()} == {"ok"}
    assert list(cli.folder.iterdir()) == []


def test_every_bad_setting_is_named_and_none_of_its_value(cli: CommandLine) -> None:
    bad = CommandLine(cli.folder, {"port": "secret-port", "hots": "x", "limits__max_steps": 0})
    said = bad("doctor")
    assert said.code == 1
    for name in ("WORKFLOW_ENGINE_PORT", "WORKFLOW_ENGINE_HOTS", "WORKFLOW_ENGINE_LIMITS__MAX_STEPS"):
        assert f"fail  settings      {name}" in said.out
    assert "secret-port" not in said.out


def test_keys_of_providers_are_named_and_not_told(cli: CommandLine) -> None:
    with_key = CommandLine(cli.folder, cli.settings, {"ANTHROPIC_API_KEY": "sk-very-secret"})
    said = with_key("doctor", "--database-url", "memory://")
    assert found(said.out)["anthropic"] == ("ok", "configured: ANTHROPIC_API_KEY is set")
    assert found(said.out)["openai"] == ("ok", "not configured: set OPENAI_API_KEY")
    assert "very-secret" not in said.out


def test_it_tells_what_becomes_of_agents(cli: CommandLine) -> None:
    without = found(cli("doctor", "--database-url", "memory://").out)
    assert without["agents"][1].startswith("a server starts its agent worker when a step asks for it; agent steps")
    with_key = CommandLine(cli.folder, cli.settings, {"WORKFLOW_ENGINE_CREDENTIAL_DOCS": "sk-very-secret"})
    said = found(with_key("doctor", "--database-url", "memory://").out)
    assert said["agents"][1].startswith("a server starts its agent worker; ")
    assert said["credentials"] == ("ok", "DOCS")


def test_a_region_that_is_missing_is_a_warning(cli: CommandLine) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA-made-up", "AWS_SECRET_ACCESS_KEY": "very-secret"}
    said = CommandLine(cli.folder, cli.settings, keys)("doctor", "--database-url", "memory://")
    assert found(said.out)["bedrock"][0] == "warn"
    assert said.code == 0
    assert "very-secret" not in said.out


def test_memory_is_a_warning(cli: CommandLine) -> None:
    said = cli("doctor", "--database-url", "memory://")
    assert said.code == 0
    assert found(said.out)["durability"][0] == "warn"


def test_a_port_that_somebody_else_holds_is_a_failure(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", int(str(cli.settings["port"])))):
        said = cli("doctor", "--database-url", "memory://")
    assert said.code == 1
    assert found(said.out)["port"][0] == "fail"
    assert "-> stop what listens there, or set WORKFLOW_ENGINE_PORT" in said.out


def test_a_grpc_port_that_somebody_else_holds_is_a_failure(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = CommandLine(cli.folder, dict(cli.settings) | {"grpc_port": port})(
            "doctor", "--database-url", "memory://"
        )
    assert said.code == 1
    assert found(said.out)["port"][0] == "ok"
    assert found(said.out)["gRPC port"][0] == "fail"
    assert "-> stop what listens there, or set WORKFLOW_ENGINE_GRPC_PORT" in said.out


def test_files_of_tls_are_read_as_the_server_reads_them(cli: CommandLine) -> None:
    made = make_certificates(cli.folder)

    def tls(key: Path, client_ca: Path = made.authority) -> Said:
        files = {"certificate": made.server.certificate, "key": key, "client_ca": client_ca}
        settings = dict(cli.settings) | {f"rpc__tls_{name}": path for name, path in files.items()}
        return CommandLine(cli.folder, settings)("doctor", "--database-url", "memory://")

    good, foreign, missing = tls(made.server.key), tls(made.client.key), tls(made.server.key, cli.folder / "none.pem")
    assert good.code == 0, good.out
    assert found(good.out)["TLS"][0] == "ok"
    assert "clients must show a certificate" in good.out
    for said, setting in ((foreign, "TLS_CERTIFICATE"), (missing, "TLS_CLIENT_CA")):
        assert said.code == 1
        assert found(said.out)["TLS"][0] == "fail"
        assert f"WORKFLOW_ENGINE_RPC__{setting} names" in said.out


def test_an_open_address_without_keys_is_a_failure(cli: CommandLine) -> None:
    said = CommandLine(cli.folder, {"host": "0.0.0.0"} | dict(cli.settings))("doctor", "--database-url", "memory://")  # noqa: S104 - refused
    assert said.code == 1
    assert found(said.out)["address"][0] == "fail"


def test_an_open_address_with_a_key_is_no_problem(cli: CommandLine) -> None:
    database = f"sqlite:///{cli.folder}/flows.db"
    everywhere = CommandLine(cli.folder, {"host": "0.0.0.0"} | dict(cli.settings))  # noqa: S104 - who shows no key is refused
    assert cli("keys", "create", "ops", "--scope", "admin", "--database-url", database).code == 0

    assert "address" not in found(everywhere("doctor", "--database-url", database).out)

    (key,) = json.loads(cli("keys", "list", "--json", "--database-url", database).out)["keys"]
    assert cli("keys", "revoke", key["key_id"], "--database-url", database).code == 0
    assert found(everywhere("doctor", "--database-url", database).out)["address"][0] == "fail"


def test_a_server_that_is_up_is_no_problem(serve: Serve, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/flows.db"
    server = serve(url).start()
    said = CommandLine(tmp_path, {"port": server.port, "grpc_port": server.grpc_port})("doctor", "--database-url", url)
    assert said.code == 0, said.out
    assert "owned by a running engine" in found(said.out)["storage"][1]
    for subject in ("port", "gRPC port"):
        assert "taken by a workflow engine that is up" in found(said.out)[subject][1]


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "sqlite:///file/flows.db", "oracle://x"])
def test_storage_that_cannot_be_used_is_a_failure(cli: CommandLine, url: str) -> None:
    cli.write("file", "")
    said = cli("doctor", "--database-url", url)
    assert said.code == 1
    assert found(said.out)["storage"][0] == "fail"
    assert "Traceback" not in said.err


def test_a_schema_that_is_behind_is_told_with_what_to_do(cli: CommandLine, database_url: str) -> None:
    cli("migrate", "--database-url", database_url)
    make_older(database_url)
    said = cli("doctor", "--database-url", database_url)
    assert found(said.out)["schema"][0] == ("warn" if database_url.startswith("sqlite") else "fail")
    assert "workflow-engine migrate" in said.out


def make_older(database_url: str) -> None:
    from sqlalchemy import create_engine, make_url, text

    url = make_url(database_url)
    engine = create_engine(url if url.get_backend_name() == "sqlite" else url.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET version_num = '0000'"))
    engine.dispose()


def test_a_broken_plugin_is_named(cli: CommandLine) -> None:
    broken = CommandLine(cli.folder, {"plugins": "not_installed"} | dict(cli.settings))
    said = broken("doctor", "--database-url", "memory://")
    assert said.code == 1
    assert "Plugin not_installed cannot be loaded" in said.out
