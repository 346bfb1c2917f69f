"""Calls of models through the real server and the real agent worker, to fakes that speak each provider's own format."""

import json
from typing import Final

import pytest

from tests.agents.agent_worker import CALL_SECONDS, AgentWorker, Outcome
from tests.agents.families import BEDROCK, FAMILIES, ONPREM, OPENAI, Family, every_family, every_way
from tests.agents.keys import HOME_WIRES
from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.event_stream import exception
from tests.agents.upstreams.reply import NEVER, Reply, ToolCall, Usage, calls, refuses
from tests.agents.upstreams.upstream import Upstream, always, one_by_one

SUNNY: Final = Reply("It is sunny in Bern, and warm.", usage=Usage(31, 7))
LOOKUP: Final = {
    "name": "lookup",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SCHEMA: Final = {
    "type": "object",
    "properties": {"sunny": {"type": "boolean"}, "degrees": {"type": "integer"}},
    "required": ["sunny", "degrees"],
    "additionalProperties": False,
}


def text_of(outcome: Outcome) -> str | None:
    assert outcome.code is None, (outcome.code, outcome.message)
    text: str | None = outcome.output["message"]["content"]
    return text


def chunks_of(agents: AgentWorker, outcome: Outcome) -> list[tuple[str, str]]:
    """Channel and text of what was said while the step ran."""
    events = agents.server.client.events(outcome.execution_id)
    chunks = [chunk for event in events if event["kind"] == "step_chunk" for chunk in event["data"]["chunks"]]
    return [(chunk["channel"], chunk["data"]) for chunk in chunks]


# --- answers


@every_family
@every_way
def test_a_model_answers_and_was_asked_what_the_step_says(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = always(SUNNY)
    outcome = agents.ask(family.here, stream=stream, temperature=0.3)
    assert text_of(outcome) == SUNNY.text
    assert "tool_calls" not in outcome.output["message"]
    assert outcome.output["finish_reason"] == "stop"
    assert outcome.output["model"] == family.model
    assert outcome.output["usage"] == {"input_tokens": 31, "output_tokens": 7}
    assert (outcome.output["cost_usd"] is not None) == family.known_price
    (asked,) = home.asked
    assert (asked.wire, asked.key, asked.stream) == (family.wire, family.key, stream)
    assert (asked.system, asked.question, asked.turn) == ("Be short.", "How is the weather?", 0)
    assert family.model.endswith(asked.model)
    assert b"0.3" in asked.request.body
    assert b"100" in asked.request.body


@every_family
def test_a_stream_is_heard_while_it_comes(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(Reply(SUNNY.text, pace=0.03))
    outcome = agents.ask(family.here, stream=True)
    chunks = chunks_of(agents, outcome)
    assert {channel for channel, _ in chunks} == {"text"}
    assert "".join(text for _, text in chunks) == text_of(outcome) == SUNNY.text
    assert len(chunks) > 1


@every_family
@every_way
def test_a_model_calls_tools_and_reads_their_results(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = one_by_one(
        calls(ToolCall("lookup", {"city": "Bern"}), ToolCall("lookup", {"city": "Basel"}), text="I look."),
        Reply("18 and 21 degrees."),
    )
    first = agents.ask(family.here, question="Look it up.", stream=stream, tools=[LOOKUP])
    assert text_of(first) == "I look."
    assert first.output["finish_reason"] == "tool_calls"
    made = first.output["message"]["tool_calls"]
    assert [(call["name"], json.loads(call["arguments"])) for call in made] == [
        ("lookup", {"city": "Bern"}),
        ("lookup", {"city": "Basel"}),
    ]
    assert len({call["id"] for call in made}) == 2
    results = [{"role": "tool", "tool_call_id": call["id"], "content": text} for call, text in zip(made, ("18", "21"))]  # noqa: B905 - asserted above
    messages = [{"role": "user", "content": "Look it up."}, first.output["message"], *results]
    second = agents.ask(family.here, stream=stream, tools=[LOOKUP], messages=messages)
    assert text_of(second) == "18 and 21 degrees."
    asked = home.asked[1]
    assert asked.tools == ("lookup",)
    assert asked.turn == 1
    spoken = next(said for said in asked.said if said.role == "assistant")
    assert [call.object for call in spoken.tool_calls] == [{"city": "Bern"}, {"city": "Basel"}]
    assert [("18" in result.text, "21" in result.text) for result in asked.tool_results] == [
        (True, False),
        (False, True),
    ]


@every_family
@every_way
def test_a_model_answers_with_json_of_a_schema(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = always(Reply('{"sunny": true, "degrees": 18}'))
    outcome = agents.ask(family.here, stream=stream, response_schema=SCHEMA)
    assert json.loads(text_of(outcome) or "") == {"sunny": True, "degrees": 18}
    assert outcome.output["finish_reason"] == "stop"
    assert "tool_calls" not in outcome.output["message"]
    assert b"degrees" in home.asked[0].request.body


@every_family
def test_an_answer_that_was_cut_at_its_limit_says_so(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(Reply("It is", finish="length"))
    outcome = agents.ask(family.here)
    assert (text_of(outcome), outcome.output["finish_reason"]) == ("It is", "length")


def test_a_price_that_is_given_counts(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(Reply("Yes.", usage=Usage(1_000, 2_000)))
    price = {"input_per_million": 10.0, "output_per_million": 20.0}
    outcome = agents.ask(ONPREM.here | {"price": price})
    assert outcome.output["cost_usd"] == pytest.approx(0.05)


# --- failures


@every_family
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "provider-bad-request"),
        (401, "provider-auth"),
        (403, "provider-auth"),
        (404, "model-not-found"),
        (500, "provider-unavailable"),
        (503, "provider-unavailable"),
    ],
)
def test_a_refusal_has_its_name(agents: AgentWorker, home: Upstream, family: Family, status: int, code: str) -> None:
    home.respond = always(refuses(status, "as the test wants it"))
    outcome = agents.ask(family.here, stream=status % 2 == 1)
    assert outcome.code == code, outcome.message
    assert len(home.calls) == 1, "attempts are the engine's"
    assert outcome.seconds < CALL_SECONDS
    assert len(outcome.message) <= 600


@pytest.mark.parametrize(
    ("family", "stream"), [*((family, False) for family in FAMILIES), (OPENAI, True), (BEDROCK, True)], ids=str
)
def test_a_provider_that_asks_to_slow_down_is_asked_again_when_it_said(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = one_by_one(refuses(429, "slow down", Retry_After="1"), SUNNY)
    outcome = agents.ask(family.here, stream=stream, retries=1)
    assert text_of(outcome) == SUNNY.text
    assert len(home.calls) == 2
    assert 1 <= outcome.seconds < CALL_SECONDS


@every_family
def test_a_provider_that_goes_on_asking_to_slow_down_fails_the_step(
    agents: AgentWorker, home: Upstream, family: Family
) -> None:
    home.respond = always(refuses(429, "slow down"))
    assert agents.ask(family.here).code == "provider-rate-limited"


@every_family
@every_way
def test_an_answer_that_never_comes_ends_in_time(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = always(Reply(delay=NEVER))
    outcome = agents.ask(family.here, stream=stream, timeout_seconds=0.4)
    assert outcome.code == "provider-timeout"
    assert outcome.seconds < CALL_SECONDS


@every_family
def test_a_stream_that_drips_for_ever_ends_in_time(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(Reply("and " * 1_000, pace=0.05))
    outcome = agents.ask(family.here, stream=True, timeout_seconds=0.5)
    assert outcome.code == "provider-timeout"
    assert outcome.seconds < CALL_SECONDS


@every_family
@pytest.mark.parametrize(("stream", "after"), [(False, 0), (False, 1), (True, 0), (True, 3), (True, 6)])
def test_an_answer_that_breaks_off_is_no_answer(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool, after: int
) -> None:
    home.respond = one_by_one(Reply("One two three four five six seven.", drop_after=after), SUNNY)
    outcome = agents.ask(family.here, stream=stream)
    assert outcome.code == "provider-unavailable", (outcome.output, outcome.message)
    assert len(home.calls) == 1


@every_family
@every_way
def test_a_stream_or_answer_that_broke_off_is_asked_for_again_by_the_engine(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool
) -> None:
    home.respond = one_by_one(Reply("One two three four.", drop_after=3 if stream else 1), SUNNY)
    assert text_of(agents.ask(family.here, stream=stream, retries=1)) == SUNNY.text
    assert len(home.calls) == 2


MALFORMED: Final = {
    "not json": b"<html>Bad gateway</html>",
    "half of it": b'{"choices": [{"mess',
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "an object of another shape": b'{"hello": "world"}',
    "of wrong types": b'{"choices": 7, "content": 7, "candidates": 7, "output": 7, "type": 7, "usage": 7}',
    "not utf-8": b'{"choices": "\xff\xfe"}',
}


@every_family
@every_way
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_an_answer_that_cannot_be_read_is_named(
    agents: AgentWorker, home: Upstream, family: Family, stream: bool, body: bytes
) -> None:
    home.respond = always(Reply(raw=body))
    outcome = agents.ask(family.here, stream=stream)
    # A stream in which nothing can be read is also one that ended too early.
    named = {"provider-invalid-response", "provider-unavailable"} if stream else {"provider-invalid-response"}
    assert outcome.code in named, (outcome.code, outcome.output, outcome.message)
    assert '.py"' not in outcome.message, "a traceback is for logs"
    assert len(home.calls) == 1
    assert outcome.seconds < CALL_SECONDS


@every_family
@every_way
def test_what_is_no_http_is_named(agents: AgentWorker, home: Upstream, family: Family, stream: bool) -> None:
    home.respond = always(Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n\r\n", status=0))
    outcome = agents.ask(family.here, stream=stream)
    assert outcome.code in {"provider-invalid-response", "provider-unavailable"}, (outcome.code, outcome.message)


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2037 07:28:00 GMT", "soon", "nan", "-5", "1e400", ""])
def test_a_time_to_come_back_that_cannot_be_read_changes_nothing(
    agents: AgentWorker, home: Upstream, when: str
) -> None:
    home.respond = always(refuses(429, "slow down", Retry_After=when))
    assert agents.ask(OPENAI.here).code == "provider-rate-limited"


BREAKING_OFF: Final = {
    "openai": b'data: {"error": {"message": "The server had an error", "type": "server_error", "code": null}}\n\n',
    "anthropic": b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}\n\n',
    "gemini": b'data: {"error": {"code": 503, "message": "The model is busy.", "status": "UNAVAILABLE"}}\r\n\r\n',
    "bedrock": exception("throttlingException", b'{"message": "Too many requests"}'),
}


@every_family
def test_an_error_in_the_middle_of_a_stream_is_worth_another_attempt(
    agents: AgentWorker, home: Upstream, family: Family
) -> None:
    wire = next(wire for wire in HOME_WIRES if wire.name == family.wire)

    def respond(asked: Asked) -> Reply:
        begun = wire.events(Reply("One two three four five."), asked, 1)[:4]
        return Reply(raw=b"".join([*begun, BREAKING_OFF[family.wire]]))

    home.respond = respond
    outcome = agents.ask(family.here, stream=True)
    named = {"provider-unavailable", "provider-rate-limited", "provider-invalid-response"}
    assert outcome.code in named, (outcome.code, outcome.output, outcome.message)
    assert '.py"' not in outcome.message, "a traceback is for logs"
