"""What the agent step answers while no provider is configured, and that it never hides a wrong configuration."""

from typing import Unpack

import pytest

from tests.plugins.asking import NOON_TEXT, More, ask, verdict
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Completed, Simulation, StepFailure

AGENT: JsonObject = {"agent_name": "Analyzer", "model": "m1", "system_prompt": "You analyse."}


def failure(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        verdict("agent_execution", config, given, **more)
    return caught.value


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
    answered = verdict("agent_execution", config)
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
    ],
)
@pytest.mark.parametrize("simulation", list(Simulation))
def test_a_wrong_configuration_is_never_simulated_away(config: JsonObject, simulation: Simulation) -> None:
    assert failure(config, simulation=simulation).error_code == "invalid-config"


def test_forbidden_simulation_without_a_provider_fails() -> None:
    failed = failure({"agent_config": AGENT, "query": "q"}, simulation=Simulation.NEVER)
    assert (failed.error_code, failed.retryable) == ("no-provider", False)


def test_a_conversation_is_not_simulated() -> None:
    assert failure({"agent_config": AGENT, "query": "q", "multi_turn": True}).error_code == "no-provider"


def test_asking_for_simulation_is_told_as_the_reason() -> None:
    answer = ask("agent_execution", {"query": "q"}, simulation=Simulation.ALWAYS)
    assert answer["simulation_reason"] == "simulation-asked-for"
