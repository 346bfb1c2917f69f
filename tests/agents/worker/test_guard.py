"""Addresses that agents name, on a loop that looks at each connection."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from workflow_client import StepError

from workflow_engine.agents.worker.exchange import CURRENT, Exchange
from workflow_engine.agents.worker.guard import Guard, GuardedLoop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=GuardedLoop) as runner:
        return runner.run(work)


async def refusal(guard: Guard, url: str) -> str | None:
    """The code of it."""
    try:
        await guard.check("The address", url)
    except StepError as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/v1",
        "http://localhost:9000",
        "http://2130706433/",
        "http://[::1]:1",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1",
        "http://169.254.169.254/latest",
        "https://user:secret@8.8.8.8/",
        "ftp://8.8.8.8/",
        "//8.8.8.8/",
        "http://8.8.8.8:99999/",
        "http://",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_spelled(url: str) -> None:
    assert run(refusal(Guard((), loopback=False), url)) == "host-not-allowed"


def test_public_listed_and_loopback_addresses_are_let_through() -> None:
    assert run(refusal(Guard((), loopback=False), "https://8.8.8.8/v1")) is None
    assert run(refusal(Guard((), loopback=True), "http://127.0.0.1:9/v1")) is None
    assert run(refusal(Guard(("localhost:9000",), loopback=False), "http://localhost:9000/v1")) is None
    assert run(refusal(Guard(("localhost:9000",), loopback=False), "http://localhost:9001/v1")) is not None
    assert run(refusal(Guard(("10.0.0.0/8",), loopback=False), "http://10.2.3.4/v1")) is None


async def dial(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


async def connects(guard: Guard | None, *, trusted: bool = False, name: str | None = None) -> tuple[bool, str | None]:
    """Whether a connection to a server of this machine is made, and what was written down when not."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    exchange = Exchange()
    token = CURRENT.set(exchange)
    try:
        if guard is None:
            await dial(port)
            return True, None
        if trusted:
            await guard.trust(f"http://127.0.0.1:{port}/v1")
        if name is not None:
            await guard.check("The address", f"http://{name}:{port}/v1")
        with guard.permit():
            await asyncio.create_task(dial(port))
    except PermissionError:
        return False, exchange.refused
    finally:
        CURRENT.reset(token)
        server.close()
        await server.wait_closed()
    return True, None


def test_a_connection_is_looked_at_when_it_is_made_whatever_was_resolved_before() -> None:
    made, why = run(connects(Guard((), loopback=False)))
    assert not made
    assert why is not None
    assert "loopback" in why


def test_connections_outside_a_permit_and_those_it_covers_are_made() -> None:
    assert run(connects(None)) == (True, None)
    assert run(connects(Guard((), loopback=True))) == (True, None)
    assert run(connects(Guard(("127.0.0.0/8",), loopback=False))) == (True, None)
    assert run(connects(Guard((), loopback=False), trusted=True)) == (True, None)


def test_a_listed_name_covers_the_addresses_it_resolved_to() -> None:
    assert run(connects(Guard(("localhost",), loopback=False), name="localhost")) == (True, None)


async def refusal_with_key(guard: Guard, url: str) -> str:
    try:
        await guard.check("The address", url, with_key=True)
    except StepError as refused:
        return str(refused)
    return ""


def test_a_key_goes_to_a_public_address_only_when_the_list_names_it() -> None:
    public = "http://93.184.216.34/v1"
    assert run(refusal(Guard((), loopback=False), public)) is None
    why = "a key is sent to it only when the list of allowed hosts names it"
    assert why in run(refusal_with_key(Guard((), loopback=False), public))
    assert run(refusal_with_key(Guard(("93.184.216.34",), loopback=False), public)) == ""
    assert run(refusal_with_key(Guard((), loopback=True), "http://127.0.0.1/v1")) == ""
