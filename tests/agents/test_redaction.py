import pytest

from workflow_engine.agents.redaction import LONGEST, Redaction
from workflow_engine.jsontext import JsonObject

ENVIRONMENT = {
    "OPENAI_API_KEY": "plain-looking-value",
    "WORKFLOW_ENGINE_CREDENTIAL_AWS": "AKIDAKIDAKID:hush-hush-hush",
    "HOME": "/home/someone",
}


@pytest.mark.parametrize(
    "secret",
    [
        "plain-looking-value",
        "hush-hush-hush",
        "sk-proj-abcdef123456",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyD-abcdefghijkl",
        "Bearer abc.def.ghi",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0",
    ],
)
def test_what_opens_a_door_is_struck_out(secret: str) -> None:
    said = Redaction(ENVIRONMENT)(f"Incorrect key ({secret}), see /home/someone")
    assert secret not in said
    assert said == "Incorrect key (***), see /home/someone"


def test_keys_in_addresses_are_struck_out() -> None:
    said = Redaction({})("POST https://user:pass1@h/v1?key=abcdef&x=1 failed")
    assert said == "POST https://***@h/v1?key=***&x=1 failed"


def test_a_text_becomes_one_line_of_bounded_length() -> None:
    said = Redaction({})("a\n\tb " + "x" * 10_000)
    assert said.startswith("a b x")
    assert len(said) == LONGEST


def test_a_secret_across_the_cut_does_not_show_its_beginning() -> None:
    said = Redaction(ENVIRONMENT)("y" * (LONGEST - 8) + "plain-looking-value")
    assert "plain" not in said


def test_an_answer_keeps_its_form_without_the_secrets_in_it() -> None:
    said: JsonObject = {
        "content": "I was given plain-looking-value, and sk-is-no-key-of-mine",
        "n": 1,
        "list": ["hush-hush-hush"],
    }
    assert Redaction(ENVIRONMENT).strike(said) == {
        "content": "I was given ***, and sk-is-no-key-of-mine",
        "n": 1,
        "list": ["***"],
    }


def test_what_no_storage_holds_is_replaced() -> None:
    assert Redaction(ENVIRONMENT).strike("a\x00b\ud800c") == "a\N{REPLACEMENT CHARACTER}b?c"
