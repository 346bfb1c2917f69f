"""From the models that a step names to what litellm is called with: keys, addresses, and what each can take."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workflow_engine.agents.providers import ONPREM
from workflow_engine.agents.worker.asked import Model, Price
from workflow_engine.agents.worker.failures import BaseNotTaken, ProviderNotConfigured, ProviderUnknown, RegionMissing
from workflow_engine.agents.worker.library import Library
from workflow_engine.agents.worker.providers import (
    BEDROCK,
    ONPREM_BASE,
    ONPREM_KEY,
    PROVIDERS,
    TAKES_BASE,
    Provider,
    credential,
    region,
    same_address,
)

NO_KEY: Final = "none"
"""What is sent where no key is meant to be: without it litellm would take the one of the environment."""

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One model, ready to be called. `named_base` is an address that the agent named, `trusted_base` an operator's."""

    model: Model
    spelling: str
    provider: str
    parameters: Parameters = field(repr=False)
    named_base: str | None
    trusted_base: str | None
    takes: frozenset[str]
    takes_schema: bool
    price: Price | None
    listed_price: Price | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A model that the environment does not configure, and what would."""

    model: Model
    advice: str

    def __str__(self) -> str:
        return f"{self.model.name} needs {self.advice}"


class Preparing:
    """Keeps what it found out, for the `most` configurations that were used last."""

    def __init__(self, library: Library, environment: Mapping[str, str], most: int) -> None:
        self._library = library
        self._environment = environment
        self._most = most
        self._known: OrderedDict[Model, Prepared | Missing] = OrderedDict()

    def models(self, models: Sequence[Model]) -> tuple[Prepared, ...]:
        """Those that are configured, in their order. Raises StepError, `provider-not-configured` when none is."""
        found = [self._one(model) for model in models]
        prepared = tuple(one for one in found if isinstance(one, Prepared))
        if not prepared:
            raise ProviderNotConfigured([str(one) for one in found])
        return prepared

    def _one(self, model: Model) -> Prepared | Missing:
        known = self._known.get(model)
        if known is None:
            known = self._known[model] = self._prepare(model)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(model)
        return known

    def _prepare(self, model: Model) -> Prepared | Missing:
        provider, spelling = self._provider(model)
        key = credential(model.credential, self._environment) if model.credential else None
        family = PROVIDERS.get(provider)
        if model.api_base is None and key is None and (advice := self._missing(spelling, provider, family)):
            return Missing(model, advice)
        onprem = self._environment.get(ONPREM_BASE)
        is_onprem = provider == ONPREM or (provider == "openai" and same_address(model.api_base, onprem))
        if model.api_base is not None and not is_onprem:
            return self._elsewhere(model, spelling, provider, key)
        if is_onprem:
            base, key = onprem, key or self._environment.get(ONPREM_KEY) or NO_KEY
            return self._prepared(model, spelling, "openai", {"api_base": base, "api_key": key}, trusted=base)
        base = None if family is None else family.base(self._environment)
        return self._prepared(model, spelling, provider, self._own(provider, base, key), trusted=base)

    def _provider(self, model: Model) -> tuple[str, str]:
        """Which provider, and the model in litellm's spelling. A bare name is whose litellm says it is."""
        prefix, slash, rest = model.name.partition("/")
        if prefix == ONPREM and slash:
            return ONPREM, f"openai/{rest}"
        try:
            bare, provider, _, _ = self._library.get_llm_provider(model.name)
        except self._library.exceptions.BadRequestError:
            if model.api_base is None:
                raise ProviderUnknown(model.name) from None
            return "openai", f"openai/{model.name}"  # at an address, OpenAI's format is what everybody speaks
        return provider, f"{provider}/{bare}"

    def _missing(self, spelling: str, provider: str, family: Provider | None) -> str | None:
        if family is not None:
            return None if family.is_configured(self._environment) else family.advice()
        checked = self._library.validate_environment(model=spelling)
        missing = checked.get("missing_keys") or []
        return None if checked.get("keys_in_environment") or not missing else " with ".join(missing)

    # --- parameters

    def _elsewhere(self, model: Model, spelling: str, provider: str, key: str | None) -> Prepared:
        """An address that the agent names: it gets the credential that the agent names, or none at all."""
        if provider not in TAKES_BASE:
            raise BaseNotTaken(provider)
        # Said outright, or litellm would know some addresses as another provider's, and bring that one's key.
        own: dict[str, Any] = {"custom_llm_provider": provider}
        parameters: dict[str, Any] = {**own, "api_base": model.api_base, "api_key": key or NO_KEY}
        if provider == BEDROCK:
            parameters = {**own, **self._bedrock(key or NO_KEY), "aws_bedrock_runtime_endpoint": model.api_base}
        return self._prepared(model, spelling, provider, parameters, named=model.api_base)

    def _own(self, provider: str, base: str | None, key: str | None) -> Parameters:
        """At its usual address, or where the operator says it is."""
        if provider == BEDROCK:
            return {**self._bedrock(key), **({"aws_bedrock_runtime_endpoint": base} if base else {})}
        return {**({"api_base": base} if base else {}), **({"api_key": key} if key else {})}

    def _bedrock(self, key: str | None) -> dict[str, Any]:
        """A key of AWS (`ID:SECRET` or `ID:SECRET:SESSION`) signs, any other is a bearer token."""
        if (where := region(self._environment)) is None:
            raise RegionMissing
        if key is None:
            return {"aws_region_name": where}
        if key.startswith(("AKIA", "ASIA")) and ":" in key:
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            return {"aws_region_name": where, **dict(zip(names, key.split(":", 2), strict=False))}
        return {"aws_region_name": where, "api_key": key}

    # --- what the model can do

    def _prepared(
        self,
        model: Model,
        spelling: str,
        provider: str,
        parameters: Parameters,
        *,
        named: str | None = None,
        trusted: str | None = None,
    ) -> Prepared:
        bare = spelling.removeprefix(f"{provider}/")
        takes = self._library.get_supported_openai_params(model=bare, custom_llm_provider=provider) or ()
        return Prepared(
            model=model,
            spelling=spelling,
            provider=provider,
            parameters=parameters,
            named_base=named,
            trusted_base=trusted,
            takes=frozenset(takes),
            takes_schema=bool(self._library.supports_response_schema(model=bare, custom_llm_provider=provider)),
            price=model.price,
            listed_price=self._listed_price(bare, provider),
        )

    def _listed_price(self, model: str, provider: str) -> Price | None:
        """Of a million tokens, as litellm's own list has it."""
        try:
            prompt, completion = self._library.cost_per_token(
                model=model, custom_llm_provider=provider, prompt_tokens=1_000_000, completion_tokens=1_000_000
            )
        except Exception:  # noqa: BLE001  # it raises bare exceptions for models it has no price for
            return None
        return Price(float(prompt), float(completion))
