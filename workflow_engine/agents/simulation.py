"""Whether an agent is simulated: asked for, or because no provider that it needs is configured. Never because a
configured one failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from workflow_engine.agents.config import ModelChoice
from workflow_engine.agents.providers import Environment, Located, has_credential, is_configured, locate
from workflow_engine.steps.agent_steps import NOT_CONFIGURED
from workflow_engine.steps.contract import InvalidConfig, Simulation, StepFailure, StepRequest

NO_MODEL: Final = "default"
"""Stands for the model of an agent that names none: nobody can be asked for it."""
ASKED_FOR: Final = "simulation-asked-for"
NO_PROVIDER: Final = "no-provider"


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What is known here about who can be asked; the two questions are put for one namespace, each time anew."""

    environment: Environment
    """Its names are looked at; its values are never told."""
    is_served: Callable[[str], bool]
    """Whether calls of models find a worker: one that is connected, or one that this server keeps."""
    is_elsewhere: Callable[[str], bool]
    """Whether one of them is not this server's own: then this environment says nothing of what it has."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reason` is set when every turn is simulated. Else, `may_fall_back`: the worker may still find no provider, and
    then the conversation is simulated.
    """

    reason: str | None
    may_fall_back: bool = False


class Readiness(Enum):
    """Whether a model can be asked, as far as this process can tell."""

    READY = "ready"
    LEFT_TO_THE_WORKER = "left-to-the-worker"
    NOT_CONFIGURED = "not-configured"


def judge(request: StepRequest, said: Simulation | None, models: Sequence[ModelChoice], facts: AgentFacts) -> Judgement:
    """`said` is the agent's own word. Raises `StepFailure` when nothing is configured and nothing may be simulated."""
    word = word_that_holds(request, said)
    if word is Simulation.ALWAYS:
        return Judgement(ASKED_FOR)
    if any(readiness(model, facts, request.namespace) is not Readiness.NOT_CONFIGURED for model in models):
        return Judgement(None, may_fall_back=word is Simulation.FALLBACK)
    if word is Simulation.NEVER:
        raise StepFailure(NOT_CONFIGURED, _what_to_set(models), retryable=False)
    if facts.is_served(request.namespace) and all(model.model == NO_MODEL for model in models):
        raise InvalidConfig("The agent names no model; say which in `model` or `model_name`")  # somebody could be asked
    return Judgement(NO_PROVIDER)


def word_that_holds(request: StepRequest, said: Simulation | None) -> Simulation:
    """The narrowest of step, agent and server, but a server's `never` is final: production says it."""
    if request.step_simulation is not None or request.simulation is Simulation.NEVER:
        return request.simulation
    return said or request.simulation


def readiness(model: ModelChoice, facts: AgentFacts, namespace: str) -> Readiness:
    """An address or a credential of its own makes a model ready; else its provider's variables do."""
    served = Readiness.LEFT_TO_THE_WORKER if facts.is_served(namespace) else Readiness.NOT_CONFIGURED
    elsewhere = Readiness.LEFT_TO_THE_WORKER if facts.is_elsewhere(namespace) else Readiness.NOT_CONFIGURED
    if model.credential is not None:
        # A credential that nobody knows is a mistake the worker names, not a reason to simulate.
        return Readiness.READY if has_credential(model.credential, facts.environment) else served
    if model.api_base is not None:
        return Readiness.READY
    if model.model == NO_MODEL:
        return Readiness.NOT_CONFIGURED
    provider = located(model).provider
    if provider is None:
        return served
    return Readiness.READY if is_configured(provider, facts.environment) else elsewhere


def located(model: ModelChoice) -> Located:
    return locate(model.model, model.provider_type, has_address=model.api_base is not None)


def _what_to_set(models: Sequence[ModelChoice]) -> str:
    told = dict.fromkeys(_advice(model) for model in models)
    return f"No provider is configured, and simulation is forbidden: {'; '.join(told)}"


def _advice(model: ModelChoice) -> str:
    if model.model == NO_MODEL:
        return "the agent names no model"
    provider = located(model).provider
    if model.credential is not None:
        return f"no agent worker is connected that could know the credential '{model.credential}'"
    if provider is None:
        return f"no agent worker is connected that could ask '{model.model}'"
    return f"for '{model.model}' set {provider.advice}"
