"""The guarded client against real servers on loopback: what it refuses to connect to, and what it refuses to take."""

import asyncio
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.dispatch.loopback import Answer, bomb, dripping, hang_up, loopback, reply
from workflow_engine.dispatch.guarded_http import GuardedHttp, Resolve
from workflow_engine.steps.contract import InvalidConfig, StepFailure
from workflow_engine.steps.services import (
    CallTimedOut,
    ConnectionBroke,
    HostNotAllowed,
    HostUnreachable,
    HttpRequest,
    HttpResponse,
    ResponseTooLarge,
)


@asynccontextmanager
async def client(
    *allowed: str, allow_loopback: bool = False, resolve: Resolve | None = None
) -> AsyncIterator[GuardedHttp]:
    http = GuardedHttp(lambda namespace: allowed, allow_loopback=allow_loopback, resolve=resolve)
    try:
        yield http
    finally:
        await http.aclose()


def names(**addresses: str) -> Resolve:
    """A resolver that knows these names (`_` for a dot), each with addresses separated by spaces."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        found = addresses.get(host.replace(".", "_"))
        if found is None:
            raise OSError("Name or service not known")
        return found.split()

    return resolve


async def get(http: GuardedHttp, url: str, **more: object) -> HttpResponse:
    return await http.send(HttpRequest("GET", url, **{"timeout_seconds": 5.0, **more}))  # type: ignore[arg-type] # fields of HttpRequest


async def asked_of_loopback(answer: Answer | dict[str, Answer], path: str = "/", **more: object) -> HttpResponse:
    async with loopback(answer) as server, client(allow_loopback=True) as http:
        return await get(http, server.url(path), **more)


# --- who may be called


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"]
)
async def test_loopback_is_refused_however_it_is_spelt(host: str) -> None:
    async with loopback(reply()) as server, client() as http:
        with pytest.raises(HostNotAllowed) as caught:
            await get(http, server.url(host=host))
        assert (server.connections, caught.value.error_code) == (0, "host-not-allowed")
        assert caught.value.retryable is False


@pytest.mark.parametrize("host", ["0177.0.0.1", "\uff11\uff12\uff17.0.0.1", "127.0.0.1.1.1", "999.0.0.1"])
async def test_an_address_with_leading_zeros_or_foreign_digits_is_no_address(host: str) -> None:
    async with loopback(reply()) as server, client(allow_loopback=True) as http:
        with pytest.raises((InvalidConfig, HostUnreachable)):
            await get(http, server.url(host=host))
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
async def test_loopback_is_called_where_it_was_allowed(host: str) -> None:
    async with loopback(reply(b'{"a":1}')) as server, client(allow_loopback=True) as http:
        response = await get(http, server.url(host=host))
    assert (response.status, response.body) == (200, b'{"a":1}')


async def test_a_name_that_leads_to_loopback_is_refused() -> None:
    async with loopback(reply()) as server, client(resolve=names(rebound_example="127.0.0.1")) as http:
        with pytest.raises(HostNotAllowed, match=r"Host not allowed: rebound\.example"):
            await get(http, server.url(host="rebound.example"))
        assert server.connections == 0


async def test_an_entry_of_the_list_opens_its_host_and_port_and_no_other() -> None:
    resolve = names(one_local="127.0.0.1", two_local="127.0.0.1")
    async with loopback(reply()) as server:
        async with client(f"one.local:{server.port}", resolve=resolve) as http:
            assert (await get(http, server.url(host="one.local"))).status == 200
            with pytest.raises(HostNotAllowed):
                await get(http, server.url(host="two.local"))
        async with client("one.local:1", resolve=resolve) as http:
            with pytest.raises(HostNotAllowed):
                await get(http, server.url(host="one.local"))


async def test_the_list_of_the_own_namespace_holds_as_it_is_now() -> None:
    lists: dict[str, list[str]] = {"one": ["127.0.0.0/8"], "two": []}
    http = GuardedHttp(lambda namespace: lists[namespace], allow_loopback=False)
    async with loopback(reply()) as server:
        assert (await get(http, server.url(), namespace="one")).status == 200
        with pytest.raises(HostNotAllowed):
            await get(http, server.url(), namespace="two")
        lists["one"].clear()
        with pytest.raises(HostNotAllowed):
            await get(http, server.url(), namespace="one")
    await http.aclose()


async def test_a_name_is_looked_up_once_so_that_a_second_answer_leads_nowhere() -> None:
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

    async with loopback(reply()) as server, client(allow_loopback=True, resolve=resolve) as http:
        assert (await get(http, server.url(host="twice.example"))).status == 200
        assert looked_up == ["twice.example"]
        with pytest.raises(HostNotAllowed):
            await get(http, server.url(host="twice.example"))


async def test_the_name_is_kept_for_the_server_that_is_called() -> None:
    async with loopback(reply()) as server, client(allow_loopback=True, resolve=names(a_example="127.0.0.1")) as http:
        response = await get(http, server.url("/x?y=1", host="a.example"))
        assert server.asked[0].headers["host"] == f"a.example:{server.port}"
        assert (server.asked[0].target, response.url) == ("/x?y=1", server.url("/x?y=1", host="a.example"))


async def test_the_next_address_is_tried_when_one_cannot_be_reached() -> None:
    resolve = names(a_example="127.0.0.2 127.0.0.1")
    async with loopback(reply()) as server, client(allow_loopback=True, resolve=resolve) as http:
        assert (await get(http, server.url(host="a.example"))).status == 200


async def test_an_objection_is_told_without_connecting() -> None:
    async with loopback(reply()) as server, client() as strict, client(allow_loopback=True) as friendly:
        objection = await strict.objection(server.url(), "default")
        assert objection is not None
        assert "a loopback address is not allowed" in objection
        assert await friendly.objection(server.url(), "default") is None
        assert await friendly.objection("ftp://a.example/", "default") is not None
        assert server.connections == 0


async def test_a_name_that_cannot_be_resolved_yet_is_no_objection() -> None:
    async with client(resolve=names()) as http:
        assert await http.objection("http://later.example/", "default") is None


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://a.example/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/", "http://[::1/"],
)
async def test_a_url_nobody_could_call_is_an_invalid_config(url: str) -> None:
    async with client(allow_loopback=True) as http:
        with pytest.raises(InvalidConfig):
            await get(http, url)


# --- redirects


def redirect(to: str, status: str = "302 Found") -> Answer:
    return reply(b"", status, {"Location": to})


async def test_a_redirect_is_an_answer_by_default() -> None:
    async with loopback(redirect("http://169.254.169.254/")) as server, client(allow_loopback=True) as http:
        response = await get(http, server.url())
    assert (response.status, response.headers["location"]) == (302, "http://169.254.169.254/")


@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest", "http://10.0.0.1/", "//192.168.0.1/x", "http://0.0.0.0/"]
)
async def test_a_redirect_to_a_forbidden_host_is_not_followed(to: str) -> None:
    async with loopback(redirect(to)) as server, client(allow_loopback=True) as http:
        with pytest.raises(HostNotAllowed):
            await get(http, server.url(), max_redirects=3)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1/"])
async def test_a_redirect_to_what_is_no_web_address_is_not_followed(to: str) -> None:
    async with loopback(redirect(to)) as server, client(allow_loopback=True) as http:
        with pytest.raises(StepFailure) as caught:
            await get(http, server.url(), max_redirects=3)
        assert caught.value.error_code in ("invalid-config", "transport-error")
        assert len(server.asked) == 1


async def test_redirects_are_followed_as_far_as_they_were_allowed() -> None:
    answers = {"/a": redirect("/b"), "/b": redirect("/c", "307 Temporary Redirect"), "/c": reply(b'"there"')}
    async with loopback(answers) as server, client(allow_loopback=True) as http:
        response = await get(http, server.url("/a"), max_redirects=2)
        assert (response.body, response.url) == (b'"there"', server.url("/c"))
        with pytest.raises(InvalidConfig, match="redirects more than 1 times"):
            await get(http, server.url("/a"), max_redirects=1)


# --- what may come back


async def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(ResponseTooLarge) as caught:
        await asked_of_loopback(reply(b"x" * 1001), max_response_bytes=1000)
    assert (caught.value.error_code, caught.value.retryable) == ("payload-too-large", False)
    assert len((await asked_of_loopback(reply(b"x" * 1000), max_response_bytes=1000)).body) == 1000


async def test_a_bomb_is_measured_after_unpacking_and_without_unpacking_it_all() -> None:
    started = time.monotonic()
    with pytest.raises(ResponseTooLarge):
        await asked_of_loopback(bomb(200 * 1024 * 1024), max_response_bytes=1024 * 1024)
    assert time.monotonic() - started < 5


async def test_a_compressed_answer_within_the_limit_is_unpacked() -> None:
    assert (await asked_of_loopback(bomb(5000), max_response_bytes=5000)).body == bytes(5000)


async def test_a_body_that_drips_runs_into_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(CallTimedOut) as caught:
        await asked_of_loopback(dripping(0.02), timeout_seconds=0.3)
    assert 0.25 < time.monotonic() - started < 3
    assert (caught.value.error_code, caught.value.retryable) == ("timeout", True)


async def test_a_look_up_counts_against_the_deadline() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(30)
        return ["127.0.0.1"]

    async with client(allow_loopback=True, resolve=resolve) as http:
        with pytest.raises(CallTimedOut):
            await get(http, "http://slow.example/", timeout_seconds=0.1)


async def test_no_server_is_told_apart_from_one_that_hangs_up() -> None:
    async with loopback(reply()) as server:
        closed = server.url()
    async with client(allow_loopback=True) as http:
        with pytest.raises(HostUnreachable) as unreachable:
            await get(http, closed)
        with pytest.raises(HostUnreachable, match="cannot be resolved"):
            await get(http, "http://no-such-name.invalid/")
    with pytest.raises(ConnectionBroke) as broke:
        await asked_of_loopback(hang_up)
    assert unreachable.value.error_code == broke.value.error_code == "transport-error"
    assert unreachable.value.retryable is broke.value.retryable is True


async def test_a_body_that_ends_too_early_is_a_broken_connection() -> None:
    async def half(asked: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    with pytest.raises(ConnectionBroke):
        await asked_of_loopback(half)


async def test_what_is_no_http_is_a_broken_connection() -> None:
    async def garbage(asked: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    with pytest.raises(ConnectionBroke):
        await asked_of_loopback(garbage)


async def test_headers_come_in_lower_case_and_joined() -> None:
    async def twice(asked: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    assert (await asked_of_loopback(twice)).headers["x-a"] == "1, 2"


# --- what is sent, and what is not


async def test_method_body_headers_and_params_are_sent() -> None:
    async with loopback(reply()) as server, client(allow_loopback=True) as http:
        await http.send(
            HttpRequest("PUT", server.url("/p?a=1"), {"X-A": "b"}, {"q": "ü &", "l": ["1", "2"]}, b"raw", 5.0)
        )
        asked = server.asked[0]
    assert (asked.method, asked.body, asked.headers["x-a"]) == ("PUT", b"raw", "b")
    assert asked.target == "/p?a=1&q=%C3%BC+%26&l=1&l=2"


async def test_no_cookie_is_kept_between_calls() -> None:
    async with loopback(reply(headers={"Set-Cookie": "session=secret"})) as server, client(allow_loopback=True) as http:
        for _ in range(2):
            await get(http, server.url())
        assert all("cookie" not in asked.headers for asked in server.asked)


async def test_no_connection_is_used_twice() -> None:
    async with loopback(reply()) as server, client(allow_loopback=True) as http:
        for _ in range(3):
            await get(http, server.url())
        assert server.connections == 3


async def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    async with loopback(reply()) as server, client(allow_loopback=True) as http:
        assert (await get(http, server.url())).status == 200
        assert "authorization" not in server.asked[0].headers


async def test_fifty_calls_at_once_do_not_wait_for_each_other() -> None:
    async def slow(asked: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with loopback(slow) as server, client(allow_loopback=True) as http:
        started = time.monotonic()
        answers = await asyncio.gather(*(get(http, server.url()) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert time.monotonic() - started < 3


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate: apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=a.example"),
        ],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_tls_is_asked_for_by_name_and_an_unknown_certificate_is_refused(tls: ssl.SSLContext) -> None:
    asked_for: list[str | None] = []
    tls.sni_callback = lambda socket, name, _: asked_for.append(name)
    resolve = names(a_example="127.0.0.1")
    async with loopback(reply(), tls=tls) as server, client(allow_loopback=True, resolve=resolve) as http:
        with pytest.raises(HostUnreachable, match=r"(?i)certificate"):
            await get(http, server.url(host="a.example", scheme="https"))
    assert (asked_for, server.asked) == (["a.example"], [])
