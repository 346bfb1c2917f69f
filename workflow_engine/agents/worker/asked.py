"""The inputs of the three step types, read once. The server has checked them against the schemas before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DEFAULT_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens."""

    input_per_million: float
    output_per_million: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """`name` in litellm's spelling; `credential` the name of one."""

    name: str
    api_base: str | None = None
    credential: str | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class ModelCall:
    """`tokens_left` and `usd_left` are what the agent's limits leave, None without a limit."""

    models: tuple[Model, ...]
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]]
    temperature: float | None
    max_tokens: int | None
    response_schema: Mapping[str, Any] | None
    stream: bool
    tokens_left: int | None
    usd_left: float | None
    timeout: float

    def text(self) -> str:
        """All that the model is to read, to be counted."""
        return json.dumps([self.messages, self.tools, self.response_schema], ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class McpAsked:
    """A server by its `name` or by a `url`."""

    name: str | None
    url: str | None
    credential: str | None
    timeout: float


def model_call(document: Mapping[str, Any]) -> ModelCall:
    budget = document.get("budget") or {}
    return ModelCall(
        models=tuple(_model(entry) for entry in document["models"]),
        messages=document["messages"],
        tools=document.get("tools") or (),
        temperature=document.get("temperature"),
        max_tokens=document.get("max_tokens"),
        response_schema=document.get("response_schema"),
        stream=bool(document.get("stream")),
        tokens_left=budget.get("tokens"),
        usd_left=budget.get("cost_usd"),
        timeout=float(document.get("timeout_seconds") or DEFAULT_SECONDS),
    )


def _model(entry: Mapping[str, Any]) -> Model:
    price = entry.get("price")
    return Model(
        name=entry["model"],
        api_base=entry.get("api_base") or None,
        credential=entry.get("credential") or None,
        price=None
        if price is None
        else Price(float(price.get("input_per_million") or 0), float(price.get("output_per_million") or 0)),
    )


def mcp_asked(document: Mapping[str, Any]) -> McpAsked:
    server = document["server"]
    return McpAsked(
        name=server.get("name") or None,
        url=server.get("url") or None,
        credential=server.get("credential") or None,
        timeout=float(document.get("timeout_seconds") or DEFAULT_SECONDS),
    )
