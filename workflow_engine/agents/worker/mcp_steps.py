"""The steps `agents.mcp_tools` and `agents.mcp_call`: each opens the server, asks one thing, and closes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

from mcp import Client, MCPError
from workflow_client import StepError

from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker.asked import McpAsked, mcp_asked
from workflow_engine.agents.worker.exchange import CURRENT, Exchange
from workflow_engine.agents.worker.failures import (
    CallTimedOut,
    HostNotAllowed,
    McpServerUnknown,
    McpToolUnknown,
    McpUnavailable,
)
from workflow_engine.agents.worker.guard import Guard
from workflow_engine.agents.worker.mcp_wire import local, remote, trusted
from workflow_engine.agents.worker.providers import credential
from workflow_engine.agents.worker.settings import LocalServer, McpServer, RemoteServer, WorkerSettings

MOST_TOOLS: Final = 1_000
INVALID_PARAMS: Final = -32602
METHOD_NOT_FOUND: Final = -32601

Document = dict[str, Any]
T = TypeVar("T")


class McpSteps:
    def __init__(
        self, settings: WorkerSettings, environment: Mapping[str, str], guard: Guard, redaction: Redaction
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._guard = guard
        self._redaction = redaction
        self._trust = trusted()

    async def tools(self, input: Document) -> Document:  # noqa: A002  # the whole input, by its name
        asked = mcp_asked(input)
        return self._struck(await self._with(asked, _listed))

    async def call(self, input: Document) -> Document:  # noqa: A002  # as above
        asked = mcp_asked(input)
        tool, arguments = input["tool"], input["arguments"]
        return self._struck(await self._with(asked, lambda client: _called(client, _title(asked), tool, arguments)))

    def _struck(self, answer: Document) -> Document:
        return cast(Document, self._redaction.strike(answer))

    async def _with(self, asked: McpAsked, do: Callable[[Client], Awaitable[T]]) -> T:
        server = self._server(asked)
        exchange = Exchange()
        token = CURRENT.set(exchange)
        try:
            async with asyncio.timeout(asked.timeout), self._opened(server) as client:
                return await do(client)
        except TimeoutError:
            raise CallTimedOut(f"MCP server {_title(asked)!r}", asked.timeout) from None
        except Exception as failure:  # noqa: BLE001  # whatever a server makes of it becomes the step's failure
            raise self._failure(asked, failure, exchange) from None
        finally:
            CURRENT.reset(token)

    def _server(self, asked: McpAsked) -> McpServer:
        """A name is looked up among the administrator's; only an agent's own URL is judged."""
        if asked.name is not None and (known := self._settings.mcp_servers.get(asked.name)) is not None:
            return known
        if asked.url is None:
            raise McpServerUnknown(asked.name or "")
        return RemoteServer(asked.url, asked.credential)

    @asynccontextmanager
    async def _opened(self, server: McpServer) -> AsyncIterator[Client]:
        if isinstance(server, LocalServer):
            async with Client(local(server, self._environment)) as client:
                yield client
            return
        token = credential(server.credential, self._environment) if server.credential else None
        transport = remote(server.url, token, self._trust, self._settings.max_answer_bytes)
        if server.is_named:
            async with Client(transport) as client:
                yield client
            return
        await self._guard.check("The address of the MCP server", server.url, with_key=server.credential is not None)
        with self._guard.permit():
            async with Client(transport) as client:
                yield client

    def _failure(self, asked: McpAsked, failure: Exception, exchange: Exchange) -> StepError:
        if exchange.refused is not None:
            return HostNotAllowed("The address of the MCP server", exchange.refused)
        plain = _plain(failure)
        if isinstance(plain, StepError):
            return plain
        if isinstance(plain, TimeoutError):
            return CallTimedOut(f"MCP server {_title(asked)!r}", asked.timeout)
        return McpUnavailable(_title(asked), self._redaction(f"{type(plain).__name__}: {plain}"))


def _title(asked: McpAsked) -> str:
    return asked.name or asked.url or ""


def _plain(failure: BaseException) -> BaseException:
    """What was raised, out of the groups that task groups wrap around it."""
    while isinstance(failure, BaseExceptionGroup):
        failure = next((one for one in failure.exceptions if isinstance(one, StepError)), failure.exceptions[0])
    return failure


async def _listed(client: Client) -> Document:
    tools: list[Document] = []
    cursor: str | None = None
    while len(tools) < MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        tools += [_tool(tool) for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            break
    return {"tools": tools[:MOST_TOOLS]}


def _tool(tool: Any) -> Document:  # noqa: ANN401  # mcp's Tool
    notes = tool.annotations
    return {
        "name": tool.name,
        "description": tool.description or tool.title or "",
        "input_schema": tool.input_schema,
        "read_only": bool(notes and notes.read_only_hint),
        "idempotent": bool(notes and notes.idempotent_hint),
    }


async def _called(client: Client, server: str, tool: str, arguments: Document) -> Document:
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError as failure:
        if failure.error.code not in (INVALID_PARAMS, METHOD_NOT_FOUND):
            raise
        if not await _has(client, tool):
            raise McpToolUnknown(server, tool) from None
        return {"text": failure.error.message, "structured": None, "is_error": True}
    text = "\n".join(_text(content) for content in result.content)
    # Some servers answer an unknown tool like any other failure of a tool.
    if result.is_error and "nknown tool" in text and not await _has(client, tool):
        raise McpToolUnknown(server, tool)
    return {"text": text, "structured": result.structured_content, "is_error": bool(result.is_error)}


async def _has(client: Client, tool: str) -> bool:
    return any(known["name"] == tool for known in (await _listed(client))["tools"])


def _text(content: Any) -> str:  # noqa: ANN401  # one of mcp's kinds of content
    """What is no text is named, not carried: a model could not read it here."""
    if content.type == "text":
        return str(content.text)
    if content.type == "resource" and hasattr(content.resource, "text"):
        return str(content.resource.text)
    if content.type == "resource_link":
        return f"[{content.name}: {content.uri}]"
    kind = getattr(content, "mime_type", None) or getattr(getattr(content, "resource", None), "mime_type", None)
    return f"[{content.type}{f' of type {kind}' if kind else ''}]"
