"""What the agents of the fault test are asked, what their model says, and what must come of it.

A model that is a pure function of the conversation: in each turn but the last it calls a tool with what the results so
far add up to, in the order in which it was shown them, and in the last it says that sum. So a result that is lost,
doubled, or told out of order changes every call that follows, and the answer.
"""

import json
import threading
from collections.abc import Sequence
from typing import Any, Final

from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.reply import Reply, ToolCall, Usage, calls

TOOL: Final = "fault_number"
STEP: Final = "ask"
TURNS: Final = 10
DELAYS: Final = (0.03, 0.09, 0.06)
"""Seconds a model thinks, by the turn."""
_MODULUS: Final = 1_000_003


def document(number: int, log: str) -> dict[str, Any]:
    """One agent. `log` is where its tool writes down that it runs."""
    agent = {
        "agent_name": "Ann",
        "model": "openai/gpt-4o-mini",
        "system_prompt": "Add it all up.",
        "tools": [{"step_type": TOOL, "config": {"log": log}}],
        "limits": {"max_turns": TURNS},
        "simulation": "never",
    }
    config = {"agent_config": agent, "query": str(number), "return_simplified": True}
    step = {"step_id": STEP, "step_type": "agent_execution", "config": config}
    return {"name": "agent faults", "steps": [step], "output": {"value": f"${{steps.{STEP}.output.response}}"}}


def width(turn: int) -> int:
    """How many tools are called at once in this turn; turns count from 1."""
    return turn % 3 + 1


def arguments(turn: int, so_far: int) -> list[dict[str, int]]:
    """What the tools of one turn are called with, in order."""
    return [{"n": turn, "place": place, "so_far": so_far} for place in range(1, width(turn) + 1)]


def value_of(given: dict[str, int]) -> int:
    """What the tool works out."""
    return (given["so_far"] * 31 + given["n"] * 7 + given["place"]) % _MODULUS


def added(so_far: int, values: Sequence[int]) -> int:
    """The sum of a model that has been told these values, one after the other. The order matters."""
    for value in values:
        so_far = (so_far * 37 + value) % _MODULUS
    return so_far


def sums(number: int) -> list[int]:
    """What the results add up to before each turn: that of the first comes first, that of the last is the answer."""
    found = [number]
    for turn in range(1, TURNS):
        found.append(added(found[-1], [value_of(given) for given in arguments(turn, found[-1])]))
    return found


def tokens(turn: int) -> int:
    """What a turn reads. Any sum of ten of these that is right has each of them once."""
    return 1 << turn


ALL_TOKENS: Final = sum(tokens(turn) for turn in range(1, TURNS + 1))


class Model:
    """The `Respond` of the fake provider; it knows how far each agent has come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[int, int] = {}
        self._calls = 0

    def __call__(self, asked: Asked) -> Reply:
        number, turn = int(asked.question), asked.turn + 1
        with self._lock:
            self._turns[number] = max(turn, self._turns.get(number, 0))
            self._calls += 1
        so_far = added(number, [_told(result.text) for result in asked.tool_results])
        usage, delay = Usage(tokens(turn), 1), DELAYS[turn % len(DELAYS)]
        if turn >= TURNS:
            return Reply(str(so_far), usage=usage, delay=delay)
        wanted = [ToolCall(TOOL, dict(given)) for given in arguments(turn, so_far)]
        return Reply(tool_calls=calls(*wanted).tool_calls, usage=usage, delay=delay)

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def in_the_middle(self) -> int:
        """Agents whose model has answered, and not for the last time."""
        with self._lock:
            return sum(1 < turn < TURNS for turn in self._turns.values())

    @property
    def through(self) -> int:
        """Agents whose model was asked for the last time."""
        with self._lock:
            return sum(turn >= TURNS for turn in self._turns.values())


def _told(text: str) -> int:
    """The value in a result; an error that the model is told adds up to something wrong."""
    try:
        return int(json.loads(text)["value"])
    except (ValueError, TypeError, KeyError):
        return -1
