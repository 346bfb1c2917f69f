"""Paths that the contract of a step does not know."""

import pytest

from tests.definition.step_types import resolve, step, workflow
from workflow_engine.definition.report import validate_document
from workflow_engine.jsontext import JsonObject


def warnings(**fields: object) -> tuple[str, ...]:
    reader: JsonObject = {**step("s"), **fields}  # type: ignore[dict-item]  # tests write JSON
    report = validate_document(workflow(step("a", "data_input"), step("x"), reader), resolve)
    assert report.is_valid
    return report.warnings


@pytest.mark.parametrize(
    "fields",
    [
        {"conditions": "a.data.anything.at.all == 1"},
        {"conditions": "a.status == 'completed'"},
        {"input_mapping": {"v": "a.success"}},
        {"input_mapping": {"v": "x.unknown.contract"}},
        {"config": {"v": "${steps.a.output.?nope.orValue(1)}"}},
        {"conditions": "has(steps.a.output.nope)"},
    ],
)
def test_paths_that_may_be_there_are_no_matter(fields: dict[str, object]) -> None:
    assert warnings(**fields) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"conditions": "a.nope > 1"},
        {"conditions": {"left_operand": "a.output.nope", "operator": "is_null"}},
        {"input_mapping": {"v": "a.nope"}},
        {"config": {"v": "${steps.a.output.nope + 1}"}},
    ],
)
def test_a_path_the_contract_does_not_know_is_worth_a_warning(fields: dict[str, object]) -> None:
    assert warnings(**fields) == (
        "Step s reads steps.a.output.nope, which the output of data_input is not known to have",
    )
