"""Providers over REST: what is configured, what is not and why, and no value of a key."""

from tests.rest.serving import serving

SECRET = "sk-very-secret"


def test_providers_are_listed_with_what_configures_them_and_never_with_a_value() -> None:
    environment = {"ANTHROPIC_API_KEY": SECRET, "AWS_PROFILE": "work", "WORKFLOW_ENGINE_CREDENTIAL_DOCS": SECRET}
    with serving(environment=environment) as served, served.client() as client:
        answer = client.get("/providers")
    body = answer.json()
    found = {each["name"]: each for each in body["providers"]}
    assert list(found) == ["openai", "gemini", "bedrock", "anthropic", "onprem"]
    assert found["anthropic"] == {
        "name": "anthropic",
        "configured": True,
        "why": "ANTHROPIC_API_KEY is set",
        "sources": ["environment"],
        "variables": ["ANTHROPIC_API_KEY"],
    }
    assert (found["openai"]["configured"], found["openai"]["why"]) == (False, "set OPENAI_API_KEY")
    assert "a region is missing" in found["bedrock"]["why"]
    assert body["credentials"] == ["DOCS"]
    assert body["worker"] == {"status": "starting", "since": None, "restarts": 0, "connected": 0}
    assert SECRET not in answer.text


def test_a_server_that_starts_no_worker_says_so() -> None:
    with serving() as served, served.client() as client:
        body = client.get("/providers").json()
    assert body["worker"]["status"] == "off"
    assert not any(each["configured"] for each in body["providers"])
