"""`workflow-engine agents` and `usage`, on a server that is up."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.terminal import CommandLine
from workflow_engine.cli.tables import print_usage
from workflow_engine.jsontext import JsonObject

RESEARCHER = {"name": "Researcher", "model": "gpt-4o-mini", "tools": ["http_request"], "description": "Looks it up.\nx"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    written = tmp_path / "agent.json"
    written.write_text(json.dumps(RESEARCHER))
    return str(written)


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def test_an_agent_is_saved_listed_shown_and_deleted(served: CommandLine, file: str) -> None:
    saved = served("agents", "save", file)
    assert (saved.code, saved.out, saved.err) == (0, "agent-researcher\n", "saved as version 1\n")

    head, line = served("agents", "list").out.splitlines()
    assert cells(head)[:2] == ["agent", "model"]
    assert cells(line)[:2] == ["agent-researcher", "gpt-4o-mini"]
    assert line.rstrip().endswith("Looks it up.")
    shown = json.loads(served("agents", "show", "agent-researcher").out)
    assert (shown["owner"], shown["tools"]) == ("local", [{"step_type": "http_request"}])

    assert served("agents", "delete", "agent-researcher").out == "deleted agent-researcher\n"
    assert served("agents", "list").out == "no agents are saved\n"
    gone = served("agents", "show", "agent-researcher")
    assert (gone.code, gone.err) == (1, "error: Agent not found\n")


def test_what_was_shown_can_be_saved_again_under_another_id(served: CommandLine, file: str) -> None:
    served("agents", "save", file, "--id", "first")
    shown = served("agents", "show", "first").out

    assert served("agents", "save", "-", stdin=shown).err == "saved as version 1\n"
    assert served("agents", "save", "-", "--id", "second", stdin=shown).out == "second\n"
    listed = json.loads(served("agents", "list", "--json").out)["agents"]
    assert {each["agent_id"] for each in listed} == {"first", "second"}
    assert "there are more: --offset 1" in served("agents", "list", "-n", "1").out
    for agent_id in ("first", "second"):
        served("agents", "delete", agent_id)


def test_what_is_no_agent_ends_with_2_and_says_where(served: CommandLine) -> None:
    said = served("agents", "save", "-", stdin='{"name": "x", "model": "m", "temperature": 3}')
    assert said.code == 2
    assert said.err.startswith("<stdin>:1:29: error: This must be a number from 0 to 2")
    foreign = served("agents", "save", "-", "--id", "no id", stdin='{"name": "x", "model": "m"}')
    assert (foreign.code, foreign.err.startswith("error: an agent id has")) == (2, True)
    no_object = served("agents", "save", "-", stdin="[]")
    assert (no_object.code, no_object.err) == (2, "error: <stdin> holds no agent: an agent is a JSON object\n")


def test_without_any_call_the_usage_says_so(served: CommandLine) -> None:
    assert served("usage").out == "no model calls\n"
    assert json.loads(served("usage", "--by", "model", "--since", "7d", "--json").out)["group_by"] == "model"


def test_what_usage_cannot_be_grouped_by_ends_with_2(served: CommandLine) -> None:
    said = served("usage", "--by", "weather")
    assert said.code == 2
    assert "one of none, execution, step, agent" in said.err.replace("\n", " ")
    assert "--until" in served("usage", "--until", "tomorrow").err


def sums(calls: int, cost: float, unknown: int = 0, simulated: int = 0) -> JsonObject:
    return {
        "calls": calls,
        "input_tokens": 1_234_567,
        "output_tokens": 8,
        "cost_usd": cost,
        "unknown_cost_calls": unknown,
        "simulated_calls": simulated,
    }


def test_a_report_says_what_it_does_not_know_instead_of_counting_it_as_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines: list[JsonObject] = [
        {"key": "Dear", **sums(3, 12.5)},
        {"key": "Cheap", **sums(2, 0.0321, 1, 1)},
        {"key": None, **sums(1, 0.0, 1)},
    ]
    print_usage({"group_by": "agent", "usage": [*lines], "total": sums(8, 12.5321, 2, 1)})

    head, dear, cheap, unnamed, total, more = capsys.readouterr().out.splitlines()
    assert cells(head) == ["agent", "calls", "tokens in", "tokens out", "cost"]
    assert cells(dear) == ["Dear", "3", "1,234,567", "8", "$12.50"]
    assert cells(cheap) == ["Cheap", "2", "1,234,567", "8", "$0.0321", "1 unpriced, 1 simulated"]
    assert cells(unnamed) == ["not said", "1", "1,234,567", "8", "?", "1 unpriced"]
    assert cells(total) == ["total", "8", "1,234,567", "8", "$12.53", "2 unpriced, 1 simulated"]
    assert more.startswith("2 further calls")


def test_a_single_line_needs_no_total_and_no_lines_are_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    print_usage({"group_by": "agent", "usage": [{"key": "One", **sums(1, 0.00001)}], "total": sums(1, 0.00001)})
    _, line = capsys.readouterr().out.splitlines()
    assert cells(line)[-1] == "<$0.0001"

    print_usage({"group_by": "none", "usage": [], "total": sums(1, 0.5)})
    _, line = capsys.readouterr().out.splitlines()
    assert cells(line)[0] == "total"
