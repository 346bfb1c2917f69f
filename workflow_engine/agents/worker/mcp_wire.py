"""How an MCP server is reached: over streamable HTTP within bounds, or as a program of this machine."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from workflow_engine.agents.worker.settings import LocalServer

CONNECT_WITHIN: Final = 30.0
INHERITED: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")
"""All that a program gets of this environment, which holds keys; the rest is what its settings give it."""


class AnswerTooLarge(httpx2.RemoteProtocolError):
    def __init__(self, most: int) -> None:
        super().__init__(f"the server's answer has more than {most} bytes")


class AnswerCompressed(httpx2.RemoteProtocolError):
    def __init__(self) -> None:
        super().__init__("the server's answer is compressed, though an uncompressed one was asked for")


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, most_bytes: int) -> None:  # noqa: ANN401  # sync or async, by httpx2
        self._inner = inner
        self._most = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for part in self._inner:
            left -= len(part)
            if left < 0:
                raise AnswerTooLarge(self._most)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    def __init__(self, trust: ssl.SSLContext, most_bytes: int) -> None:
        super().__init__(verify=trust, trust_env=False)
        self._most = most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise AnswerCompressed
        response.stream = _Bounded(response.stream, self._most)
        return response


@asynccontextmanager
async def remote(url: str, token: str | None, trust: ssl.SSLContext, most_bytes: int) -> AsyncIterator[Any]:
    """A transport for mcp's Client. `token` is sent as a bearer. Deadlines are the caller's."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    timeout = httpx2.Timeout(None, connect=CONNECT_WITHIN)
    async with (
        httpx2.AsyncClient(transport=_BoundedTransport(trust, most_bytes), headers=headers, timeout=timeout) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


def trusted() -> ssl.SSLContext:
    """What the system trusts; made once, since that takes a tenth of a second."""
    return httpx2.create_ssl_context()


def local(server: LocalServer, environment: Mapping[str, str]) -> StdioServerParameters:
    inherited = {name: environment[name] for name in INHERITED if name in environment}
    return StdioServerParameters(command=server.command, args=list(server.args), env={**inherited, **server.env})
