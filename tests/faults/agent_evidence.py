"""What is known after a fault test of agents, and every promise that was broken: a pure function of the evidence.

Four witnesses are compared: the histories in the database, what the server tells over REST, what the tool wrote down of
each of its runs, and what the fake provider was shown.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from tests.faults import evidence as histories
from tests.faults.agent_script import ALL_TOKENS, STEP, TOOL, TURNS, arguments, sums, width
from tests.faults.evidence import ENDS_OF_STEPS, Found, Order

Event = Mapping[str, Any]
HANDED_OVER: Final = frozenset({"step_scheduled", "step_rescheduled", "step_resumed"})
CLOCK_SECONDS: Final = 0.01
"""How far two readings of one machine's clock by two processes may be apart."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tool, as it wrote it down when it began; `at` in epoch seconds."""

    execution: str
    path: str
    delivery: int
    at: float
    run: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One call of the provider: which agent asks, in which turn, and the results it was shown, in order."""

    number: int
    turn: int
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger says of one execution."""

    calls: int
    input_tokens: int
    simulated_calls: int


@dataclass(frozen=True, slots=True)
class Agent:
    """One execution at its end. `stored`: its history as it lies in the database."""

    results: Event
    messages: Sequence[Event]
    stored: Sequence[Event]
    booked: Booked

    def ended(self, path: str) -> Event | None:
        return next((each for each in self.stored if each["kind"] == "step_completed" and each["path"] == path), None)

    @property
    def ends(self) -> Counter[str]:
        return Counter(each["path"] for each in self.stored if each["kind"] in ENDS_OF_STEPS)


@dataclass(frozen=True, slots=True)
class Evidence:
    orders: Sequence[Order]
    listed: Sequence[str]
    agents: Mapping[str, Agent]
    runs: Sequence[Run]
    shown: Sequence[Shown]

    def asked(self) -> Iterator[tuple[int, str, Agent]]:
        """Each number that was asked for, with its execution."""
        for order in self.orders:
            for execution_id in sorted(set(order.answers) & self.agents.keys()):
                yield order.number, execution_id, self.agents[execution_id]


def violations(evidence: Evidence) -> list[str]:
    """Every promise that was broken, as a sentence; none when all were kept."""
    return [line for check in _CHECKS for line in check(evidence)]


# --- histories


def _histories_are_right(evidence: Evidence) -> Iterator[str]:
    """Accepted once, there once, ended once, without a gap; the fence grows with every hand-over."""
    found = {
        each: Found(agent.results, [_public(event) for event in agent.stored], _deliveries(agent.stored))
        for each, agent in evidence.agents.items()
    }
    known = histories.Evidence(evidence.orders, evidence.listed, found, ())
    for check in histories.CHECKS_OF_HISTORIES:
        yield from check(known)


def _turns_are_numbered(evidence: Evidence) -> Iterator[str]:
    for execution_id, agent in evidence.agents.items():
        begun = [each["turn"] for each in agent.stored if each["kind"] == "agent_turn_started"]
        if begun != list(range(1, TURNS + 1)):
            yield f"execution {execution_id} began the turns {begun}"


def _each_step_of_a_turn_is_completed_once(evidence: Evidence) -> Iterator[str]:
    """The model of each turn, and each tool it called; and nothing else ever ended."""
    expected = Counter([STEP, *(path for turn in range(1, TURNS + 1) for path in _paths(turn))])
    for execution_id, agent in evidence.agents.items():
        ended = agent.ends
        for path in sorted((ended | expected).keys()):
            if ended[path] != expected[path]:
                yield f"execution {execution_id}: {path} ended {ended[path]} times instead of {expected[path]}"
        failed = [each["path"] for each in agent.stored if each["kind"] == "step_failed"]
        yield from (f"execution {execution_id}: {path} failed" for path in failed)


def _ends_right(evidence: Evidence) -> Iterator[str]:
    for number, execution_id, agent in evidence.asked():
        said = (agent.results["status"], agent.results["output"])
        if said != ("completed", {"value": str(sums(number)[-1])}):
            yield f"execution {execution_id} of {number} ended {said}: {agent.results['error']}"


def _nothing_is_simulated(evidence: Evidence) -> Iterator[str]:
    for execution_id, agent in evidence.agents.items():
        simulated = [each["path"] for each in agent.stored if each.get("simulated")]
        simulated += [each["path"] for each in agent.stored if each["kind"] == "agent_simulated"]
        simulated += [path for path, step in agent.results["step_results"].items() if step["simulated"]]
        if simulated or agent.booked.simulated_calls:
            yield f"execution {execution_id} has simulated output: {simulated}"


# --- what was said


def _transcripts_are_whole(evidence: Evidence) -> Iterator[str]:
    """Every turn once, in order, with the results of its tools behind it, in the order of its calls."""
    for number, execution_id, agent in evidence.asked():
        wanted = _transcript(number, agent)
        said = [_plain(message) for message in agent.messages]
        if said != wanted:
            place, there, should = next(
                (place, *pair) for place, pair in enumerate(zip_longest(said, wanted), 1) if pair[0] != pair[1]
            )
            yield f"execution {execution_id}: message {place} is {there} instead of {should}"


def _transcript(number: int, agent: Agent) -> list[Event]:
    said: list[Event] = [{"role": "system"}, {"role": "user", "content": str(number)}]
    so_far = sums(number)
    for turn in range(1, TURNS):
        said.append({"role": "assistant", "calls": arguments(turn, so_far[turn - 1])})
        said += [{"role": "tool", "content": _output(agent, path)} for path in _tools(turn)]
    return [*said, {"role": "assistant", "content": str(so_far[-1]), "calls": []}]


def _plain(message: Event) -> Event:
    """A message as far as it is compared."""
    match message["role"]:
        case "tool":
            return {"role": "tool", "content": _read(message["content"])}
        case "assistant":
            calls = [_read(call["arguments"]) for call in message.get("tool_calls") or () if call["name"] == TOOL]
            text = {"content": message["content"]} if not calls else {}
            return {"role": "assistant", "calls": calls, **text}
        case "system":
            return {"role": "system"}
        case role:
            return {"role": role, "content": message["content"]}


def _ids_belong_together(evidence: Evidence) -> Iterator[str]:
    for execution_id, agent in evidence.agents.items():
        called = [call["id"] for message in agent.messages for call in message.get("tool_calls") or ()]
        answered = [message["tool_call_id"] for message in agent.messages if message["role"] == "tool"]
        if called != answered:
            yield f"execution {execution_id}: the calls {called} were answered by {answered}"


def _models_are_shown_what_is_stored(evidence: Evidence) -> Iterator[str]:
    """However often a call was repeated: the model never saw a result but the one that counts."""
    by_number = {number: agent for number, _, agent in evidence.asked()}
    for call in evidence.shown:
        agent = by_number.get(call.number)
        called = [path for turn in range(1, call.turn) for path in _tools(turn)]
        if agent is None or [_read(text) for text in call.results] != [_output(agent, path) for path in called]:
            yield f"the model of {call.number} was shown other results in turn {call.turn} than those that count"


# --- tools


def _tools_run_as_they_were_handed_over(evidence: Evidence) -> Iterator[str]:
    """A run belongs to a hand-over that was stored before, and each hand-over makes one run at most."""
    stored = {
        (execution_id, path, delivery)
        for execution_id, agent in evidence.agents.items()
        for path, delivery in _deliveries(agent.stored)
    }
    runs = Counter((run.execution, run.path, run.delivery) for run in evidence.runs)
    for whose, count in runs.items():
        if whose not in stored:
            yield f"{whose} ran and was never handed over"
        elif count > 1:
            yield f"{whose} ran {count} times for one hand-over"


def _tools_never_run_after_their_result(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs:
        agent = evidence.agents.get(run.execution)
        ended = None if agent is None else agent.ended(run.path)
        if ended is not None and run.at > ended["at"] + CLOCK_SECONDS:
            yield f"execution {run.execution}: {run.path} ran {run.at - ended['at']:.3f} s after its result was there"


def _results_come_from_runs(evidence: Evidence) -> Iterator[str]:
    """A stored result is one that a run of that very step answered."""
    runs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for run in evidence.runs:
        runs[run.execution, run.path].add(run.run)
    for execution_id, agent in evidence.agents.items():
        for path in (path for turn in range(1, TURNS) for path in _tools(turn)):
            output = _output(agent, path)
            if output is not None and output["run"] not in runs[execution_id, path]:
                yield f"execution {execution_id}: {path} holds {output}, which no run of it answered"


# --- money


def _each_call_is_booked_once(evidence: Evidence) -> Iterator[str]:
    """Each turn reads another power of two, so that the sum says which of them are in it."""
    for execution_id, agent in evidence.agents.items():
        booked = (agent.booked.calls, agent.booked.input_tokens)
        if booked != (TURNS, ALL_TOKENS):
            yield f"execution {execution_id}: {booked[0]} calls with {booked[1]:#x} tokens are booked"


# --- reading


def _tools(turn: int) -> list[str]:
    return [f"{STEP}#{turn}.tool{place}" for place in range(1, width(turn) + 1)]


def _paths(turn: int) -> list[str]:
    return [f"{STEP}#{turn}.model", *(_tools(turn) if turn < TURNS else [])]


def _output(agent: Agent, path: str) -> Any:  # noqa: ANN401 - JSON
    ended = agent.ended(path)
    return None if ended is None else ended["output"]


def _read(text: Any) -> Any:  # noqa: ANN401 - JSON, or what a model was told instead
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _public(event: Event) -> Event:
    """As the checks of histories want it: an event of the execution has no path."""
    return {key: event[key] for key in ("seq", "kind", "path") if key in event}


def _deliveries(stored: Sequence[Event]) -> list[tuple[str, int]]:
    return [(each["path"], each["delivery"]) for each in stored if each["kind"] in HANDED_OVER]


_CHECKS: Final = (
    _histories_are_right,
    _turns_are_numbered,
    _each_step_of_a_turn_is_completed_once,
    _ends_right,
    _nothing_is_simulated,
    _transcripts_are_whole,
    _ids_belong_together,
    _models_are_shown_what_is_stored,
    _tools_run_as_they_were_handed_over,
    _tools_never_run_after_their_result,
    _results_come_from_runs,
    _each_call_is_booked_once,
)
