"""The one table of model providers: how a model is written for litellm, and what configures its provider.

Everything here is a pure function of the names and values it is given; no value is ever told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

ONPREM: Final = "onprem"
CREDENTIAL_PREFIX: Final = "WORKFLOW_ENGINE_CREDENTIAL_"
"""Environment variables that hold named credentials begin so."""
AWS_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")

Environment: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of the table. A provider is configured when every variable of one of its `ways` is set."""

    name: str
    title: str
    types: tuple[str, ...]
    """What an agent may write as its `provider_type`, beside `name`."""
    prefix: str
    """What litellm wants in front of the model."""
    bare: tuple[str, ...]
    """Models that begin so belong to this provider when nobody says otherwise."""
    ways: tuple[tuple[str, ...], ...]

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for way in self.ways for name in way))

    @property
    def advice(self) -> str:
        """Which variables to set, e.g. `GOOGLE_API_KEY or GEMINI_API_KEY`."""
        return " or ".join(" with ".join(way) for way in self.ways)


PROVIDERS: Final = (
    Provider(
        "openai",
        "OpenAI",
        ("openai_textgen",),
        "openai/",
        ("gpt-", "o1", "o3", "o4", "chatgpt-"),
        (("OPENAI_API_KEY",),),
    ),
    Provider(
        "gemini",
        "Google Gemini",
        ("gemini_textgen",),
        "gemini/",
        ("gemini-",),
        (("GOOGLE_API_KEY",), ("GEMINI_API_KEY",)),
    ),
    Provider(
        "bedrock",
        "Amazon Bedrock",
        ("bedrock_textgen",),
        "bedrock/",
        (),
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_PROFILE",),
            ("AWS_BEARER_TOKEN_BEDROCK",),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
        ),
    ),
    Provider(
        "anthropic",
        "Anthropic",
        ("anthropic_textgen",),
        "anthropic/",
        ("claude-",),
        (("ANTHROPIC_API_KEY",),),
    ),
    Provider(
        ONPREM,
        "On premises (any server that speaks OpenAI's API)",
        ("on-prem_textgen", "onprem_textgen", "on-prem"),
        "openai/",
        (),
        (("ONPREM_API_BASE",),),
    ),
)
_BY_TYPE: Final = {name: provider for provider in PROVIDERS for name in (provider.name, *provider.types)}
OUR_SUFFIX: Final = "_textgen"
OUR_TYPES: Final = tuple(name for provider in PROVIDERS for name in provider.types if name.endswith(OUR_SUFFIX))
_AT_ONPREM_BASE: Final = f"{ONPREM}/"
_BY_PREFIX: Final = {f"{provider.name}/": provider for provider in PROVIDERS}


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """Whether a provider can be asked. `variables` are the names of those that configure it, never their values."""

    name: str
    configured: bool
    why: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """A model as litellm writes it, and whose it is (None: no provider of the table)."""

    model: str
    provider: Provider | None


def locate(model: str, provider_type: str | None, *, has_address: bool = False) -> Located:
    """The pair an agent names, as litellm wants it; `has_address`: the agent says at which `api_base`.

    A model that has its prefix stays as it is; a `provider_type` that the table does not know is the prefix itself.
    Without one the table knows the plain names of some models; for all others litellm's own detection decides.
    """
    if provider_type is None:
        return _detected(model)
    provider = _BY_TYPE.get(provider_type)
    prefix = f"{provider_type}/" if provider is None else provider.prefix
    if provider is not None and provider.name == ONPREM and not has_address:
        # Only the agent worker knows where the model stands, and this spelling tells it to look.
        return Located(_AT_ONPREM_BASE + model.removeprefix(prefix).removeprefix(_AT_ONPREM_BASE), provider)
    return Located(model if model.startswith(prefix) else prefix + model, provider)


def _detected(model: str) -> Located:
    prefix, slash, _ = model.partition("/")
    if slash:
        return Located(model, _BY_PREFIX.get(f"{prefix}/"))
    provider = next((each for each in PROVIDERS if model.lower().startswith(each.bare)), None)
    return Located(model if provider is None else provider.prefix + model, provider)


def is_configured(provider: Provider, environment: Environment) -> bool:
    return _way(provider, environment) is not None


def has_credential(name: str, environment: Environment) -> bool:
    return bool(environment.get(CREDENTIAL_PREFIX + name))


def configured(environment: Environment) -> tuple[ProviderStatus, ...]:
    """Every provider of the table, in its order."""
    return tuple(_status(provider, environment) for provider in PROVIDERS)


def _status(provider: Provider, environment: Environment) -> ProviderStatus:
    way = _way(provider, environment)
    if way is None:
        half = next(_half_ways(provider, environment), None)
        why = f"set {provider.advice}" if half is None else half
        return ProviderStatus(provider.name, False, why, provider.variables)
    why = f"{' and '.join(way)} {'is' if len(way) == 1 else 'are'} set"
    if provider.name == "bedrock" and not any(environment.get(name) for name in AWS_REGIONS):
        why += f"; a region is missing: set {' or '.join(AWS_REGIONS)}"
    return ProviderStatus(provider.name, True, why, provider.variables)


def _way(provider: Provider, environment: Environment) -> tuple[str, ...] | None:
    return next((way for way in provider.ways if all(environment.get(name) for name in way)), None)


def _half_ways(provider: Provider, environment: Environment) -> Iterator[str]:
    for way in provider.ways:
        there = [name for name in way if environment.get(name)]
        if there:
            missing = [name for name in way if name not in there]
            yield f"{' and '.join(there)} is set, {' and '.join(missing)} is not"
