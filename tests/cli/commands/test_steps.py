"""`workflow-engine steps`, on a server that is up."""

import json
import re

from tests.cli.terminal import CommandLine


def test_a_list_tells_type_version_and_whether_it_is_served(served: CommandLine) -> None:
    said = served("steps", "list")
    assert re.search(r"^data_input +1\.0\.0 +local +builtin +served +\w", said.out, re.MULTILINE)
    assert "delay" in [step["step_type"] for step in json.loads(served("steps", "list", "--json").out)["steps"]]


def test_one_type_is_shown_with_its_schemas(served: CommandLine) -> None:
    shown = json.loads(served("steps", "show", "delay").out)
    assert "delay_seconds" in shown["parameters_schema"]["properties"]


def test_an_unknown_type_is_told(served: CommandLine) -> None:
    said = served("steps", "show", "no_such_type")
    assert (said.code, said.err) == (1, "error: Step type not found\n")
