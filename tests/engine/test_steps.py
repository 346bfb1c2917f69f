"""Step types that are registered at run time."""

import asyncio
from pathlib import Path

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import ExecutionType
from workflow_engine.steps.registration import VersionTaken


def called_at(url: str) -> JsonObject:
    return {"step_type": "t", "name": "t", "execution_type": "api", "endpoint_config": {"url": url}}


async def test_a_url_the_server_may_not_call_is_refused_when_it_is_registered_and_not_repeated() -> None:
    async with Engine.open("memory://") as engine:
        with pytest.raises(InvalidDocument) as refused:
            await engine.steps.register(LOCAL, called_at("http://169.254.169.254/secret"))
        (problem,) = refused.value.problems()
        assert (problem.code, problem.pointer) == ("host-not-allowed", "/endpoint_config/url")
        assert "169.254" not in problem.message


async def test_an_entry_in_the_list_of_hosts_allows_it_at_once() -> None:
    async with Engine.open("memory://") as engine:
        await engine.hosts.allow(LOCAL, "10.1.0.0/16")
        assert (await engine.steps.register(LOCAL, called_at("http://10.1.2.3/"))).changed


def served(name: str, **fields: Json) -> JsonObject:
    return {"step_type": name, "name": name, "execution_type": "grpc", **fields}


async def test_several_contracts_are_registered_in_one_transaction(tmp_path: Path) -> None:
    async with Engine.open(f"sqlite:///{tmp_path}/flows.db") as engine:
        before = engine.journal.written.transactions
        answer = await engine.steps.register_all(LOCAL, [served("a"), served("b"), served("a")])
        assert [(each.name, each.version, each.changed) for each in answer.steps] == [
            ("a", "1.0.0", True),
            ("b", "1.0.0", True),
            ("a", "1.0.0", False),
        ]
        assert engine.journal.written.transactions == before + 1


async def test_one_that_is_refused_keeps_all_of_them_out() -> None:
    async with Engine.open("memory://") as engine:
        await engine.steps.register(LOCAL, served("a", version="1.0.0"))
        with pytest.raises(VersionTaken):
            await engine.steps.register_all(LOCAL, [served("b"), served("a", version="1.0.0", tags=["other"])])
        with pytest.raises(InvalidDocument) as refused:
            await engine.steps.register_all(LOCAL, [served("b"), {"step_type": "c", "name": "c"}, served("9")])
        assert [problem.pointer for problem in refused.value.problems()] == [
            "/steps/1/execution_type",
            "/steps/2/step_type",
        ]
        assert [entry.type.name for entry in engine.steps.list(LOCAL) if entry.type.owner != "builtin"] == ["a"]
        assert [row.name for row in await engine.journal.step_types()] == ["a"]


async def test_a_storm_of_registrations_of_one_contract_writes_once(tmp_path: Path) -> None:
    async with Engine.open(f"sqlite:///{tmp_path}/flows.db") as engine:
        before = engine.journal.written.transactions
        answers = await asyncio.gather(*(engine.steps.register(LOCAL, served("a")) for _ in range(200)))
        assert engine.journal.written.transactions == before + 1
        assert [answer.changed for answer in answers].count(True) == 1
        assert {(answer.step_id, answer.version) for answer in answers} == {(answers[0].step_id, "1.0.0")}


async def test_two_that_register_different_contracts_at_once_get_two_versions() -> None:
    async with Engine.open("memory://") as engine:
        one, other = await asyncio.gather(
            engine.steps.register(LOCAL, served("a")), engine.steps.register(LOCAL, served("a", tags=["t"]))
        )
        assert (one.version, other.version) == ("1.0.0", "1.1.0")


async def test_a_worker_that_polls_and_one_on_a_stream_register_the_same_contract() -> None:
    async with Engine.open("memory://") as engine:
        body: JsonObject = {"step_type": "a", "name": "a", "version": "1.0.0"}
        first = await engine.steps.register_all(LOCAL, [body], execution_type=ExecutionType.GRPC)
        again = await engine.steps.register_all(LOCAL, [body], execution_type=ExecutionType.POLL)
        assert (first.steps[0].changed, again.steps[0].changed) == (True, False)
        assert first.steps[0].step_id == again.steps[0].step_id
