"""The http_request step against a real server on loopback, through the real guarded client."""

import base64
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.dispatch.loopback import Answer, Asked, bomb, dripping, loopback, reply
from tests.plugins.asking import request
from workflow_engine.dispatch.guarded_http import GuardedHttp
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.layout import plugins_folder
from workflow_engine.steps.contract import StepFailure
from workflow_engine.steps.plugins import load_plugins
from workflow_engine.steps.schemas import compile_schema
from workflow_engine.steps.services import Services


async def run(
    config: JsonObject, *, allow_loopback: bool = True, timeout_seconds: float | None = None
) -> dict[str, Any]:
    http = GuardedHttp(lambda namespace: (), allow_loopback=allow_loopback)
    try:
        loaded = load_plugins(plugins_folder(), services=Services(http))
        offered = next(offered for offered in loaded.steps if offered.type.name == "http_request")
        asking = replace(request("http_request", config), timeout_seconds=timeout_seconds)
        output: dict[str, Any] = await cast("Any", offered.function(asking))
        assert compile_schema(offered.type.output_schema).problems(output) == ()
        assert compile_schema(offered.type.config_schema).problems(config) == ()
        return output
    finally:
        await http.aclose()


async def asked(answer: Answer | dict[str, Answer], config: JsonObject | None = None) -> tuple[dict[str, Any], Asked]:
    async with loopback(answer) as server:
        output = await run({"url": server.url("/x"), **(config or {})})
        return output, server.asked[0]


async def failure(
    answer: Answer, config: JsonObject | None = None, allow_loopback: bool = True, timeout_seconds: float | None = None
) -> StepFailure:
    async with loopback(answer) as server:
        with pytest.raises(StepFailure) as caught:
            await run(
                {"url": server.url("/x"), **(config or {})},
                allow_loopback=allow_loopback,
                timeout_seconds=timeout_seconds,
            )
        return caught.value


async def test_a_get_answers_status_headers_and_the_json_of_the_body() -> None:
    async with loopback(reply(b'{"n": 1}', headers={"X-A": "b"})) as server:
        output = await run({"url": server.url("/x")})
        assert output == {
            "status_code": 200,
            "headers": {"content-type": "application/json", "content-length": "8", "x-a": "b"},
            "body": {"n": 1},
            "body_encoding": "json",
            "url": server.url("/x"),
            "ok": True,
            "success": True,
        }
        assert server.asked[0].method == "GET"


@pytest.mark.parametrize(
    ("body", "content_type", "seen", "encoding"),
    [
        (b"[1]", "application/problem+json; charset=utf-8", [1], "json"),
        (b"{not json", "application/json", "{not json", "text"),
        (b'{"n": NaN}', "application/json", '{"n": NaN}', "text"),
        ("hé".encode(), "text/plain", "hé", "text"),
        (b"", "application/json", "", "text"),
        (b"\xff\xfe", "text/plain", base64.b64encode(b"\xff\xfe").decode(), "base64"),
        (b"a\x00b", "text/plain", base64.b64encode(b"a\x00b").decode(), "base64"),
    ],
)
async def test_a_body_is_json_or_text_or_base64(body: bytes, content_type: str, seen: Json, encoding: str) -> None:
    output, _ = await asked(reply(body, headers={"Content-Type": content_type}))
    assert (output["body"], output["body_encoding"]) == (seen, encoding)


@pytest.mark.parametrize(
    ("config", "sent", "content_type"),
    [
        ({"json": {"a": [1, None]}}, b'{"a":[1,null]}', "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"json": "text"}, b'"text"', "application/json"),
        ({"body": {"a": 1}}, b'{"a":1}', "application/json"),
        ({"body": "plain é"}, "plain é".encode(), "text/plain; charset=utf-8"),
        ({"body": "<x/>", "headers": {"Content-Type": "application/xml"}}, b"<x/>", "application/xml"),
        ({}, b"", None),
    ],
)
async def test_what_is_sent(config: JsonObject, sent: bytes, content_type: str | None) -> None:
    _, seen = await asked(reply(), {"method": "post", **config})
    assert (seen.method, seen.body, seen.headers.get("content-type")) == ("POST", sent, content_type)


async def test_params_are_added_to_the_query() -> None:
    config: JsonObject = {"params": {"q": "a b", "n": 1, "on": True, "many": [1, "x"], "none": None}}
    _, seen = await asked(reply(), config)
    assert seen.target == "/x?q=a+b&n=1&on=true&many=1&many=x"


async def test_the_idempotency_key_is_sent_unless_the_document_brings_one() -> None:
    _, seen = await asked(reply(), {"method": "POST"})
    assert seen.headers["idempotency-key"] == "wfk_e1_a"
    _, seen = await asked(reply(), {"method": "POST", "headers": {"Idempotency-Key": "mine"}})
    assert seen.headers["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("status", "retryable", "after"),
    [
        ("301 Moved", False, None),
        ("404 Not Found", False, None),
        ("429 Slow", True, 3.0),
        ("500 Oops", True, None),
        ("503 Busy", True, 3.0),
    ],
)
async def test_a_status_that_is_no_success_fails(status: str, retryable: bool, after: float | None) -> None:
    failed = await failure(reply(b"why", status, {"Retry-After": "3", "Location": "http://10.0.0.1/"}))
    assert (failed.error_code, failed.retryable, failed.retry_after) == ("http-status", retryable, after)
    assert failed.message.startswith(f"HTTP {status[:3]} from http://127.0.0.1")
    assert failed.details == {"status_code": int(status[:3]), "body": "why"}


async def test_the_sentence_of_a_failure_leaves_out_the_query() -> None:
    failed = await failure(reply(b"", "404 Not Found"), {"params": {"token": "secret"}})
    assert "secret" not in failed.message


@pytest.mark.parametrize("expected", [404, [200, 404]])
async def test_an_expected_status_is_a_success(expected: Json) -> None:
    output, _ = await asked(reply(b"{}", "404 Not Found"), {"expected_status": expected})
    assert (output["status_code"], output["ok"], output["success"]) == (404, False, True)


async def test_a_success_that_was_not_expected_fails() -> None:
    assert (await failure(reply(), {"expected_status": 201})).error_code == "http-status"


async def test_redirects_are_followed_when_asked_for() -> None:
    answers = {"/x": reply(b"", "302 Found", {"Location": "/y"}), "/y": reply(b'"there"')}
    output, _ = await asked(answers, {"max_redirects": 1})
    assert output["body"] == "there"
    assert output["url"].endswith("/y")


@pytest.mark.parametrize(
    ("answer", "config", "code"),
    [
        (reply(b"x" * 101), {"max_response_bytes": 100}, "payload-too-large"),
        (bomb(20 * 1024 * 1024), {}, "payload-too-large"),
        (dripping(0.02), {"timeout_seconds": 0.2}, "timeout"),
        (dripping(0.02), {"timeout": 0.2}, "timeout"),
        (reply(b"", "302 Found", {"Location": "http://169.254.169.254/"}), {"max_redirects": 2}, "host-not-allowed"),
    ],
)
async def test_a_server_cannot_hurt_the_engine(answer: Answer, config: JsonObject, code: str) -> None:
    assert (await failure(answer, config)).error_code == code


async def test_the_time_limit_of_the_step_holds_too() -> None:
    failed = await failure(dripping(0.02), {"timeout_seconds": 30}, timeout_seconds=0.2)
    assert failed.error_code == "timeout"


async def test_loopback_is_refused_unless_allowed() -> None:
    assert (await failure(reply(), allow_loopback=False)).error_code == "host-not-allowed"


@pytest.mark.parametrize(
    "config",
    [
        {"method": "BREW"},
        {"body": "a", "json": 1},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X Y": "a"}},
        {"url": "file:///etc/passwd"},
        {"url": "http://user:pw@127.0.0.1/"},
    ],
)
async def test_what_cannot_be_sent_is_an_invalid_config(config: JsonObject) -> None:
    failed = await failure(reply(), config)
    assert (failed.error_code, failed.retryable) == ("invalid-config", False)


async def test_a_header_value_is_not_repeated_in_its_refusal() -> None:
    failed = await failure(reply(), {"headers": {"Authorization": "Bearer sécret"}})
    assert "sécret" not in json.dumps([failed.message, failed.details], ensure_ascii=False)
