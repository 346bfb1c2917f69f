"""The only way this server calls other servers: every address is judged before it is connected to.

A name is resolved once, all its addresses are judged, and the connection goes to a judged address while Host and SNI
keep the name, so that a second look-up cannot lead elsewhere. A redirect is a new request and is judged again. Nothing
comes from the environment, no cookie is kept, and no connection is used twice: what was allowed yesterday is judged
again today, and a pooled TLS connection to an address never serves another name on it. Every answer is bounded in
size, after decompression, and in time.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, TypeAlias

import httpx2

from workflow_engine.addresses import Address, why_not
from workflow_engine.steps.contract import InvalidConfig
from workflow_engine.steps.http_fields import url_problem
from workflow_engine.steps.services import (
    CallTimedOut,
    ConnectionBroke,
    HostNotAllowed,
    HostUnreachable,
    HttpRequest,
    HttpResponse,
    ResponseTooLarge,
)

AllowedHosts: TypeAlias = Callable[[str], Sequence[str]]
"""Namespace -> the entries of its list, as they are now."""
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> addresses; raises OSError."""

_USER_AGENT: Final = "workflow-engine"
_MAX_URL_BYTES: Final = 8_192
_LONGEST_JUDGEMENT_SECONDS: Final = 5.0
_NO_KEPT_CONNECTIONS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=0)


class GuardedHttp:
    """Keeps the promise of `steps.services.Http`. Belongs to one loop; `aclose` it when done."""

    def __init__(
        self, allowed: AllowedHosts, *, allow_loopback: bool, resolve: Resolve | None = None, max_calls: int = 100
    ) -> None:
        """`allow_loopback`: right only for a server that itself listens on loopback alone. `max_calls` at once."""
        self._places = asyncio.Semaphore(max_calls)
        self._allowed = allowed
        self._transport = _GuardedTransport(allowed, allow_loopback, resolve or _resolve)
        self._client = httpx2.AsyncClient(
            transport=self._transport,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"User-Agent": _USER_AGENT},
            timeout=None,  # one deadline spans all of a call
            trust_env=False,
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Call a server. Raises the failures of `steps.services`, and `InvalidConfig` for what nobody could send."""
        prepared = self._prepared(request)
        host = prepared.url.host
        try:
            async with asyncio.timeout(request.timeout_seconds), self._places:
                return await self._sent(prepared, request)
        except TimeoutError:
            raise CallTimedOut(host, request.timeout_seconds) from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as failure:
            raise HostUnreachable(host, _short(failure)) from failure
        except httpx2.TooManyRedirects:
            raise InvalidConfig(f"{host} redirects more than {request.max_redirects} times") from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError) as failure:
            raise InvalidConfig(f"This request cannot be sent: {_short(failure)}") from failure
        except httpx2.RequestError as failure:
            raise ConnectionBroke(host, _short(failure)) from failure

    async def objection(self, url: str, namespace: str) -> str | None:
        """Why this URL could not be called now, or None: for judging a URL when it is registered. Connects to nothing.

        A name that cannot be resolved now is no objection: it is judged again, resolved, at every call.
        """
        try:
            prepared = self._prepared(HttpRequest("GET", url, namespace=namespace))
            async with asyncio.timeout(_LONGEST_JUDGEMENT_SECONDS):
                await self._transport.judged_addresses(prepared.url, namespace)
        except (HostNotAllowed, InvalidConfig) as failure:
            return failure.message
        except (HostUnreachable, TimeoutError):
            return None
        return None

    async def aclose(self) -> None:
        await self._client.aclose()

    def _prepared(self, request: HttpRequest) -> httpx2.Request:
        if (wrong := url_problem(request.url, _MAX_URL_BYTES)) is not None:
            raise InvalidConfig(wrong)
        try:
            url = httpx2.URL(request.url)
            return self._client.build_request(
                request.method,
                url.copy_merge_params(dict(request.params)) if request.params else url,
                headers=dict(request.headers),
                content=request.body,
                extensions={"namespace": request.namespace},
            )
        except (httpx2.InvalidURL, ValueError) as failure:
            raise InvalidConfig(f"This request cannot be sent: {_short(failure)}") from failure

    async def _sent(self, prepared: httpx2.Request, request: HttpRequest) -> HttpResponse:
        for _ in range(request.max_redirects + 1):
            response = await self._client.send(prepared, stream=True)
            if response.next_request is None or request.max_redirects == 0:
                return await _read(response, request.max_response_bytes)
            await response.aclose()
            prepared = response.next_request
        raise httpx2.TooManyRedirects("", request=prepared)


async def _read(response: httpx2.Response, limit: int) -> HttpResponse:
    host = response.request.url.host
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise ResponseTooLarge(host, limit)
    finally:
        await response.aclose()
    headers = {name: ", ".join(response.headers.get_list(name)) for name in response.headers}
    return HttpResponse(response.status_code, headers, bytes(body), str(response.request.url))


def _short(failure: Exception) -> str:
    return (str(failure) or type(failure).__name__)[:200]


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """Every request of the client passes here, redirected ones included."""

    def __init__(self, allowed: AllowedHosts, allow_loopback: bool, resolve: Resolve) -> None:
        self._allowed = allowed
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False, limits=_NO_KEPT_CONNECTIONS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        addresses = await self.judged_addresses(request.url, str(request.extensions["namespace"]))
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_sent_to(address, request))
            except httpx2.ConnectError:
                continue  # nothing was sent; the name has another address, judged as well
        return await self._inner.handle_async_request(_sent_to(addresses[-1], request))

    async def judged_addresses(self, url: httpx2.URL, namespace: str) -> list[Address]:
        if (wrong := url_problem(str(url), _MAX_URL_BYTES)) is not None:
            raise InvalidConfig(wrong)
        host, port = url.raw_host.decode("ascii").strip("[]"), url.port or _default_port(url)
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, ValueError) as failure:
            raise HostUnreachable(host, f"the name cannot be resolved ({_short(failure)})") from failure
        if not found:
            raise HostUnreachable(host, "the name has no address")
        if (why := why_not(host, found, port, self._allowed(namespace), self._allow_loopback)) is not None:
            raise HostNotAllowed(host, why)
        return found

    async def aclose(self) -> None:
        await self._inner.aclose()


def _default_port(url: httpx2.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _sent_to(address: Address, request: httpx2.Request) -> httpx2.Request:
    """The same request, connecting to `address`: its Host header is set already, SNI and certificate keep the name."""
    name = request.url.raw_host.decode("ascii").strip("[]")
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # In the order the system prefers, each once.
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
