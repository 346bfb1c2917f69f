"""Built-in step types that workers serve: the contracts are ours, and only whom we trust is handed their steps."""

import asyncio

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.dispatch.workers.messages import Hello
from workflow_engine.engine.caller import LOCAL, Caller
from workflow_engine.engine.workers import Asked
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.agent_steps import MODEL_CALL, WORKER_STEPS
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.registration import BuiltinName, BuiltinServedByUs, VersionTaken
from workflow_engine.steps.wire import write_contract

TEAM = Caller("image-team", scopes=frozenset({"register"}))
BOSS = Caller("boss", scopes=frozenset({"admin"}))
RENAMED = {"name": "step_type", "title": "name", "config_schema": "parameters_schema"}
OURS = ("owner", "endpoint", "function_reference")


def body(step: StepType, **fields: object) -> JsonObject:
    told = {RENAMED.get(name, name): value for name, value in write_contract(step).items() if name not in OURS}
    return {**told, **fields}  # type: ignore[dict-item] # a test may say anything


def own(engine: Engine) -> Caller:
    return engine.keys.authenticate(engine.keys.internal(["register"]))


async def test_they_are_listed_for_everybody_and_unserved_until_a_worker_comes() -> None:
    async with Engine.open("memory://") as engine:
        found = engine.steps.get(TEAM, MODEL_CALL.name)
        assert (found.type, found.type.owner, found.step_id) == (MODEL_CALL, "builtin", f"builtin-{MODEL_CALL.name}")
        assert engine.workers.standing(TEAM, MODEL_CALL).status == "unserved"


async def test_the_servers_own_worker_serves_them_by_their_contracts_and_nothing_is_written() -> None:
    async with Engine.open("memory://") as engine:
        caller = own(engine)
        session = engine.workers.open(caller, Hello("agents"), "stream")
        joined = await engine.workers.join(caller, session, [body(step) for step in WORKER_STEPS], [])
        assert joined.serves == tuple(step.pin for step in WORKER_STEPS)
        assert joined.registered is not None
        assert [each.changed for each in joined.registered.steps] == [False] * len(WORKER_STEPS)
        assert await engine.journal.step_types() == []
        assert engine.workers.standing(TEAM, MODEL_CALL).status == "served"


async def test_it_may_also_name_them_without_a_contract() -> None:
    async with Engine.open("memory://") as engine:
        caller = own(engine)
        session = engine.workers.open(caller, Hello("agents"), "stream")
        assert (await engine.workers.join(caller, session, [], [MODEL_CALL.name])).serves == (MODEL_CALL.pin,)


@pytest.mark.parametrize("caller", [LOCAL, BOSS], ids=["a server without keys", "an admin"])
async def test_who_may_do_everything_may_serve_them_from_another_machine(caller: Caller) -> None:
    async with Engine.open("memory://") as engine:
        session = engine.workers.open(caller, Hello("agents-2"), "stream")
        joined = await engine.workers.join(caller, session, [body(MODEL_CALL)], ["agents.mcp_call"])
        assert joined.serves == (MODEL_CALL.pin, "agents.mcp_call@1.0.0")


async def test_a_key_that_registers_step_types_is_never_handed_the_prompts_of_others() -> None:
    async with Engine.open("memory://") as engine:
        session = engine.workers.open(TEAM, Hello("curious"), "stream")
        with pytest.raises(BuiltinServedByUs, match="scope admin"):
            await engine.workers.join(TEAM, session, [body(MODEL_CALL)], [])
        with pytest.raises(BuiltinServedByUs, match="scope admin"):
            await engine.workers.join(TEAM, session, [], [MODEL_CALL.name])
        with pytest.raises(BuiltinServedByUs):
            await engine.workers.open_polling(TEAM, Asked(Hello("curious"), (body(MODEL_CALL),)))
        assert engine.workers.standing(TEAM, MODEL_CALL).workers == 0


async def test_another_contract_under_a_built_in_name_is_refused_to_everybody() -> None:
    async with Engine.open("memory://") as engine:
        with pytest.raises(VersionTaken, match="effect"):
            await engine.steps.register(BOSS, body(MODEL_CALL, effect="at_most_once"))
        with pytest.raises(BuiltinName):
            await engine.steps.register(BOSS, body(MODEL_CALL, version="1.1.0"))
        called = {"execution_type": "api", "endpoint_config": {"url": "http://a.example/"}}
        with pytest.raises(BuiltinName):
            await engine.steps.register(BOSS, body(MODEL_CALL, **called))
        with pytest.raises(BuiltinName):
            await engine.steps.register(BOSS, {"step_type": "data_input", "name": "x", "execution_type": "grpc"})


async def test_a_contract_without_a_version_is_the_built_in_one_when_it_is_the_same() -> None:
    async with Engine.open("memory://") as engine:
        (said,) = (await engine.steps.register_all(BOSS, [body(MODEL_CALL, version=None)])).steps
        assert (said.version, said.changed) == (MODEL_CALL.version, False)


def asking() -> JsonObject:
    asked: JsonObject = {"models": [{"model": "openai/any"}], "messages": []}
    return {"name": "w", "steps": [{"step_id": "s", "step_type": MODEL_CALL.name, "input_data": asked}]}


async def test_a_step_that_nobody_ever_served_misses_a_worker() -> None:
    async with Engine.open("memory://") as engine:
        assert not engine.workers.is_missed(MODEL_CALL.pin)
        await engine.executions.start(LOCAL, asking())
        await waiting(engine)
        assert engine.workers.is_missed(MODEL_CALL.pin)
        assert not engine.workers.is_missed("agents.mcp_call@1.0.0")


async def test_a_step_waits_for_the_worker_that_served_it_before_and_misses_no_other() -> None:
    """Another one, started in its stead, might have other keys, and would call that a provider not configured."""
    async with Engine.open("memory://") as engine:
        session = engine.workers.open(LOCAL, Hello("agents-2"), "stream")
        await engine.workers.join(LOCAL, session, [], [MODEL_CALL.name])
        engine.workers.sessions.close(session)
        await engine.executions.start(LOCAL, asking())
        await waiting(engine)
        assert not engine.workers.is_missed(MODEL_CALL.pin)


async def waiting(engine: Engine) -> None:
    async with asyncio.timeout(5):
        while not engine.workers.load().waiting[MODEL_CALL.name]:  # noqa: ASYNC110 - the desk tells nobody of it
            await asyncio.sleep(0.005)
