"""What a fake model says, in one vocabulary for every provider's wire format."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Document: TypeAlias = dict[str, Any]
"""A provider's JSON."""
Finish: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter"]

NEVER: Final = math.inf
"""A delay: takes the request and does not answer."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments`: an object, or the text of one as a careless model writes it (OpenAI's and Anthropic's stream only:
    the other formats carry objects).
    """

    name: str
    arguments: Document | str = field(default_factory=dict)
    id: str = ""
    """Empty: the fake makes one of the turn and the place."""

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)

    @property
    def object(self) -> Document:
        read: Document = json.loads(self.text)
        return read


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens."""

    input: int = 10
    output: int = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model. With a `status` from 400 on `text` is the message of the provider's error."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish: Finish | None = None
    """None: `tool_calls` when there are some, else `stop`."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the first byte; `NEVER` until the caller is gone or the fake is closed."""
    pace: float = 0.0
    """Seconds between two events of a stream."""
    drop_after: int | None = None
    """The connection ends after so many events of a stream, or halves of a plain answer."""
    raw: bytes | None = None
    """These bytes are the body, whatever was asked for; with the status 0 there is no HTTP around them."""

    @property
    def finish_reason(self) -> Finish:
        return self.finish or ("tool_calls" if self.tool_calls else "stop")

    @property
    def words(self) -> tuple[str, ...]:
        """The text as it comes in a stream: word by word."""
        return tuple(self.text.replace(" ", " \0").split("\0")) if self.text else ()


def calls(*tools: ToolCall, text: str = "", usage: Usage = Usage()) -> Reply:
    """The model asks for these tools."""
    return Reply(text, tools, usage)


def says(document: object) -> Reply:
    """The model answers with this JSON."""
    return Reply(json.dumps(document))


def refuses(status: int, message: str = "", **headers: str) -> Reply:
    """The provider refuses; `Retry_After="3"` is a header."""
    return Reply(message, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})
