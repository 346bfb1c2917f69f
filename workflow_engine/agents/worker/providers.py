"""The table of providers as the agent worker needs it: with the variables by which an operator says an address.

The environment comes in as a mapping; values are looked at only for whether they are there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.agents.providers import AWS_REGIONS, CREDENTIAL_PREFIX, ONPREM, is_configured
from workflow_engine.agents.providers import PROVIDERS as TABLE
from workflow_engine.agents.providers import Provider as Row
from workflow_engine.agents.worker.failures import CredentialNameInvalid, CredentialUnknown

_NAME: Final = re.compile(r"[A-Z0-9_]{1,64}")

ONPREM_BASE: Final = "ONPREM_API_BASE"
ONPREM_KEY: Final = "ONPREM_API_KEY"
BEDROCK: Final = "bedrock"


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of the table, and `bases`: where its address may be said, the first that is set counts."""

    row: Row
    bases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.row.name

    def is_configured(self, environment: Mapping[str, str]) -> bool:
        return is_configured(self.row, environment)

    def advice(self) -> str:
        return self.row.advice

    def base(self, environment: Mapping[str, str]) -> str | None:
        return next((environment[name] for name in self.bases if environment.get(name)), None)


_BASES: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
    "anthropic": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
    "gemini": ("GEMINI_API_BASE",),
    BEDROCK: ("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    ONPREM: (ONPREM_BASE,),
}
PROVIDERS: Final[Mapping[str, Provider]] = {row.name: Provider(row, _BASES.get(row.name, ())) for row in TABLE}

TAKES_BASE: Final = frozenset({"openai", "anthropic", "gemini", BEDROCK, "hosted_vllm", "ollama", "ollama_chat"})
"""Providers whose requests carry the one key they are given and nothing else of the environment, so that a model may
be sent to an address that an agent names. A test looks at what each of them sends.
"""


def configured_providers(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the table's providers that the environment configures, sorted."""
    return tuple(sorted(name for name, provider in PROVIDERS.items() if provider.is_configured(environment)))


def credential(name: str, environment: Mapping[str, str]) -> str:
    """Raises `CredentialUnknown`, `CredentialNameInvalid`."""
    if not _NAME.fullmatch(name):
        raise CredentialNameInvalid
    value = environment.get(f"{CREDENTIAL_PREFIX}{name}")
    if not value:
        raise CredentialUnknown(name)
    return value


def region(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in AWS_REGIONS if environment.get(name)), None)


def same_address(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and (one or "").rstrip("/") == (other or "").rstrip("/")
