"""A webhook that answers 202 reports later, with the lease it was called with."""

import json
from pathlib import Path

from tests.dispatch.loopback import Loopback, loopback, reply
from workflow_engine.assembly import Engine
from workflow_engine.dispatch.workers.messages import Code, Failure, LeaseRef, Output, Result
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import JsonObject
from workflow_engine.settings import Settings


def registration(server: Loopback) -> JsonObject:
    endpoint: JsonObject = {"url": server.url("/work")}
    return {"step_type": "later", "name": "later", "execution_type": "webhook", "endpoint_config": endpoint}


def document(**fields: float) -> JsonObject:
    return {"name": "later", "steps": [{"step_id": "a", "step_type": "later", **fields}]}


async def start(engine: Engine, server: Loopback, written: JsonObject) -> tuple[str, LeaseRef]:
    """An execution whose step was accepted by its webhook, and the lease it was called with."""
    called = len(server.asked)
    accepted = await engine.executions.start(LOCAL, written)
    async for event in engine.executions.watch(LOCAL, accepted.execution_id):
        if event.kind == "step_started":
            break
    lease = json.loads(server.asked[called].body)["lease"]
    return accepted.execution_id, LeaseRef(**lease)


async def test_its_result_counts_like_any_other_and_once() -> None:
    async with loopback(reply(status="202 Accepted")) as server, Engine.open("memory://") as engine:
        await engine.steps.register(LOCAL, registration(server))
        execution_id, lease = await start(engine, server, document())
        (reason,) = await engine.executions.explain(LOCAL, execution_id)
        assert (reason.code, reason.details["worker"]) == ("LEASED", "webhook")
        done, other = Result(lease, Output(b'{"n": 1}')), Result(lease, Output(b'{"n": 2}'))
        answers = await engine.workers.report(LOCAL, [done, done, other])
        assert [answer.code for answer in answers] == [Code.OK, Code.OK, Code.RESULT_CONFLICT]
        results = await engine.executions.wait(LOCAL, execution_id, 5)
        assert (results.status, results.steps["a"].output) == ("completed", {"n": 1})


async def test_its_failure_is_the_failure_of_the_step() -> None:
    async with loopback(reply(status="202 Accepted")) as server, Engine.open("memory://") as engine:
        await engine.steps.register(LOCAL, registration(server))
        execution_id, lease = await start(engine, server, document())
        await engine.workers.report(LOCAL, [Result(lease, Failure("sold-out", "no more seats", retryable=False))])
        results = await engine.executions.wait(LOCAL, execution_id, 5)
        assert results.status == "failed"
        error = results.steps["a"].error
        assert error is not None
        assert error.code == "sold-out"


async def test_a_forged_token_changes_nothing() -> None:
    async with loopback(reply(status="202 Accepted")) as server, Engine.open("memory://") as engine:
        await engine.steps.register(LOCAL, registration(server))
        execution_id, lease = await start(engine, server, document())
        forged = LeaseRef(lease.execution_id, lease.path, lease.delivery, "x" * 24)
        (answer,) = await engine.workers.report(LOCAL, [Result(forged, Output(b"{}"))])
        assert answer.code is Code.INVALID_TOKEN
        assert (await engine.executions.get(LOCAL, execution_id)).summary.status == "running"


async def test_one_that_never_reports_times_out() -> None:
    settings = Settings.model_validate({"workers": {"report_within_seconds": 0.2}})
    async with loopback(reply(status="202 Accepted")) as server, Engine.open("memory://", settings=settings) as engine:
        await engine.steps.register(LOCAL, registration(server))
        by_server, _ = await start(engine, server, document())
        by_step, _ = await start(engine, server, document(timeout_seconds=0.1))
        for execution_id in (by_server, by_step):
            error = (await engine.executions.wait(LOCAL, execution_id, 5)).steps["a"].error
            assert error is not None
            assert error.code == "timeout"


async def test_a_restart_does_not_call_it_again_and_its_result_still_counts(tmp_path: Path) -> None:
    async with loopback(reply(status="202 Accepted")) as server:
        async with Engine.open(f"sqlite:///{tmp_path}/flows.db") as engine:
            await engine.steps.register(LOCAL, registration(server))
            execution_id, lease = await start(engine, server, document())
        async with Engine.open(f"sqlite:///{tmp_path}/flows.db") as engine:
            await engine.ready()
            (answer,) = await engine.workers.report(LOCAL, [Result(lease, Output(b'{"n": 1}'))])
            assert answer.code is Code.OK
            assert (await engine.executions.wait(LOCAL, execution_id, 5)).status == "completed"
        assert len(server.asked) == 1
