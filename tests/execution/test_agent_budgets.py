"""What agents that talk at the same time may take together, and how long a conversation may grow."""

from typing import cast

import pytest

from tests.execution.conversations import calls, conversation, says, tool
from tests.execution.scenario import Scenario
from tests.execution.scenario import step as step_of
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Effect, StepType

WORK = StepType("work", effect=Effect.IDEMPOTENT)
"""The type of the agents of a scenario, so that a tool of this type may be one, too."""
ASK = tool("ask", WORK, answer_key="response")


def agent(*tools: JsonObject, **limits: Json) -> Scenario:
    scenario = Scenario(step_of("a"))
    scenario.conversed("a", conversation(*tools, limits=limits))
    return scenario


def asked(scenario: Scenario, path: str) -> JsonObject:
    return cast(JsonObject, scenario.execution.planned(path).input.build(None, ()))  # type: ignore[arg-type]  # literal


def left(scenario: Scenario, path: str) -> Json:
    return asked(scenario, path)["budget"]


def error_of(scenario: Scenario, path: str) -> str | None:
    error = scenario.step(path).error
    return None if error is None else error.code


def two_inner_agents(**limits: Json) -> Scenario:
    """The outer one has taken 20 tokens and 0.01 USD when both begin."""
    scenario = agent(ASK, **limits)
    scenario.done("a#1.model", calls(("ask", {}), ("ask", {})))
    scenario.conversed("a#1.tool1", conversation())
    scenario.conversed("a#1.tool2", conversation())
    return scenario


def test_agents_that_talk_at_the_same_time_share_what_is_left() -> None:
    scenario = two_inner_agents(max_total_tokens=101, max_cost_usd=0.11)
    assert left(scenario, "a#1.tool1#1.model") == {"tokens": 40, "cost_usd": 0.05}
    assert left(scenario, "a#1.tool2#1.model") == {"tokens": 41, "cost_usd": pytest.approx(0.05)}


def test_what_one_agent_did_not_take_is_there_for_the_other_and_what_is_granted_is_not() -> None:
    scenario = two_inner_agents(max_total_tokens=120)
    scenario.done("a#1.tool1#1.model", says("Short.", tokens=5))
    scenario.done("a#1.tool1", {"response": "Short."})
    scenario.done("a#1.tool2#1.model", calls(("nobody", {}), tokens=5))
    assert left(scenario, "a#1.tool2#2.model") == {"tokens": 80, "cost_usd": None}

    scenario = two_inner_agents(max_total_tokens=120)
    scenario.done("a#1.tool1#1.model", calls(("nobody", {}), tokens=5))
    assert left(scenario, "a#1.tool1#2.model") == {"tokens": 40, "cost_usd": None}


def test_an_agent_for_which_nothing_is_left_fails_and_the_others_go_on() -> None:
    scenario = two_inner_agents(max_total_tokens=21)
    assert error_of(scenario, "a#1.tool1") == "agent-token-limit"
    assert scenario.running == ("a#1.tool2#1.model",)
    assert left(scenario, "a#1.tool2#1.model") == {"tokens": 1, "cost_usd": None}


def test_tools_that_are_no_agents_leave_an_agent_everything() -> None:
    scenario = agent(ASK, tool("look"), max_total_tokens=120)
    scenario.done("a#1.model", calls(("ask", {}), ("look", {})))
    scenario.conversed("a#1.tool1", conversation())
    assert left(scenario, "a#1.tool1#1.model") == {"tokens": 100, "cost_usd": None}


def test_a_conversation_that_grew_too_long_is_not_shown_to_the_model_again() -> None:
    scenario = agent(tool("look"), max_messages=4)
    scenario.done("a#1.model", calls(("look", {})))
    scenario.done("a#1.tool1", "fine")
    assert len(cast(list[Json], asked(scenario, "a#2.model")["messages"])) == 4

    scenario.done("a#2.model", calls(("look", {})))
    scenario.done("a#2.tool1", "fine")
    error = scenario.step("a").error
    assert error is not None
    assert error.code == "agent-message-limit"
    assert error.message == "The next call would show agent Ann 6 messages; max_messages is 4"
