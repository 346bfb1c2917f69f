"""A fake MCP server in a process of its own: over HTTP it prints its port and serves until its standard
input ends, over stdio it speaks at once.

python -m tests.agents.upstreams.mcp_server [--port 0] [--key SECRET]
python -m tests.agents.upstreams.mcp_server --stdio
"""

import argparse
import asyncio
import os
import socket
import sys
import threading
from typing import Final

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READ_ONLY: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True)
IDEMPOTENT: Final = ToolAnnotations(read_only_hint=False, idempotent_hint=True)


def echo(text: str) -> str:
    """Says what it is told."""
    return text


def add(a: int, b: int) -> dict[str, int]:
    """The sum of two integers."""
    return {"sum": a + b}


def fail(reason: str = "it is meant to") -> str:
    """Always fails."""
    raise ToolError(reason)  # any other exception is kept from the caller


async def slow(seconds: float) -> str:
    """Answers after so many seconds."""
    await asyncio.sleep(seconds)
    return f"after {seconds} s"


def environment(name: str) -> str:
    """What this process has in its environment under this name; empty when nothing."""
    return os.environ.get(name, "")


def server() -> MCPServer:
    made = MCPServer("fake", log_level="ERROR")
    made.tool(annotations=READ_ONLY)(echo)
    made.tool(annotations=IDEMPOTENT)(add)
    made.tool()(fail)
    made.tool(annotations=READ_ONLY)(slow)
    made.tool(annotations=READ_ONLY)(environment)
    return made


class Guarded:
    """Lets nobody in without the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != self._expected:
            await PlainTextResponse("who are you?", 401)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def serve_http(port: int, key: str | None) -> None:
    app: ASGIApp = server().streamable_http_app()
    listening = socket.create_server(("127.0.0.1", port))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(Guarded(app, key) if key else app, log_level="error", timeout_graceful_shutdown=1)
    serving = uvicorn.Server(config)
    threading.Thread(target=end_with_stdin, args=[serving], daemon=True).start()
    serving.run([listening])


def end_with_stdin(serving: uvicorn.Server) -> None:
    """Whoever started this may be killed: nobody else would end it then."""
    sys.stdin.read()
    serving.should_exit = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stdio", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key")
    given = parser.parse_args()
    if given.stdio:
        server().run("stdio")
    else:
        serve_http(given.port, given.key)


if __name__ == "__main__":
    main()
