"""The same worker understands a fake that others wrote and keep (`@copilotkit/aimock`), in all that it can do."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.agents.agent_worker import AgentWorker
from tests.agents.families import ANTHROPIC, GEMINI, OPENAI, Family, every_way
from tests.agents.upstreams.aimock import TOOLS, NodeTooOld, aimock, check_node
from tests.agents.upstreams.upstream import BASES
from tests.tools import RequiresTool

TOOL = {
    "name": "lookup",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
its_families = pytest.mark.parametrize("family", [OPENAI, ANTHROPIC, GEMINI], ids=str)


@pytest.fixture(scope="module")
def other(requires_tool: RequiresTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    requires_tool(*TOOLS)
    try:
        check_node()
    except NodeTooOld as old:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(old))
    with aimock(tmp_path_factory.mktemp("aimock") / "aimock.log") as url:
        yield url


def at(other: str, family: Family) -> dict[str, str]:
    return {"model": family.elsewhere, "api_base": other + BASES[family.wire], "credential": "SPARE"}


@its_families
@every_way
def test_its_text_is_understood(agents: AgentWorker, other: str, family: Family, stream: bool) -> None:
    outcome = agents.ask(at(other, family), stream=stream)
    assert outcome.code is None, outcome.message
    assert outcome.output["message"] == {"role": "assistant", "content": "It is sunny in Bern, and warm."}
    assert outcome.output["finish_reason"] == "stop"


@its_families
@every_way
def test_its_tool_calls_are_understood(agents: AgentWorker, other: str, family: Family, stream: bool) -> None:
    outcome = agents.ask(at(other, family), question="Look it up.", stream=stream, tools=[TOOL])
    assert outcome.code is None, outcome.message
    made = outcome.output["message"]["tool_calls"]
    assert [json.loads(call["arguments"]) for call in made] == [{"city": "Bern"}, {"city": "Basel"}]
    assert outcome.output["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("family", [OPENAI, ANTHROPIC], ids=str)  # of Gemini's two spellings of results it knows one
def test_it_understands_the_results_of_tools(agents: AgentWorker, other: str, family: Family) -> None:
    calls = [{"id": name, "name": "lookup", "arguments": json.dumps({"city": name})} for name in ("Bern", "Basel")]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"} for call in calls]
    asked = {"role": "user", "content": "Look it up."}
    messages = [asked, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    outcome = agents.ask(at(other, family), tools=[TOOL], messages=messages)
    assert outcome.code is None, outcome.message
    assert outcome.output["message"]["content"] == "18 degrees."


@its_families
@every_way
def test_its_json_is_understood(agents: AgentWorker, other: str, family: Family, stream: bool) -> None:
    schema = {
        "type": "object",
        "properties": {"sunny": {"type": "boolean"}},
        "required": ["sunny"],
        "additionalProperties": False,
    }
    outcome = agents.ask(at(other, family), question="As JSON, please.", stream=stream, response_schema=schema)
    assert outcome.code is None, outcome.message
    assert json.loads(outcome.output["message"]["content"]) == {"sunny": True}


@its_families
@pytest.mark.parametrize(
    ("question", "code"), [("Slow down.", "provider-rate-limited"), ("Be away.", "provider-unavailable")]
)
def test_its_refusals_have_names(agents: AgentWorker, other: str, family: Family, question: str, code: str) -> None:
    assert agents.ask(at(other, family), question=question).code == code


@its_families
def test_its_broken_streams_have_names(agents: AgentWorker, other: str, family: Family) -> None:
    assert agents.ask(at(other, family), question="Break off.", stream=True).code == "provider-unavailable"
