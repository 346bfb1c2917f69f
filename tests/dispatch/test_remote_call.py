"""Registered types that the server calls: the bodies, headers and sentences their servers and clients already know."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from standardwebhooks import Webhook

from tests.dispatch.loopback import Answer, Asked, Loopback, bomb, dripping, hang_up, loopback, reply
from workflow_engine.clock import SystemClock
from workflow_engine.dispatch.contract import ReportsLater
from workflow_engine.dispatch.guarded_http import GuardedHttp
from workflow_engine.dispatch.remote_call import RemoteCalls
from workflow_engine.dispatch.workers.tokens import Tokens
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import Effect, ExecutionType, StepFailure, StepRequest, StepType, UserContext

KEY = bytes(range(32))
REQUEST = StepRequest(
    execution_id="e1",
    workflow_id="w1",
    workflow_name="calling",
    namespace="default",
    path="a",
    step_id="a",
    step_type="remote",
    attempt=2,
    delivery=3,
    idempotency_key="wfk_e1_a",
    input={"text": "hé"},
    config={"volume": 11},
    now=1_793_534_400.0,
    user=UserContext("u1", "s1", "o1"),
    correlation_id="corr-1",
    trace_id="0af7651916cd43dd8448eb211c80319c",
)


@asynccontextmanager
async def calls(allow_loopback: bool = True, max_response_bytes: int = 1024) -> AsyncIterator[RemoteCalls]:
    http = GuardedHttp(lambda namespace: (), allow_loopback=allow_loopback)
    try:
        yield RemoteCalls(http, KEY, Tokens(KEY), SystemClock(), max_response_bytes)
    finally:
        await http.aclose()


def remote(
    server: Loopback, kind: str = "api", endpoint: JsonObject | None = None, effect: Effect = Effect.IDEMPOTENT
) -> StepType:
    called = {"url": server.url("/work"), **(endpoint or {})}
    return StepType("remote", execution_type=ExecutionType(kind), endpoint=called, effect=effect, owner="ada")


async def called(answer: Answer, kind: str = "api", endpoint: JsonObject | None = None) -> tuple[Json, Asked]:
    async with loopback(answer) as server, calls() as remotes:
        function = remotes.function(remote(server, kind, endpoint))
        output: Json = await cast("Any", function(REQUEST))
        return output, server.asked[0]


async def failure(
    answer: Answer,
    kind: str = "api",
    endpoint: JsonObject | None = None,
    request: StepRequest = REQUEST,
    effect: Effect = Effect.IDEMPOTENT,
) -> StepFailure:
    async with loopback(answer) as server, calls() as remotes:
        with pytest.raises(StepFailure) as caught:
            await cast("Any", remotes.function(remote(server, kind, endpoint, effect))(request))
        return caught.value


async def test_an_api_gets_config_and_input_and_its_answer_is_the_output() -> None:
    output, asked = await called(reply('{"loud": "HÉ", "n": 1}'.encode()))
    assert output == {"loud": "HÉ", "n": 1}
    assert (asked.method, asked.target) == ("POST", "/work")
    assert json.loads(asked.body) == {"step_config": {"volume": 11}, "input_data": {"text": "hé"}}
    assert asked.headers["content-type"] == "application/json"


async def test_an_rpc_is_told_of_its_execution_too() -> None:
    _, asked = await called(reply(), "rpc")
    assert json.loads(asked.body) == {
        "step_config": {"volume": 11},
        "input_data": {"text": "hé"},
        "execution_context": {
            "execution_id": "e1",
            "workflow_id": "w1",
            "user_context": {"user_id": "u1", "session_id": "s1"},
        },
    }


@pytest.mark.parametrize("kind", ["api", "rpc", "webhook"])
async def test_every_call_carries_the_same_key_on_every_attempt(kind: str) -> None:
    async with loopback(reply()) as server, calls() as remotes:
        function = remotes.function(remote(server, kind))
        for attempt in (1, 2):
            await cast("Any", function(replace(REQUEST, attempt=attempt, delivery=attempt)))
        assert [asked.headers["idempotency-key"] for asked in server.asked] == ["wfk_e1_a"] * 2
        assert server.asked[0].headers["x-correlation-id"] == "corr-1"
        assert server.asked[0].headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")


async def test_method_and_headers_come_from_the_registration() -> None:
    _, asked = await called(reply(), endpoint={"method": "PUT", "headers": {"X-Api-Key": "k"}})
    assert (asked.method, asked.headers["x-api-key"]) == ("PUT", "k")


async def test_a_correlation_id_that_is_no_header_is_not_sent() -> None:
    async with loopback(reply()) as server, calls() as remotes:
        request = replace(REQUEST, correlation_id="a\r\nX-Evil: 1", trace_id=None)
        await cast("Any", remotes.function(remote(server))(request))
        assert not {"x-correlation-id", "x-evil", "traceparent"} & server.asked[0].headers.keys()


async def test_a_webhook_is_signed_so_that_its_receiver_can_check_it() -> None:
    _, asked = await called(reply(), "webhook")
    receiver = Webhook("whsec_" + base64.b64encode(KEY).decode())
    assert receiver.verify(asked.body, asked.headers) == json.loads(asked.body)
    assert asked.headers["webhook-id"] == "wfk_e1_a"
    with pytest.raises(Exception, match="No matching signature"):
        receiver.verify(asked.body + b" ", asked.headers)


async def test_only_a_webhook_is_signed() -> None:
    _, asked = await called(reply())
    assert "webhook-signature" not in asked.headers


@pytest.mark.parametrize(
    ("kind", "status", "sentence", "retryable"),
    [
        ("api", "404 Not Found", "API call failed: 404", False),
        ("api", "204 No Content", "API call failed: 204", False),
        ("api", "302 Found", "API call failed: 302", False),
        ("api", "500 Oops", "API call failed: 500", True),
        ("webhook", "410 Gone", "API call failed: 410", False),
        ("rpc", "201 Created", "RPC call failed: 201", False),
        ("rpc", "503 Busy", "RPC call failed: 503", True),
        ("rpc", "429 Slow", "RPC call failed: 429", True),
    ],
)
async def test_a_status_that_is_no_success_fails_with_the_known_sentence(
    kind: str, status: str, sentence: str, retryable: bool
) -> None:
    failed = await failure(reply(b"{}", status, {"Location": "http://169.254.169.254/"}), kind)
    assert (failed.error_code, failed.message, failed.retryable) == ("http-status", sentence, retryable)


async def test_an_overloaded_server_says_when_to_come_back() -> None:
    for status in ("503 Busy", "429 Slow"):
        failed = await failure(reply(b"", status, {"Retry-After": "7"}))
        assert (failed.retryable, failed.retry_after) == (True, 7.0)


async def test_created_is_a_success_of_an_api() -> None:
    output, _ = await called(reply(b"[1]", "201 Created"))
    assert output == [1]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a":NaN}', b'{"a":1,"a":2}', b'{"n":18446744073709551616}', b"\xff"]
)
async def test_an_answer_that_is_no_json_breaks_the_contract(body: bytes) -> None:
    failed = await failure(reply(body))
    assert (failed.error_code, failed.retryable) == ("contract-violation", False)
    assert "is not JSON" in failed.message


@pytest.mark.parametrize("answer", [reply(b'"' + b"x" * 2000 + b'"'), bomb(50 * 1024 * 1024)])
async def test_an_answer_over_the_limit_is_too_large(answer: Answer) -> None:
    failed = await failure(answer)
    assert (failed.error_code, failed.retryable) == ("payload-too-large", False)


@pytest.mark.parametrize("limits", [{"timeout": 0.2}, {"timeout": 20}])
async def test_the_shorter_time_limit_holds(limits: JsonObject) -> None:
    failed = await failure(dripping(0.02), endpoint=limits, request=replace(REQUEST, timeout_seconds=0.4))
    assert (failed.error_code, failed.retryable) == ("timeout", True)


async def test_loopback_is_no_place_to_call_unless_allowed() -> None:
    async with loopback(reply()) as server, calls(allow_loopback=False) as remotes:
        with pytest.raises(StepFailure) as caught:
            await cast("Any", remotes.function(remote(server))(REQUEST))
        assert (caught.value.error_code, server.connections) == ("host-not-allowed", 0)


@pytest.mark.parametrize("answer", [hang_up, dripping(0.02)])
async def test_what_may_run_once_ends_as_unknown_when_the_answer_is_lost(answer: Answer) -> None:
    failed = await failure(answer, endpoint={"timeout": 0.2}, effect=Effect.AT_MOST_ONCE)
    assert (failed.error_code, failed.retryable) == ("outcome-unknown", False)


async def test_what_may_run_once_is_not_unknown_when_nothing_was_sent() -> None:
    async with loopback(reply()) as server:
        step = remote(server, effect=Effect.AT_MOST_ONCE)
    async with calls() as remotes:
        with pytest.raises(StepFailure) as caught:
            await cast("Any", remotes.function(step)(REQUEST))
    assert caught.value.error_code == "transport-error"


async def test_many_calls_run_beside_each_other() -> None:
    async def slow(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await reply(b'"ok"')(asked, writer)

    async with loopback(slow) as server, calls() as remotes:
        function = remotes.function(remote(server))
        answers = await asyncio.gather(*(cast("Any", function(REQUEST)) for _ in range(30)))
    assert answers == ["ok"] * 30


async def test_a_webhook_is_handed_the_lease_with_which_it_may_report_later() -> None:
    _, asked = await called(reply(), "webhook")
    assert json.loads(asked.body)["lease"] == {
        "execution_id": "e1",
        "path": "a",
        "delivery": 3,
        "token": Tokens(KEY).lease("e1", "a", 3).token,
    }


async def test_a_webhook_that_answers_202_reports_later_and_an_api_that_does_fails() -> None:
    with pytest.raises(ReportsLater):
        await called(reply(status="202 Accepted"), "webhook")
    with pytest.raises(StepFailure, match="API call failed: 202"):
        await called(reply(status="202 Accepted"), "api")
