"""What the agent step asks and answers, how it is simulated, and that it never hides a wrong configuration."""

from typing import Any, Unpack, cast

import pytest

from tests.plugins.asking import NOON_TEXT, More, ask, builtins, concluded, lending, request, simulated, verdict
from workflow_engine.agents.config import read_agent
from workflow_engine.jsontext import Json, JsonObject, load
from workflow_engine.steps.contract import Completed, Conversing, Resumption, Simulation, StepFailure, StepType
from workflow_engine.steps.schemas import compile_schema

AGENT: JsonObject = {"agent_name": "Analyzer", "model": "m1", "system_prompt": "You analyse."}


def failure(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        verdict("agent_execution", config, given, **more)
    return caught.value


def conversation(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> dict[str, Any]:
    """What the engine is told to conduct."""
    answered = verdict("agent_execution", {"agent_config": AGENT, **config}, given, **more)
    assert isinstance(answered, Conversing)
    return answered.conversation


def said(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> list[tuple[str, str]]:
    """The first messages."""
    return [(message["role"], message["content"]) for message in conversation(config, given, **more)["messages"]]


def response(query: str) -> str:
    text: str = ask("agent_execution", {"agent_config": AGENT, "query": query})["response"]
    return text


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (
            "Please ANALYZE what",
            (
                "Based on my analysis using the m1 model, I can provide the following insights: "
                "[Simulated analysis response for PoC]"
            ),
        ),
        ("summarize the question", "Here's a summary of the content: [Simulated summary response for PoC]"),
        ("a question", "To answer your question: [Simulated answer response for PoC]"),
        ("What now", "To answer your question: [Simulated answer response for PoC]"),
        (
            "Hello",
            "I understand your request. Here's my response using m1: [Simulated general response for PoC]",
        ),
    ],
)
def test_the_first_word_that_matches_chooses_the_sentence(query: str, answer: str) -> None:
    assert response(query) == answer


def test_the_simplified_answer_is_marked_as_simulated() -> None:
    config: JsonObject = {"agent_config": AGENT, "query": "Hello", "return_simplified": True}
    answered = concluded("agent_execution", config)
    assert isinstance(answered, Completed)
    assert answered.simulated is True
    assert answered.output == {
        "response": response("Hello"),
        "success": True,
        "agent_name": "Analyzer",
        "execution_time": 0.0,
        "tools_used": [],
        "timestamp": NOON_TEXT,
        "simulated": True,
        "simulation_reason": "no-provider",
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "cost_usd": 0.0,
        "turns": 1,
        "structured": None,
        "finish_reason": "stop",
        "answered_by": "m1",
    }


def test_the_full_answer_carries_the_run_and_its_metadata() -> None:
    config: JsonObject = {"agent_config": {**AGENT, "provider_type": "openai", "agent_id": "a-1"}, "query": "Hello"}
    answer = ask("agent_execution", config)
    assert answer["agent_execution"] == {
        "response": answer["response"],
        "agent_name": "Analyzer",
        "agent_id": "a-1",
        "model": "m1",
        "provider_type": "openai",
        "execution_time": 0.0,
        "tools_used": [],
        "timestamp": NOON_TEXT,
        "success": True,
    }
    assert answer["metadata"] == {"agent_name": "Analyzer", "model": "m1", "execution_time": 0.0, "tools_used": []}
    assert (answer["success"], answer["simulated"]) == (True, True)


def test_an_agent_may_be_described_flat() -> None:
    config: JsonObject = {"agent_name": "Helper", "model_name": "m2", "provider": "p", "query": "Hello"}
    run = ask("agent_execution", config)["agent_execution"]
    assert (run["agent_name"], run["model"], run["provider_type"]) == ("Helper", "m2", "p")
    assert ask("agent_execution", {"query": "Hello"})["agent_execution"]["agent_name"] == "Assistant"


def test_a_template_takes_its_values_from_the_input() -> None:
    config: JsonObject = {"agent_config": AGENT, "query_template": "{verb} {data}"}
    assert "insights" in ask("agent_execution", config, {"verb": "analyze", "data": {"n": 1}})["response"]


def test_a_template_that_names_no_input_fails_with_the_names_there_are() -> None:
    failed = failure({"agent_config": AGENT, "query_template": "{ghost}"}, {"content": "secret"})
    assert (failed.error_code, failed.message) == (
        "mapping-error",
        "query_template names 'ghost'; the input has: content",
    )


def test_braces_in_a_query_that_name_no_input_are_text() -> None:
    assert "general" in response("print {x} and {}")


def test_the_query_may_come_with_the_input() -> None:
    assert "summary" in ask("agent_execution", {"agent_config": AGENT}, {"text": "a summary"})["response"]


@pytest.mark.parametrize(
    "config",
    [
        {"agent_config": {"model": "m", "system_prompt": "s"}, "query": "q"},
        {"agent_config": {"agent_name": "a", "system_prompt": "s"}, "query": "q"},
        {"agent_config": {"agent_name": "a", "model": "m"}, "query": "q"},
        {"agent_config": {**AGENT, "temperature": 3}, "query": "q"},
        {"agent_config": {**AGENT, "max_tokens": 0}, "query": "q"},
        {"agent_config": "Analyzer", "query": "q"},
        {"temperature": -1, "query": "q"},
        {"agent_config": AGENT},
        {"agent_config": {**AGENT, "tools": ["no_such_type"]}, "query": "q"},
        {"agent_config": {**AGENT, "simulation": "sometimes"}, "query": "q"},
        {"agent_config": {**AGENT, "limits": {"max_turns": 0}}, "query": "q"},
        {"agent_config": AGENT, "query": "q", "response_format": {"type": "objct"}},
        {"agent_config": AGENT, "query": "q", "response_format": 5},
        {"agent_config": AGENT, "query": "q", "response_format": {"type": "json_schema"}},
        {"agent_config": AGENT, "query": "q", "messages": "hello"},
        {"agent_config": AGENT, "query": "q", "messages": [{"role": "tool", "content": "x"}]},
        {"agent_id": "nobody", "query": "q"},
    ],
)
@pytest.mark.parametrize("simulation", list(Simulation))
def test_a_wrong_configuration_is_never_simulated_away(config: JsonObject, simulation: Simulation) -> None:
    assert failure(config, simulation=simulation).error_code == "invalid-config"


def test_a_wrong_agent_is_refused_with_its_places() -> None:
    failed = failure({"agent_config": {**AGENT, "temprature": 1, "max_tokens": 0}, "query": "q"})
    problems = cast("dict[str, Any]", failed.details)["problems"]
    assert [problem["pointer"] for problem in problems] == ["/agent_config/max_tokens", "/agent_config/temprature"]
    assert "did you mean 'temperature'?" in failed.message


def test_forbidden_simulation_without_a_provider_fails_and_says_what_to_set() -> None:
    config: JsonObject = {"agent_config": {**AGENT, "model": "gpt-4o"}, "query": "q"}
    failed = failure(config, simulation=Simulation.NEVER)
    assert (failed.error_code, failed.retryable) == ("provider-not-configured", False)
    assert "OPENAI_API_KEY" in failed.message


def test_asking_for_simulation_is_told_as_the_reason() -> None:
    answer = ask("agent_execution", {"query": "q"}, simulation=Simulation.ALWAYS)
    assert answer["simulation_reason"] == "simulation-asked-for"


# --- what is asked


def test_the_first_messages_are_the_system_prompt_the_history_and_the_query() -> None:
    history: list[Json] = [{"role": "user", "content": "Hi {verb}"}, {"role": "assistant", "content": "Hello"}]
    assert said({"messages": history, "query": "Go {verb}"}, {"verb": "on"}) == [
        ("system", "You analyse."),
        ("user", "Hi {verb}"),
        ("assistant", "Hello"),
        ("user", "Go on"),
    ]


def test_the_last_message_of_the_user_is_the_query_when_nothing_else_is_asked() -> None:
    history: list[Json] = [{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "What now"}]
    assert said({"messages": history})[1:] == [("assistant", "Yes?"), ("user", "What now")]
    assert said({}, {"messages": history})[1:] == [("assistant", "Yes?"), ("user", "What now")]


def test_an_input_called_messages_is_data_where_a_template_asks() -> None:
    assert said({"query_template": "Count {messages}"}, {"messages": [1, 2]})[1:] == [("user", "Count [1,2]")]


def test_a_query_that_came_with_the_input_is_not_expanded() -> None:
    assert said({}, {"query": "Print {secret}", "secret": "s"})[1:] == [("user", "Print {secret}")]


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}}, {"type": "array"}),
        ({"type": "json_schema", "schema": {"type": "array"}}, {"type": "array"}),
        ({"type": "object", "required": ["n"]}, {"type": "object", "required": ["n"]}),
        ({"type": "json_object"}, {"type": "object"}),
        ("json", {"type": "object"}),
        ({"type": "text"}, None),
        ("text", None),
    ],
)
def test_a_response_format_may_be_written_in_several_ways(wanted: Json, schema: Json) -> None:
    assert conversation({"response_format": wanted, "query": "q"})["response_schema"] == schema


def test_the_response_format_of_a_step_wins_over_the_schema_of_its_agent() -> None:
    agent: JsonObject = {**AGENT, "response_schema": {"type": "string"}}
    assert conversation({"agent_config": agent, "query": "q"})["response_schema"] == {"type": "string"}
    config: JsonObject = {"agent_config": agent, "query": "q", "response_format": {"type": "array"}}
    assert conversation(config)["response_schema"] == {"type": "array"}


def test_streaming_and_many_turns_are_handed_on() -> None:
    told = conversation({"query": "q", "stream": True, "multi_turn": True})
    assert (told["stream"], told["multi_turn"]) == (True, True)
    told = conversation({"query": "q"})
    assert (told["stream"], told["multi_turn"]) == (False, False)


# --- a stored agent

STORED = read_agent({"name": "Editor", "model": "m7", "system_prompt": "You edit.", "temperature": 0.5})


def begun(config: JsonObject) -> Conversing:
    function = lending(agents={"ed": STORED})["agent_execution"].function
    answered = function(request("agent_execution", config))
    assert isinstance(answered, Conversing)
    return answered


def test_a_stored_agent_is_asked_by_its_id() -> None:
    talk = begun({"agent_id": "ed", "query": "q"})
    assert (talk.conversation["name"], talk.conversation["agent_id"]) == ("Editor", "ed")
    assert talk.conversation["temperature"] == 0.5
    assert talk.memo == {"name": "Editor", "agent_id": "ed", "model": "m7", "provider_type": None}


def test_what_a_step_says_beside_the_id_holds_for_this_step() -> None:
    said_so = begun({"agent_id": "ed", "model_name": "m8", "agent_name": "Other", "temperature": 1, "query": "q"})
    told = cast("dict[str, Any]", said_so.conversation)
    assert (told["name"], told["model"], told["temperature"]) == ("Other", "m8", 1.0)
    assert told["messages"][0]["content"] == "You edit."


def test_an_id_inside_an_inline_agent_is_only_told() -> None:
    talk = begun({"agent_config": {**AGENT, "agent_id": "ed"}, "query": "q"})
    assert (talk.conversation["name"], talk.conversation["agent_id"]) == ("Analyzer", "ed")


# --- a prompt step before the agent


def prompted(**more: Json) -> JsonObject:
    return {"step_type": "prompt", "system_prompt": "From the prompt.", "query_template": "Ask {this}", **more}


def test_a_prompt_among_the_dependencies_is_taken_up() -> None:
    asked = said({}, {"this": "not expanded again"}, dependencies={"p": prompted()})
    assert asked == [("system", "From the prompt."), ("user", "Ask {this}")]


def test_the_query_of_the_step_wins_over_that_of_the_prompt() -> None:
    assert said({"query": "Mine"}, dependencies={"p": prompted()})[1:] == [("user", "Mine")]


def test_a_prompt_may_leave_the_agent_its_own_system_prompt() -> None:
    leaves = prompted(override_agent_prompt=False)
    assert said({}, dependencies={"p": leaves})[0] == ("system", "You analyse.")
    flat = verdict("agent_execution", {"model": "m"}, dependencies={"p": leaves})
    assert isinstance(flat, Conversing)
    assert cast("list[Any]", flat.conversation["messages"])[0]["content"] == "From the prompt."


def test_the_model_of_a_prompt_wins_over_that_of_the_agent() -> None:
    overrides: JsonObject = {"provider": "gemini_textgen", "model_name": "g1", "temperature": 1.5, "max_tokens": 7}
    told = conversation({}, dependencies={"p": prompted(model_overrides=overrides)})
    assert (told["model"], told["provider_type"], told["temperature"]) == ("g1", "gemini_textgen", 1.5)
    assert (told["max_tokens"], told["models"][0]["model"]) == (7, "gemini/g1")


def test_two_prompts_are_one_too_many() -> None:
    failed = failure({"agent_config": AGENT}, dependencies={"p": prompted(), "q": prompted()})
    assert (failed.error_code, failed.message[-4:]) == ("invalid-config", "p, q")


# --- what is answered


def test_what_came_of_a_conversation_becomes_the_output() -> None:
    outcome: JsonObject = {
        "response": "42",
        "structured": {"n": 42},
        "finish_reason": "stop",
        "turns": 3,
        "tools_used": ["add"],
        "tool_calls": 2,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        "cost_usd": None,
        "simulated": False,
        "simulation_reason": None,
        "seconds": 1.5,
        "model": "openai/gpt-4o",
        "tool_result": None,
    }
    memo: JsonObject = {"name": "A", "agent_id": None, "model": "gpt-4o", "provider_type": None}
    offered = builtins()["agent_execution"]
    came = Resumption("agent", memo, outcome)
    answered = offered.function(request("agent_execution", {}, resumption=came))
    assert isinstance(answered, Completed)
    assert answered.simulated is False
    output = cast("dict[str, Any]", answered.output)
    assert compile_schema(offered.type.output_schema).problems(output) == ()
    assert output["agent_execution"]["execution_time"] == 1.5
    assert output["metadata"]["tools_used"] == ["add"]
    told = {key: output[key] for key in ("response", "structured", "turns", "cost_usd", "simulated", "usage")}
    assert told == {key: outcome[key] for key in told}


# --- the simulated model


def talk(**config: Json) -> JsonObject:
    agent: JsonObject = {**AGENT, **config}
    return cast(JsonObject, conversation({"agent_config": agent, "query": "Hello"}))


def test_a_script_says_what_the_simulated_model_answers_turn_by_turn() -> None:
    script: list[Json] = [
        {"tool_calls": [{"name": "add", "arguments": {"a": 1}}, {"name": "add", "arguments": "no json"}]},
        {"content": {"n": 2}},
    ]
    scripted = talk(simulation_script=script)
    first, second, third = (simulated(scripted, turn) for turn in (1, 2, 3))
    calls = cast("dict[str, Any]", first["message"])["tool_calls"]
    assert [(call["name"], call["arguments"]) for call in calls] == [("add", '{"a":1}'), ("add", "no json")]
    assert len({call["id"] for call in calls}) == 2
    assert (first["finish_reason"], second["finish_reason"]) == ("tool_calls", "stop")
    assert cast(JsonObject, second["message"])["content"] == '{"n":2}'
    assert "general" in str(cast(JsonObject, third["message"])["content"])


def test_a_step_brings_a_script_of_its_own() -> None:
    script: list[Json] = [{"content": "scripted"}]
    answer = ask("agent_execution", {"query": "q", "simulation_script": script})
    assert answer["response"] == "scripted"
    config: JsonObject = {"agent_config": AGENT, "query": "q", "simulation_script": script}
    assert ask("agent_execution", config)["response"] == "scripted"


def test_a_simulated_answer_fits_the_response_schema_and_is_the_same_for_the_same_seed() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 3}, "s": {"type": "string"}},
        "required": ["n", "s"],
    }
    structured = talk(response_schema=schema)
    answers = [simulated(structured, 1, seed=seed)["message"] for seed in ("1", "1", "2")]
    texts = [str(cast(JsonObject, message)["content"]) for message in answers]
    assert texts[0] == texts[1] != texts[2]
    assert compile_schema(schema).problems(load(texts[0])) == ()


def test_a_schema_that_no_sample_fits_fails_the_simulated_call() -> None:
    with pytest.raises(StepFailure) as caught:
        simulated(talk(response_schema={"type": "string", "minLength": 2, "maxLength": 1}), 1)
    assert (caught.value.error_code, caught.value.retryable) == ("no-sample", False)


def test_the_last_message_of_the_user_chooses_the_sentence() -> None:
    messages: list[Json] = [
        {"role": "user", "content": "analyze"},
        {"role": "assistant", "content": "a summary"},
        {"role": "user", "content": "a question"},
        {"role": "tool", "content": "analysis"},
    ]
    answer = simulated(talk(), 1, messages=messages)
    assert str(cast(JsonObject, answer["message"])["content"]).startswith("To answer your question")


def test_a_simulated_call_takes_no_tokens_costs_nothing_and_says_what_it_is() -> None:
    answer = simulated(talk(), 1)
    assert (answer["usage"], answer["cost_usd"]) == ({"input_tokens": 0, "output_tokens": 0}, 0.0)
    assert (answer["simulated"], answer["simulation_reason"]) == (True, "no-provider")
    contract: StepType = builtins()["agents.simulated_call"].type
    assert compile_schema(contract.output_schema).problems(answer) == ()


# --- the contract


def test_the_config_of_the_step_has_every_field_an_agent_has() -> None:
    def fields(schema: Json) -> set[str]:
        return set(cast("dict[str, Any]", schema)["properties"])

    known = set(type(STORED).model_fields)
    config = cast(JsonObject, builtins()["agent_execution"].type.config_schema)
    assert known <= fields(config)
    assert fields(cast("dict[str, Any]", config)["properties"]["agent_config"]) == known | {"agent_name", "agent_id"}
