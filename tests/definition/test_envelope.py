"""The bodies that start an execution."""

import pytest

from tests.definition.step_types import step, workflow
from workflow_engine.definition.envelope import ExecuteRequest, read_envelope, read_saved_run
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import Simulation


def refused(body: Json) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidDocument) as invalid:
        read_envelope(body)
    return [(problem.code, problem.pointer, problem.message) for problem in invalid.value.problems()]


def test_a_body_without_workflow_config_is_the_document() -> None:
    request = read_envelope(workflow(step("a"), workflow_id="w"))
    assert request.definition.steps[0].step_id == "a"
    assert request.document_pointer == ""
    assert request.run.workflow_id == "w"
    assert request.run.input_data is None


def test_an_envelope_carries_what_one_run_is_started_with() -> None:
    request: ExecuteRequest = read_envelope(
        {
            "workflow_config": workflow(step("a")),
            "workflow_id": "w",
            "input_data": {"n": 1},
            "user_id": "u",
            "session_id": "s",
            "organization_id": "o",
            "correlation_id": "c",
            "execution_options": {"timeout_seconds": 5, "max_parallel": 0, "simulation": "never", "priority": -3},
        }
    )
    assert request.document_pointer == "/workflow_config"
    assert request.run.input_data == {"n": 1}
    assert (request.run.user_id, request.run.session_id, request.run.organization_id) == ("u", "s", "o")
    assert (request.run.workflow_id, request.run.correlation_id) == ("w", "c")
    options = request.run.options
    assert (options.timeout_seconds, options.max_parallel, options.priority) == (5, 0, -3)
    assert options.simulation is Simulation.NEVER


def test_what_is_wrong_around_and_inside_the_document_is_told_together() -> None:
    found = refused({"workflow_config": {"name": 1, "steps": []}, "input": {}, "execution_options": {"priority": "x"}})
    assert {(code, pointer) for code, pointer, _ in found} == {
        ("unknown-field", "/input"),
        ("wrong-type", "/execution_options/priority"),
        ("wrong-type", "/workflow_config/name"),
    }


@pytest.mark.parametrize(
    ("body", "code", "pointer", "advice"),
    [
        ({"workflow_config": None}, "wrong-type", "/workflow_config", "must be an object"),
        ({"workflow_confg": {"steps": []}}, "missing-field", "/steps", "'steps'"),
        ({"workflow_config": {"steps": []}, "userid": 1}, "unknown-field", "/userid", "'user_id'"),
        (
            {"workflow_config": {"steps": []}, "execution_options": {"timeout": 1}},
            "unknown-field",
            "/execution_options/timeout",
            "'timeout_seconds'",
        ),
        (
            {"workflow_config": {"steps": []}, "execution_options": {"max_parallel": 10_001}},
            "out-of-range",
            "/execution_options/max_parallel",
            "from 0 to 10000",
        ),
        ({"workflow_config": {"steps": []}, "input_data": []}, "wrong-type", "/input_data", "must be an object"),
        ({"steps": [], "input_data": {}}, "unknown-field", "/input_data", "beside 'workflow_config'"),
        ([], "wrong-type", "", "must be an object"),
    ],
)
def test_each_wrong_field_is_refused_with_advice(body: Json, code: str, pointer: str, advice: str) -> None:
    found = [each for each in refused(body) if each[:2] == (code, pointer)]
    assert len(found) == 1
    assert advice in found[0][2]


@pytest.mark.parametrize("version", ["1.2.0", 3, None])
def test_a_saved_workflow_is_run_with_an_envelope_without_document(version: Json) -> None:
    run = read_saved_run({"version": version, "input_data": {"n": 1}, "user_id": "u"})
    assert run.version == version
    assert run.input_data == {"n": 1}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"workflow_config": {"steps": []}}, "/workflow_config"),
        ({"version": True}, "/version"),
        ({"version": 1.5}, "/version"),
        ({"input_data": {"a": "\0"}}, "/input_data/a"),
        ("x", ""),
    ],
)
def test_what_a_saved_workflow_is_not_run_with(body: Json, pointer: str) -> None:
    with pytest.raises(InvalidDocument) as invalid:
        read_saved_run(body)
    assert [problem.pointer for problem in invalid.value.problems()] == [pointer]
