"""The one table of providers: how models are spelled, and what configures whom."""

import pytest

from workflow_engine.agents.providers import PROVIDERS, configured, has_credential, locate


@pytest.mark.parametrize(
    ("model", "provider_type", "spelled", "provider"),
    [
        ("gpt-4o", "openai_textgen", "openai/gpt-4o", "openai"),
        ("openai/gpt-4o", "openai_textgen", "openai/gpt-4o", "openai"),
        ("gpt-4o", "openai", "openai/gpt-4o", "openai"),
        ("g", "gemini_textgen", "gemini/g", "gemini"),
        ("b", "bedrock_textgen", "bedrock/b", "bedrock"),
        ("bedrock/b", "bedrock_textgen", "bedrock/b", "bedrock"),
        ("c", "anthropic_textgen", "anthropic/c", "anthropic"),
        ("mistral-large", "mistral", "mistral/mistral-large", None),
        ("mistral/mistral-large", "mistral", "mistral/mistral-large", None),
        ("gpt-4o", None, "openai/gpt-4o", "openai"),
        ("o3-mini", None, "openai/o3-mini", "openai"),
        ("chatgpt-4o-latest", None, "openai/chatgpt-4o-latest", "openai"),
        ("claude-sonnet-4", None, "anthropic/claude-sonnet-4", "anthropic"),
        ("gemini-2.0-flash", None, "gemini/gemini-2.0-flash", "gemini"),
        ("bedrock/anthropic.claude", None, "bedrock/anthropic.claude", "bedrock"),
        ("vertex_ai/gemini-2.0", None, "vertex_ai/gemini-2.0", None),
        ("m1", None, "m1", None),
    ],
)
def test_the_pair_of_provider_and_model_is_one_model_of_litellm(
    model: str, provider_type: str | None, spelled: str, provider: str | None
) -> None:
    found = locate(model, provider_type)
    assert (found.model, found.provider and found.provider.name) == (spelled, provider)


@pytest.mark.parametrize("provider_type", ["on-prem_textgen", "onprem_textgen", "on-prem", "onprem"])
def test_a_model_on_premises_is_spelled_by_who_knows_its_address(provider_type: str) -> None:
    assert locate("llama", provider_type, has_address=True).model == "openai/llama"
    for written in ("llama", "openai/llama", "onprem/llama"):
        assert locate(written, provider_type).model == "onprem/llama"
    assert locate("meta/llama", provider_type, has_address=True).model == "openai/meta/llama"


def test_no_name_stands_twice_in_the_table() -> None:
    names = [name for provider in PROVIDERS for name in (provider.name, *provider.types)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("names", "provider"),
    [
        (["OPENAI_API_KEY"], "openai"),
        (["GOOGLE_API_KEY"], "gemini"),
        (["GEMINI_API_KEY"], "gemini"),
        (["ANTHROPIC_API_KEY"], "anthropic"),
        (["ONPREM_API_BASE"], "onprem"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "bedrock"),
        (["AWS_PROFILE"], "bedrock"),
        (["AWS_BEARER_TOKEN_BEDROCK"], "bedrock"),
        (["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"], "bedrock"),
        (["AWS_CONTAINER_CREDENTIALS_FULL_URI"], "bedrock"),
    ],
)
def test_a_provider_is_configured_by_its_variables(names: list[str], provider: str) -> None:
    told = {each.name: each for each in configured(dict.fromkeys(names, "canary"))}
    assert [name for name, status in told.items() if status.configured] == [provider]
    assert all(name in told[provider].why for name in names)
    assert "canary" not in str(told)
    for missing in names:
        rest = {name: "canary" for name in names if name != missing}
        assert not any(each.configured for each in configured(rest))


def test_an_empty_variable_configures_nothing() -> None:
    assert not any(each.configured for each in configured({"OPENAI_API_KEY": "", "ONPREM_API_BASE": ""}))


def test_what_is_not_configured_says_what_to_set() -> None:
    why = {each.name: each.why for each in configured({"AWS_ACCESS_KEY_ID": "x"})}
    assert why["gemini"] == "set GOOGLE_API_KEY or GEMINI_API_KEY"
    assert why["bedrock"] == "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not"


def test_a_missing_region_is_told_and_a_region_is_enough() -> None:
    (without,) = (each for each in configured({"AWS_PROFILE": "p"}) if each.name == "bedrock")
    assert (without.configured, "AWS_REGION or AWS_DEFAULT_REGION" in without.why) == (True, True)
    environment = {"AWS_PROFILE": "p", "AWS_DEFAULT_REGION": "eu-west-1"}
    (complete,) = (each for each in configured(environment) if each.name == "bedrock")
    assert complete.why == "AWS_PROFILE is set"


def test_a_named_credential_is_a_variable_of_its_own() -> None:
    assert has_credential("TEAM_A", {"WORKFLOW_ENGINE_CREDENTIAL_TEAM_A": "x"})
    assert not has_credential("TEAM_B", {"WORKFLOW_ENGINE_CREDENTIAL_TEAM_A": "x"})
