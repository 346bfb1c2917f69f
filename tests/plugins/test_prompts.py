"""The prompt step: what a placeholder may name, what is missing, and what an agent is handed."""

from typing import Unpack

import pytest

from tests.plugins.asking import NOON_TEXT, More, ask, verdict
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepFailure


def filled(template: str, given: JsonObject | None = None, **more: Unpack[More]) -> str:
    text: str = ask("prompt", {"query_template": template}, given, **more)["query_template"]
    return text


def with_variable(variable: JsonObject, given: JsonObject | None = None, **more: Unpack[More]) -> str:
    config: JsonObject = {"query_template": "{{who}}", "variables": [{"name": "who", **variable}]}
    text: str = ask("prompt", config, given, **more)["query_template"]
    return text


def failure(config: JsonObject, given: JsonObject | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        verdict("prompt", config, given)
    return caught.value


def test_the_output_has_the_shape_that_agents_take_up() -> None:
    config: JsonObject = {
        "system_prompt": "You are {{role}}.",
        "query_template": "Ask {{what}}",
        "variables": [{"name": "role", "default_value": "kind"}],
        "model_name": "m1",
        "temperature": 0,
    }
    assert ask("prompt", config, {"what": "this", "unused": 1}) == {
        "step_id": "a",
        "step_type": "prompt",
        "system_prompt": "You are kind.",
        "query_template": "Ask this",
        "raw_system_prompt": "You are {{role}}.",
        "raw_query_template": "Ask {{what}}",
        "variables": {"role": "kind", "what": "this"},
        "model_overrides": {"model_name": "m1", "temperature": 0},
        "override_agent_prompt": True,
    }


def test_an_agent_may_keep_its_own_prompt() -> None:
    assert ask("prompt", {"system_prompt": "x", "override_agent_prompt": False})["override_agent_prompt"] is False


def test_a_placeholder_reads_the_input_and_the_dependencies() -> None:
    outputs: JsonObject = {"fetch": {"items": [{"name": "first"}], "output": {"n": 1}}, "fetch-2": "text"}
    given: JsonObject = {"a": {"b": [10, 20]}}
    assert filled("{{ a.b[1] }} {{input.a.b[0]}}", given) == "20 10"
    assert filled("{{fetch.items[0].name}} {{steps.fetch-2}} {{step.fetch.output.n}}", dependencies=outputs) == (
        "first text 1"
    )
    assert filled("{{steps.fetch.output.items[0].name}}", dependencies=outputs) == "first"


def test_an_input_hides_a_dependency_of_the_same_name() -> None:
    assert filled("{{x}}", {"x": "input"}, dependencies={"x": "output"}) == "input"


def test_objects_are_written_as_json_and_null_as_nothing() -> None:
    assert filled("{{a}}|{{b}}|{{c}}", {"a": {"k": [1]}, "b": None, "c": True}) == '{"k":[1]}||true'


def test_values_are_filled_in_once() -> None:
    assert filled("{{a}}", {"a": "{{b}}", "b": "secret"}) == "{{b}}"


@pytest.mark.parametrize("text", ["{a}", "{{}}", "{{ 1 }}", "{% if x %}", '{"a": {"b": 1}}'])
def test_other_braces_are_text(text: str) -> None:
    assert filled(text, {"a": "no"}) == text


def test_a_placeholder_that_names_nothing_fails_with_the_names_there_are() -> None:
    failed = failure({"query_template": "{{ghost.a}}"}, {"content": "secret"})
    assert (failed.error_code, failed.message) == ("mapping-error", "query_template names 'ghost.a'; there is: content")


# --- variables


def test_a_variable_comes_from_its_source_then_its_name_then_its_default() -> None:
    given: JsonObject = {"who": "named", "other": {"place": "sourced"}}
    variable: JsonObject = {"source": "other.place", "default_value": "default"}
    assert with_variable(variable, given) == "sourced"
    assert with_variable(variable, {"who": "named"}) == "named"
    assert with_variable(variable) == "default"
    assert with_variable({"source": "step.x"}, dependencies={"step": {"x": "of a step called step"}}) == (
        "of a step called step"
    )


@pytest.mark.parametrize("given", [{}, {"who": None}])
def test_a_required_variable_that_is_missing_fails(given: JsonObject) -> None:
    config: JsonObject = {"system_prompt": "x", "variables": [{"name": "who", "required": True}]}
    failed = failure(config, given)
    assert (failed.error_code, failed.retryable) == ("missing-variable", False)
    assert "'who'" in failed.message


def test_a_variable_nobody_needs_may_be_missing() -> None:
    assert with_variable({}) == ""


@pytest.mark.parametrize("config", [{}, {"variables": []}, {"query_template": "q", "variables": [{"required": True}]}])
def test_a_prompt_without_texts_or_names_is_refused(config: JsonObject) -> None:
    assert failure(config).error_code == "invalid-config"


# --- built-in variables


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("current_time", "12:00:00"),
        ("current_date", "2026-11-01"),
        ("current_timestamp", NOON_TEXT),
        ("current_year", "2026"),
        ("current_month_utc", "11"),
        ("current_day_utc", "1"),
        ("current_hour_utc", "12"),
        ("current_minute_local", "0"),
        ("execution_id", "e1"),
        ("workflow_id", "w1"),
        ("user_id", ""),
    ],
)
def test_there_are_built_in_variables(name: str, value: str) -> None:
    assert filled(f"{{{{{name}}}}}") == value


def test_local_time_is_that_of_the_timezone_the_step_names() -> None:
    config: JsonObject = {"query_template": "{{current_hour_local}} {{current_hour}}", "timezone": "Europe/Berlin"}
    assert ask("prompt", config)["query_template"] == "13 12"
    assert failure({**config, "timezone": "Mars/Base"}).message == "Unknown timezone: Mars/Base"
    assert failure({**config, "timezone": "../../etc/passwd"}).error_code == "invalid-config"


def test_the_uuid_is_the_same_whenever_the_step_is_replayed() -> None:
    assert filled("{{uuid}}") == filled("{{uuid}}", now=1.0)
    assert len(filled("{{uuid}}")) == 36


def test_a_declared_variable_hides_a_built_in_one() -> None:
    variables: list[Json] = [{"name": "current_date", "default_value": "today"}]
    assert ask("prompt", {"query_template": "{{current_date}}", "variables": variables})["query_template"] == "today"
    assert filled("{{current_date}}", {"current_date": "given"}) == "given"


def test_a_template_is_read_in_linear_time() -> None:
    text = "{{" + " " * 50_000 + "a" * 50_000
    assert filled(text) == text
