"""Step types over gRPC."""

import json
from typing import TYPE_CHECKING, Any

import grpc

from tests.rpc.serving import refused
from workflow_engine.rpc.generated import registry_pb2 as pb

if TYPE_CHECKING:
    from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceAsyncStub as Registry
else:
    Registry = Any

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def shout(version: str = "1.0.0", **more: Any) -> pb.StepContract:  # noqa: ANN401 - fields of the contract
    fields = {"name": "text.shout", "version": version, "input_schema": json.dumps(SCHEMA), **more}
    return pb.StepContract(**fields)


async def register(steps: Registry, *contracts: pb.StepContract) -> list[pb.RegisteredStep]:
    return list((await steps.RegisterSteps(pb.RegisterStepsRequest(steps=contracts))).steps)


async def test_a_contract_is_read_back_as_it_was_sent(steps: Registry) -> None:
    sent = shout(
        title="Shout",
        description="Makes it loud.",
        documentation="All of it.",
        config_schema='{"type":"object"}',
        output_schema='{"type":"string"}',
        error_codes=[pb.ErrorCode(code="too-quiet", retryable=False, description="nothing to hear")],
        effect=pb.EFFECT_PURE,
        default_timeout_seconds=2.5,
        default_max_retries=3,
        slot_cost=2,
        streams=True,
        tags=["text"],
        examples=['{"text":"a"}'],
        estimated_cost_usd=0.5,
        required_permissions=["speak"],
        requires_approval=True,
        default_input=pb.DEFAULT_INPUT_DEPENDENCIES,
        execution_type=pb.EXECUTION_TYPE_GRPC,
    )
    sent.input_schema = json.dumps(SCHEMA, separators=(",", ":"))
    await register(steps, sent)
    details = (await steps.GetStep(pb.GetStepRequest(name="text.shout"))).step
    assert details.contract == sent
    assert (details.owner, details.status, details.workers) == ("local", "unserved", 0)


async def test_the_same_contract_again_changes_nothing(steps: Registry) -> None:
    first, again = await register(steps, shout()), await register(steps, shout())
    assert (first[0].changed, again[0].changed) == (True, False)
    assert first[0].step_id == again[0].step_id


async def test_what_is_left_out_has_its_default(steps: Registry) -> None:
    await register(steps, pb.StepContract(name="bare"))
    contract = (await steps.GetStep(pb.GetStepRequest(name="bare"))).step.contract
    assert (contract.version, contract.title, contract.slot_cost) == ("1.0.0", "bare", 1)
    assert (contract.effect, contract.execution_type) == (pb.EFFECT_IDEMPOTENT, pb.EXECUTION_TYPE_GRPC)
    assert not contract.HasField("default_timeout_seconds")


async def test_problems_point_into_the_message(steps: Registry) -> None:
    wrong = pb.StepContract(name="7up", version="1.0.0", config_schema='{"type": "nothing"}', slot_cost=-1)
    told = await refused(steps.RegisterSteps(pb.RegisterStepsRequest(steps=[shout(), wrong])))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    pointers = {pointer for pointer, _ in told.violations}
    assert {"/steps/1/name", "/steps/1/slot_cost"} <= pointers
    assert any(pointer.startswith("/steps/1/config_schema") for pointer in pointers)


async def test_json_that_cannot_be_read_is_named_in_every_contract(steps: Registry) -> None:
    broken = [shout(config_schema="{"), shout(examples=["1", "1e999"]), shout(endpoint_config="nope")]
    told = await refused(steps.RegisterSteps(pb.RegisterStepsRequest(steps=broken)))
    assert told.violations == (
        ("/steps/0/config_schema", "MALFORMED_JSON"),
        ("/steps/1/examples/1", "NUMBER_OUT_OF_RANGE"),
        ("/steps/2/endpoint_config", "MALFORMED_JSON"),
    )


async def test_an_enum_value_nobody_knows_is_refused(steps: Registry) -> None:
    told = await refused(steps.RegisterSteps(pb.RegisterStepsRequest(steps=[shout(effect=99, execution_type=98)])))
    assert set(told.violations) == {("/steps/0/effect", "UNKNOWN_VALUE"), ("/steps/0/execution_type", "UNKNOWN_VALUE")}


async def test_a_built_in_name_is_not_for_sale(steps: Registry) -> None:
    told = await refused(steps.RegisterSteps(pb.RegisterStepsRequest(steps=[pb.StepContract(name="data_input")])))
    assert (told.code, told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "BUILTIN_STEP_TYPE")


async def test_the_same_version_with_another_contract_exists_already(steps: Registry) -> None:
    await register(steps, shout())
    told = await refused(steps.RegisterSteps(pb.RegisterStepsRequest(steps=[shout(description="other")])))
    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "STEP_VERSION_EXISTS")


async def test_versions_are_listed_newest_first_and_taken_away_one_by_one(steps: Registry) -> None:
    await register(steps, shout("1.0.0"))
    await register(steps, shout("1.1.0", description="newer"))
    listed = await steps.ListStepVersions(pb.ListStepVersionsRequest(name="text.shout"))
    assert [each.contract.version for each in listed.steps] == ["1.1.0", "1.0.0"]
    old = await steps.GetStep(pb.GetStepRequest(name="text.shout", version="1.0.0"))
    assert old.step.contract.description == ""
    assert (await refused(steps.GetStep(pb.GetStepRequest(name="text.shout", version="9.0.0")))).code is (
        grpc.StatusCode.NOT_FOUND
    )
    await steps.Deregister(pb.DeregisterRequest(name="text.shout", version="1.1.0"))
    assert (await steps.GetStep(pb.GetStepRequest(name="text.shout"))).step.contract.version == "1.0.0"
    await steps.Deregister(pb.DeregisterRequest(name="text.shout"))
    told = await refused(steps.GetStep(pb.GetStepRequest(name="text.shout")))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "STEP_TYPE_NOT_FOUND")


async def test_the_list_begins_with_the_built_in_types(steps: Registry) -> None:
    await register(steps, pb.StepContract(name="a.first"))
    listed = [each.contract.name for each in (await steps.ListSteps(pb.ListStepsRequest())).steps]
    assert listed[-1] == "a.first"
    assert "data_input" in listed


async def test_the_values_of_headers_are_not_shown(steps: Registry) -> None:
    endpoint = {"url": "http://127.0.0.1:9/", "headers": {"Authorization": "Bearer secret"}}
    called = pb.StepContract(name="call", execution_type=pb.EXECUTION_TYPE_API, endpoint_config=json.dumps(endpoint))
    await register(steps, called)
    shown = (await steps.GetStep(pb.GetStepRequest(name="call"))).step.contract.endpoint_config
    assert json.loads(shown)["headers"] == {"Authorization": "***"}
