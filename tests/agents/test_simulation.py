"""Who decides whether an agent is simulated, and that a provider that is configured is never replaced."""

from typing import Any

import pytest

from tests.plugins.asking import request
from workflow_engine.agents.config import ModelChoice, read_agent
from workflow_engine.agents.simulation import AgentFacts, Judgement, judge
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import InvalidConfig, Simulation, StepFailure

FALLBACK, NEVER, ALWAYS = Simulation.FALLBACK, Simulation.NEVER, Simulation.ALWAYS
KEYED = {"OPENAI_API_KEY": "x"}


def models(*entries: Json, **first: Json) -> list[ModelChoice]:
    return list(read_agent({"name": "a", "model": "gpt-4o", "fallbacks": list(entries), **first}).models())


def facts(environment: dict[str, str] | None = None, *, served: bool = False, elsewhere: bool = False) -> AgentFacts:
    return AgentFacts(environment or {}, lambda _: served, lambda _: elsewhere)


def judged(
    asked: list[ModelChoice],
    known: AgentFacts,
    *,
    server: Simulation = FALLBACK,
    step: Simulation | None = None,
    agent: Simulation | None = None,
) -> Judgement:
    """As the engine asks: the server's `never` wins over the step, and the step over the server."""
    narrowed = server if step is None or server is NEVER else step
    more: Any = {} if step is None else {"step_simulation": step}
    return judge(request("agent_execution", simulation=narrowed, **more), agent, asked, known)


@pytest.mark.parametrize(
    ("server", "agent", "step", "reason"),
    [
        (FALLBACK, None, None, "no-provider"),
        (ALWAYS, None, None, "simulation-asked-for"),
        (FALLBACK, ALWAYS, None, "simulation-asked-for"),
        (FALLBACK, NEVER, ALWAYS, "simulation-asked-for"),
        (NEVER, ALWAYS, None, None),
        (NEVER, ALWAYS, ALWAYS, None),
        (ALWAYS, NEVER, None, None),
        (ALWAYS, ALWAYS, NEVER, None),
        (ALWAYS, FALLBACK, None, "no-provider"),
        (ALWAYS, ALWAYS, FALLBACK, "no-provider"),
    ],
)
def test_the_narrowest_word_holds_but_a_servers_never_is_final(
    server: Simulation, agent: Simulation | None, step: Simulation | None, reason: str | None
) -> None:
    if reason is None:
        with pytest.raises(StepFailure) as caught:
            judged(models(), facts(), server=server, agent=agent, step=step)
        assert (caught.value.error_code, caught.value.retryable) == ("provider-not-configured", False)
    else:
        assert judged(models(), facts(), server=server, agent=agent, step=step).reason == reason


def test_a_configured_provider_is_asked() -> None:
    assert judged(models(), facts(KEYED)) == Judgement(None, may_fall_back=True)
    assert judged(models(), facts(KEYED), agent=NEVER) == Judgement(None, may_fall_back=False)
    assert judged(models(), facts(KEYED), agent=ALWAYS).reason == "simulation-asked-for"


def test_the_key_of_another_provider_configures_nothing() -> None:
    assert judged(models(), facts({"ANTHROPIC_API_KEY": "x"})).reason == "no-provider"


def test_a_fallback_that_is_configured_is_enough() -> None:
    assert judged(models("claude-sonnet"), facts({"ANTHROPIC_API_KEY": "x"})).reason is None
    assert judged(models("claude-sonnet"), facts({"GEMINI_API_KEY": "x"})).reason == "no-provider"


def test_an_address_of_its_own_makes_a_model_ready() -> None:
    assert judged(models(api_base="http://10.0.0.1/v1"), facts()).reason is None


def test_a_model_of_an_unknown_provider_is_left_to_the_worker_when_there_is_one() -> None:
    assert judged(models(model="m1"), facts()).reason == "no-provider"
    assert judged(models(model="m1"), facts(served=True)) == Judgement(None, may_fall_back=True)
    assert judged(models(model="m1"), facts(served=True), agent=NEVER) == Judgement(None, may_fall_back=False)


def test_the_servers_own_worker_has_no_more_keys_than_the_server_but_another_one_may() -> None:
    assert judged(models(), facts(served=True)).reason == "no-provider"
    assert judged(models(), facts(served=True, elsewhere=True)) == Judgement(None, may_fall_back=True)


def test_a_credential_that_nobody_knows_is_a_mistake_and_no_reason_to_simulate() -> None:
    asked = models(credential="TEAM_A")
    assert judged(asked, facts(served=True)).reason is None
    assert judged(asked, facts({"WORKFLOW_ENGINE_CREDENTIAL_TEAM_A": "x"})).reason is None
    assert judged(asked, facts()).reason == "no-provider"
    # The key of the provider is not what this agent asked for.
    assert judged(asked, facts(KEYED)).reason == "no-provider"


def test_an_agent_that_names_no_model_has_nobody_to_ask() -> None:
    asked = models(model="default")
    assert judged(asked, facts()).reason == "no-provider"
    with pytest.raises(InvalidConfig, match="The agent names no model"):
        judged(asked, facts(KEYED, served=True, elsewhere=True))
    with pytest.raises(StepFailure, match="the agent names no model"):
        judged(asked, facts(served=True), server=NEVER)


def test_a_refusal_names_what_to_set_for_every_model() -> None:
    with pytest.raises(StepFailure) as caught:
        judged(models("claude-sonnet", "m1"), facts(), server=NEVER)
    assert "for 'gpt-4o' set OPENAI_API_KEY" in caught.value.message
    assert "for 'claude-sonnet' set ANTHROPIC_API_KEY" in caught.value.message
    assert "'m1'" in caught.value.message
