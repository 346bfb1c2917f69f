"""`workflow-engine providers`, on a server that is up."""

import json
import re

from tests.cli.terminal import CommandLine


def test_a_server_tells_what_to_set(served: CommandLine) -> None:
    said = served("providers").out
    assert re.search(r"^openai +no +set OPENAI_API_KEY\s*$", said, re.MULTILINE)
    assert re.search(r"^agent worker +idle since \S+, 0 connected$", said, re.MULTILINE)


def test_programs_get_the_answer_as_it_is(served: CommandLine) -> None:
    body = json.loads(served("providers", "--json").out)
    assert body["worker"]["status"] == "idle"
    assert {each["name"] for each in body["providers"]} >= {"openai", "gemini", "bedrock", "anthropic", "onprem"}


def test_on_a_narrow_screen_every_line_fits(served: CommandLine) -> None:
    said = served.on_terminal("providers", columns=80)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.out)
    assert "onprem" in plain
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80
