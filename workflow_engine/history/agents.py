"""A conversation, as far as its history goes: what was said, what it took, and what is being waited for.

An agent is a step that owns turns: `research#2.model` asks the model for the second time, `research#2.tool1` is the
first tool it then calls. Who belongs to whom is in the path.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, cast

from workflow_engine.history.events import AgentStarted, AgentTurnStarted, StepError
from workflow_engine.history.statuses import StepStatus
from workflow_engine.jsontext import Json, JsonObject, write

MODEL: Final = "model"
"""The id of the step, in each turn, that asks the model."""
USER_INPUT: Final = "user_input"
"""Why an agent waits that was told to go on talking with its user."""
_REFUSED: Final = frozenset({"contract-violation", "invalid-config"})
"""Failures of a tool that are the caller's fault: the model called it wrongly."""


class Ended(Protocol):
    """What a tool's step ended in."""

    @property
    def status(self) -> StepStatus: ...
    @property
    def output(self) -> Json: ...
    @property
    def error(self) -> StepError | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def simulated(self) -> bool: ...


def owner_of(path: str) -> str | None:
    """The step whose turn this step is part of: `a` for `a#2.model`; None for a step of the document."""
    scope = path[: path.rfind(".") + 1]
    owner, mark, _ = scope.rpartition("#")
    return owner if mark and "." not in scope[len(owner) : -1] else None


def prefix_of(path: str, turn: int) -> str:
    """What the paths of this turn's steps begin with."""
    return f"{path}#{turn}."


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens and money. `unpriced` counts the calls of which nobody knows what they cost."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    @classmethod
    def of(cls, path: str, output: Json) -> "Used | None":
        """What a call of a model took, as its output says it; None for any other step."""
        if not path.endswith(f".{MODEL}") or not isinstance(output, dict):
            return None
        usage, cost = output.get("usage"), output.get("cost_usd")
        usage = usage if isinstance(usage, dict) else {}
        priced = isinstance(cost, int | float)
        return cls(
            cast(int, usage.get("input_tokens", 0)),
            cast(int, usage.get("output_tokens", 0)),
            float(cast(float, cost)) if priced else 0.0,
            int(not priced),
        )

    def with_more(self, other: "Used") -> "Used":
        return Used(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
            self.unpriced + other.unpriced,
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def written(self) -> JsonObject:
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}

    @property
    def known_cost(self) -> float | None:
        """None as soon as one call has no price."""
        return None if self.unpriced else round(self.cost_usd, 9)


@dataclass(slots=True)
class AgentState:
    """One conversation. `messages` is what the next call of the model is shown."""

    conversation: JsonObject
    memo: Json
    began_at: float
    messages: list[JsonObject]
    simulation_reason: str | None = None
    """Why its turns are simulated; None: real models are asked."""
    tools_were_simulated: bool = False
    """Some of what it was told by tools was made up."""
    turn: int = -1
    """The turn that is on; 0 asks MCP servers for their tools."""
    model_turns: int = 0
    """How often a model answered."""
    turns_since_heard: int = 0
    """The same, since a user last said something."""
    calls: tuple[JsonObject, ...] | None = None
    """The tool calls of this turn; None while the model has not answered, or was not judged."""
    discovered: list[tuple[str, JsonObject]] = field(default_factory=list)
    """What MCP servers answered, by the id of the step that asked."""
    answer: JsonObject | None = None
    """What the model answered in this turn."""
    model: str | None = None
    """The model that answered last."""
    used: Used = Used()
    tools_used: list[str] = field(default_factory=list)
    tool_calls: int = 0
    bad_calls: int = 0
    repairs: int = 0
    inbox: deque[JsonObject] = field(default_factory=deque)
    """What users said since the last turn."""
    is_last_turn: bool = False
    """The user said that this is the end."""
    is_over: bool = False

    @classmethod
    def begun(cls, event: AgentStarted) -> Self:
        said = cast(list[JsonObject], event.conversation["messages"])
        simulation = cast(JsonObject | None, event.conversation.get("simulation"))
        reason = None if simulation is None else cast(str, simulation["reason"])
        return cls(event.conversation, event.memo, event.at, list(said), reason)

    def begin_turn(self, event: AgentTurnStarted, results: Mapping[str, Ended]) -> None:
        """The next turn, with what the tools of the one before brought."""
        self.messages += self._told(results)
        if event.say is not None:
            self.messages.append(event.say)
            self.repairs += 1
        for _ in range(event.messages_taken):
            self._take(self.inbox.popleft())
            self.turns_since_heard = 0
        self.turn = event.turn
        self.calls = self.answer = None

    def _take(self, message: JsonObject) -> None:
        metadata = message.get("metadata")
        self.is_last_turn |= isinstance(metadata, dict) and metadata.get("final_turn") is True
        self.messages.append(message)

    def _told(self, results: Mapping[str, Ended]) -> list[JsonObject]:
        """What the model is told of its tool calls, in the order it made them."""
        return [
            {"role": "tool", "tool_call_id": call["id"], "content": self._result(call, results)}
            for call in self.calls or ()
        ]

    def _result(self, call: JsonObject, results: Mapping[str, Ended]) -> str:
        if "error" in call:
            return f"Error: {call['error']}"
        ended = results.get(cast(str, call["step"]))
        if ended is None or ended.status is not StepStatus.COMPLETED:
            error = None if ended is None else ended.error
            told = "Error: the tool was cancelled" if error is None else f"Error {error.code}: {error.message}"
            return _bounded(told, self._longest_result)
        key = call.get("answer_key")
        output = ended.output.get(key) if isinstance(key, str) and isinstance(ended.output, dict) else ended.output
        told = _bounded(output if isinstance(output, str) else write(output).decode(), self._longest_result)
        return f"{told}\n[simulated: made up, because nobody could be asked]" if ended.simulated else told

    @property
    def _longest_result(self) -> int:
        return cast(int, cast(JsonObject, self.conversation["limits"])["max_tool_result_bytes"])

    def steps_called(self, path: str) -> dict[str, str]:
        """The steps of this turn's tool calls: id within the turn -> path."""
        steps = [cast(str, call["step"]) for call in self.calls or () if "step" in call]
        return {step: prefix_of(path, self.turn) + step for step in steps}

    def call(self, calls: tuple[JsonObject, ...]) -> None:
        self.calls = calls
        self.bad_calls += sum("error" in call for call in calls)

    def _was_called(self, step: str) -> None:
        """A tool did its work, well or badly."""
        self.tool_calls += 1
        names = [cast(str, call["name"]) for call in self.calls or () if call.get("step") == step]
        self.tools_used += [name for name in names if name not in self.tools_used]

    def heard(self, path: str, output: Json, simulated: bool) -> None:
        """A step of this turn answered."""
        step = path[path.rfind(".") + 1 :]
        if step != MODEL and self.turn > 0:
            self._was_called(step)
            self.tools_were_simulated |= simulated
        if not isinstance(output, dict):
            return
        if step == MODEL:
            self.answer = output
            self.model_turns += 1
            self.turns_since_heard += 1
            self.model = cast(str | None, output.get("model")) or self.model
            self.messages.append(cast(JsonObject, output["message"]))
            if simulated and self.simulation_reason is None:
                self.simulation_reason = "no-provider"
        elif self.turn == 0:
            self.discovered.append((step, output))

    def heard_failure(self, path: str, error: StepError) -> None:
        step = path[path.rfind(".") + 1 :]
        if step == MODEL or self.turn <= 0:
            return
        if error.code in _REFUSED:
            self.bad_calls += 1
        else:
            self._was_called(step)

    @property
    def why_simulated(self) -> str | None:
        """Why what comes of it is not to be taken for real; None when everything in it is."""
        return self.simulation_reason or ("simulated-tool" if self.tools_were_simulated else None)

    @property
    def text(self) -> str:
        """What the model said last."""
        said = [message for message in self.messages if message["role"] == "assistant"]
        content = said[-1].get("content") if said else None
        return content if isinstance(content, str) else ""


def _bounded(text: str, longest: int) -> str:
    """A result that is too long for the model is cut, and says so."""
    data = text.encode()
    if len(data) <= longest:
        return text
    return f"{data[:longest].decode(errors='ignore')}\n[cut: {len(data) - longest} of {len(data)} bytes are not shown]"
