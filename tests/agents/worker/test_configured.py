"""What the environment configures."""

import pytest
from workflow_client import StepError

from workflow_engine.agents.worker.providers import PROVIDERS, configured_providers, credential, region, same_address


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        (["OPENAI_API_KEY"], "openai"),
        (["ANTHROPIC_API_KEY"], "anthropic"),
        (["GOOGLE_API_KEY"], "gemini"),
        (["GEMINI_API_KEY"], "gemini"),
        (["AWS_PROFILE"], "bedrock"),
        (["AWS_BEARER_TOKEN_BEDROCK"], "bedrock"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "bedrock"),
        (["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"], "bedrock"),
        (["ONPREM_API_BASE"], "onprem"),
    ],
    ids=str,
)
def test_a_provider_is_configured_by_all_variables_that_belong_together(variables: list[str], provider: str) -> None:
    complete = dict.fromkeys(variables, "x")
    assert configured_providers(complete) == (provider,)
    for missing in variables:
        assert configured_providers({**complete, missing: ""}) == ()


def test_the_advice_names_every_way() -> None:
    advice = PROVIDERS["bedrock"].advice()
    assert "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY or AWS_PROFILE" in advice


def test_the_first_address_that_is_set_counts() -> None:
    openai = PROVIDERS["openai"]
    assert openai.base({"OPENAI_BASE_URL": "b"}) == "b"
    assert openai.base({"OPENAI_BASE_URL": "b", "OPENAI_API_BASE": "a"}) == "a"
    assert openai.base({}) is None


def test_a_credential_is_looked_up_by_its_name_alone() -> None:
    environment = {"WORKFLOW_ENGINE_CREDENTIAL_TEAM_1": "s3cret", "OPENAI_API_KEY": "other"}
    assert credential("TEAM_1", environment) == "s3cret"


@pytest.mark.parametrize("name", ["NOPE", "team", "", "../X", "A" * 65, "A B"])
def test_a_credential_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(StepError) as refused:
        credential(name, {"WORKFLOW_ENGINE_CREDENTIAL_": "x", "WORKFLOW_ENGINE_CREDENTIAL_team": "x"})
    assert refused.value.code == "credential-unknown"


def test_the_region_has_two_names_and_no_default() -> None:
    assert region({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}) == "eu-west-1"
    assert region({"AWS_DEFAULT_REGION": "us-east-1"}) == "us-east-1"
    assert region({"AWS_REGION": ""}) is None


def test_addresses_are_the_same_but_for_a_slash() -> None:
    assert same_address("http://a/v1/", "http://a/v1")
    assert not same_address(None, None)
    assert not same_address("http://a/v1", "http://a/v2")
