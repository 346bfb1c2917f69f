"""Agents in a whole engine: a model of our own stands for the agent worker, everything else is real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from tests.engine.model_worker import Model, answering
from tests.execution.conversations import calls, says
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.views import ResultsView
from workflow_engine.execution.errors import NotAnAgent, NotConversing, UnknownStep
from workflow_engine.journal.usage import UsageFilter, UsageGroup
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import (
    Effect,
    OfferedStep,
    StepFailure,
    StepFunction,
    StepRequest,
    StepType,
)

KEY = {"OPENAI_API_KEY": "not a real one"}


def tool(name: str, function: StepFunction, effect: Effect = Effect.IDEMPOTENT) -> OfferedStep:
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    return OfferedStep(StepType(name, input_schema=schema, effect=effect), function)


@asynccontextmanager
async def engine_with(model: Model, *steps: OfferedStep) -> AsyncIterator[Engine]:
    async with Engine.open("memory://", steps=steps, environment=KEY) as engine, answering(engine, model):
        yield engine


def agent(*tools: Json, query: str = "How many?", **config: Json) -> JsonObject:
    described: JsonObject = {"agent_name": "Ann", "model": "gpt-4o-mini", "system_prompt": "s", "tools": list(tools)}
    settings: JsonObject = {"agent_config": described | config, "query": query, "return_simplified": True}
    return {"name": "talk", "steps": [{"step_id": "ask", "step_type": "agent_execution", "config": settings}]}


async def finish(engine: Engine, document: JsonObject) -> ResultsView:
    accepted = await engine.executions.start(LOCAL, document)
    return await engine.executions.wait(LOCAL, accepted.execution_id, 10)


def turn_of(asked: JsonObject) -> int:
    return sum(cast(JsonObject, message)["role"] == "assistant" for message in cast(list[Json], asked["messages"])) + 1


async def test_an_agent_calls_tools_until_it_has_an_answer() -> None:
    def answer(asked: JsonObject) -> Json:
        return calls(("double", {"n": turn_of(asked)})) if turn_of(asked) < 10 else says("Twenty.")

    doubled: list[Json] = []

    def double(request: StepRequest) -> Json:
        doubled.append(request.input["n"])
        return {"n": 2 * cast(int, request.input["n"])}

    async with engine_with(answer, tool("double", double)) as engine:
        results = await finish(engine, agent("double"))
    output = cast(JsonObject, results.steps["ask"].output)
    assert (output["response"], output["turns"], output["tools_used"]) == ("Twenty.", 10, ["double"])
    assert (output["simulated"], output["usage"]) == (False, {"input_tokens": 100, "output_tokens": 100})
    assert doubled == list(range(1, 10))
    assert list(results.steps) == ["ask"]
    assert results.inner_steps["ask#3.tool1"].output == {"n": 6}


async def test_arguments_that_break_the_contract_of_a_tool_are_told_back_to_the_model() -> None:
    told: list[str] = []

    def answer(asked: JsonObject) -> Json:
        last = cast(JsonObject, cast(list[Json], asked["messages"])[-1])
        told.append(cast(str, last["content"]))
        return calls(("double", {"n": "three"})) if turn_of(asked) == 1 else says("Sorry.")

    async with engine_with(answer, tool("double", lambda request: request.input)) as engine:
        results = await finish(engine, agent("double"))
    assert results.status == "completed"
    assert told[1].startswith("Error contract-violation: The input does not fit step type double: /n")


async def test_what_a_call_used_is_booked_with_its_result() -> None:
    async with engine_with(lambda _asked: says("Fine.", tokens=7, cost=0.25)) as engine:
        document: JsonObject = {"workflow_config": agent(), "user_id": "bob"}
        accepted = await engine.executions.start(LOCAL, document)
        await engine.executions.wait(LOCAL, accepted.execution_id, 10)
        by_user = await engine.usage.report(LOCAL, UsageFilter(group_by=UsageGroup.USER))
        by_agent = await engine.usage.report(LOCAL, UsageFilter(group_by=UsageGroup.AGENT))
    assert [(each.key, each.calls, each.input_tokens, each.cost_usd) for each in by_user.lines] == [("bob", 1, 7, 0.25)]
    assert [each.key for each in by_agent.lines] == ["Ann"]


async def test_a_provider_that_fails_fails_the_agent_and_is_never_simulated() -> None:
    def answer(_asked: JsonObject) -> Json:
        raise StepFailure("provider-auth", "the provider refused the credentials", retryable=False)

    async with engine_with(answer) as engine:
        results = await finish(engine, agent())
    error = results.steps["ask"].error
    assert results.status == "failed"
    assert error is not None
    assert error.code == "provider-auth"
    assert error.message == "Model call 1 of agent Ann failed: the provider refused the credentials"


async def test_without_any_provider_the_agent_is_simulated_and_says_so() -> None:
    async with Engine.open("memory://") as engine:
        results = await finish(engine, agent(query="Summarize this"))
    step = results.steps["ask"]
    output = cast(JsonObject, step.output)
    assert output["response"] == "Here's a summary of the content: [Simulated summary response for PoC]"
    assert (step.simulated, output["simulated"], output["simulation_reason"]) == (True, True, "no-provider")


async def test_a_conversation_with_a_user_is_continued_by_messages() -> None:
    def answer(asked: JsonObject) -> Json:
        said = cast(list[JsonObject], asked["messages"])
        return says(f"You said {said[-1]['content']}.")

    document = agent(query="hello")
    cast(JsonObject, cast(list[JsonObject], document["steps"])[0]["config"])["multi_turn"] = True
    async with engine_with(answer) as engine:
        accepted = await engine.executions.start(LOCAL, document)
        waiting = await _until_waiting(engine, accepted.execution_id)
        assert waiting.steps["ask"].output == {
            "status": "waiting",
            "waiting_for": "user_input",
            "step_type": "interactive_agent",
            "agent_response": "You said hello.",
            "simulated": False,
            "simulation_reason": None,
        }
        last: JsonObject = {"role": "user", "content": "bye", "metadata": {"final_turn": True}}
        await engine.executions.send_message(LOCAL, accepted.execution_id, "ask", last)
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)
        heard = await engine.executions.messages(LOCAL, accepted.execution_id, "ask")
    assert cast(JsonObject, results.steps["ask"].output)["response"] == "You said bye."
    roles = [message["role"] for message in cast(list[JsonObject], heard["messages"])]
    assert roles == ["system", "user", "assistant", "user", "assistant"]


async def _until_waiting(engine: Engine, execution_id: str) -> ResultsView:
    async for event in engine.executions.watch(LOCAL, execution_id):
        if event.kind == "step_waiting":
            break
    return await engine.executions.results(LOCAL, execution_id)


async def test_a_message_sent_twice_under_one_key_is_said_once() -> None:
    document = agent(query="hello")
    cast(JsonObject, cast(list[JsonObject], document["steps"])[0]["config"])["multi_turn"] = True
    async with engine_with(lambda _asked: says("Yes?")) as engine:
        accepted = await engine.executions.start(LOCAL, document)
        await _until_waiting(engine, accepted.execution_id)
        message: JsonObject = {"role": "user", "content": "once"}
        for _ in range(2):
            await engine.executions.send_message(LOCAL, accepted.execution_id, "ask", message, key="k1")
        heard = await engine.executions.messages(LOCAL, accepted.execution_id, "ask")
        assert sum(each["content"] == "once" for each in cast(list[JsonObject], heard["messages"])) == 1


async def test_messages_are_for_agents_only() -> None:
    document: JsonObject = {"name": "x", "steps": [{"step_id": "d", "step_type": "data_input", "config": {}}]}
    waits: JsonObject = {"step_id": "w", "step_type": "delay", "config": {"delay_seconds": 60}}
    cast(list[Json], document["steps"]).append(waits)
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(LOCAL, document)
        message: JsonObject = {"role": "user", "content": "hello?"}
        with pytest.raises(NotConversing):
            await engine.executions.send_message(LOCAL, accepted.execution_id, "w", message)
        with pytest.raises(UnknownStep):
            await engine.executions.send_message(LOCAL, accepted.execution_id, "nobody", message)
        with pytest.raises(NotAnAgent):
            await engine.executions.messages(LOCAL, accepted.execution_id, "w")


async def test_an_open_turn_is_explained() -> None:
    document = agent()
    async with Engine.open("memory://", environment=KEY) as engine:
        accepted = await engine.executions.start(LOCAL, document)
        reasons = {each.path: each for each in await engine.executions.explain(LOCAL, accepted.execution_id)}
        view = await engine.executions.get(LOCAL, accepted.execution_id)
    assert reasons["ask"].code == "WAITING_ON"
    assert reasons["ask"].details == {"steps": ["ask#1.model"], "turn": 1}
    assert reasons["ask#1.model"].code == "NO_WORKER"
    assert (view.summary.total_steps, dict(view.step_statuses)) == (1, {"ask": "running"})


async def test_the_terms_of_a_conversation_are_nobody_elses_business() -> None:
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(LOCAL, agent())
        await engine.executions.wait(LOCAL, accepted.execution_id, 10)
        page = await engine.executions.events(LOCAL, accepted.execution_id)
    began = next(event for event in page.events if event.kind == "agent_started")
    assert began.data == {"name": "Ann", "model": "gpt-4o-mini", "tools": []}


@pytest.mark.parametrize("field", ["query", "query_template"])
async def test_what_data_brings_along_is_never_expanded_again(field: str) -> None:
    asked: list[str] = []

    def answer(call: JsonObject) -> Json:
        asked.append(cast(str, cast(list[JsonObject], call["messages"])[-1]["content"]))
        return says("Fine.")

    document = agent()
    step = cast(list[JsonObject], document["steps"])[0]
    config = cast(JsonObject, step["config"])
    del config["query"]
    config[field] = "Review: ${input.code}"
    step["input_mapping"] = {"secret": "input.secret"}
    async with engine_with(answer) as engine:
        given: JsonObject = {"code": "int main() {return} {secret}", "secret": "hush"}
        accepted = await engine.executions.start(LOCAL, {"workflow_config": document, "input_data": given})
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)
    assert results.status == "completed", results.error
    assert asked == ["Review: int main() {return} {secret}"]


async def test_a_worker_for_models_that_is_gone_is_an_outage_and_nothing_is_simulated_because_of_it() -> None:
    async with Engine.open("memory://") as engine:
        async with answering(engine, lambda _asked: says("Real.")) as session:
            real = await finish(engine, agent())
        engine.workers.sessions.close(session)
        accepted = await engine.executions.start(LOCAL, agent())
        later = await engine.executions.results(LOCAL, accepted.execution_id)
        reasons = [each.code for each in await engine.executions.explain(LOCAL, accepted.execution_id)]
    assert real.steps["ask"].simulated is False
    assert (later.status, reasons) == ("running", ["WAITING_ON", "NO_WORKER"])
