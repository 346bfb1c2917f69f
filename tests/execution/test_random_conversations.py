"""Agents on random days: models, tools, users, crashes and pauses in any order. What must hold, holds after each."""

import random
from collections import Counter
from contextlib import suppress

import pytest

from tests.execution.conversations import PAY, calls, conversation, says, tool
from tests.execution.scenario import Scenario, step
from workflow_engine.execution.errors import AlreadyPaused, NotConversing, NotPaused, TooManyMessages
from workflow_engine.history.agents import owner_of
from workflow_engine.history.events import AgentToolsCalled, StepCancelled, StepCompleted, StepFailed, StepScheduled
from workflow_engine.jsontext import Json, JsonObject

ENDS = (StepCompleted, StepFailed, StepCancelled)
TOOLS = ("look", "pay", "ask")
MOST_INPUTS = 150


class Day:
    """Two agents side by side, the second of which talks with a user, and whatever happens to them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        fields: JsonObject = {"max_retries": 1, "retry_strategy": "fixed_delay", "retry_delay_seconds": 1}
        self.scenario = Scenario(
            step("a", **fields), step("b", **fields, critical=False), step("c", "a"), execution_pattern="parallel"
        )

    def talk(self, path: str) -> JsonObject:
        tools = [tool("look"), tool("pay", PAY), tool("ask", answer_key="response")]
        limits: JsonObject = {"max_turns": 4, "max_bad_calls": 2, "max_depth": 2, "max_total_tokens": 150}
        return conversation(*tools, limits=limits, multi_turn=path == "b", fallback_simulation=True)

    def answer(self) -> JsonObject:
        if self.chance.random() < 0.4:
            return says("That is all.")
        wanted = self.chance.choices((*TOOLS, "rm"), weights=(6, 2, 2, 1), k=self.chance.randint(1, 4))
        return calls(*((name, self.arguments()) for name in wanted))

    def arguments(self) -> Json:
        return {"q": 1} if self.chance.random() < 0.9 else "{broken"

    def work(self, path: str) -> None:
        """Whoever has this step does something with it."""
        scenario = self.scenario
        state = scenario.step(path)
        if state.resumed is not None and state.resumed.by == "agent":
            scenario.done(path, {"response": "shaped"})
        elif path.endswith(".model"):
            if self.chance.random() < 0.15:
                code = self.chance.choice(("provider-unavailable", "provider-not-configured", "provider-auth"))
                scenario.failed(path, code, retryable=code == "provider-unavailable")
            else:
                scenario.done(path, self.answer())
        elif path in ("a", "b") or self._is_agent(path):
            scenario.conversed(path, self.talk(path))
        elif self.chance.random() < 0.2:
            scenario.failed(path, self.chance.choice(("boom", "contract-violation")))
        else:
            scenario.done(path, {"found": True})

    def _is_agent(self, path: str) -> bool:
        """Whether the model called `ask` here: then another agent stands behind it."""
        called = [event for event in self.scenario.told if isinstance(event, AgentToolsCalled)]
        return any(
            call.get("name") == "ask" and path == f"{event.path}#{event.turn}.{call.get('step')}"
            for event in called
            for call in event.calls
        )

    def happen(self) -> None:
        scenario, chance = self.scenario, self.chance
        kind = chance.random()
        if kind < 0.7 and scenario.running:
            self.work(chance.choice(scenario.running))
        elif kind < 0.78:
            scenario.died()
        elif kind < 0.84:
            scenario.after(chance.choice((0.5, 2.0)))
        elif kind < 0.88:
            with suppress(AlreadyPaused):
                scenario.paused()
        elif kind < 0.96:
            with suppress(NotPaused):
                scenario.resumed()
        else:
            self.speak()

    def speak(self) -> None:
        last = self.chance.random() < 0.5
        path = self.chance.choice(("a", "b"))
        with suppress(NotConversing, TooManyMessages):
            self.scenario.messaged(path, "" if last else "And then?", final_turn=last)

    def end(self) -> None:
        """Nothing happens any more but work, answers and the passing of time."""
        with suppress(NotPaused):
            self.scenario.resumed()
        for _ in range(400):
            if self.scenario.execution.state.ended is not None:
                return
            if self.scenario.running:
                self.work(self.scenario.running[0])
            elif waiting := self._unknown():
                self.scenario.resolved(waiting, output="paid", completed=True)
            elif self.scenario.execution.state.next_due_at is not None:
                self.scenario.after(5.0)
            else:
                self.scenario.messaged("b", "", final_turn=True)
        raise AssertionError("it did not end")

    def _unknown(self) -> str | None:
        waiting = (one for one in self.scenario.execution.state.open.values() if one.wait is not None)
        return next((one.path for one in waiting if one.wait and one.wait.reason == "outcome-unknown"), None)


@pytest.mark.parametrize("seed", range(30))
def test_an_agent_keeps_its_promises_whatever_happens(seed: int) -> None:
    day = Day(seed)
    for _ in range(MOST_INPUTS):
        if day.scenario.execution.state.ended is not None:
            break
        day.happen()
    if day.scenario.execution.state.ended is None:
        day.end()
    _nothing_ended_twice(day.scenario)
    _nothing_outlived_its_owner(day.scenario)
    _limits_were_kept(day.scenario)


def _nothing_ended_twice(scenario: Scenario) -> None:
    ends = Counter(event.path for event in scenario.told if isinstance(event, ENDS))
    assert [path for path, count in ends.items() if count > 1] == []


def _nothing_outlived_its_owner(scenario: Scenario) -> None:
    ended: set[str] = set()
    for event in scenario.told:
        owner = owner_of(path) if isinstance(path := getattr(event, "path", None), str) else None
        if isinstance(event, StepScheduled):
            assert owner not in ended, event
        elif isinstance(event, StepCompleted | StepFailed):
            assert owner not in ended, event
            ended.add(event.path)


def _limits_were_kept(scenario: Scenario) -> None:
    for path, talk in scenario.execution.talks.items():
        agent = scenario.step(path).agent
        assert agent is not None
        turns = agent.turns_since_heard if talk.multi_turn else agent.model_turns
        assert turns <= talk.limits.max_turns
        assert path.count("#") < 2 or agent.turn == -1  # max_depth is 2: the third never had a turn
        assert set(agent.tools_used) <= set(TOOLS)
        # A last call may still overshoot what was left before it.
        assert agent.used.tokens <= 150 + 20 + 80
