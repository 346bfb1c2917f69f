"""The checker of the fault test of agents: what it must find, planted into evidence in which all is well."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.upstreams.asked import Asked, Request, Said, ToolResult
from tests.faults.agent_evidence import Agent, Booked, Evidence, Run, Shown, violations
from tests.faults.agent_script import (
    ALL_TOKENS,
    STEP,
    TOOL,
    TURNS,
    Model,
    arguments,
    sums,
    tokens,
    value_of,
    width,
)
from tests.faults.evidence import Order

NUMBER = 7
ANSWER = str(sums(NUMBER)[-1])
Event = dict[str, Any]


def tools(turn: int) -> list[str]:
    return [f"{STEP}#{turn}.tool{place}" for place in range(1, width(turn) + 1)]


def output_of(path: str, given: dict[str, int]) -> Event:
    return {"value": value_of(given), "run": f"1/{path}/1"}


def stored() -> list[Event]:
    """Each turn takes a second: the model half of it, then its tools."""
    events = [event("execution_started", 0.0), handed(STEP, 0.0), event("agent_started", 0.0, STEP)]
    for turn, so_far in enumerate(sums(NUMBER), 1):
        events.append(event("agent_turn_started", turn, STEP, turn=turn))
        events += [handed(f"{STEP}#{turn}.model", turn), done(f"{STEP}#{turn}.model", turn + 0.5, {})]
        if turn < TURNS:
            paths = tools(turn)
            outputs = [output_of(*each) for each in zip(paths, arguments(turn, so_far), strict=True)]
            events += [handed(path, turn + 0.5) for path in paths]
            events += [done(path, turn + 0.8, output) for path, output in zip(paths, outputs, strict=True)]
    events += [event("agent_ended", 11.0, STEP, delivery=2), done(STEP, 11.0, {}), event("execution_completed", 11.0)]
    return numbered(events)


def event(kind: str, at: float, path: str | None = None, **facts: Any) -> Event:  # noqa: ANN401 - fields of events
    return {"kind": kind, "at": at, **({} if path is None else {"path": path}), **facts}


def handed(path: str, at: float) -> Event:
    return event("step_scheduled", at, path, delivery=1)


def done(path: str, at: float, output: Event) -> Event:
    return event("step_completed", at, path, output=output, simulated=False)


def numbered(events: list[Event]) -> list[Event]:
    return [{**each, "seq": seq} for seq, each in enumerate(events, 1)]


def messages() -> list[Event]:
    said: list[Event] = [{"role": "system", "content": "s"}, {"role": "user", "content": str(NUMBER)}]
    for turn, so_far in enumerate(sums(NUMBER)[:-1], 1):
        given = list(zip(tools(turn), arguments(turn, so_far), strict=True))
        calls = [{"id": path, "name": TOOL, "arguments": json.dumps(each)} for path, each in given]
        said.append({"role": "assistant", "content": None, "tool_calls": calls})
        said += [result(path, output_of(path, each)) for path, each in given]
    return [*said, {"role": "assistant", "content": ANSWER}]


def result(path: str, output: Event) -> Event:
    return {"role": "tool", "tool_call_id": path, "content": json.dumps(output)}


def told(before: int) -> tuple[str, ...]:
    """The results that the model was shown before this turn."""
    every = [path for turn in range(1, before) for path in tools(turn)]
    return tuple(each["content"] for each in messages() if each.get("tool_call_id") in every)


def kept() -> Evidence:
    """One agent; the model of its third turn was asked twice, since whoever asked first was killed."""
    results = {
        "status": "completed",
        "output": {"value": ANSWER},
        "error": None,
        "step_results": {STEP: {"simulated": False}},
    }
    agent = Agent(results, messages(), stored(), Booked(TURNS, ALL_TOKENS, 0))
    paths = [(turn, path) for turn in range(1, TURNS) for path in tools(turn)]
    runs = [Run("e1", path, 1, turn + 0.6, f"1/{path}/1") for turn, path in paths]
    shown = [Shown(NUMBER, turn, told(turn)) for turn in (*range(1, TURNS + 1), 3)]
    return Evidence([Order("k1", NUMBER, ("e1",))], ["e1"], {"e1": agent}, runs, shown)


def with_agent(**changed: Any) -> Evidence:  # noqa: ANN401 - fields of Agent
    return replace(kept(), agents={"e1": replace(kept().agents["e1"], **changed)})


def with_stored(change: Callable[[list[Event]], list[Event]]) -> Evidence:
    return with_agent(stored=numbered(change(stored())))


def with_results(**changed: Any) -> Evidence:  # noqa: ANN401 - keys of results
    return with_agent(results={**kept().agents["e1"].results, **changed})


def with_messages(change: Callable[[list[Event]], list[Event]]) -> Evidence:
    return with_agent(messages=change(messages()))


def with_run(path: str, delivery: int, at: float) -> Evidence:
    return replace(kept(), runs=[*kept().runs, Run("e1", path, delivery, at, f"2/{path}/{delivery}")])


def without(*paths: str) -> Callable[[list[Event]], list[Event]]:
    return lambda events: [each for each in events if each.get("path") not in paths]


def changed(path: str, **facts: Any) -> Callable[[list[Event]], list[Event]]:  # noqa: ANN401 - fields of events
    """The event that says that this step is completed, with something else in it."""

    def change(events: list[Event]) -> list[Event]:
        is_it = ("step_completed", path)
        return [{**each, **facts} if (each["kind"], each.get("path")) == is_it else each for each in events]

    return change


def again(path: str) -> Callable[[list[Event]], list[Event]]:
    """This step is completed a second time, at once."""

    def change(events: list[Event]) -> list[Event]:
        place = next(n for n, each in enumerate(events) if (each["kind"], each.get("path")) == ("step_completed", path))
        return [*events[: place + 1], events[place], *events[place + 1 :]]

    return change


def turn_again(events: list[Event]) -> list[Event]:
    place = next(n for n, each in enumerate(events) if each.get("turn") == 4)
    return [*events[:place], {**events[place], "turn": 3}, *events[place:]]


def no_fifth_turn(events: list[Event]) -> list[Event]:
    kept = without(f"{STEP}#5.model", *tools(5))(events)
    return [each for each in kept if each.get("turn") != 5]


TWO = f"{STEP}#2.tool1"
PLANTED: dict[str, tuple[Evidence, str]] = {
    "an execution that is lost": (replace(kept(), listed=[]), "is lost"),
    "a gap in a history": (with_agent(stored=[each for each in stored() if each["seq"] != 9]), "a gap"),
    "a turn that was begun twice": (with_stored(turn_again), "began the turns [1, 2, 3, 3, 4,"),
    "a turn that was answered twice": (with_stored(again(f"{STEP}#3.model")), "#3.model ended 2 times instead of 1"),
    "a turn that is missing": (with_stored(no_fifth_turn), "began the turns [1, 2, 3, 4, 6,"),
    "an answer that is missing": (with_stored(without(f"{STEP}#5.model")), "#5.model ended 0 times instead of 1"),
    "a tool that is committed twice": (with_stored(again(TWO)), f"{TWO} ended 2 times instead of 1"),
    "a tool that nobody called": (
        with_stored(lambda events: [*events[:-2], done(f"{STEP}#2.tool9", 10.9, {}), *events[-2:]]),
        "#2.tool9 ended 1 times instead of 0",
    ),
    "a tool that failed": (
        with_stored(lambda events: [*events[:-3], event("step_failed", 10.0, TWO), *events[-3:]]),
        f"{TWO} failed",
    ),
    "a wrong answer": (with_results(output={"value": "1"}), "ended ('completed', {'value': '1'}"),
    "an execution that failed": (with_results(status="failed"), "ended ('failed'"),
    "a simulated turn": (with_stored(changed(f"{STEP}#1.model", simulated=True)), "has simulated output"),
    "a simulated agent": (with_results(step_results={STEP: {"simulated": True}}), "has simulated output"),
    "a simulated call in the ledger": (with_agent(booked=Booked(TURNS, ALL_TOKENS, 1)), "has simulated output"),
    "a turn twice in the transcript": (with_messages(lambda said: [*said[:5], *said[2:]]), "message 6 is"),
    "a turn that is not in the transcript": (with_messages(lambda said: [*said[:2], *said[5:]]), "message 3 is"),
    "two turns that changed places": (
        with_messages(lambda said: [*said[:2], *said[5:9], *said[2:5], *said[9:]]),
        "message 3 is",
    ),
    "two results that changed places": (
        with_messages(lambda said: [*said[:3], said[4], said[3], *said[5:]]),
        "were answered by",
    ),
    "a transcript that stops": (with_messages(lambda said: said[:-1]), "is None instead of"),
    "a result that the model was not shown": (
        replace(kept(), shown=[Shown(NUMBER, 3, told(3)[:-1])]),
        "was shown other results in turn 3",
    ),
    "a result that was replaced after it was shown": (
        replace(kept(), shown=[Shown(NUMBER, 2, (*told(2)[:-1], json.dumps({"value": 1, "run": "9"})))]),
        "was shown other results in turn 2",
    ),
    "a run that nobody ordered": (with_run(TWO, 2, 2.61), f"('e1', '{TWO}', 2) ran and was never handed over"),
    "two runs of one hand-over": (with_run(TWO, 1, 2.61), "ran 2 times for one hand-over"),
    "a run after the result": (with_run(TWO, 1, 2.9), f"{TWO} ran 0.100 s after its result was there"),
    "a result out of nowhere": (
        with_stored(changed(TWO, output={"value": 1, "run": "9/9"})),
        "which no run of it answered",
    ),
    "a call that is booked twice": (
        with_agent(booked=Booked(TURNS + 1, ALL_TOKENS + tokens(3), 0)),
        "11 calls with",
    ),
    "a call that is not booked": (with_agent(booked=Booked(TURNS - 1, ALL_TOKENS - tokens(3), 0)), "9 calls with"),
    "a call that is booked in the place of another": (
        with_agent(booked=Booked(TURNS, ALL_TOKENS - tokens(3) + tokens(4), 0)),
        "10 calls with",
    ),
}


def test_kept_promises_are_no_violations() -> None:
    assert violations(kept()) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(planted: str) -> None:
    evidence, said = PLANTED[planted]

    assert said in "\n".join(violations(evidence))


# --- the model


def asked(*results: int, turns: int = 0) -> Asked:
    """A conversation about `NUMBER` in which the model has spoken so often and was told these values."""
    said = [Said("user", str(NUMBER)), *(Said("assistant", "") for _ in range(turns))]
    told = tuple(ToolResult(str(place), json.dumps({"value": value})) for place, value in enumerate(results))
    return Asked(Request("POST", "/", {}, b""), "openai", "m", "", False, {}, "", (*said, Said("user", "", (), told)))


def test_the_model_adds_up_what_it_is_told_in_the_order_in_which_it_is_told() -> None:
    values = [value_of(given) for turn, so_far in enumerate(sums(NUMBER)[:-1], 1) for given in arguments(turn, so_far)]
    model = Model()

    assert model(asked(*values, turns=TURNS - 1)).text == ANSWER
    assert model(asked(*values[:-1], turns=TURNS - 1)).text != ANSWER
    assert model(asked(*values, values[-1], turns=TURNS - 1)).text != ANSWER
    assert model(asked(values[1], values[0], *values[2:], turns=TURNS - 1)).text != ANSWER


def test_the_model_calls_as_many_tools_as_the_turn_wants_and_says_how_far_it_is() -> None:
    model = Model()

    assert [call.arguments for call in model(asked()).tool_calls] == arguments(1, NUMBER)
    assert (model.calls, model.in_the_middle, model.through) == (1, 0, 0)
    model(asked(turns=1))
    assert (model.calls, model.in_the_middle, model.through) == (2, 1, 0)
    model(asked(turns=TURNS - 1))
    assert (model.calls, model.in_the_middle, model.through) == (3, 0, 1)
