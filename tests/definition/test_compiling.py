"""What a document lowers to."""

import time

import pytest

from tests.definition.step_types import planned, refusals, resolve, step, workflow
from tests.expressions.scopes import Data, completed
from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.model import BackoffStrategy, ExecutionOptions, OnMissingWorker, TriggerRule
from workflow_engine.definition.plan import RetryPolicy, Role
from workflow_engine.definition.reading import read_definition
from workflow_engine.jsontext import Json, JsonObject, fingerprint
from workflow_engine.steps.contract import Simulation


def test_a_plan_knows_the_document_and_the_versions_it_was_made_of() -> None:
    document: JsonObject = workflow(
        step("a", "delay@^2", config={"delay_seconds": 1}),
        step("b"),
        version="4",
        tags=["x"],
        global_config={"region": "eu"},
        timeout_seconds=9,
    )
    definition = read_definition(document)
    plan = compile_plan(definition, resolve)
    assert plan.digest == fingerprint(definition.document())
    assert (plan.name, plan.version, plan.tags, plan.timeout) == ("example", "4", ("x",), 9)
    assert plan.global_config == {"region": "eu"}
    assert plan.pins == {"delay@^2": "delay@2.3.1", "anything": "anything@1.0.0"}
    assert plan.steps["a"].type is resolve("delay")
    assert plan.on_missing_worker == "wait"


@pytest.mark.parametrize(
    ("pattern", "max_parallel", "width"),
    [
        ("sequential", 4, 1),
        ("conditional", 4, 1),
        ("dependency", 4, 1),
        ("dag", 0, 1),
        ("parallel", 4, 4),
        ("parallel", 0, 0),
        ("parallel", None, 16),
    ],
)
def test_only_the_pattern_parallel_is_wider_than_one(pattern: str, max_parallel: int | None, width: int) -> None:
    document: JsonObject = workflow(step("a"), execution_pattern=pattern)
    if max_parallel is not None:
        document["max_parallel"] = max_parallel
    assert compile_plan(read_definition(document), resolve).width == width


def test_retries_and_timeout_come_from_the_step_type_when_the_document_says_nothing() -> None:
    found = planned(step("a", "delay", config={"delay_seconds": 1})).steps["a"]
    assert (found.timeout, found.retry.max_retries) == (30, 2)
    said = planned(
        step("a", "delay", config={"delay_seconds": 1}, timeout_seconds=0.5, max_retries=0, retry_on=["boom"])
    ).steps["a"]
    assert said.timeout == 0.5
    assert said.retry == RetryPolicy(retry_on=frozenset({"boom"}))


def test_everything_a_step_says_takes_effect() -> None:
    found = planned(
        step(
            "a",
            trigger_rule="all_done",
            critical=False,
            max_retries=3,
            retry_strategy="fixed_delay",
            retry_delay_seconds=2,
            max_retry_delay_seconds=5,
            no_retry_on=["nope"],
            simulation="always",
        )
    ).steps["a"]
    assert found.rule is TriggerRule.ALL_DONE
    assert found.critical is False
    assert found.retry == RetryPolicy(3, BackoffStrategy.FIXED, 2, 5, None, frozenset({"nope"}))
    assert found.simulation is Simulation.ALWAYS
    assert found.role is Role.FORWARD
    assert found.guard is None


def test_the_options_of_a_run_win_over_the_document() -> None:
    options = ExecutionOptions(
        timeout_seconds=1, max_parallel=2, simulation=Simulation.NEVER, on_missing_worker=OnMissingWorker.REJECT
    )
    document: list[Json] = [step("a", simulation="always"), step("b")]
    plan = planned(*document, options=options, execution_pattern="parallel", max_parallel=8, timeout_seconds=60)
    assert (plan.timeout, plan.width, plan.on_missing_worker) == (1, 2, "reject")
    assert {each.simulation for each in plan.steps.values()} == {Simulation.NEVER}


def test_the_output_of_the_workflow_is_a_template() -> None:
    plan = planned(step("a"), output={"n": "${steps.a.output.n + 1}", "s": ["n=${steps.a.output.n}"]})
    assert plan.output is not None
    scope = Data({"a": completed({"n": 41})})
    assert plan.output.build(scope, plan.output.compute(scope)) == {"n": 42, "s": ["n=41"]}
    assert planned(step("a")).output is None


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"output": {"n": "${ghost.n}"}}, "unknown-reference", "/output"),
        ({"output": "${error.code}"}, "invalid-expression", "/output"),
        ({"input_schema": {"type": "nonsense"}}, "invalid-schema", "/input_schema/type"),
        ({"input_schema": {"$ref": "http://example.com/x"}}, "invalid-schema", "/input_schema/$ref"),
    ],
)
def test_the_parts_around_the_steps_are_checked_too(fields: JsonObject, code: str, pointer: str) -> None:
    assert refusals({**workflow(step("a")), **fields}) == [(code, pointer)]


def test_a_plan_of_no_steps() -> None:
    assert dict(planned().steps) == {}


def test_a_plan_is_not_to_be_changed() -> None:
    plan = planned(step("a"))
    with pytest.raises(TypeError):
        plan.steps["b"] = plan.steps["a"]  # type: ignore[index]  # that is what must not work


def large(steps: int) -> JsonObject:
    """Ten dependencies, a condition, a path, a template and a config a step."""
    return workflow(
        *(
            step(
                f"s{number}",
                "data_processing",
                dependencies=[f"s{before}" for before in range(max(0, number - 10), number)],
                conditions=f"s{number - 1}.status == 'completed'" if number else None,
                input_mapping={"a": f"s{number - 1}.result.x" if number else "input.x", "b": "${input.n + 1}"},
                config={"processing_type": "uppercase", "options": {"metadata": {"a": [1, 2]}}},
            )
            for number in range(steps)
        ),
        execution_pattern="parallel",
    )


def seconds_to_compile(steps: int) -> float:
    definition = read_definition(large(steps))
    found: list[float] = []
    for _ in range(3):
        start = time.process_time()
        assert len(compile_plan(definition, resolve).steps) == steps
        found.append(time.process_time() - start)
    return min(found)


def test_a_thousand_steps_with_ten_dependencies_each_compile_in_well_under_a_second() -> None:
    quarter, whole = seconds_to_compile(250), seconds_to_compile(1_000)
    assert whole < 1.0
    assert whole < 10 * quarter, "four times the steps take about four times as long"
