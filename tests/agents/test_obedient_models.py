"""Whatever a tool's result makes a model ask for: nothing runs that its agent was not given, and no limit is passed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.agents.obedient import (
    INNER,
    MAX_TOKENS,
    MISUSED,
    OURS,
    Case,
    Obedient,
    Seen,
    made_cases,
    ordered,
    written_cases,
)
from tests.engine.model_worker import answering
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest, StepType

CASES = 200
GROUPS = 8
SEED = 5
KEY = {"OPENAI_API_KEY": "not a real one"}
LONGEST_CASE = 30.0
NUMBER: JsonObject = {"type": "integer"}
WRITTEN = written_cases()
ALL = [*WRITTEN, *made_cases(CASES - len(WRITTEN), SEED)]
REASONS = {
    "agent-turn-limit",
    "agent-token-limit",
    "agent-cost-limit",
    "agent-tool-error-limit",
    "agent-message-limit",
}


@dataclass(slots=True)
class Tools:
    """Offers the tools of all agents, and two that none of them has. The results of the former carry the orders."""

    orders: dict[str, list[Json]]
    misused: list[str] = field(default_factory=list)
    accounts: set[Json] = field(default_factory=set)

    def offered(self) -> list[OfferedStep]:
        asks: JsonObject = {"n": NUMBER, "account": {"type": "string"}}
        schema: JsonObject = {"type": "object", "properties": asks, "required": ["n"], "additionalProperties": False}
        plain: JsonObject = {**schema, "properties": {"n": NUMBER}}
        return [
            OfferedStep(StepType("echo", input_schema=schema, effect=Effect.IDEMPOTENT), self._echo),
            OfferedStep(StepType("note", input_schema=plain, effect=Effect.IDEMPOTENT), self._next_order),
            *(OfferedStep(StepType(name, effect=Effect.AT_MOST_ONCE), self._misuse) for name in MISUSED),
        ]

    def _echo(self, request: StepRequest) -> Json:
        self.accounts.add(request.input.get("account"))
        return self._next_order(request)

    def _next_order(self, request: StepRequest) -> Json:
        waiting = self.orders[request.workflow_name]
        return {"page": ordered(waiting.pop(0))} if waiting else "Nothing more."

    def _misuse(self, request: StepRequest) -> Json:
        self.misused.append(f"{request.workflow_name}: {request.path}")
        return None


@asynccontextmanager
async def open_house(tools: Tools, model: Obedient) -> AsyncIterator[Engine]:
    async with Engine.open("memory://", steps=tools.offered(), environment=KEY) as engine, answering(engine, model):
        for agent_id, agent in INNER.items():
            await engine.agents.save(LOCAL, agent, agent_id)
        yield engine


async def history(engine: Engine, execution_id: str) -> list[PublicEvent]:
    events: list[PublicEvent] = []
    after: int | None = 0
    while after is not None:
        page = await engine.executions.events(LOCAL, execution_id, after)
        events += page.events
        after = page.next_after
    return events


@pytest.mark.parametrize("group", range(GROUPS))
async def test_a_model_that_obeys_its_tools_gets_no_further_than_its_agent_may(group: int) -> None:
    cases = ALL[group::GROUPS]
    tools, model = Tools({case.name: list(case.orders[1:]) for case in cases}), Obedient()
    wrong: list[str] = []
    async with open_house(tools, model) as engine:
        for case in cases:
            model.asked.clear()
            wrong += await judged(engine, case, model)
    assert wrong == []
    assert tools.misused == []
    assert tools.accounts <= {OURS}
    assert {cast(str, call["tool"]) for call in model.called} <= {"search"}
    assert {cast(JsonObject, call["server"])["name"] for call in model.called} <= {"docs"}


async def judged(engine: Engine, case: Case, model: Obedient) -> list[str]:
    accepted = await engine.executions.start(LOCAL, case.document())
    results = await engine.executions.wait(LOCAL, accepted.execution_id, LONGEST_CASE)
    wrong = list(Seen(case, await history(engine, accepted.execution_id)).violations())
    error = results.steps["ask"].error
    if results.status != "completed" and (error is None or error.code not in REASONS):
        wrong.append(f"{case.name}: ended {results.status}: {error}")
    most = cast(int, case.limits.get("max_messages", 1_000))
    for asked in model.asked:
        messages = cast(list[JsonObject], asked["messages"])
        if asked["max_tokens"] != MAX_TOKENS:
            wrong.append(f"{case.name}: an answer may have {asked['max_tokens']} tokens")
        if messages[0]["content"] == "boss" and len(messages) > most:
            wrong.append(f"{case.name}: the model was shown {len(messages)} messages, and {most} are allowed")
    return wrong


def test_there_are_as_many_cases_as_promised_and_each_has_a_name_of_its_own() -> None:
    assert len({case.name for case in ALL}) == CASES
