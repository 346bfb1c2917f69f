"""What a new version of one step type breaks in one document."""

from collections.abc import Callable

import pytest

from tests.definition.step_types import step, workflow
from workflow_engine.definition.breakage import broken_by
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import closed_object, open_object
from workflow_engine.steps.contract import DefaultInput, StepType

ITEM: JsonObject = {"$ref": "#/$defs/item"}


def version(number: str, **fields: object) -> StepType:
    return StepType("t", version=number, **fields)  # type: ignore[arg-type]  # what a test gives is what it takes


def broken(document: Json, old: StepType, new: StepType) -> list[tuple[str, str]]:
    others = {"anything": StepType("anything"), "all": StepType("all", default_input=DefaultInput.DEPENDENCIES)}
    return [
        (problem.pointer, problem.code)
        for problem in broken_by(
            document,
            new,
            {**others, "t": old, "t@1": old}.get,
            {**others, "t": new, "t@1": old}.get,
            DefinitionLimits(),
        )
    ]


def reads(path: str, step_type: str = "t") -> JsonObject:
    return workflow(step("a", step_type), step("b", input_mapping={"x": path}))


PLACE = "/steps/1/input_mapping/x"


def test_one_version_that_changed_behind_a_reference_is_found_out() -> None:
    def schema(kind: str) -> JsonObject:
        return {**open_object(items={"type": "array", "items": ITEM}), "$defs": {"item": {"type": kind}}}

    old, new = version("1.0.0", output_schema=schema("string")), version("2.0.0", output_schema=schema("integer"))
    assert broken(reads("a.items"), old, new) == [(PLACE, "output-changed")]
    assert broken(reads("a.items[0]"), old, new) == [(PLACE, "output-changed")]
    same = version("2.0.0", output_schema=schema("string"))
    assert broken(reads("a.items"), old, same) == []


@pytest.mark.parametrize("path", ["a", "a.deep", "a.deep.x", "a.deep.x.further"])
def test_whatever_lies_around_or_below_what_was_removed_is_broken(path: str) -> None:
    old = version("1.0.0", output_schema=open_object(deep=open_object(x={}), other={}))
    new = version("2.0.0", output_schema=open_object(deep=open_object(), other={}))
    assert broken(reads(path), old, new) == [(PLACE, "output-changed")]
    assert broken(reads("a.other"), old, new) == []
    assert broken(reads("a.status"), old, new) == broken(reads("${steps.a.status}"), old, new) == []
    assert broken(reads(path, "t@1"), old, new) == []


@pytest.mark.parametrize("schema", [open_object, closed_object])
@pytest.mark.parametrize("path", ["${steps.a.output.?x.orValue(0)}", "${has(steps.a.output.x) ? steps.a.output.x : 0}"])
def test_who_says_what_to_do_without_it_is_not_broken_unless_it_becomes_something_else(
    path: str, schema: Callable[..., JsonObject]
) -> None:
    old = version("1.0.0", output_schema=schema(x={"type": "integer"}))
    assert broken(reads(path), old, version("2.0.0", output_schema=schema())) == []
    changed = version("2.0.0", output_schema=schema(x={"type": "string"}))
    assert broken(reads(path), old, changed) == [(PLACE, "output-changed")]


def test_an_older_condition_reads_what_it_mentions() -> None:
    old, new = version("1.0.0", output_schema=open_object(x={})), version("2.0.0", output_schema=open_object())
    document = workflow(step("a", "t"), step("b", conditions="a.x > 1"))
    assert broken(document, old, new) == [("/steps/1/conditions", "output-changed")]


def test_who_is_handed_all_outputs_reads_all_of_them() -> None:
    old = version("1.0.0", output_schema=open_object(x={}))
    new = version("2.0.0", output_schema=open_object(y={}))
    document = workflow(step("a", "t"), step("b", "all", dependencies=["a"]))
    assert broken(document, old, new) == [("/steps/1/dependencies", "output-changed")]


def test_a_type_that_is_given_the_input_of_the_execution_must_be_known_to_take_it() -> None:
    taken = closed_object(["n"], n={"type": "integer"})
    old = version("1.0.0", default_input=DefaultInput.EXECUTION)
    new = version("2.0.0", default_input=DefaultInput.EXECUTION, input_schema=taken)
    assert broken(workflow(step("a", "t")), old, new) == [("/steps/0/step_type", "input-not-known")]
    assert broken(workflow(step("a", "t"), input_schema=taken), old, new) == []


def test_a_narrower_bound_breaks_what_may_lie_beyond_it() -> None:
    def bounded(number: str, least: int) -> StepType:
        return version(number, input_schema=open_object(n={"type": "integer", "minimum": least}))

    old, new = bounded("1.0.0", 0), bounded("2.0.0", 5)
    place = "/steps/0/input_mapping/n"
    assert broken(workflow(step("a", "t", input_mapping={"n": "input.n"})), old, new) == [(place, "input-not-known")]
    assert broken(workflow(step("a", "t", input_mapping={"n": 7})), old, new) == []
    assert broken(workflow(step("a", "t", input_mapping={"n": 3})), old, new) == [(place, "out-of-range")]
    wider = bounded("2.0.0", -5)
    assert broken(workflow(step("a", "t", input_mapping={"n": "input.n"})), old, wider) == []


def test_a_demand_on_the_whole_that_cannot_be_decided_breaks_what_is_not_known() -> None:
    either: list[Json] = [{"required": ["x"]}, {"required": ["y"]}]
    old, new = version("1.0.0", input_schema={}), version("2.0.0", input_schema={"anyOf": either})
    mapped = workflow(step("a", "t", input_mapping={"x": "input.x"}))
    assert broken(mapped, old, new) == [("/steps/0/input_mapping/x", "input-not-known")]
    assert broken(workflow(step("a", "t", input_mapping={"x": 1})), old, new) == []


def test_what_was_wrong_before_is_no_news_and_what_is_no_document_is_left_alone() -> None:
    old, new = version("1.0.0"), version("2.0.0", description="new")
    assert broken(workflow(step("a", "t", input_mapping={"x": "nobody.y"})), old, new) == []
    assert broken(["no document"], old, new) == []
