"""What must stand in the environment for a provider to be configured, and where an operator says its address.

The environment comes in as a mapping; values are looked at only for whether they are there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.agents.worker.failures import CredentialNameInvalid, CredentialUnknown

CREDENTIAL: Final = "WORKFLOW_ENGINE_CREDENTIAL_"
_NAME: Final = re.compile(r"[A-Z0-9_]{1,64}")

ONPREM: Final = "onprem"
ONPREM_BASE: Final = "ONPREM_API_BASE"
ONPREM_KEY: Final = "ONPREM_API_KEY"
BEDROCK: Final = "bedrock"


@dataclass(frozen=True, slots=True)
class Provider:
    """`any_of` lists what configures it, each entry the variables that belong together; `bases` where its address may
    be said, the first that is set counts.
    """

    name: str
    any_of: tuple[tuple[str, ...], ...]
    bases: tuple[str, ...] = ()

    def is_configured(self, environment: Mapping[str, str]) -> bool:
        return any(all(environment.get(name) for name in together) for together in self.any_of)

    def advice(self) -> str:
        return " or ".join(" with ".join(together) for together in self.any_of)

    def base(self, environment: Mapping[str, str]) -> str | None:
        return next((environment[name] for name in self.bases if environment.get(name)), None)


PROVIDERS: Final[Mapping[str, Provider]] = {
    provider.name: provider
    for provider in (
        Provider("openai", (("OPENAI_API_KEY",),), ("OPENAI_API_BASE", "OPENAI_BASE_URL")),
        Provider("anthropic", (("ANTHROPIC_API_KEY",),), ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")),
        Provider("gemini", (("GOOGLE_API_KEY",), ("GEMINI_API_KEY",)), ("GEMINI_API_BASE",)),
        Provider(
            BEDROCK,
            (
                ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                ("AWS_PROFILE",),
                ("AWS_BEARER_TOKEN_BEDROCK",),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
            ),
            ("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        ),
        Provider(ONPREM, ((ONPREM_BASE,),), (ONPREM_BASE,)),
    )
}

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
    value = environment.get(f"{CREDENTIAL}{name}")
    if not value:
        raise CredentialUnknown(name)
    return value


def region(environment: Mapping[str, str]) -> str | None:
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None


def same_address(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and (one or "").rstrip("/") == (other or "").rstrip("/")
