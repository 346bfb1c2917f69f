"""The families of providers that every test of a model call runs on."""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.agents.keys import ANTHROPIC_KEY, AWS_KEY, GEMINI_KEY, ONPREM_KEY, OPENAI_KEY
from tests.agents.upstreams.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    model: str
    wire: str
    key: str
    """What the fake sees when the worker's own key is used; for AWS the id of it."""
    elsewhere: str
    """How the model is spelled when the agent names an address."""
    known_price: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def here(self) -> dict[str, Any]:
        """The model where the worker's environment says it is."""
        return {"model": self.model}

    def at(self, upstream: Upstream, credential: str | None = "SPARE") -> dict[str, Any]:
        """The model at an address that the agent names."""
        return {"model": self.elsewhere, "api_base": upstream.base(self.wire), "credential": credential}


CLAUDE: Final = "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0"
FAMILIES: Final = (
    Family("openai", "openai/gpt-4o-mini", "openai", OPENAI_KEY, "openai/gpt-4o-mini"),
    Family("anthropic", "anthropic/claude-haiku-4-5", "anthropic", ANTHROPIC_KEY, "anthropic/claude-haiku-4-5"),
    Family("gemini", "gemini/gemini-2.5-flash", "gemini", GEMINI_KEY, "gemini/gemini-2.5-flash"),
    Family("bedrock", CLAUDE, "bedrock", AWS_KEY, CLAUDE),
    Family("onprem", "onprem/local-model", "openai", ONPREM_KEY, "openai/local-model", known_price=False),
)
OPENAI, ANTHROPIC, GEMINI, BEDROCK, ONPREM = FAMILIES

every_family: Final = pytest.mark.parametrize("family", FAMILIES, ids=str)
every_way: Final = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streaming"])
