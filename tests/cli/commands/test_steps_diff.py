"""`workflow-engine steps diff`: what differs, what breaks, and whom."""

import json

import pytest

from tests.cli.terminal import CommandLine
from workflow_engine.cli.server import Server
from workflow_engine.jsontext import Json, JsonObject


def contract(name: str, **changes: Json) -> JsonObject:
    properties: JsonObject = {"words": {"type": "integer"}, "longest": {"type": "string"}}
    schema: JsonObject = {"type": "object", "properties": properties}
    return {"step_type": name, "name": "Count", "execution_type": "grpc", "output_schema": schema, **changes}


WITHOUT_LONGEST: JsonObject = {"type": "object", "properties": {"words": {"type": "integer"}}}


@pytest.fixture
def api(served: CommandLine) -> Server:
    return Server.at(f"127.0.0.1:{served.settings['port']}")


def test_a_contract_in_a_file_tells_what_it_would_break(served: CommandLine, api: Server) -> None:
    api.post("/steps/register", contract("text.count"))
    steps: list[Json] = [
        {"step_id": "count", "step_type": "text.count"},
        {"step_id": "show", "step_type": "data_merge", "input_mapping": {"l": "count.longest"}},
    ]
    api.post("/workflows", {"name": "n", "workflow_id": "reads-longest", "steps": steps})
    changed = contract("text.count", output_schema=WITHOUT_LONGEST, tags=["text"])
    file = served.write("count.json", json.dumps(changed))
    said = served("steps", "diff", file)
    assert said.code == 1
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[:5] == [
        "text.count 1.0.0 -> 2.0.0 breaking",
        "part change",
        "breaks output /: 'longest' was removed",
        'tags [] -> ["text"]',
        "",
    ]
    assert lines[5:7] == ["would break", "workflow reads-longest"]
    assert lines[7].startswith("/steps/1/input_mapping/l steps.count.output.longest is not in text.count@2.0.0 what")
    answer = json.loads(served("steps", "diff", file, "--json").out)
    assert (answer["from"], answer["to"]) == ("1.0.0", "2.0.0")
    assert answer["changes"][0] == {"part": "output", "change": "/: 'longest' was removed", "breaks": True}
    assert [each["workflow_id"] for each in answer["would_break"]] == ["reads-longest"]
    assert api.get("/steps/text.count")["version"] == "1.0.0", "nothing was registered"


def test_a_contract_nobody_registered_is_new_and_breaks_nobody(served: CommandLine) -> None:
    said = served("steps", "diff", served.write("new.json", json.dumps(contract("text.new"))))
    assert (said.code, said.out) == (0, "text.new  1.0.0  new\n")


def test_the_same_contract_makes_no_difference(served: CommandLine, api: Server) -> None:
    api.post("/steps/register", contract("text.same"))
    said = served("steps", "diff", "-", stdin=json.dumps(contract("text.same")))
    assert (said.code, said.out) == (0, "text.same  1.0.0  no difference\n")


def test_two_versions_are_compared(served: CommandLine, api: Server) -> None:
    api.post("/steps/register", contract("text.two"))
    api.post("/steps/register", contract("text.two", description="counts"))
    api.post("/steps/register", contract("text.two", description="counts", output_schema=WITHOUT_LONGEST))
    latest = served("steps", "diff", "text.two")
    assert latest.out.splitlines()[0] == "text.two  1.1.0 -> 2.0.0  breaking"
    first = served("steps", "diff", "text.two", "1.0.0", "1.1.0")
    assert first.out.splitlines()[0] == "text.two  1.0.0 -> 1.1.0  compatible"
    assert 'description  "" -> "counts"' in first.out
    assert latest.code == first.code == 0


def test_what_cannot_be_compared_is_told(served: CommandLine, api: Server) -> None:
    api.post("/steps/register", contract("text.one"))
    unknown = served("steps", "diff", "text.one", "7.0.0")
    assert (unknown.code, unknown.err) == (2, "error: there is no version 7.0.0; there are 1.0.0\n")
    assert served("steps", "diff", "text.none").err == "error: Step type not found\n"
    wrong = served("steps", "diff", served.write("wrong.json", '{"step_type": "9"}'))
    assert wrong.code == 2
    assert "/step_type" in wrong.err
    assert served("steps", "diff", "x.json", "1.0.0").code == 2
