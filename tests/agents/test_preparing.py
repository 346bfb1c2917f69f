"""From an agent to the conversation that the engine conducts: models, messages, tools, limits."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from tests.plugins.asking import request
from workflow_engine.agents.config import AgentConfig, read_agent
from workflow_engine.agents.limits import AgentCeilings, AgentDefaults
from workflow_engine.agents.preparing import PreparedAgents
from workflow_engine.agents.simulation import AgentFacts
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.execution.control.conversation import Conversation
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.agent_steps import MODEL_CALL
from workflow_engine.steps.authoring import closed_object
from workflow_engine.steps.contract import InvalidConfig, Simulation, StepType
from workflow_engine.steps.schemas import compile_schema
from workflow_engine.steps.services import AgentWish, ToolWish

QUERY = StepType(
    "db.query",
    "1.2.0",
    title="Query",
    description="Asks the database.",
    config_schema=closed_object(["database"], database={"type": "string"}),
    input_schema=closed_object(["table", "account"], table={"type": "string"}, account={"type": "string"}),
    examples=({"config": {}},),
    documentation="Long.",
)
FREE = StepType("free", title="Anything")
AGENT_STEP = StepType("agent_execution", inline=True)
TYPES: Mapping[str, StepType] = {
    "db.query": QUERY,
    "db.query@^1": QUERY,
    "free": FREE,
    "agent_execution": AGENT_STEP,
    "agents.model_call": MODEL_CALL,
}
EDITOR = read_agent({"name": "The Editor", "model": "m", "description": "Edits."})


def prepared(**more: Any) -> PreparedAgents:  # noqa: ANN401 - passed through
    known: dict[str, Any] = {"served": False, "environment": {}, **more}
    served = known.pop("served")
    facts = AgentFacts(known.pop("environment"), lambda _: served, lambda _: False)
    agents = PreparedAgents(facts, **known)
    agents.connect(lambda _, name: TYPES.get(name), lambda _, agent_id: {"ed": EDITOR}.get(agent_id))
    return agents


def begun(agent: JsonObject, wish: JsonObject | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - passed
    described: JsonObject = {"name": "A", "model": "gpt-4o", **agent}
    asked = AgentWish("Hello", agent=described, **cast("dict[str, Any]", wish or {}))
    answered = prepared(**more).begin(request("agent_execution"), asked).conversation
    # What the engine reads of it, it can read: nothing is missing, and all of it is JSON.
    Conversation.read(answered)
    write(answered)
    return answered


def tools(*entries: Json) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = begun({"tools": list(entries)})["tools"]
    return made


def refusal(agent: JsonObject, **more: Any) -> str:  # noqa: ANN401 - passed through
    with pytest.raises(InvalidConfig) as caught:
        begun(agent, **more)
    return caught.value.message


def test_an_agent_becomes_a_conversation() -> None:
    talk = begun({"system_prompt": "Be kind.", "temperature": 1, "max_tokens": 5, "limits": {"max_turns": 2}})
    assert talk["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    assert (talk["temperature"], talk["max_tokens"], talk["limits"]["max_turns"]) == (1.0, 5, 2)
    assert (talk["direct_call"], talk["simulation"]) == (None, {"reason": "no-provider", "script": []})


def test_an_agent_without_a_system_prompt_begins_with_the_query() -> None:
    assert begun({})["messages"] == [{"role": "user", "content": "Hello"}]


def test_models_are_spelled_for_litellm_and_for_people() -> None:
    price: JsonObject = {"input_per_million": 1.0, "output_per_million": 2.0}
    fallback: JsonObject = {
        "model": "llama",
        "provider_type": "on-prem_textgen",
        "api_base": "http://10.0.0.1/v1",
        "credential": "LOCAL",
        "price": price,
    }
    assert begun({"fallbacks": [fallback]})["models"] == [
        {"model": "openai/gpt-4o", "written": "gpt-4o", "api_base": None, "credential": None, "price": None},
        {
            "model": "openai/llama",
            "written": "llama",
            "api_base": "http://10.0.0.1/v1",
            "credential": "LOCAL",
            "price": price,
        },
    ]


def test_what_is_asked_of_the_model_fits_its_step_type() -> None:
    talk = begun({"tools": ["free"], "fallbacks": ["m"]})
    asked = {key: talk[key] for key in ("models", "messages", "temperature", "max_tokens", "response_schema", "stream")}
    assert compile_schema(MODEL_CALL.input_schema).problems(asked) == ()


# --- tools


def test_a_step_type_becomes_a_function_with_its_input_schema() -> None:
    (tool,) = tools({"step_type": "db.query@^1", "config": {"database": "main"}})
    assert (tool["name"], tool["description"]) == ("db_query", "Asks the database.")
    assert tool["parameters"] == QUERY.input_schema
    assert (tool["config"], tool["input"], tool["arguments_in"]) == ({"database": "main"}, {}, None)
    assert (tool["type"]["name"], tool["type"]["version"], tool["type"]["inline"]) == ("db.query", "1.2.0", False)
    assert (tool["type"]["documentation"], tool["type"]["examples"]) == ("", [])


def test_inputs_that_are_fixed_are_no_business_of_the_model() -> None:
    (tool,) = tools({"step_type": "db.query", "config": {"database": "main"}, "input": {"account": "7"}})
    assert tool["input"] == {"account": "7"}
    assert set(tool["parameters"]["properties"]) == {"table"}
    assert tool["parameters"]["required"] == ["table"]
    assert cast("Any", QUERY.input_schema)["required"] == ["table", "account"]


def test_a_step_type_without_a_schema_takes_any_object() -> None:
    (tool,) = tools("free")
    assert tool["parameters"] == {"type": "object", "properties": {}}
    assert tool["description"] == "Anything"


def test_a_tool_may_have_another_name_and_description() -> None:
    (tool,) = tools({"step_type": "free", "name": "Größe & more!", "description": "Says."})
    assert (tool["name"], tool["description"]) == ("Gr__e___more_", "Says.")
    (long,) = tools({"step_type": "free", "name": "x" * 100})
    assert len(long["name"]) == 64


def test_an_agent_may_be_a_tool() -> None:
    (tool,) = tools({"agent": "ed"})
    assert (tool["name"], tool["description"]) == ("The_Editor", "Edits.")
    assert tool["config"] == {"agent_id": "ed", "return_simplified": True}
    assert (tool["parameters"]["required"], tool["answer_key"]) == (["query"], "response")
    assert (tool["type"]["name"], tool["type"]["inline"]) == ("agent_execution", True)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (["nope"], "Unknown tool: nope"),
        (["db.query@^7"], "Unknown tool: db.query@^7"),
        ([{"agent": "nobody"}], "Agent not found: nobody"),
        (["agents.model_call"], "agents.model_call is what agents are made of"),
        (["db.query"], "The config of the tool db.query is not valid: /database"),
        ([{"step_type": "db.query", "config": {"databse": "x"}}], "did you mean 'database'?"),
        (
            [{"step_type": "db.query", "config": {"database": "x"}, "input": {"account": 7}}],
            "The input of the tool db.query is not valid: /account",
        ),
        (
            [{"step_type": "db.query", "config": {"database": "x"}, "input": {"acount": "7"}}],
            "did you mean 'account'?",
        ),
        (["free", "free"], "Two tools are called 'free'"),
        (["free", {"agent": "ed", "name": "free"}], "Two tools are called 'free'"),
        ([{"mcp_server": "docs"}, {"mcp_server": "docs", "tools": ["a"]}], "The MCP server 'docs' stands twice"),
    ],
)
def test_a_tool_that_cannot_be_called_is_refused_at_once(entries: list[Json], sentence: str) -> None:
    assert sentence in refusal({"tools": entries}, served=True)


def test_mcp_servers_are_asked_by_a_worker() -> None:
    entries: list[Json] = [{"mcp_server": "docs", "tools": ["find"]}, {"mcp_server": "https://m.example/"}]
    keyed = {"OPENAI_API_KEY": "x"}
    assert begun({"tools": entries}, environment=keyed)["mcp_servers"] == [
        {"server": {"name": "docs", "url": None, "credential": None}, "allow": ["find"]},
        {"server": {"name": None, "url": "https://m.example/", "credential": None}, "allow": None},
    ]


def test_a_simulated_agent_without_any_worker_asks_no_mcp_server() -> None:
    agent: JsonObject = {"tools": [{"mcp_server": "docs"}], "simulation": "always"}
    assert begun(agent)["mcp_servers"] == []
    assert len(begun(agent, served=True)["mcp_servers"]) == 1


# --- simulation


def test_a_conversation_that_may_turn_out_to_be_simulated_carries_its_script() -> None:
    script: list[Json] = [{"content": "hi"}]
    talk = begun({"simulation_script": script}, environment={"OPENAI_API_KEY": "x"})
    assert (talk["simulation"], talk["fallback_simulation"], talk["script"]) == (None, True, script)
    assert begun({"simulation_script": script})["simulation"] == {"reason": "no-provider", "script": script}
    asked_for = begun({"simulation": "always"}, environment={"OPENAI_API_KEY": "x"})
    assert asked_for["simulation"] == {"reason": "simulation-asked-for", "script": []}


# --- limits and refusals


def test_the_server_says_what_holds_and_how_much_there_may_be() -> None:
    talk = begun({}, defaults=AgentDefaults(max_turns=7), ceilings=AgentCeilings(max_turns=8))
    assert talk["limits"]["max_turns"] == 7
    assert "at most 8" in refusal({"limits": {"max_turns": 9}}, ceilings=AgentCeilings(max_turns=8))


def test_a_history_that_is_too_long_is_refused() -> None:
    history: Any = ({"role": "user", "content": "x"},) * 3
    assert len(begun({"limits": {"max_messages": 4}}, {"history": history})["messages"]) == 4
    with pytest.raises(InvalidConfig, match="begins with 4 messages; its limit max_messages is 3"):
        begun({"limits": {"max_messages": 3}}, {"history": history})


def test_a_stored_agent_that_cannot_be_read_any_more_fails_the_step() -> None:
    def unreadable(namespace: str, agent_id: str) -> AgentConfig:
        raise InvalidDocument([Problem("unknown-field", "Unknown field", "/older")])

    agents = prepared()
    agents.connect(lambda _, name: TYPES.get(name), unreadable)
    with_tool: JsonObject = {"name": "A", "model": "m", "tools": [{"agent": "old"}]}
    for wish in (AgentWish("q", agent_id="old", is_stored=True), AgentWish("q", agent=with_tool)):
        with pytest.raises(InvalidConfig, match="The stored agent old cannot be used: Unknown field"):
            agents.begin(request("agent_execution"), wish)


def test_agents_and_step_types_are_those_of_the_namespace() -> None:
    asked: list[str] = []
    agents = prepared()
    agents.connect(lambda namespace, _: asked.append(namespace), lambda namespace, _: asked.append(namespace))
    with pytest.raises(InvalidConfig):
        agents.begin(request("agent_execution"), AgentWish("q", agent_id="x", is_stored=True))
    with pytest.raises(InvalidConfig):
        agents.call_tool(request("tool_execution"), ToolWish("x", {}))
    assert asked == ["default", "default"]


def test_a_direct_call_is_a_conversation_of_one_tool() -> None:
    wish = ToolWish("db.query", {"table": "t", "account": "7"}, {"database": "main"})
    answered = prepared().call_tool(request("tool_execution", simulation=Simulation.NEVER), wish)
    talk = Conversation.read(answered.conversation)
    assert talk.direct_call == {"tool": "db_query", "arguments": {"table": "t", "account": "7"}}
    assert list(talk.tools) == ["db_query"]
    assert answered.memo == {"name": "db.query", "params": {"table": "t", "account": "7"}}
