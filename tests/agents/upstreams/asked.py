"""One request to a fake model, as it came and as it is read: the same words for every provider's format."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tests.agents.upstreams.reply import Document, ToolCall


@dataclass(frozen=True, slots=True)
class Request:
    """HTTP as it came in. Header names are in lower case."""

    method: str
    target: str
    """Path and query, still encoded."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def document(self) -> Document:
        read: Document = json.loads(self.body)
        return read


@dataclass(frozen=True, slots=True)
class ToolResult:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    request: Request
    wire: str
    model: str
    key: str
    """The credential that was presented: a key, or for AWS the id of one."""
    stream: bool
    document: Document
    system: str
    said: tuple[Said, ...]
    tools: tuple[str, ...] = ()
    """Names of the tools that were offered."""
    forced_tool: str | None = None
    """The model may answer by a call of this tool only: how some providers are made to give JSON."""

    @property
    def turn(self) -> int:
        """How often the model has spoken before."""
        return sum(said.role == "assistant" for said in self.said)

    @property
    def question(self) -> str:
        """What the user said last."""
        return next((said.text for said in reversed(self.said) if said.role == "user" and said.text), "")

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        return tuple(result for said in self.said for result in said.tool_results)


def text_of(content: object) -> str:
    """The text of a message whose content is a text, or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
