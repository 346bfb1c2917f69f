"""The document as a type."""

import pytest
from pydantic import ValidationError

from tests.definition.step_types import step, workflow
from workflow_engine.definition.model import (
    BackoffStrategy,
    ExecutionOptions,
    ExecutionPattern,
    OnMissingWorker,
    StepDefinition,
    TriggerRule,
    WorkflowDefinition,
)
from workflow_engine.definition.reading import read_definition
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Simulation


def read_step(**fields: object) -> StepDefinition:
    return read_definition(workflow({**step("a"), **fields})).steps[0]  # type: ignore[dict-item]  # tests write JSON


def test_a_document_says_the_least_and_means_the_defaults() -> None:
    document = read_definition({"steps": []})
    assert document.name == "workflow"
    assert document.version == "1.0.0"
    assert document.execution_pattern is ExecutionPattern.SEQUENTIAL
    assert document.max_parallel == 16
    assert document.timeout_seconds is None
    assert document.on_missing_worker is OnMissingWorker.WAIT


def test_a_step_says_the_least_and_means_the_defaults() -> None:
    found = read_step()
    assert found.name == "a"
    assert found.step_order == 0
    assert found.critical is True
    assert found.trigger_rule is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert found.retry_strategy is BackoffStrategy.EXPONENTIAL
    assert (found.retry_delay_seconds, found.max_retry_delay_seconds) == (1, 60)
    assert (found.max_retries, found.timeout_seconds, found.simulation) == (None, None, None)


def test_a_document_is_stored_and_shown_as_its_author_wrote_it() -> None:
    document: JsonObject = workflow(
        step("a", parameters={"x": [1, 2.0, None]}, timeout_seconds=1, position={"x": 10, "y": 2.5}),
        step("b", catch=[{"errors": ["*"], "then": "a"}], retry_delay_seconds=0.5, step_order=-3),
        workflow_id="w",
        created_by="ada",
        created_at="2026-01-01T00:00:00Z",
        metadata={"team": "x"},
        timeout_seconds=3600,
        connections=[{"source_step_id": "a", "target_step_id": "b", "connection_type": "default", "animated": True}],
    )
    read = read_definition(document)
    assert read.document() == document
    assert repr(read.document()["timeout_seconds"]) == "3600", "an integer stays an integer"
    assert read_definition(read.document()) == read


@pytest.mark.parametrize("older", ["dag", "dependency_based", "dependency"])
def test_older_names_of_the_dependency_pattern(older: str) -> None:
    assert read_definition({"steps": [], "execution_pattern": older}).execution_pattern is ExecutionPattern.DEPENDENCY


def test_parameters_are_another_name_of_the_config() -> None:
    assert read_step(parameters={"x": 1}).configuration == {"x": 1}
    assert read_step(parameters={"x": 1}).config_field == "parameters"
    assert read_step(config={"x": 1}, parameters={"x": 1}).config_field == "config"
    assert read_step().configuration == {}


def test_a_document_cannot_be_changed() -> None:
    document = read_definition({"steps": []})
    with pytest.raises(ValidationError, match="frozen"):
        document.name = "other"  # type: ignore[misc]  # that is what must not work


def test_the_options_of_a_run_are_made_again_from_what_was_stored() -> None:
    options = ExecutionOptions(timeout_seconds=5, simulation=Simulation.NEVER, on_missing_worker=OnMissingWorker.REJECT)
    assert ExecutionOptions.model_validate(options.model_dump(mode="json", exclude_none=True)) == options


def test_the_model_describes_itself_to_openapi() -> None:
    schema = WorkflowDefinition.model_json_schema()
    assert schema["additionalProperties"] is False
    found = schema["$defs"]["StepDefinition"]
    assert found["required"] == ["step_id", "step_type"]
    assert found["properties"]["step_id"]["pattern"] == "^[A-Za-z_][A-Za-z0-9_-]{0,62}$"
    timeout = found["properties"]["timeout_seconds"]["anyOf"][0]
    assert (timeout["minimum"], timeout["maximum"]) == (0.001, 31_536_000)
