"""The step that calls one tool directly: its parameters, what it refuses, and the shape of its result."""

from typing import Any, Unpack, cast

import pytest

from tests.plugins.asking import NOON_TEXT, More, builtins, request, verdict
from workflow_engine.agents.preparing import PreparedAgents
from workflow_engine.agents.simulation import AgentFacts
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.layout import plugins_folder
from workflow_engine.steps.authoring import closed_object
from workflow_engine.steps.contract import Completed, Conversing, Effect, Resumption, StepFailure, StepType
from workflow_engine.steps.plugins import load_plugins
from workflow_engine.steps.schemas import compile_schema
from workflow_engine.steps.services import Services

ADD = StepType(
    "math.add",
    description="Adds.",
    input_schema=closed_object(
        ["a"],
        a={"type": "integer"},
        b={"type": "number"},
        loud={"type": "boolean"},
        name={"type": "string"},
    ),
)


def begun(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> dict[str, Any]:
    """The conversation that is the one call of a tool."""
    facts = AgentFacts({}, lambda _: False, lambda _: False)
    agents = PreparedAgents(facts)
    agents.connect(lambda _, name: {"math.add": ADD}.get(name), lambda _, agent_id: None)
    offered = load_plugins(plugins_folder(), services=Services(agents=agents)).steps
    function = next(each.function for each in offered if each.type.name == "tool_execution")
    answered = function(request("tool_execution", config, given, **more))
    assert isinstance(answered, Conversing)
    return answered.conversation


def arguments(config: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> Json:
    called: JsonObject = begun({"tool_name": "math.add", **config}, given, **more)["direct_call"]
    assert called["tool"] == "math_add"
    return called["arguments"]


def failure(config: JsonObject, given: JsonObject | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        begun(config, given)
    return caught.value


def test_mapped_parameters_win_over_static_ones() -> None:
    config: JsonObject = {"param_mapping": {"a": "n"}, "static_params": {"a": 1, "b": 2}}
    assert arguments(config, {"n": 5}) == {"a": 5, "b": 2}


def test_a_parameter_is_mapped_from_the_input_or_from_a_dependency() -> None:
    config: JsonObject = {"param_mapping": {"a": "in.list[1]", "b": "other.n", "name": "steps.other.output.name"}}
    outputs: JsonObject = {"other": {"n": 1.5, "name": "x"}}
    assert arguments(config, {"in": {"list": [0, 7]}}, dependencies=outputs) == {"a": 7, "b": 1.5, "name": "x"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("a", "7", 7),
        ("a", " -7 ", -7),
        ("b", "7", 7),
        ("b", "1.5", 1.5),
        ("b", "1e3", 1000.0),
        ("loud", "TRUE", True),
        ("loud", "0", False),
        ("name", "7", "7"),
    ],
)
def test_text_becomes_what_the_schema_of_the_tool_asks_for(name: str, text: str, value: Json) -> None:
    assert arguments({"static_params": {"a": 1, name: text}}) == {"a": 1, name: value}


@pytest.mark.parametrize(
    ("name", "text"), [("a", "1.5"), ("a", "9" * 30), ("b", "nan"), ("loud", "maybe"), ("a", ""), ("unknown", 1)]
)
def test_parameters_that_do_not_fit_are_refused_before_anything_runs(name: str, text: Json) -> None:
    failed = failure({"tool_name": "math.add", "static_params": {"a": 1, name: text}})
    assert failed.error_code == "invalid-config"
    assert f"/{name}" in failed.message


def test_an_unknown_tool_has_the_sentence_that_clients_know() -> None:
    failed = failure({"tool_name": "nope"})
    assert (failed.error_code, failed.message) == (
        "invalid-config",
        "Tool not found or unsupported: name=nope id=None",
    )


def test_what_agents_are_made_of_is_no_tool() -> None:
    with pytest.raises(StepFailure, match="Tool not found or unsupported"):
        verdict("tool_execution", {"tool_name": "agents.model_call"})


def test_a_tool_name_is_needed() -> None:
    assert failure({}).message == "tool_execution requires 'tool_name'"


def test_a_mapping_to_nothing_fails_with_the_names_there_are() -> None:
    failed = failure({"tool_name": "math.add", "param_mapping": {"a": "ghost"}}, {"content": "secret"})
    assert (failed.error_code, failed.message) == (
        "mapping-error",
        "param_mapping.a names 'ghost'; there is: content",
    )
    assert failure({"tool_name": "math.add", "param_mapping": {"a": 1}}).error_code == "invalid-config"


def test_a_tool_of_an_mcp_server_is_called_by_server_and_name() -> None:
    talk = begun({"tool_name": "docs/find", "static_params": {"q": "x"}})
    tool = talk["tools"][0]
    assert (tool["name"], tool["arguments_in"]) == ("docs_find", "arguments")
    assert tool["input"] == {
        "server": {"name": "docs", "url": None, "credential": None},
        "tool": "find",
        "timeout_seconds": 120.0,
    }
    assert (tool["type"]["name"], tool["type"]["effect"]) == ("agents.mcp_call", Effect.AT_MOST_ONCE)
    assert talk["direct_call"] == {"tool": "docs_find", "arguments": {"q": "x"}}


def test_an_mcp_server_may_be_a_url() -> None:
    server = begun({"tool_name": "https://mcp.example/v1/find"})["tools"][0]["input"]["server"]
    assert server == {"name": None, "url": "https://mcp.example/v1", "credential": None}


def test_the_config_of_the_tool_is_checked_and_handed_on() -> None:
    config: JsonObject = {"tool_name": "data_processing", "tool_config": {"processing_type": "word_count"}}
    answered = verdict("tool_execution", config)
    assert isinstance(answered, Conversing)
    assert cast("Any", answered.conversation)["tools"][0]["config"] == {"processing_type": "word_count"}
    with pytest.raises(StepFailure, match="processing_typo"):
        verdict("tool_execution", {"tool_name": "data_processing", "tool_config": {"processing_typo": "x"}})


def test_what_the_tool_answered_becomes_the_result() -> None:
    output = concluded({"tool_result": {"sum": 3}, "simulated": False})
    assert output == Completed(
        {
            "success": True,
            "tool": {"name": "math.add"},
            "params": {"a": 1},
            "result": {"sum": 3},
            "executed_at": NOON_TEXT,
        }
    )


def test_a_simulated_result_says_so() -> None:
    output = concluded({"tool_result": 3, "simulated": True, "simulation_reason": "no-worker"})
    assert output.simulated is True
    assert cast(JsonObject, output.output)["simulation_reason"] == "no-worker"


def concluded(outcome: JsonObject) -> Completed:
    offered = builtins()["tool_execution"]
    came = Resumption("agent", {"name": "math.add", "params": {"a": 1}}, outcome)
    answered = offered.function(request("tool_execution", {"tool_name": "math.add"}, resumption=came))
    assert isinstance(answered, Completed)
    assert compile_schema(offered.type.output_schema).problems(answered.output) == ()
    return answered
