"""Step types as JSON: what is stored reads back the same, and what clients list has the keys they know."""

from typing import Any

import pytest

from workflow_engine.jsontext import load, write
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.contract import DefaultInput, Effect, ErrorCode, ExecutionType, StepType
from workflow_engine.steps.wire import contract_differences, contract_hash, read_contract, write_contract, write_entry

FULL = StepType(
    "text.shout",
    version="1.2.3",
    title="Shout",
    description="d",
    config_schema={"type": "object"},
    input_schema={"a": 1},
    output_schema={"b": 2},
    effect=Effect.AT_MOST_ONCE,
    execution_type=ExecutionType.WEBHOOK,
    function_reference="f",
    endpoint={"url": "http://a.example/"},
    default_input=DefaultInput.EXECUTION,
    error_codes=(ErrorCode("x", False, "why"),),
    default_timeout_seconds=2.5,
    default_max_retries=3,
    tags=("t",),
    examples=({"config": {}},),
    owner="ada",
    documentation="doc",
    slot_cost=4,
    streams=True,
    estimated_cost_usd=0.25,
    required_permissions=("mail.send",),
    requires_approval=True,
)
STORED_BY_0_1 = (
    b'{"name":"text.shout","version":"1.2.3","title":"Shout","description":"","config_schema":null,'
    b'"input_schema":null,"output_schema":{"type":"string"},"effect":"idempotent","execution_type":"local",'
    b'"function_reference":null,"endpoint":null,"default_input":"none","error_codes":[],'
    b'"default_timeout_seconds":null,"default_max_retries":0,"tags":[],"examples":[],"owner":"ada",'
    b'"documentation":""}'
)
HASHED_BY_0_1 = "66f85275a0350333b918efc6d70293a14d3b5f35f60a622538b8db4499815512"


def test_a_stored_contract_reads_back_the_same() -> None:
    stored = load(write(write_contract(FULL)))
    assert isinstance(stored, dict)
    assert read_contract(stored) == FULL
    assert read_contract(write_contract(StepType("t"))) == StepType("t")


def test_a_contract_of_an_older_engine_has_defaults_for_what_it_lacks() -> None:
    assert read_contract({"name": "t", "owner": "ada"}) == StepType("t", owner="ada")


def test_version_and_owner_are_no_part_of_the_promise() -> None:
    other = read_contract({**write_contract(FULL), "version": "9.0.0", "owner": "bob"})
    assert contract_hash(other) == contract_hash(FULL)
    assert contract_differences(other, FULL) == []
    changed = read_contract({**write_contract(FULL), "tags": [], "effect": "pure"})
    assert contract_hash(changed) != contract_hash(FULL)
    assert contract_differences(FULL, changed) == ["effect", "tags"]


def test_an_entry_has_every_key_clients_read() -> None:
    entry = write_entry(CatalogueEntry(FULL, "id-1", 1_793_534_400.0), workers=2, status="served")
    old = {
        "step_id": "id-1",
        "step_type": "text.shout",
        "name": "Shout",
        "description": "d",
        "function_reference": "f",
        "execution_type": "webhook",
        "parameters_schema": {"type": "object"},
        "output_schema": {"b": 2},
        "endpoint_config": {"url": "http://a.example/"},
        "tags": ["t"],
        "registered_at": "2026-11-01T12:00:00.000000Z",
    }
    new = {"version": "1.2.3", "owner": "ada", "workers": 2, "status": "served", "effect": "at_most_once"}
    assert {key: entry[key] for key in [*old, *new]} == {**old, **new}
    assert entry["slot_cost"] == 4
    assert entry["required_permissions"] == ["mail.send"]
    assert (entry["streams"], entry["estimated_cost_usd"], entry["requires_approval"]) == (True, 0.25, True)


def test_a_contract_stored_by_an_older_version_keeps_its_hash_and_its_bytes() -> None:
    stored = load(STORED_BY_0_1)
    assert isinstance(stored, dict)
    step = read_contract(stored)
    assert contract_hash(step) == HASHED_BY_0_1
    assert write(write_contract(step)) == STORED_BY_0_1


@pytest.mark.parametrize(
    "said",
    [
        {"slot_cost": 2},
        {"streams": True},
        {"estimated_cost_usd": 0},
        {"required_permissions": ("x",)},
        {"requires_approval": True},
    ],
)
def test_what_contracts_may_say_since_then_is_hashed_and_told_when_it_differs(said: dict[str, Any]) -> None:
    plain, saying = StepType("t"), StepType("t", **said)
    assert contract_hash(plain) != contract_hash(saying)
    assert contract_differences(plain, saying) == contract_differences(saying, plain) == list(said)


def test_workers_on_a_stream_and_workers_that_poll_serve_the_same_contract() -> None:
    polled, streamed = (StepType("t", execution_type=each) for each in (ExecutionType.POLL, ExecutionType.GRPC))
    assert contract_differences(polled, streamed) == []
    assert contract_differences(polled, StepType("t", execution_type=ExecutionType.API)) == ["execution_type"]
