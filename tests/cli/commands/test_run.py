"""`workflow-engine run`, with and without a server."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.documents import ECHO, FAILING, HELLO, WAITING, WRONG
from tests.cli.terminal import CommandLine
from tests.serving.process import Serve, ServerProcess

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture(params=["inside", "on the server"])
def anywhere(request: pytest.FixtureRequest) -> CommandLine:
    """A command line without a server, then one with."""
    found: CommandLine = request.getfixturevalue("cli" if request.param == "inside" else "served")
    return found


def test_a_workflow_runs_and_its_last_output_is_printed(anywhere: CommandLine) -> None:
    said = anywhere("run", anywhere.write("flow.json", HELLO))
    assert said.code == 0
    assert "Hello  ✔ completed  2 steps completed" in said.out
    assert "output of process_data" in said.out
    assert '"HELLO, WORLD!"' in said.out
    assert said.err == ""


def test_inputs_come_from_file_and_arguments_and_the_workflows_own_output_is_printed(anywhere: CommandLine) -> None:
    anywhere.write("input.json", '{"a": 1, "b": 2}')
    said = anywhere("run", anywhere.write("flow.json", ECHO), "--input-file", "input.json", "-i", "b=[3]", "-i", "c=d")
    assert said.code == 0
    _, _, output = said.out.partition("output\n")
    assert json.loads(output) == {"given": {"a": 1, "b": [3], "c": "d"}}


def test_stdin_is_a_file(anywhere: CommandLine) -> None:
    assert anywhere("run", "-", stdin=HELLO).code == 0


def test_json_is_the_results_object_and_nothing_else(anywhere: CommandLine) -> None:
    said = anywhere("run", anywhere.write("flow.json", HELLO), "--json", "--watch")
    results = json.loads(said.out)
    assert results["status"] == "completed"
    assert set(results["step_results"]) == {"input_data", "process_data"}
    assert "process_data  completed" in said.err


def test_watching_through_a_pipe_is_a_line_for_each_change(anywhere: CommandLine) -> None:
    said = anywhere("run", anywhere.write("flow.json", HELLO), "--watch")
    changes = [tuple(line.split()[2:4]) for line in said.out.splitlines() if re.match(r" +\d+\.\d{3} s  ", line)]
    assert changes == [
        ("input_data", "running"),
        ("input_data", "completed"),
        ("process_data", "running"),
        ("process_data", "completed"),
    ]


def test_a_failure_is_told_and_ends_with_1(cli: CommandLine) -> None:
    said = cli("run", cli.write("flow.json", FAILING), "--watch")
    assert said.code == 1
    assert "retrying" in said.out
    assert "✘ failed" in said.out
    assert "error: Critical step call failed: " in said.out


def test_an_invalid_document_is_told_line_by_line_and_ends_with_2(anywhere: CommandLine) -> None:
    said = anywhere("run", anywhere.write("flow.json", WRONG))
    assert said.code == 2
    assert "flow.json:4:" in said.err
    assert "Unknown step type: no_such_type" in said.err
    assert "Step b depends on unknown step: c" in said.err
    assert said.out == ""


def test_an_input_that_the_workflow_refuses_is_told_by_its_name(anywhere: CommandLine) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    flow = anywhere.write("flow.json", json.dumps({**json.loads(ECHO), "input_schema": schema}))
    said = anywhere("run", flow, "-i", "n=many")
    assert said.code == 2
    assert said.err.startswith("/input_data/n: error: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.json"], "nowhere.json cannot be read"),
        (["flow.json", "-i", "x"], "must be written KEY=VALUE"),
        (["flow.json", "--embedded", "--server", "http://127.0.0.1:1"], "--server names a running server"),
        (["flow.json", "--server", "nonsense://"], "is no URL of a server"),
        (["flow.json", "--timeout", "0"], "--timeout"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_argument_is_told_and_ends_with_2(cli: CommandLine, arguments: list[str], sentence: str) -> None:
    cli.write("flow.json", HELLO)
    said = cli("run", *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_named_server_that_is_not_there_is_no_reason_to_run_elsewhere(cli: CommandLine) -> None:
    said = cli("run", cli.write("flow.json", HELLO), "--server", f"http://127.0.0.1:{cli.settings['port']}")
    assert said.code == 1
    assert "no server answers at" in said.err
    assert said.out == ""


def test_what_does_not_end_in_time_ends_with_3_and_goes_on_where_it_can(served: CommandLine, cli: CommandLine) -> None:
    on_server = served("run", served.write("flow.json", WAITING), "--timeout", "1")
    assert on_server.code == 3
    assert "it goes on" in on_server.err
    execution_id = ID.search(on_server.err)
    assert execution_id is not None
    assert "waiting" in served("executions", "show", execution_id[0]).out
    assert served("executions", "cancel", execution_id[0]).code == 0
    inside = cli("run", cli.write("flow.json", WAITING), "--timeout", "1")
    assert inside.code == 3
    assert "it ended with this command" in inside.err


def test_a_cancelled_run_ends_with_3(served: CommandLine) -> None:
    running = served.begin("run", served.write("flow.json", WAITING), "--watch")
    assert running.stdout is not None
    while b"waiting" not in running.stdout.readline():
        pass
    (execution,) = json.loads(served("executions", "list", "--status", "waiting", "--json").out)["executions"]
    assert served("executions", "cancel", execution["execution_id"], "--reason", "not today").code == 0
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 3
    assert "not today" in out.decode()


def test_on_a_terminal_the_table_follows_the_steps(anywhere: CommandLine) -> None:
    said = anywhere.on_terminal("run", anywhere.write("flow.json", HELLO), "--watch")
    assert said.code == 0
    last = said.out[said.out.rindex("Hello") :]
    assert re.search(r"✔.*completed.*2 of 2 steps", last)
    assert re.search(r"process_data.*data_processing.*completed", last)
    assert "\x1b[32m" in said.out


def test_no_color_is_respected(cli: CommandLine) -> None:
    plain = CommandLine(cli.folder, cli.settings, {"NO_COLOR": "1", "TERM": "xterm-256color"})
    said = plain.on_terminal("run", cli.write("flow.json", HELLO), "--watch", "--embedded")
    assert said.code == 0
    assert "✔ completed" in said.out
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", said.out)


def test_a_database_that_is_named_keeps_the_execution(cli: CommandLine) -> None:
    url = f"sqlite:///{cli.folder}/flows.db"
    assert cli("run", cli.write("flow.json", HELLO), "--database-url", url).code == 0
    assert (cli.folder / "flows.db").exists()


def test_an_engine_inside_uses_nobodys_database(cli: CommandLine) -> None:
    cli("run", cli.write("flow.json", HELLO))
    assert sorted(path.name for path in cli.folder.iterdir()) == ["flow.json"]


def test_watching_survives_the_crash_of_the_server(serve: Serve, tmp_path: Path) -> None:
    server: ServerProcess = serve(f"sqlite:///{tmp_path}/flows.db").start()
    cli = CommandLine(tmp_path, {"port": server.port})
    running = cli.begin("run", cli.write("flow.json", WAITING), "--watch")
    assert running.stdout is not None
    while b"waiting" not in running.stdout.readline():
        pass
    server.kill()
    server.start()
    (execution,) = json.loads(cli("executions", "list", "--json").out)["executions"]
    assert cli("executions", "signal", execution["execution_id"], "approved", '{"by": "ann"}').code == 0
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert '"by": "ann"' in out.decode()
