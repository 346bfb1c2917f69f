"""How an agent is conducted. Every input is decided twice: in memory, and by an execution folded from its bytes."""

from typing import cast

import pytest

from tests.execution.conversations import PAY, calls, conversation, says, tool
from tests.execution.scenario import Scenario
from tests.execution.scenario import step as step_of
from workflow_engine.execution.errors import EmptyMessage, NotConversing, StaleDelivery, TooManyMessages
from workflow_engine.history.agents import owner_of
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.jsontext import Json, JsonObject


def agent(*tools: JsonObject, step: JsonObject | None = None, **fields: Json) -> Scenario:
    """An execution whose one step `a` just began to converse."""
    scenario = Scenario(step_of("a", **(step or {})))
    scenario.conversed("a", conversation(*tools, **fields), {"kept": 1})
    return scenario


def outcome(scenario: Scenario) -> JsonObject:
    resumed = scenario.step("a").resumed
    assert resumed is not None
    assert (resumed.by, resumed.memo) == ("agent", {"kept": 1})
    return cast(JsonObject, resumed.payload)


def asked(scenario: Scenario, path: str) -> JsonObject:
    """What the step at this path is handed."""
    return cast(JsonObject, scenario.execution.planned(path).input.build(None, ()))  # type: ignore[arg-type]  # literal


def error_of(scenario: Scenario) -> tuple[str, str]:
    error = scenario.step("a").error
    assert error is not None
    return error.code, error.message


def test_an_answer_ends_the_conversation_and_the_step_is_handed_its_outcome() -> None:
    scenario = agent()
    assert scenario.running == ("a#1.model",)
    assert scenario.done("a#1.model", says("Fine.")) == ["a#1.model completed", "a agent ended"]
    assert scenario.running == ("a",)
    assert outcome(scenario)["response"] == "Fine."
    assert outcome(scenario)["usage"] == {"input_tokens": 10, "output_tokens": 10}
    assert outcome(scenario)["cost_usd"] == 0.01
    assert scenario.done("a", "shaped") == ["a completed", "execution completed"]


def test_each_tool_call_is_a_step_and_the_model_is_told_what_it_brought() -> None:
    scenario = agent(tool("find"))
    told = scenario.done("a#1.model", calls(("find", {"q": 1}), ("find", {"q": 2})))
    assert told == ["a#1.model completed", "a agent tools called", "a#1.tool1 scheduled", "a#1.tool2 scheduled"]
    assert asked(scenario, "a#1.tool2") == {"q": 2}
    scenario.done("a#1.tool2", {"hits": 2})
    assert scenario.done("a#1.tool1", "one") == ["a#1.tool1 completed", "a agent turn started", "a#2.model scheduled"]
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert [(message["role"], message["content"]) for message in said[-2:]] == [("tool", "one"), ("tool", '{"hits":2}')]
    scenario.done("a#2.model", says("Done."))
    assert (outcome(scenario)["tools_used"], outcome(scenario)["tool_calls"]) == (["find"], 2)
    assert outcome(scenario)["turns"] == 2


def test_no_more_tools_run_at_once_than_the_limit_allows() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {}), ("find", {}), ("find", {})))
    assert scenario.running == ("a#1.tool1", "a#1.tool2")
    scenario.done("a#1.tool1")
    assert scenario.running == ("a#1.tool2", "a#1.tool3")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("drop_tables", {}), "there is no tool 'drop_tables'; the tools are: find"),
        (("find", "{not json"), "the arguments are not a JSON object"),
        (("find", [1]), "the arguments are not a JSON object"),
    ],
)
def test_a_call_that_is_not_allowed_is_told_back_and_never_becomes_a_step(call: tuple[str, Json], told: str) -> None:
    scenario = agent(tool("find"))
    assert scenario.done("a#1.model", calls(call))[-1] == "a#2.model scheduled"
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1]["content"] == f"Error: {told}"
    assert scenario.running == ("a#2.model",)


def test_only_so_many_calls_of_one_turn_become_steps() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(*[("find", {})] * 5))
    assert [path for path in scenario.execution.paths() if ".tool" in path] == ["a#1.tool1", "a#1.tool2", "a#1.tool3"]


def test_a_model_that_calls_wrongly_again_and_again_fails_the_agent() -> None:
    scenario = agent(tool("find"))
    for turn in (1, 2):
        scenario.done(f"a#{turn}.model", calls(("nothing", {})))
    scenario.done("a#3.model", calls(("nothing", {})))
    assert error_of(scenario)[0] == "agent-tool-error-limit"
    assert scenario.status == "failed"


def test_the_failure_of_a_tool_is_told_to_the_model() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {})))
    assert "execution failed" not in scenario.failed("a#1.tool1", "boom")
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1]["content"] == "Error boom: a#1.tool1 went boom"


def test_a_step_that_belongs_to_an_agent_never_counts_as_one_of_the_document() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {})))
    scenario.failed("a#1.tool1")
    assert scenario.execution.state.tally == {}


def test_a_long_result_is_cut_and_says_so() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {})))
    scenario.done("a#1.tool1", "x" * 1_500)
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1]["content"] == "x" * 1_000 + "\n[cut: 500 of 1500 bytes are not shown]"


def test_a_long_failure_is_cut_as_well() -> None:
    scenario = agent(tool("find"), limits={"max_tool_result_bytes": 20})
    scenario.done("a#1.model", calls(("find", {})))
    scenario.failed("a#1.tool1", "boom", retryable=False)
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1]["content"] == "Error boom: a#1.tool\n[cut: 11 of 31 bytes are not shown]"


def test_fixed_inputs_win_over_what_the_model_asks_for() -> None:
    scenario = agent(tool("find", input={"account": "ours"}))
    scenario.done("a#1.model", calls(("find", {"account": "theirs", "q": 1})))
    assert asked(scenario, "a#1.tool1") == {"account": "ours", "q": 1}


def test_turns_are_limited() -> None:
    scenario = agent(tool("find"), limits={"max_turns": 2})
    for turn in (1, 2):
        scenario.done(f"a#{turn}.model", calls(("find", {})))
        scenario.done(f"a#{turn}.tool1")
    assert error_of(scenario) == ("agent-turn-limit", "Agent Ann has no answer after 2 turns; max_turns is 2")


@pytest.mark.parametrize(
    ("limit", "code", "left"),
    [
        ({"max_total_tokens": 30}, "agent-token-limit", {"tokens": 10, "cost_usd": None}),
        ({"max_cost_usd": 0.02}, "agent-cost-limit", {"tokens": None, "cost_usd": 0.01}),
    ],
)
def test_tokens_and_cost_are_limited_and_each_call_knows_what_is_left(
    limit: JsonObject, code: str, left: JsonObject
) -> None:
    scenario = agent(tool("find"), limits=limit)
    scenario.done("a#1.model", calls(("find", {})))
    scenario.done("a#1.tool1")
    assert asked(scenario, "a#2.model")["budget"] == left
    scenario.done("a#2.model", calls(("find", {})))
    scenario.done("a#2.tool1")
    assert error_of(scenario)[0] == code


def test_a_call_without_a_price_makes_the_cost_unknown() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {}), cost=None))
    scenario.done("a#1.tool1")
    scenario.done("a#2.model", says("Fine."))
    assert outcome(scenario)["cost_usd"] is None


def test_an_answer_that_breaks_its_schema_is_repaired_a_limited_number_of_times() -> None:
    schema: JsonObject = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    scenario = agent(response_schema=schema)
    assert scenario.done("a#1.model", says("n is 1"))[-1] == "a#2.model scheduled"
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert "it is not JSON" in cast(str, said[-1]["content"])
    scenario.done("a#2.model", says('```json\n{"n": 1}\n```'))
    assert outcome(scenario)["structured"] == {"n": 1}


def test_an_answer_that_cannot_be_repaired_fails_the_agent_with_what_is_wrong() -> None:
    schema: JsonObject = {"type": "object", "required": ["n"]}
    scenario = agent(response_schema=schema)
    scenario.done("a#1.model", says("{}"))
    scenario.done("a#2.model", says("{}"))
    code, message = error_of(scenario)
    assert code == "structured-output-invalid"
    assert "/n: The field 'n' is missing" in message


def test_a_call_of_the_model_is_retried_as_its_agent_says_and_then_fails_it() -> None:
    scenario = agent(step={"max_retries": 1, "retry_strategy": "fixed_delay", "retry_delay_seconds": 1})
    assert scenario.failed("a#1.model", "provider-unavailable") == ["a#1.model retrying"]
    assert scenario.status == ExecutionStatus.WAITING
    assert scenario.after(2) == ["a#1.model scheduled"]
    scenario.failed("a#1.model", "provider-unavailable")
    assert error_of(scenario) == (
        "provider-unavailable",
        "Model call 1 of agent Ann failed: a#1.model went provider-unavailable",
    )


def test_a_simulation_stands_in_only_where_no_provider_is_configured() -> None:
    scenario = agent(fallback_simulation=True)
    told = scenario.failed("a#1.model", "provider-not-configured", retryable=False)
    assert told[1:] == ["a agent simulated", "a agent turn started", "a#2.model scheduled"]
    assert scenario.execution.planned("a#2.model").type.name == "agents.simulated_call"
    scenario.done("a#2.model", says("Simulated.", cost=0.0))
    assert (outcome(scenario)["simulated"], outcome(scenario)["simulation_reason"]) == (True, "no-provider")


@pytest.mark.parametrize("code", ["provider-auth", "provider-unavailable", "provider-timeout"])
def test_a_provider_that_failed_is_never_simulated(code: str) -> None:
    scenario = agent(fallback_simulation=True)
    scenario.failed("a#1.model", code, retryable=False)
    assert error_of(scenario)[0] == code


def test_a_provider_that_disappears_in_the_middle_is_not_simulated() -> None:
    scenario = agent(tool("find"), fallback_simulation=True)
    scenario.done("a#1.model", calls(("find", {})))
    scenario.done("a#1.tool1")
    scenario.failed("a#2.model", "provider-not-configured", retryable=False)
    assert error_of(scenario)[0] == "provider-not-configured"


def test_an_agent_that_converses_with_its_user_waits_and_goes_on() -> None:
    scenario = agent(multi_turn=True)
    assert scenario.done("a#1.model", says("Hello, who are you?")) == ["a#1.model completed", "a waiting"]
    assert scenario.status == ExecutionStatus.WAITING
    assert scenario.messaged("a", "Bob") == ["a agent message received", "a agent turn started", "a#2.model scheduled"]
    assert scenario.status == ExecutionStatus.RUNNING
    scenario.done("a#2.model", says("Hello Bob."))
    scenario.messaged("a", "Bye", final_turn=True)
    assert scenario.done("a#3.model", says("Bye Bob."))[-1] == "a agent ended"
    assert outcome(scenario)["response"] == "Bye Bob."


def test_an_empty_last_word_ends_the_conversation_without_another_turn() -> None:
    scenario = agent(multi_turn=True)
    scenario.done("a#1.model", says("Anything else?"))
    assert scenario.messaged("a", "", final_turn=True) == ["a agent message received", "a agent ended"]
    assert outcome(scenario)["response"] == "Anything else?"


def test_an_empty_message_that_ends_nothing_is_refused() -> None:
    scenario = agent(multi_turn=True)
    scenario.done("a#1.model", says("Yes?"))
    with pytest.raises(EmptyMessage):
        scenario.messaged("a", "")


def test_what_a_user_says_meanwhile_is_heard_in_the_next_turn() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {})))
    scenario.messaged("a", "Hurry!")
    scenario.done("a#1.tool1", "found")
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert [message["role"] for message in said[-2:]] == ["tool", "user"]


def test_messages_are_limited_and_only_agents_that_converse_take_them() -> None:
    scenario = agent(multi_turn=True, limits={"max_messages": 3})
    scenario.done("a#1.model", says("Yes?"))
    with pytest.raises(TooManyMessages):
        scenario.messaged("a", "No")
    other = Scenario(step_of("a"))
    with pytest.raises(NotConversing):
        other.messaged("a", "Hello?")


def test_a_time_limit_ends_the_agent_and_calls_back_what_it_owns() -> None:
    scenario = agent(tool("find"), step={"timeout_seconds": 60, "max_retries": 3})
    scenario.done("a#1.model", calls(("find", {})))
    told = scenario.after(61)
    assert told[:2] == ["a#1.tool1 cancelled", "a failed"]
    assert error_of(scenario)[0] == "timeout"
    assert scenario.running == ()


def test_cancelling_the_execution_cancels_the_turn() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {}), ("find", {})))
    scenario.cancelled()
    assert {scenario.step(path).status for path in ("a", "a#1.tool1", "a#1.tool2")} == {StepStatus.CANCELLED}


def test_while_paused_no_turn_begins_and_none_is_lost() -> None:
    scenario = agent(tool("find"))
    scenario.paused()
    assert scenario.done("a#1.model", calls(("find", {}))) == ["a#1.model completed"]
    assert scenario.resumed()[-1] == "a#1.tool1 scheduled"


def test_after_a_crash_only_what_was_in_hand_is_handed_over_again() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {"q": 1}), ("find", {"q": 2})))
    scenario.done("a#1.tool1", "one")
    assert scenario.died() == ["a#1.tool2 rescheduled"]


def test_a_tool_that_may_run_only_once_waits_for_a_person_after_a_crash() -> None:
    scenario = agent(tool("pay", PAY))
    scenario.done("a#1.model", calls(("pay", {})))
    assert scenario.died() == ["a#1.tool1 waiting"]
    assert scenario.resolved("a#1.tool1", output="paid", completed=True)[-1] == "a#2.model scheduled"


def test_the_step_itself_can_report_nothing_while_it_converses() -> None:
    scenario = agent()
    with pytest.raises(StaleDelivery):
        scenario.done("a", "early", delivery=1)


def test_an_agent_can_be_the_tool_of_another_and_what_it_uses_counts_for_both() -> None:
    scenario = agent(tool("ask", answer_key="response"), limits={"max_total_tokens": 50})
    scenario.done("a#1.model", calls(("ask", {"query": "?"})))
    scenario.conversed("a#1.tool1", conversation())
    assert scenario.running == ("a#1.tool1#1.model",)
    scenario.done("a#1.tool1#1.model", says("Inner."))
    scenario.done("a#1.tool1", {"response": "Inner.", "success": True})
    asked_of = asked(scenario, "a#2.model")
    assert cast(list[JsonObject], asked_of["messages"])[-1]["content"] == "Inner."
    assert asked_of["budget"] == {"tokens": 10, "cost_usd": None}


def test_agents_stand_only_so_deep() -> None:
    scenario = agent(tool("ask"), limits={"max_depth": 1})
    scenario.done("a#1.model", calls(("ask", {})))
    told = scenario.conversed("a#1.tool1", conversation())
    assert told[:2] == ["a#1.tool1 agent started", "a#1.tool1 failed"]
    inner = scenario.step("a#1.tool1").error
    assert inner is not None
    assert inner.code == "agent-depth-limit"
    assert scenario.running == ("a#2.model",)


def test_one_tool_can_be_called_without_any_model() -> None:
    scenario = agent(tool("find"), direct_call={"tool": "find", "arguments": {"q": 1}})
    assert scenario.running == ("a#1.tool1",)
    scenario.done("a#1.tool1", {"hits": 3})
    assert outcome(scenario)["tool_result"] == {"hits": 3}


def test_a_direct_call_fails_as_its_tool_does() -> None:
    scenario = agent(tool("find"), direct_call={"tool": "find", "arguments": {}})
    scenario.failed("a#1.tool1", "boom")
    assert error_of(scenario) == ("boom", "a#1.tool1 went boom")


def test_mcp_servers_are_asked_first_and_their_tools_are_as_good_as_others() -> None:
    server: JsonObject = {"server": {"name": "files", "url": None, "credential": None}, "allow": ["read"]}
    scenario = agent(mcp_servers=[server])
    assert scenario.running == ("a#0.mcp1",)
    found: list[JsonObject] = [{"name": name, "input_schema": {"type": "object"}} for name in ("read", "write")]
    scenario.done("a#0.mcp1", {"tools": list(found)})
    tools = cast(list[JsonObject], asked(scenario, "a#1.model")["tools"])
    assert [each["name"] for each in tools] == ["read"]
    scenario.done("a#1.model", calls(("read", {"path": "x"}), ("write", {})))
    handed = asked(scenario, "a#1.tool1")
    assert (handed["tool"], handed["arguments"], handed["server"]) == ("read", {"path": "x"}, server["server"])
    assert scenario.execution.planned("a#1.tool1").type.name == "agents.mcp_call"
    scenario.done("a#1.tool1", {"text": "content", "is_error": False})
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert [message["content"] for message in said[-2:]] == [
        "content",
        "Error: there is no tool 'write'; the tools are: read",
    ]


def test_an_mcp_server_that_cannot_be_asked_fails_the_agent() -> None:
    server: JsonObject = {"server": {"name": "files"}, "allow": None}
    scenario = agent(mcp_servers=[server])
    scenario.failed("a#0.mcp1", "mcp-unavailable", retryable=False)
    assert error_of(scenario)[0] == "mcp-unavailable"


def test_an_agent_that_compensates_has_its_turns() -> None:
    scenario = Scenario(step_of("pay", compensate="undo"), step_of("undo"), step_of("ship", "pay"))
    scenario.done("pay")
    scenario.failed("ship")
    scenario.conversed("undo", conversation())
    scenario.done("undo#1.model", says("Undone."))
    assert scenario.done("undo")[-1] == "execution failed"


def test_owners_are_told_by_paths() -> None:
    assert owner_of("a") is None
    assert owner_of("a#2.model") == "a"
    assert owner_of("a#2.tool1#1.model") == "a#2.tool1"
    assert owner_of("fan[3].resize") is None
    assert owner_of("a#2.fan[3].resize") is None


def test_in_a_conversation_with_a_user_every_message_has_its_turns() -> None:
    scenario = agent(multi_turn=True, limits={"max_turns": 2})
    for turn in range(1, 6):
        scenario.done(f"a#{turn}.model", says("Yes?"))
        scenario.messaged("a", "Go on.")
    assert scenario.running == ("a#6.model",)


def test_what_is_said_while_the_last_answer_is_written_has_an_answer_too() -> None:
    scenario = agent()
    scenario.messaged("a", "And in French?")
    assert scenario.done("a#1.model", says("Yes."))[-1] == "a#2.model scheduled"
    scenario.done("a#2.model", says("Oui."))
    assert outcome(scenario)["response"] == "Oui."


def test_what_a_tool_made_up_marks_what_comes_of_it_and_the_model_is_told() -> None:
    scenario = agent(tool("find"))
    scenario.done("a#1.model", calls(("find", {})))
    scenario.made_up("a#1.tool1", "a guess")
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1]["content"] == "a guess\n[simulated: made up, because nobody could be asked]"
    assert scenario.execution.planned("a#2.model").type.name == "agents.model_call"
    scenario.done("a#2.model", says("Perhaps."))
    assert (outcome(scenario)["simulated"], outcome(scenario)["simulation_reason"]) == (True, "simulated-tool")


def test_what_users_programs_say_beside_a_message_is_kept_and_not_told_to_models() -> None:
    scenario = agent(multi_turn=True)
    scenario.done("a#1.model", says("Yes?"))
    scenario.messaged("a", "Go on.", color="red")
    state = scenario.step("a").agent
    assert state is not None
    assert state.messages[-1] == {"role": "user", "content": "Go on.", "metadata": {"color": "red"}}
    said = cast(list[JsonObject], asked(scenario, "a#2.model")["messages"])
    assert said[-1] == {"role": "user", "content": "Go on."}


def test_a_tool_that_was_refused_was_not_used() -> None:
    scenario = agent(tool("find"), tool("look"))
    scenario.done("a#1.model", calls(("find", {}), ("look", {}), ("rm", {})))
    scenario.failed("a#1.tool1", "contract-violation", retryable=False)
    scenario.failed("a#1.tool2", "boom", retryable=False)
    scenario.done("a#2.model", says("Done."))
    assert (outcome(scenario)["tools_used"], outcome(scenario)["tool_calls"]) == (["look"], 1)


@pytest.mark.parametrize(
    ("allow", "own", "wrong"),
    [
        (["read", "fly"], "find", "The MCP server has no tool 'fly'; it has: read, write"),
        (None, "read", "Two tools are called 'read'; name the ones you mean, or rename one"),
    ],
)
def test_tools_of_a_server_that_cannot_be_meant_fail_the_agent_before_anything_is_asked(
    allow: Json, own: str, wrong: str
) -> None:
    scenario = agent(tool(own), mcp_servers=[{"server": {"name": "files"}, "allow": allow}])
    found: list[Json] = [{"name": name, "input_schema": {"type": "object"}} for name in ("read", "write")]
    scenario.done("a#0.mcp1", {"tools": found})
    assert error_of(scenario) == ("invalid-config", wrong)
