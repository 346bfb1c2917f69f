"""The fake providers speak as the real ones do: their own clients understand them, and SigV4 is verified."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]  # ships no types
import botocore.auth  # type: ignore[import-untyped]  # ships no types
import httpx2
import openai
import pytest
from botocore.config import Config  # type: ignore[import-untyped]  # ships no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # ships no types
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from urllib3.exceptions import ProtocolError

from tests.agents.upstreams.anthropic import Anthropic
from tests.agents.upstreams.bedrock import ACCESS_KEY, SECRET_KEY, Bedrock
from tests.agents.upstreams.gemini import Gemini
from tests.agents.upstreams.openai import OpenAI
from tests.agents.upstreams.processes import MCP_COMMAND, mcp_over_http, upstream_process
from tests.agents.upstreams.reply import NEVER, Reply, ToolCall, Usage, calls, refuses
from tests.agents.upstreams.upstream import ScriptEnded, Upstream, always, by_turn, one_by_one
from tests.serving.process import CHECKOUT, environment

LOOKUP = ToolCall("lookup", {"city": "Bern"}, "call_7")
SPEAKS = Reply("It is sunny.", usage=Usage(31, 7))
CALLS = calls(LOOKUP, ToolCall("lookup", {"city": "Basel"}), text="I look.")
QUESTION: list[Any] = [{"role": "user", "content": "How is the weather?"}]
CONVERSED: list[Any] = [{"role": "user", "content": [{"text": "How is the weather?"}]}]


# --- OpenAI, by its own client


def openai_client(upstream: Upstream, key: str = "sk-good") -> openai.OpenAI:
    return openai.OpenAI(base_url=upstream.base("openai"), api_key=key, max_retries=0, timeout=5)


def test_openai_answers_and_what_was_asked_is_remembered() -> None:
    with Upstream(always(SPEAKS)) as upstream, openai_client(upstream) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        asked = upstream.calls[0].asked
    assert answer.choices[0].message.content == "It is sunny."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (31, 7)
    assert (asked.wire, asked.model, asked.key, asked.question) == (
        "openai",
        "gpt-4o",
        "sk-good",
        "How is the weather?",
    )


def test_openai_streams_text_and_tool_calls_in_pieces() -> None:
    with Upstream(always(CALLS)) as upstream, openai_client(upstream) as client:
        stream = client.chat.completions.create(
            model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    pieces = [piece for delta in deltas for piece in delta.tool_calls or ()]
    assert [delta.content for delta in deltas if delta.content] == ["I ", "look."]
    assert [(piece.id, piece.function.name) for piece in pieces if piece.id and piece.function] == [
        ("call_7", "lookup"),
        ("call_1_1", "lookup"),
    ]
    for index, city in enumerate(["Bern", "Basel"]):
        written = [piece.function.arguments for piece in pieces if piece.index == index and piece.function]
        assert json.loads("".join(text or "" for text in written)) == {"city": city}
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "tool_calls"


def test_openai_refuses_a_wrong_key_and_says_which() -> None:
    with Upstream(always(SPEAKS), OpenAI(["sk-good"])) as upstream, openai_client(upstream, "sk-bad") as client:
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key provided: sk-bad") as refused:
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        assert upstream.calls[0].reply is None
    assert refused.value.code == "invalid_api_key"


def test_openai_sends_away_with_a_time_to_come_back() -> None:
    with Upstream(always(refuses(429, "slow down", Retry_After="3"))) as upstream, openai_client(upstream) as client:
        ask = client.chat.completions.create
        with pytest.raises(openai.RateLimitError, match="slow down") as refused:
            ask(model="gpt-4o", messages=QUESTION)
    assert refused.value.response.headers["retry-after"] == "3"


# --- Bedrock, by AWS's own client


def bedrock_client(upstream: Upstream, secret: str = SECRET_KEY, key: str = ACCESS_KEY) -> Any:  # noqa: ANN401 - made by boto3 from data
    once = Config(retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=5)
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=upstream.url,
        region_name="eu-central-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=once,
    )


MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def test_bedrock_answers_a_signed_request() -> None:
    with Upstream(always(CALLS)) as upstream:
        answer = bedrock_client(upstream).converse(modelId=MODEL, messages=CONVERSED, system=[{"text": "Be short."}])
        asked = upstream.calls[0].asked
    blocks = answer["output"]["message"]["content"]
    assert blocks[0] == {"text": "I look."}
    assert blocks[1] == {"toolUse": {"toolUseId": "call_7", "name": "lookup", "input": {"city": "Bern"}}}
    assert answer["stopReason"] == "tool_use"
    assert answer["usage"]["totalTokens"] == 15
    assert (asked.model, asked.key, asked.system) == (MODEL, ACCESS_KEY, "Be short.")


def test_bedrock_streams_binary_events_that_its_client_reads() -> None:
    with Upstream(always(CALLS)) as upstream:
        stream = bedrock_client(upstream).converse_stream(modelId=MODEL, messages=CONVERSED)["stream"]
        events: list[Any] = list(stream)
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert [delta["text"] for delta in deltas if "text" in delta] == ["I ", "look."]
    assert (
        "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
        == LOOKUP.text + CALLS.tool_calls[1].text
    )
    assert events[-2] == {"messageStop": {"stopReason": "tool_use"}}
    assert events[-1]["metadata"]["usage"]["inputTokens"] == 10


def refused_by_bedrock(call: Callable[[], object]) -> tuple[int, str]:
    """Status and exception."""
    with pytest.raises(ClientError) as refused:
        call()
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_bedrock_refuses_a_wrong_secret_and_an_unknown_key() -> None:
    with Upstream(always(SPEAKS)) as upstream:
        for client, exception in (
            (bedrock_client(upstream, secret="another"), "InvalidSignatureException"),
            (bedrock_client(upstream, key="AKIAUNKNOWN"), "UnrecognizedClientException"),
        ):
            ask = client.converse
            assert refused_by_bedrock(lambda: ask(modelId=MODEL, messages=CONVERSED)) == (403, exception)  # noqa: B023 - called at once


def test_bedrock_refuses_what_was_altered_after_it_was_signed() -> None:
    def alter(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        request.body = request.body.replace(b"weather", b"WEATHER")

    with Upstream(always(SPEAKS)) as upstream:
        client = bedrock_client(upstream)
        client.meta.events.register("before-send.bedrock-runtime.Converse", alter)
        ask = client.converse
        assert refused_by_bedrock(lambda: ask(modelId=MODEL, messages=CONVERSED)) == (403, "InvalidSignatureException")
        assert upstream.asked[0].question == "How is the WEATHER?"


def test_bedrock_refuses_a_date_of_six_minutes_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    now = botocore.auth.get_current_datetime
    with Upstream(always(SPEAKS)) as upstream:
        ask = bedrock_client(upstream).converse
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(minutes=6))
        assert refused_by_bedrock(lambda: ask(modelId=MODEL, messages=CONVERSED)) == (403, "InvalidSignatureException")
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(minutes=4))
        assert ask(modelId=MODEL, messages=CONVERSED)["stopReason"] == "end_turn"


def test_bedrock_refuses_what_is_not_signed_and_takes_a_bearer_key_it_knows() -> None:
    with Upstream(always(SPEAKS), Bedrock(keys=["bedrock-key"])) as upstream:
        url, body = f"{upstream.url}/model/m/converse", {"messages": CONVERSED}
        unsigned = httpx2.post(url, json=body)
        known = httpx2.post(url, json=body, headers={"Authorization": "Bearer bedrock-key"})
    assert (unsigned.status_code, unsigned.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert known.status_code == 200


def test_bedrock_fails_in_the_words_of_aws() -> None:
    with Upstream(always(refuses(429, "slow down"))) as upstream:
        ask = bedrock_client(upstream).converse
        assert refused_by_bedrock(lambda: ask(modelId=MODEL, messages=CONVERSED)) == (429, "ThrottlingException")


def test_a_dropped_stream_of_bedrock_ends_in_an_error_after_what_was_sent() -> None:
    with Upstream(always(Reply("one two three four", drop_after=3))) as upstream:
        stream = bedrock_client(upstream).converse_stream(modelId=MODEL, messages=CONVERSED)["stream"]
        heard: list[Any] = []
        with pytest.raises(ProtocolError, match="ended prematurely"):
            heard.extend(stream)
    assert len(heard) == 0 or len(heard) == 3


# --- Anthropic and Gemini, as their references print them


ANTHROPIC_HEADERS = {"x-api-key": "sk-good", "anthropic-version": "2023-06-01"}
ANTHROPIC_BODY = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": QUESTION}
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "How is the weather?"}]}]}


def events_of(text: str) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


def test_anthropic_answers_with_blocks() -> None:
    with Upstream(always(CALLS)) as upstream:
        answer = httpx2.post(f"{upstream.url}/v1/messages", json=ANTHROPIC_BODY, headers=ANTHROPIC_HEADERS).json()
    assert answer["content"][0] == {"type": "text", "text": "I look."}
    assert answer["content"][1] == {"type": "tool_use", "id": "call_7", "name": "lookup", "input": {"city": "Bern"}}
    assert answer["stop_reason"] == "tool_use"
    assert answer["usage"] == {"input_tokens": 10, "output_tokens": 5}


def test_anthropic_streams_blocks_one_after_another() -> None:
    with Upstream(always(CALLS)) as upstream:
        body = ANTHROPIC_BODY | {"stream": True}
        events = events_of(httpx2.post(f"{upstream.url}/v1/messages", json=body, headers=ANTHROPIC_HEADERS).text)
    kinds = [event["type"] for event in events if event["type"] not in ("content_block_delta", "ping")]
    block = ["content_block_start", "content_block_stop"]
    assert kinds == ["message_start", *block * 3, "message_delta", "message_stop"]
    written = [event["delta"]["partial_json"] for event in events if event.get("index") == 1 and "delta" in event]
    assert json.loads("".join(written)) == {"city": "Bern"}


def test_anthropic_refuses_a_wrong_key_and_a_missing_version() -> None:
    with Upstream(always(SPEAKS), Anthropic(["sk-good"])) as upstream:
        url = f"{upstream.url}/v1/messages"
        wrong = httpx2.post(url, json=ANTHROPIC_BODY, headers=ANTHROPIC_HEADERS | {"x-api-key": "sk-bad"})
        unversioned = httpx2.post(url, json=ANTHROPIC_BODY, headers={"x-api-key": "sk-good"})
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "authentication_error")
    assert unversioned.status_code == 400


def test_gemini_answers_with_parts() -> None:
    with Upstream(always(CALLS)) as upstream:
        url = f"{upstream.base('gemini')}/models/gemini-2.5-flash:generateContent"
        answer = httpx2.post(url, json=GEMINI_BODY, headers={"x-goog-api-key": "g"}).json()
    candidate = answer["candidates"][0]
    assert candidate["content"]["parts"][0] == {"text": "I look."}
    assert candidate["content"]["parts"][1]["functionCall"]["args"] == {"city": "Bern"}
    assert candidate["finishReason"] == "STOP"
    assert answer["usageMetadata"]["totalTokenCount"] == 15


def test_gemini_streams_candidates_of_which_the_last_says_why_it_ended() -> None:
    with Upstream(always(SPEAKS)) as upstream:
        url = f"{upstream.base('gemini')}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        events = events_of(httpx2.post(url, json=GEMINI_BODY, headers={"x-goog-api-key": "g"}).text)
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events) == "It is sunny."
    assert ["finishReason" in event["candidates"][0] for event in events] == [False] * (len(events) - 1) + [True]


def test_gemini_calls_a_wrong_key_a_bad_request() -> None:
    with Upstream(always(SPEAKS), Gemini(["g"])) as upstream:
        url = f"{upstream.base('gemini')}/models/gemini-2.5-flash:generateContent"
        answer = httpx2.post(url, json=GEMINI_BODY, headers={"x-goog-api-key": "other"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


# --- scripts


def spoken(turns: int) -> list[Any]:
    """A conversation in which the model has spoken so often."""
    return QUESTION + [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And now?"}] * turns


def test_a_script_by_turn_answers_a_repeated_call_alike() -> None:
    with Upstream(by_turn(Reply("first"), Reply("second"))) as upstream, openai_client(upstream) as client:
        said = [
            client.chat.completions.create(model="m", messages=spoken(turns)).choices[0].message.content
            for turns in (0, 0, 1)
        ]
    assert said == ["first", "first", "second"]


def test_a_script_that_has_ended_fails_the_test() -> None:
    upstream = Upstream(one_by_one(Reply("only")))
    with pytest.raises(ScriptEnded, match="no reply number 2"), upstream:
        assert [ask_openai(upstream).status_code for _ in range(2)] == [200, 500]


def test_a_model_that_must_call_a_tool_speaks_by_it() -> None:
    choice = {"type": "tool", "name": "answer"}
    body = ANTHROPIC_BODY | {"tool_choice": choice, "tools": [{"name": "answer", "input_schema": {}}]}
    with Upstream(always(Reply('{"sunny": true}'))) as upstream:
        answer = httpx2.post(f"{upstream.url}/v1/messages", json=body, headers=ANTHROPIC_HEADERS).json()
    assert [(block["name"], block["input"]) for block in answer["content"]] == [("answer", {"sunny": True})]


@pytest.mark.parametrize("reply", [Reply("half an answer", drop_after=1), Reply("nothing", drop_after=0)])
def test_a_dropped_answer_is_no_answer(reply: Reply) -> None:
    with Upstream(always(reply)) as upstream, pytest.raises(httpx2.RemoteProtocolError):
        ask_openai(upstream)


def test_a_fake_that_never_answers_can_be_closed() -> None:
    with Upstream(always(Reply(delay=NEVER))) as upstream:
        with pytest.raises(httpx2.ReadTimeout):
            ask_openai(upstream, timeout=0.2)
        assert len(upstream.calls) == 1


def test_raw_bytes_are_the_body() -> None:
    with Upstream(always(Reply(raw=b"<html>", status=502))) as upstream:
        answer = ask_openai(upstream)
    assert (answer.status_code, answer.content) == (502, b"<html>")


def ask_openai(upstream: Upstream, timeout: float = 5.0) -> httpx2.Response:
    url, body = f"{upstream.base('openai')}/chat/completions", {"model": "m", "messages": QUESTION}
    return httpx2.post(url, json=body, timeout=timeout)


# --- processes


def test_a_fake_in_a_process_of_its_own_answers() -> None:
    with upstream_process("--delay", "0.01") as url:
        answer = httpx2.post(f"{url}/v1/chat/completions", json={"model": "m", "messages": QUESTION})
    assert answer.json()["choices"][0]["message"]["content"] == "A fake answer."


async def test_the_mcp_server_has_its_tools_over_http() -> None:
    with mcp_over_http() as url:
        async with Client(url) as client:
            listed = await client.list_tools()
            added = await client.call_tool("add", {"a": 2, "b": 3})
            failed = await client.call_tool("fail", {"reason": "as asked"})
    assert [tool.name for tool in listed.tools] == ["echo", "add", "fail", "slow", "environment"]
    assert added.structured_content == {"sum": 5}
    assert failed.is_error


async def test_the_mcp_server_wants_its_key() -> None:
    with mcp_over_http("secret") as url:
        assert httpx2.post(url).status_code == 401


async def test_the_mcp_server_speaks_over_stdio() -> None:
    command, *arguments = MCP_COMMAND
    started = StdioServerParameters(command=command, args=arguments, env=environment({}), cwd=CHECKOUT)
    async with Client(stdio_client(started)) as client:
        said = await client.call_tool("echo", {"text": "hello"})
    assert said.structured_content == {"result": "hello"}
