"""Registering step types as old clients do at every start, and as careful ones do with versions."""

from dataclasses import replace

import pytest

from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.contract import ExecutionType, StepType
from workflow_engine.steps.register_body import Registration
from workflow_engine.steps.registration import (
    BreakingMinorVersion,
    BuiltinName,
    Decision,
    ForeignStepType,
    FunctionNotOffered,
    VersionTaken,
    decide,
)

WIDE: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}
NARROW: JsonObject = {**WIDE, "required": ["a"]}


def contract(schema: JsonObject | None = None, version: str = "1.0.0", url: str = "http://a.example/") -> StepType:
    return StepType(
        "t",
        version=version,
        input_schema=schema,
        execution_type=ExecutionType.API,
        endpoint={"url": url},
        owner="ada",
    )


def kept(*types: StepType, removed: bool = False) -> list[CatalogueEntry]:
    return [CatalogueEntry(step, f"id-{step.version}", 1.0, removed) for step in types]


def register(step: StepType, existing: list[CatalogueEntry], given: bool = False, **facts: bool) -> Decision:
    return decide(Registration(step, given), existing, builtin=facts.get("builtin", False), offered=False)


def test_the_first_registration_is_version_one() -> None:
    assert register(contract(WIDE, "0.0.1"), []) == Decision(contract(WIDE, "1.0.0"), changed=True)


def test_the_same_contract_again_is_a_no_op() -> None:
    assert register(contract(WIDE, "1.0.0"), kept(contract(WIDE, "1.4.0"))) == Decision(contract(WIDE, "1.4.0"), False)


def test_the_order_of_keys_makes_no_other_contract() -> None:
    turned = dict(reversed(WIDE.items()))
    assert register(contract(turned), kept(contract(WIDE))).changed is False


def test_a_compatible_contract_is_the_next_minor_version() -> None:
    assert register(contract(WIDE), kept(contract(NARROW, "1.4.2"))) == Decision(contract(WIDE, "1.5.0"), True)


def test_a_changed_endpoint_is_the_next_minor_version() -> None:
    assert register(contract(url="http://b.example/"), kept(contract())).step.version == "1.1.0"


def test_a_breaking_contract_is_the_next_major_version_with_a_warning() -> None:
    decision = register(contract(NARROW), kept(contract(WIDE, "1.4.2")))
    assert (decision.step.version, decision.changed) == ("2.0.0", True)
    assert decision.warnings == ("Version 2.0.0 breaks what 1.4.2 promised: input /: 'a' is newly required",)


def test_two_clients_that_register_in_turn_do_not_push_the_version_up() -> None:
    existing = kept(contract(WIDE, "1.0.0"), contract(NARROW, "2.0.0"))
    decision = register(contract(WIDE), existing)
    assert (decision.step.version, decision.changed) == ("1.0.0", False)
    assert decision.warnings == ("This contract is version 1.0.0; 2.0.0 is newer and is what workflows get by default",)
    assert register(contract(NARROW), existing) == Decision(contract(NARROW, "2.0.0"), False)


def test_a_removed_contract_that_is_registered_again_comes_back_under_its_version() -> None:
    assert register(contract(WIDE), kept(contract(WIDE, "1.3.0"), removed=True)) == Decision(
        contract(WIDE, "1.3.0"), True
    )


def test_the_version_of_a_removed_contract_is_given_to_no_other() -> None:
    assert register(contract(NARROW), kept(contract(WIDE, "1.3.0"), removed=True)).step.version == "2.0.0"


def test_the_same_version_with_the_same_contract_is_a_no_op() -> None:
    assert register(contract(WIDE, "1.2.0"), kept(contract(WIDE, "1.2.0")), given=True).changed is False


def test_the_same_version_with_another_contract_is_a_conflict_that_names_the_parts() -> None:
    other = replace(contract(NARROW, "1.2.0"), description="new")
    with pytest.raises(VersionTaken) as caught:
        register(other, kept(contract(WIDE, "1.2.0")), given=True)
    assert caught.value.differences == ("description", "input_schema")
    assert str(caught.value) == "t@1.2.0 exists with another contract; these parts differ: description, input_schema"


@pytest.mark.parametrize("version", ["1.3.0", "1.2.1"])
def test_a_minor_version_may_not_break_the_one_before(version: str) -> None:
    with pytest.raises(BreakingMinorVersion) as caught:
        register(contract(NARROW, version), kept(contract(WIDE, "1.2.0")), given=True)
    assert caught.value.changes == ("input /: 'a' is newly required",)


def test_a_version_between_two_must_fit_both() -> None:
    existing = kept(contract(NARROW, "1.0.0"), contract(NARROW, "1.2.0"))
    with pytest.raises(BreakingMinorVersion, match=r"t@1.2.0 breaks what t@1.1.0 promised"):
        register(contract(WIDE, "1.1.0"), existing, given=True)
    assert register(contract(NARROW, "1.1.0"), existing, given=True).changed is True


@pytest.mark.parametrize("version", ["2.0.0", "1.3.0-rc.1"])
def test_a_major_version_and_a_pre_release_may_break(version: str) -> None:
    assert register(contract(NARROW, version), kept(contract(WIDE, "1.2.0")), given=True).step.version == version


def test_a_built_in_name_belongs_to_nobody_else() -> None:
    with pytest.raises(BuiltinName):
        register(contract(), [], builtin=True)


def test_the_name_of_somebody_else_is_refused_until_they_give_it_up() -> None:
    foreign = replace(contract(WIDE), owner="bob")
    with pytest.raises(ForeignStepType):
        register(contract(WIDE), kept(foreign))
    assert register(contract(WIDE), kept(foreign, removed=True)).changed is True


def test_a_local_type_needs_a_function_that_a_plugin_offers() -> None:
    local = replace(contract(), execution_type=ExecutionType.LOCAL, function_reference="os.system")
    with pytest.raises(FunctionNotOffered) as caught:
        decide(Registration(local, False), [], builtin=False, offered=False)
    assert [problem.pointer for problem in caught.value.problems()] == ["/function_reference"]
    assert decide(Registration(local, False), [], builtin=False, offered=True).changed is True
