"""`workflow-engine serve`."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine
from tests.serving.client import Client
from tests.serving.process import CHECKOUT, environment


def banner_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode()


def stopped(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode


def test_one_line_says_where_it_is_and_what_it_keeps(cli: CommandLine) -> None:
    process = cli.begin("serve", "--port", "0", "--database-url", f"sqlite:///{cli.folder}/flows.db")
    banner = banner_of(process)
    _, _, rest = banner.partition(" at http://127.0.0.1:")
    port = int(rest.split()[0])
    assert banner.startswith("Workflow Engine ")
    assert f"docs http://127.0.0.1:{port}/docs  database sqlite:///{cli.folder}/flows.db" in banner
    assert f"at http://127.0.0.1:{port}  grpc 127.0.0.1:" in banner
    assert Client("127.0.0.1", port).get("/health").status == 200
    assert stopped(process) == 0


def test_without_arguments_the_checkout_serves(cli: CommandLine) -> None:
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "main.py")],
        cwd=cli.folder,
        env=environment({"port": 0, "grpc_port": 0}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert "database sqlite:///data/workflow_engine.db" in banner_of(process)
    assert stopped(process) == 0


def test_a_second_server_on_the_same_database_is_refused(cli: CommandLine) -> None:
    url = f"sqlite:///{cli.folder}/flows.db"
    first = cli.begin("serve", "--port", "0", "--database-url", url)
    banner_of(first)
    second = cli.in_a_process("serve", "--port", "0", "--database-url", url)
    assert second.code == 1
    assert second.err.startswith("error: another engine owns this database")
    assert second.out == ""
    assert stopped(first) == 0


def test_a_port_that_is_taken_is_told(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = cli.in_a_process("serve", "--port", str(port), "--database-url", "memory://")
    assert said.code == 1
    assert f"error: Cannot listen on 127.0.0.1:{port}" in said.err
    assert "Traceback" not in said.err


def test_a_port_of_grpc_that_is_taken_is_told(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--port", "0", "--grpc-port", str(port), "--database-url", "memory://")
        said = cli.in_a_process("serve", *arguments)
    assert said.code == 1
    assert f"error: Cannot listen for gRPC on 127.0.0.1:{port}" in said.err
    assert "--grpc-port" in said.err
    assert "Traceback" not in said.err


def test_an_open_address_without_keys_is_refused_unless_it_is_wanted(cli: CommandLine) -> None:
    open_address = ("serve", "--host", "0.0.0.0", "--port", "0", "--database-url", "memory://")  # noqa: S104 - refused, then wanted
    said = cli.in_a_process(*open_address)
    assert said.code == 1
    assert "--insecure" in said.err
    wanted = cli.begin(*open_address, "--insecure")
    assert "at http://127.0.0.1:" in banner_of(wanted)
    assert stopped(wanted) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--log-format", "xml"], "log_format: must be 'console' or 'json'"),
        (["--database-url", "mysql://x"], "there is no journal for mysql"),
        (["--port", "70000"], "--port"),
    ],
)
def test_a_wrong_argument_is_told(cli: CommandLine, arguments: list[str], sentence: str) -> None:
    said = cli.in_a_process("serve", *arguments)
    assert said.code in (1, 2)
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_broken_plugin_stops_the_start_unless_it_is_to_be_skipped(cli: CommandLine) -> None:
    settings = {"plugins": "not_installed"} | dict(cli.settings)
    broken = CommandLine(cli.folder, settings)
    arguments = ("serve", "--port", "0", "--database-url", "memory://")
    said = broken.in_a_process(*arguments)
    assert said.code == 1
    assert "Plugin not_installed cannot be loaded" in said.err
    without = broken.begin(*arguments, "--skip-broken-plugins")
    assert banner_of(without).startswith("Workflow Engine")
    assert stopped(without) == 0


def test_an_older_schema_is_migrated_where_that_is_wanted(cli: CommandLine, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/flows.db"
    assert cli("migrate", "--database-url", url).code == 0
    never = CommandLine(tmp_path, {"storage__migrate": "never"} | dict(cli.settings))
    process = never.begin("serve", "--port", "0", "--database-url", url, "--migrate", "--log-format", "json")
    assert banner_of(process).startswith("Workflow Engine")
    assert stopped(process) == 0
