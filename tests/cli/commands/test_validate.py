"""`workflow-engine validate`."""

import json

import pytest

from tests.cli.documents import HELLO, WRONG
from tests.cli.terminal import CommandLine


@pytest.fixture(params=["inside", "on the server"])
def anywhere(request: pytest.FixtureRequest) -> CommandLine:
    found: CommandLine = request.getfixturevalue("cli" if request.param == "inside" else "served")
    return found


def test_a_sound_document_is_valid(anywhere: CommandLine) -> None:
    said = anywhere("validate", anywhere.write("flow.json", HELLO))
    assert (said.code, said.out) == (0, "flow.json: valid\n")


def test_every_problem_is_shown_at_its_line_in_the_order_of_the_text(anywhere: CommandLine) -> None:
    said = anywhere("validate", anywhere.write("flow.json", WRONG))
    assert said.code == 2
    problems = [line for line in said.out.splitlines() if line.startswith("flow.json:") and ": error: " in line]
    assert [problem.split(": error: ")[0] for problem in problems] == [
        "flow.json:4:22",
        "flow.json:6:23",
        "flow.json:7:17",
    ]
    assert "Unknown step type: no_such_type  [unknown-step-type]" in problems[0]
    assert "did you mean 'delay_seconds'?" in problems[2]
    assert said.out.splitlines()[1:3] == [
        '     4 |     {"step_id": "a", "step_type": "no_such_type"},',
        "       |                      ^",
    ]
    assert said.out.endswith("flow.json: 3 errors\n")


def test_a_document_in_an_envelope_is_found_there(cli: CommandLine) -> None:
    said = cli("validate", "-", stdin='{"workflow_config":\n' + WRONG + "}")
    assert said.code == 2
    assert "<stdin>:5:22: error: Unknown step type: no_such_type" in said.out


def test_a_warning_does_not_make_a_document_invalid(cli: CommandLine) -> None:
    flow = json.loads(HELLO)
    flow["steps"][1]["conditions"] = "input_data.nothing > 1"
    said = cli("validate", cli.write("flow.json", json.dumps(flow)))
    assert said.code == 0
    assert "flow.json: warning: " in said.out
    assert said.out.endswith("flow.json: valid, 1 warning\n")


def test_json_is_the_answer_that_rest_gives(anywhere: CommandLine) -> None:
    said = anywhere("validate", anywhere.write("flow.json", WRONG), "--json")
    report = json.loads(said.out)
    assert said.code == 2
    assert report["is_valid"] is False
    assert {problem["pointer"] for problem in report["problems"]} >= {"/steps/0/step_type", "/steps/1/dependencies/0"}


def test_a_file_that_is_no_json_ends_with_2(cli: CommandLine) -> None:
    said = cli("validate", cli.write("flow.json", '{"steps": [}'))
    assert said.code == 2
    assert said.err.startswith("error: flow.json:1:12: malformed JSON")


def test_a_list_is_no_workflow(cli: CommandLine) -> None:
    said = cli("validate", cli.write("flow.json", "[]"))
    assert said.code == 2
    assert "flow.json:1:1: error: A workflow must be an object" in said.out
