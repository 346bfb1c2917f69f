"""`workflow-engine executions`, on a server that is up."""

import json
import re

import pytest

from tests.cli.documents import FAILING, HELLO, WAITING
from tests.cli.terminal import CommandLine


def started(cli: CommandLine, document: str) -> str:
    """The id of an execution that was left to the server."""
    said = cli("run", "-", "--timeout", "1", "--json", stdin=document)
    found = json.loads(said.out)["execution_id"] if said.out else re.findall(r"[0-9a-f-]{36}", said.err)[0]
    assert isinstance(found, str)
    return found


@pytest.fixture
def waiting(served: CommandLine) -> str:
    return started(served, WAITING)


def test_a_list_tells_newest_first_what_ran(served: CommandLine) -> None:
    first, second = started(served, HELLO), started(served, FAILING)
    lines = served("executions", "list", "--since", "1h").out.splitlines()
    assert lines[1].startswith(second)
    assert "Failing" in lines[1]
    assert "✘ failed" in lines[1]
    assert lines[2].startswith(first)
    assert re.search(r"Hello +✔ completed +2 of 2", lines[2])


def test_a_list_is_narrowed_by_its_filters(served: CommandLine) -> None:
    hello, _ = started(served, HELLO), started(served, FAILING)
    said = served("executions", "list", "--workflow", "Hello", "--status", "completed", "-n", "1", "--json")
    assert [each["execution_id"] for each in json.loads(said.out)["executions"]] == [hello]
    assert served("executions", "list", "--workflow", "nothing of that name").out == "no executions\n"


def test_a_long_list_tells_how_to_go_on(served: CommandLine) -> None:
    started(served, HELLO), started(served, HELLO)
    said = served("executions", "list", "-n", "1").out.splitlines()
    cursor = said[-1].removeprefix("there are more: --cursor ")
    assert served("executions", "list", "-n", "1", "--cursor", cursor).out.splitlines()[1] != said[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list", "--status", "asleep"], "must be one or more of pending, running"),
        (["list", "--since", "soon"], "neither an age"),
        (["list", "--cursor", "x"], "cursor"),
        (["list", "-n", "0"], "-n"),
    ],
)
def test_a_filter_that_cannot_be_used_ends_with_2(served: CommandLine, arguments: list[str], sentence: str) -> None:
    said = served("executions", *arguments)
    assert said.code == 2
    assert sentence in said.err


@pytest.mark.parametrize("verb", ["show", "explain", "events", "cancel", "pause", "resume"])
def test_an_unknown_id_is_told_and_ends_with_1(served: CommandLine, verb: str) -> None:
    said = served("executions", verb, "nothing")
    assert (said.code, said.err) == (1, "error: Execution not found\n")
    assert served("executions", verb, "../steps").code == 1


def test_showing_one_tells_every_step(served: CommandLine) -> None:
    said = served("executions", "show", started(served, FAILING))
    assert re.search(r"Failing +✘ failed +0 of 1 steps", said.out)
    assert re.search(r"call +✘ failed +2 ", said.out)
    assert "error: Critical step call failed" in said.out


def test_what_came_out_of_one_step_is_json(served: CommandLine) -> None:
    execution = started(served, HELLO)
    said = served("executions", "show", execution, "--step", "process_data")
    assert json.loads(said.out)["result"] == {"input": {"message": "HELLO, WORLD!"}}
    missing = served("executions", "show", execution, "--step", "nothing")
    assert missing.code == 1
    assert "there are results of input_data, process_data" in missing.err


def test_explaining_tells_what_an_open_step_waits_for(served: CommandLine, waiting: str) -> None:
    assert re.search(r"approve +SIGNAL +it waits for the signal approved", served("executions", "explain", waiting).out)
    done = served("executions", "explain", started(served, HELLO))
    assert done.out == "nothing is open: the execution is completed\n"


def test_an_execution_is_paused_resumed_signalled_and_ends(served: CommandLine, waiting: str) -> None:
    assert served("executions", "pause", waiting, "--reason", "lunch").out == f"execution {waiting} is paused\n"
    again = served("executions", "pause", waiting)
    assert again.code == 1
    assert "paused" in again.err
    assert served("executions", "resume", waiting).out == f"execution {waiting} is waiting\n"
    following = served.begin("executions", "events", waiting, "--follow", "--json")
    assert served("executions", "signal", waiting, "approved", "yes please").code == 0
    out, _ = following.communicate(timeout=30)
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "execution_completed"
    assert {"name": "approved", "payload": "yes please"} in [event["data"] for event in events]


def test_a_cancelled_execution_cannot_be_cancelled_again(served: CommandLine, waiting: str) -> None:
    assert served("executions", "cancel", waiting).out == f"execution {waiting} is cancelled\n"
    again = served("executions", "cancel", waiting)
    assert again.code == 1
    assert "has ended as cancelled" in again.err


def test_events_are_one_line_each_behind_the_one_that_was_named(served: CommandLine) -> None:
    execution = started(served, HELLO)
    lines = served("executions", "events", execution, "--after", "2").out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "4", "5", "6"]
    assert lines[-1].split()[2] == "execution_completed"


def test_without_a_server_it_tells_how_to_start_one(cli: CommandLine) -> None:
    said = cli("executions", "list")
    assert said.code == 1
    assert "no server answers at" in said.err
    assert "workflow-engine serve" in said.err
