"""What a model answered, put together: at once, or from the pieces of a stream. Both come out the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workflow_engine.agents.worker.failures import AnswerUnreadable

_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "content_filter",
}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` as the model wrote them: JSON, or what it took for it."""

    id: str
    name: str
    arguments: str

    def document(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "arguments": self.arguments}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `raw` is litellm's own, with what was cached."""

    input_tokens: int
    output_tokens: int
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`usage` None: the provider did not say. `number` is the place of the model that answered."""

    content: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Usage | None
    number: int

    @property
    def is_withheld(self) -> bool:
        """Whether a filter of the provider left nothing of it."""
        return self.finish_reason == "content_filter" and self.content is None and not self.tool_calls

    def message(self) -> dict[str, Any]:
        calls = [call.document() for call in self.tool_calls]
        return {"role": "assistant", "content": self.content, **({"tool_calls": calls} if calls else {})}

    def text(self) -> str:
        """All that the model wrote, to be counted."""
        return " ".join([self.content or "", *(f"{call.name} {call.arguments}" for call in self.tool_calls)])


def whole(response: Any) -> Answer:  # noqa: ANN401  # litellm's ModelResponse
    """Raises `AnswerUnreadable`."""
    choices = getattr(response, "choices", None)
    if not choices:
        raise AnswerUnreadable("it holds no choice")
    message = choices[0].message
    calls = tuple(
        ToolCall(str(call.id or f"call_{number}"), _name(call.function), str(call.function.arguments or ""))
        for number, call in enumerate(message.tool_calls or ())
    )
    return Answer(
        content=_content(message.content) or _refusal(message),
        tool_calls=calls,
        finish_reason=_reason(choices[0].finish_reason, bool(calls)),
        usage=_usage(getattr(response, "usage", None)),
        number=number_of(response),
    )


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Assembly:
    """Takes the pieces of a stream; `say` gets each text as it comes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._content: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._reason: str | None = None
        self._usage: Usage | None = None

    def add(self, piece: Any) -> None:  # noqa: ANN401  # litellm's ModelResponseStream
        self._usage = _usage(getattr(piece, "usage", None)) or self._usage
        for choice in piece.choices[:1]:
            self._reason = choice.finish_reason or self._reason
            if text := choice.delta.content or _refusal(choice.delta):
                self._content.append(text)
                self._say(text)
            for call in choice.delta.tool_calls or ():
                self._add_call(call)

    def _add_call(self, call: Any) -> None:  # noqa: ANN401  # as above
        known = self._calls.setdefault(call.index or 0, _Call())
        known.id = known.id or str(call.id or "")
        known.name = known.name or str(call.function.name or "")
        if call.function.arguments:
            known.arguments.append(call.function.arguments)

    def answer(self, number: int) -> Answer:
        """Raises `AnswerUnreadable`."""
        calls = tuple(self._call(index, call) for index, call in sorted(self._calls.items()))
        return Answer(
            content="".join(self._content) or None,
            tool_calls=calls,
            finish_reason=_reason(self._reason, bool(calls)),
            usage=self._usage,
            number=number,
        )

    def _call(self, index: int, call: _Call) -> ToolCall:
        if not call.name:
            raise AnswerUnreadable("it calls a tool without a name")
        return ToolCall(call.id or f"call_{index}", call.name, "".join(call.arguments))


def _name(function: Any) -> str:  # noqa: ANN401  # litellm's Function
    if not function.name:
        raise AnswerUnreadable("it calls a tool without a name")
    return str(function.name)


def _content(content: object) -> str | None:
    return content if isinstance(content, str) and content else None


def _refusal(message: Any) -> str | None:  # noqa: ANN401  # litellm's Message, or the piece of one
    """What OpenAI's models say in place of an answer, in a field of its own."""
    fields = getattr(message, "provider_specific_fields", None) or {}
    return _content(getattr(message, "refusal", None) or fields.get("refusal"))


def _reason(said: str | None, calls: bool) -> str:
    reason = _REASONS.get(said or "", "other")
    return "tool_calls" if calls and reason in ("stop", "other") else reason


def _usage(found: Any) -> Usage | None:  # noqa: ANN401  # litellm's Usage
    prompt, completion = getattr(found, "prompt_tokens", None), getattr(found, "completion_tokens", None)
    if not (prompt or completion):
        return None
    return Usage(max(int(prompt or 0), 0), max(int(completion or 0), 0), found)


def number_of(response: Any) -> int:  # noqa: ANN401  # what the Router calls the model that answered
    hidden = getattr(response, "_hidden_params", None) or {}
    text = str(hidden.get("model_id") or "0")
    return int(text) if text.isdigit() else 0
