from typing import Any

import pytest

from workflow_engine.agents.worker.structured import in_words, is_strict, response_format

CLOSED = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "tags"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "required": ["name"]}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "minProperties": 1}, False),
        ({"type": "array", "items": CLOSED}, True),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        (True, False),
    ],
    ids=str,
)
def test_only_closed_schemas_are_strict(schema: Any, strict: bool) -> None:  # noqa: ANN401  # a schema
    assert is_strict(schema) is strict


def test_the_schema_is_handed_on_as_it_is() -> None:
    assert response_format(CLOSED)["json_schema"]["schema"] == CLOSED


def test_in_words_the_schema_joins_the_system_message_and_nothing_is_changed_in_place() -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]
    said = in_words(messages, CLOSED)
    assert said[0]["content"].startswith("Be kind.\n\nAnswer with one JSON value")
    assert '"additionalProperties": false' in said[0]["content"]
    assert said[1:] == messages[1:]
    assert messages[0]["content"] == "Be kind."
    assert [message["role"] for message in in_words(messages[1:], CLOSED)] == ["system", "user"]
