"""What an agent may say of itself, and what it is told when it says something else."""

import pytest

from workflow_engine.agents.config import AgentConfig, ModelChoice, ToolEntry, read_agent
from workflow_engine.agents.limits import AgentCeilings, AgentDefaults, limits_that_hold
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import InvalidConfig, Simulation
from workflow_engine.steps.schemas import compile_schema

LEAST: JsonObject = {"name": "A", "model": "gpt-4o"}
FULL: JsonObject = {
    **LEAST,
    "provider_type": "openai_textgen",
    "description": "Does things.",
    "system_prompt": "You do things.",
    "temperature": 1.5,
    "max_tokens": 50,
    "tools": [
        "http_request",
        "resize@^1.2",
        {"step_type": "query", "name": "ask", "description": "Asks.", "config": {"db": None}, "input": {"n": 1}},
        {"mcp_server": "docs", "tools": ["find"], "credential": "DOCS"},
        {"mcp_server": "https://mcp.example/v1"},
        {"agent": "other", "name": "helper"},
    ],
    "response_schema": {"type": "object", "properties": {"n": {"type": ["integer", "null"], "default": None}}},
    "fallbacks": ["claude-sonnet", {"model": "m", "api_base": "http://10.0.0.1:8000/v1", "credential": "LOCAL_1"}],
    "limits": {"max_turns": 3, "max_cost_usd": 0.5},
    "api_base": "https://models.example/v1",
    "credential": "TEAM_A",
    "price": {"input_per_million": 1, "output_per_million": 2.5},
    "simulation": "never",
    "simulation_script": [{"content": None}, {"tool_calls": [{"name": "ask", "arguments": {"n": None}}]}],
    "metadata": {"team": None},
}


def wrong(body: Json) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDocument) as caught:
        read_agent(body)
    return sorted((problem.pointer, problem.code) for problem in caught.value.problems())


def test_what_an_agent_does_not_say_has_its_default() -> None:
    agent = read_agent(LEAST)
    assert (agent.temperature, agent.max_tokens, agent.system_prompt) == (0.1, 1000, "")
    assert (agent.tools, agent.fallbacks, agent.simulation) == ((), (), None)


def test_the_document_of_an_agent_is_read_back_as_the_same_agent() -> None:
    for body in (LEAST, FULL):
        agent = read_agent(body)
        assert read_agent(agent.document()) == agent
    assert read_agent(FULL).document()["metadata"] == {"team": None}
    assert read_agent(FULL).document()["response_schema"] == FULL["response_schema"]


def test_a_name_has_two_spellings() -> None:
    assert read_agent({"agent_name": "A", "model": "m"}) == read_agent({"name": "A", "model": "m"})
    assert read_agent({"agent_name": "A", "name": "A", "model": "m"}).name == "A"
    assert wrong({"agent_name": "A", "name": "B", "model": "m"}) == [("/agent_name", "conflicting-fields")]
    assert wrong({"agent_name": 1, "model": "m"}) == [("/agent_name", "wrong-type")]


def test_a_name_alone_stands_for_a_tool_or_a_fallback() -> None:
    agent = read_agent(FULL)
    assert agent.tools[1] == ToolEntry(step_type="resize@^1.2")
    assert agent.fallbacks[0] == ModelChoice(model="claude-sonnet")
    assert agent.simulation is Simulation.NEVER


def test_the_model_comes_before_its_fallbacks() -> None:
    first, second, third = read_agent(FULL).models()
    assert (first.model, first.credential, first.api_base) == ("gpt-4o", "TEAM_A", "https://models.example/v1")
    assert (second.model, second.credential) == ("claude-sonnet", None)
    assert third.api_base == "http://10.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"temprature": 1}, "/temprature", "unknown-field"),
        ({"temperature": 2.1}, "/temperature", "out-of-range"),
        ({"temperature": "0"}, "/temperature", "wrong-type"),
        ({"temperature": True}, "/temperature", "wrong-type"),
        ({"max_tokens": 0}, "/max_tokens", "out-of-range"),
        ({"max_tokens": 1.5}, "/max_tokens", "wrong-type"),
        ({"name": " "}, "/name", "invalid-value"),
        ({"name": "x" * 201}, "/name", "out-of-range"),
        ({"model": "gpt 4"}, "/model", "invalid-value"),
        ({"provider_type": "open/ai"}, "/provider_type", "invalid-value"),
        ({"credential": "team-a"}, "/credential", "invalid-value"),
        ({"api_base": "file:///etc/passwd"}, "/api_base", "invalid-value"),
        ({"api_base": "https://user:secret@host/"}, "/api_base", "invalid-value"),
        ({"api_base": "http://"}, "/api_base", "invalid-value"),
        ({"api_base": "http://[::1"}, "/api_base", "invalid-value"),
        ({"price": {"input_per_million": -1, "output_per_million": 1}}, "/price/input_per_million", "out-of-range"),
        ({"price": {"input_per_million": 1}}, "/price/output_per_million", "missing-field"),
        ({"simulation": "maybe"}, "/simulation", "unknown-value"),
        ({"simulation_script": [{}]}, "/simulation_script/0", "missing-field"),
        ({"limits": {"max_turns": 0}}, "/limits/max_turns", "out-of-range"),
        ({"limits": {"max_turn": 1}}, "/limits/max_turn", "unknown-field"),
        ({"tools": "http_request"}, "/tools", "wrong-type"),
        ({"tools": [5]}, "/tools/0", "wrong-type"),
        ({"tools": ["no such type"]}, "/tools/0/step_type", "invalid-value"),
        ({"tools": [{}]}, "/tools/0", "invalid-value"),
        ({"tools": [{"step_type": "a", "agent": "b"}]}, "/tools/0", "invalid-value"),
        ({"tools": [{"agent": "b", "config": {}}]}, "/tools/0", "invalid-value"),
        ({"tools": [{"mcp_server": "https://u:p@host/"}]}, "/tools/0", "invalid-value"),
        ({"tools": ["a"] * 129}, "/tools", "out-of-range"),
        ({"fallbacks": [{"modl": "m"}]}, "/fallbacks/0/modl", "unknown-field"),
        ({"response_schema": {"type": "objct"}}, "/response_schema/type", "invalid-schema"),
        ({"response_schema": []}, "/response_schema", "wrong-type"),
        ({"system_prompt": "x" * 262_145}, "/system_prompt", "out-of-range"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: JsonObject, pointer: str, code: str) -> None:
    assert (pointer, code) in wrong({**LEAST, **change})


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert len(wrong({"temprature": 1, "max_tokens": 0})) == 4


@pytest.mark.parametrize("body", [None, [], "agent", 1])
def test_an_agent_is_an_object(body: Json) -> None:
    assert wrong(body) == [("", "wrong-type")]


def test_a_refusal_repeats_no_value() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_agent({**LEAST, "credential": "sk-secret-key", "api_base": "https://me:sk-secret-key@host/"})
    assert "sk-secret-key" not in str(caught.value)


@pytest.mark.parametrize("body", [LEAST, FULL, {"agent_name": "A", "model": "m"}])
def test_the_json_schema_of_an_agent_takes_what_is_taken(body: JsonObject) -> None:
    assert compile_schema(AgentConfig.model_json_schema()).problems(body) == ()


@pytest.mark.parametrize(
    "change", [{"temperature": 3}, {"model": "a b"}, {"tools": [5]}, {"credential": "a"}, {"api_base": "ftp://x"}]
)
def test_the_json_schema_of_an_agent_refuses_what_is_refused(change: JsonObject) -> None:
    assert not compile_schema(AgentConfig.model_json_schema()).is_valid({**LEAST, **change})
    wrong({**LEAST, **change})


# --- limits


def held(limits: JsonObject, ceilings: AgentCeilings | None = None) -> JsonObject:
    agent = read_agent({**LEAST, "limits": limits})
    return limits_that_hold(agent.limits, AgentDefaults(max_tool_calls=5), ceilings or AgentCeilings())


def test_an_agent_that_names_no_limit_has_those_of_the_server() -> None:
    assert held({})["max_tool_calls"] == 5
    assert (held({})["max_turns"], held({})["max_total_tokens"]) == (10, None)
    assert held({"max_turns": 40})["max_turns"] == 40


def test_an_agent_that_asks_for_more_than_the_server_gives_is_refused() -> None:
    ceilings = AgentCeilings(max_turns=20, max_cost_usd=1.0)
    assert held({"max_turns": 20, "max_cost_usd": 1}, ceilings)["max_turns"] == 20
    with pytest.raises(InvalidConfig, match="max_turns is 21, and this server allows at most 20"):
        held({"max_turns": 21}, ceilings)
    with pytest.raises(InvalidConfig, match=r"max_cost_usd is 1\.5"):
        held({"max_cost_usd": 1.5}, ceilings)


def test_a_ceiling_holds_for_an_agent_that_says_nothing() -> None:
    ceilings = AgentCeilings(max_turns=4, max_total_tokens=100)
    assert (held({}, ceilings)["max_turns"], held({}, ceilings)["max_total_tokens"]) == (4, 100)


def test_a_limit_may_be_zero_where_that_means_something() -> None:
    assert (held({"max_repairs": 0})["max_repairs"], held({"max_cost_usd": 0})["max_cost_usd"]) == (0, 0.0)
