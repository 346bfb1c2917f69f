"""Plans that are kept."""

from dataclasses import replace

import pytest

from tests.definition.step_types import STEP_TYPES, resolve, step, workflow
from workflow_engine.definition.model import ExecutionOptions, WorkflowDefinition
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.plans import Plans
from workflow_engine.definition.reading import read_definition
from workflow_engine.definition.structure import Resolve
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, digest


def document(*steps: Json) -> WorkflowDefinition:
    return read_definition(workflow(*steps))


def plan(
    plans: Plans, definition: WorkflowDefinition, types: Resolve = resolve, options: ExecutionOptions | None = None
) -> Plan:
    return plans.plan(definition, digest(definition.document()), types, options)


def test_equal_documents_share_a_plan() -> None:
    plans = Plans()
    assert plan(plans, document(step("a"))) is plan(plans, document(step("a")))
    assert plan(plans, document(step("a"))) is not plan(plans, document(step("b")))


def test_another_version_of_a_step_type_is_another_plan() -> None:
    plans = Plans()
    newer = replace(STEP_TYPES["anything"], version="1.1.0")
    first = plan(plans, document(step("a")))
    second = plan(plans, document(step("a")), lambda _: newer)
    assert first.pins == {"anything": "anything@1.0.0"}
    assert second.pins == {"anything": "anything@1.1.0"}
    assert plan(plans, document(step("a"))) is first


def test_options_that_change_the_plan_make_another_one_and_priority_does_not() -> None:
    plans = Plans()
    first = plan(plans, document(step("a")))
    assert plan(plans, document(step("a")), options=ExecutionOptions(priority=9)) is first
    timed = plan(plans, document(step("a")), options=ExecutionOptions(timeout_seconds=5))
    assert timed.timeout == 5
    assert timed is not first


def test_the_plans_used_last_are_kept_while_they_are_few_steps() -> None:
    plans = Plans(max_steps=3)
    first, second = document(step("a")), document(step("b"))
    kept = plan(plans, first)
    plan(plans, second)
    assert plan(plans, first) is kept
    plan(plans, document(step("c"), step("d")))
    assert len(plans) == 2
    assert plan(plans, first) is kept, "it was used after the other one"


def test_a_plan_larger_than_the_room_is_kept_alone() -> None:
    plans = Plans(max_steps=1)
    large = document(step("a"), step("b"))
    assert plan(plans, large) is plan(plans, large)
    plan(plans, document(step("c")))
    assert len(plans) == 1


def test_what_cannot_be_compiled_is_not_kept() -> None:
    plans = Plans()
    with pytest.raises(InvalidDocument):
        plan(plans, document(step("a", "nope")))
    assert len(plans) == 0
