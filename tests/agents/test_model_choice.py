"""Which model is called, where, and with whose key: fallbacks, credentials by name, addresses that an agent names."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.agents.agent_worker import CALL_SECONDS, AgentWorker
from tests.agents.families import ANTHROPIC, BEDROCK, FAMILIES, GEMINI, ONPREM, OPENAI, Family, every_family, every_way
from tests.agents.keys import HOME_WIRES, OTHER_AWS_KEY, SPARE_KEY, keys_in
from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.bedrock import ACCESS_KEY, SECRET_KEY, Bedrock
from tests.agents.upstreams.reply import NEVER, Reply, ToolCall, calls, refuses
from tests.agents.upstreams.upstream import Upstream, always
from tests.serving.process import free_port

YES: Final = Reply("Yes.")


def by_wire(**replies: Reply) -> Any:  # noqa: ANN401 - a Respond
    def respond(asked: Asked) -> Reply:
        return replies[asked.wire]

    return respond


# --- fallbacks


FAILING: Final = {
    "500": refuses(500),
    "429": refuses(429),
    "401": refuses(401),
    "404": refuses(404),
    "dropped": Reply(drop_after=0),
    "broken off": Reply("Half an answer.", drop_after=1),
    "malformed": Reply(raw=b"<html>"),
}


@every_way
@pytest.mark.parametrize("what", FAILING)
def test_the_fallback_answers_for_a_model_that_fails(
    agents: AgentWorker, home: Upstream, what: str, stream: bool
) -> None:
    home.respond = by_wire(openai=FAILING[what], anthropic=YES)
    outcome = agents.ask(OPENAI.here, ANTHROPIC.here, stream=stream)
    assert outcome.code is None, outcome.message
    assert outcome.output["message"]["content"] == "Yes."
    assert (outcome.output["model"], outcome.output["provider"]) == (ANTHROPIC.model, "anthropic")
    assert [asked.wire for asked in home.asked] == ["openai", "anthropic"]


@pytest.mark.parametrize(("first", "second"), [(OPENAI, ANTHROPIC), (GEMINI, BEDROCK), (BEDROCK, OPENAI)], ids=str)
def test_the_fallback_answers_for_a_model_that_is_too_slow(
    agents: AgentWorker, home: Upstream, first: Family, second: Family
) -> None:
    home.respond = by_wire(**{first.wire: Reply(delay=NEVER), second.wire: YES})
    outcome = agents.ask(first.here, second.here, timeout_seconds=2)
    assert outcome.code is None, outcome.message
    assert outcome.output["model"] == second.model


def test_fallbacks_are_asked_in_their_order_and_each_once(agents: AgentWorker, home: Upstream) -> None:
    home.respond = by_wire(openai=refuses(503), anthropic=refuses(503), gemini=refuses(503), bedrock=refuses(503))
    models = [family.here for family in (BEDROCK, OPENAI, GEMINI, ANTHROPIC)]
    outcome = agents.ask(*models)
    assert outcome.code == "provider-unavailable"
    assert [asked.wire for asked in home.asked] == ["bedrock", "openai", "gemini", "anthropic"]


def test_a_stream_that_broke_off_after_its_first_words_is_not_glued_to_another(
    agents: AgentWorker, home: Upstream
) -> None:
    home.respond = by_wire(openai=Reply("One two three four five six.", drop_after=4), anthropic=YES)
    outcome = agents.ask(OPENAI.here, ANTHROPIC.here, stream=True)
    if outcome.code is None:
        assert outcome.output["message"]["content"] == "Yes."
    else:
        assert outcome.code == "provider-unavailable"


def test_a_fallback_is_used_at_once_when_the_first_is_not_configured(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(YES)
    outcome = agents.ask({"model": "mistral/mistral-small-latest"}, OPENAI.here)
    assert outcome.code is None, outcome.message
    assert outcome.output["model"] == OPENAI.model


def test_a_configured_fallback_that_fails_is_not_called_unconfigured(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(refuses(401))
    assert agents.ask({"model": "mistral/mistral-small-latest"}, OPENAI.here).code == "provider-auth"


# --- credentials


@every_family
def test_a_credential_is_used_by_its_name(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(YES)
    outcome = agents.ask(family.here | {"credential": "SPARE"})
    assert outcome.code is None, outcome.message
    assert home.asked[0].key == SPARE_KEY


def test_a_pair_of_aws_keys_is_a_credential_that_signs(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(YES)
    outcome = agents.ask(BEDROCK.here | {"credential": "OTHER_AWS"})
    assert outcome.code is None, outcome.message
    assert home.asked[0].key == OTHER_AWS_KEY


@every_family
def test_an_unknown_credential_is_named_and_nobody_is_asked(
    agents: AgentWorker, home: Upstream, family: Family
) -> None:
    outcome = agents.ask(family.here | {"credential": "NOBODY"})
    assert outcome.code == "credential-unknown"
    assert "WORKFLOW_ENGINE_CREDENTIAL_NOBODY" in outcome.message
    assert home.calls == []


@every_family
def test_a_secret_that_the_provider_does_not_know_is_a_named_failure(
    agents: AgentWorker, home: Upstream, family: Family
) -> None:
    """`TOOLS` is a credential, but of an MCP server: every provider refuses it in its own way (Gemini by a 400)."""
    outcome = agents.ask(family.here | {"credential": "TOOLS"})
    assert outcome.code == "provider-auth", outcome.message
    assert [call.reply for call in home.calls] == [None]


def test_the_region_of_the_environment_is_the_one_that_is_signed_for(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(YES)
    agents.ask(BEDROCK.here)
    assert "/eu-central-1/bedrock/aws4_request" in home.asked[0].request.headers["authorization"]


# --- addresses that an agent names


@every_family
@every_way
def test_a_model_at_a_named_address_gets_the_named_credential(
    agents: AgentWorker, family: Family, stream: bool
) -> None:
    with Upstream(always(YES), *_any_key()) as elsewhere:
        outcome = agents.ask(family.at(elsewhere), stream=stream)
        assert outcome.code is None, outcome.message
        assert elsewhere.asked[0].key == SPARE_KEY
        assert keys_in(_all_that_was_sent(elsewhere.asked[0])) == [SPARE_KEY]


@every_family
def test_a_named_address_gets_no_key_of_the_environment(agents: AgentWorker, family: Family) -> None:
    with Upstream(always(YES), *_any_key()) as elsewhere:
        agents.ask(family.at(elsewhere, credential=None))
        assert [keys_in(_all_that_was_sent(asked)) for asked in elsewhere.asked] == [[]]


def _any_key() -> list[Any]:
    return [type(wire)() for wire in HOME_WIRES[:3]] + [Bedrock([SPARE_KEY, "none"], {ACCESS_KEY: SECRET_KEY})]


def _all_that_was_sent(asked: Asked) -> bytes:
    request = asked.request
    return b"\n".join((request.target.encode(), json.dumps(dict(request.headers)).encode(), request.body))


@every_family
def test_an_address_where_nobody_listens_is_unavailable(agents: AgentWorker, family: Family) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    outcome = agents.ask({"model": family.elsewhere, "api_base": nowhere, "credential": "SPARE"})
    assert outcome.code == "provider-unavailable", outcome.message
    assert outcome.seconds < CALL_SECONDS


FORBIDDEN: Final = (
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1:8000/v1",
    "http://192.168.1.1/v1",
    "http://[fd00::1]/v1",
    "http://[::ffff:10.0.0.1]/v1",
    "http://0.0.0.0:8000/v1",
    "file:///etc/passwd",
    "ftp://example.org/v1",
    "http://user:password@example.org/v1",
    "not an address",
)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_inside_the_network_may_not_be_called(agents: AgentWorker, address: str) -> None:
    outcome = agents.ask({"model": "openai/local-model", "api_base": address, "credential": "SPARE"})
    assert outcome.code == "host-not-allowed", outcome.message
    assert outcome.seconds < CALL_SECONDS


@every_family
def test_a_redirect_is_not_followed(agents: AgentWorker, home: Upstream, family: Family) -> None:
    with Upstream(always(YES), *_any_key()) as elsewhere:
        location = elsewhere.base(family.wire)
        home.respond = always(Reply(raw=b"{}", status=307, headers={"Location": location}))
        assert agents.ask(family.here).code == "provider-invalid-response"
        assert elsewhere.calls == [] == elsewhere.unread


# --- what a provider says besides


TOO_LONG: Final = {
    "openai": "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
    "anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    "gemini": "The input token count (1500000) exceeds the maximum number of tokens allowed (1048576).",
    "bedrock": "Input is too long for requested model.",
}


@pytest.mark.parametrize("family", FAMILIES[:4], ids=str)
def test_a_conversation_that_is_too_long_is_named(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(refuses(400, TOO_LONG[family.wire]))
    outcome = agents.ask(family.here)
    assert outcome.code == "context-window-exceeded", outcome.message


@every_family
def test_an_answer_that_was_filtered_says_so(agents: AgentWorker, home: Upstream, family: Family) -> None:
    home.respond = always(Reply("", finish="content_filter"))
    outcome = agents.ask(family.here)
    assert outcome.code == "content-filtered", outcome.message


@every_family
@every_way
def test_a_body_without_end_is_not_taken(agents: AgentWorker, home: Upstream, family: Family, stream: bool) -> None:
    home.respond = always(Reply(raw=b'{"x": "' + b"y" * 24_000_000 + b'"}'))
    outcome = agents.ask(family.here, stream=stream)
    # A frame of AWS has a checksum, which is looked at before its length is too much.
    named = {"provider-invalid-response"} | ({"provider-unavailable"} if family is BEDROCK and stream else set())
    assert outcome.code in named, (outcome.code, outcome.message)
    assert outcome.seconds < CALL_SECONDS


def test_tools_whose_arguments_are_no_json_are_handed_on_as_they_are(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(calls(ToolCall("lookup", '{"city": "Ber')))
    tool = {"name": "lookup", "description": "", "parameters": {"type": "object"}}
    for stream in (False, True):
        outcome = agents.ask(OPENAI.here, stream=stream, tools=[tool])
        assert outcome.code is None, outcome.message
        assert outcome.output["message"]["tool_calls"][0]["arguments"] == '{"city": "Ber'


# --- limits


def test_a_cost_limit_without_a_price_asks_for_one(agents: AgentWorker, home: Upstream) -> None:
    outcome = agents.ask(ONPREM.here, budget={"tokens": None, "cost_usd": 1.0})
    assert outcome.code == "price-unknown"
    assert "price" in outcome.message
    assert home.calls == []


def test_a_call_that_could_exceed_what_is_left_is_not_made(agents: AgentWorker, home: Upstream) -> None:
    price = {"input_per_million": 1_000.0, "output_per_million": 1_000.0}
    dear = agents.ask(ONPREM.here | {"price": price}, budget={"tokens": None, "cost_usd": 0.000_01})
    long = agents.ask(OPENAI.here, budget={"tokens": 3, "cost_usd": None})
    assert (dear.code, long.code) == ("agent-cost-limit", "agent-token-limit")
    assert home.calls == []


def test_what_is_left_bounds_the_answer(agents: AgentWorker, home: Upstream) -> None:
    home.respond = always(YES)
    agents.ask(OPENAI.here, max_tokens=5_000, budget={"tokens": 400, "cost_usd": None})
    document = home.asked[0].document
    assert (document.get("max_tokens") or document["max_completion_tokens"]) < 400


def test_one_body_without_end_holds_up_nobody_else(agents: AgentWorker, home: Upstream) -> None:
    home.respond = by_wire(openai=Reply(raw=b'data: {"x": "' + b"y" * 15_000_000, drop_after=1), anthropic=YES)
    with ThreadPoolExecutor(1) as beside:
        endless = beside.submit(agents.ask, OPENAI.here, stream=True)
        home.wait_for(1)
        waits = [agents.ask(ANTHROPIC.here).seconds for _ in range(5)]
        assert endless.result().code is not None
    assert max(waits) < CALL_SECONDS / 2
