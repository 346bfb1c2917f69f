"""The worker's process between a server that speaks its protocol and an upstream that writes down what it is sent."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from workflow_client.testing import FakeServer

CHECKOUT: Final = Path(__file__).resolve().parents[3]
READY_SECONDS: Final = 60.0
ANSWER: Final = (
    b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": '
    b'{"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}], '
    b'"usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}'
)


class Upstream:
    """Answers whatever it is asked as OpenAI would, once `may_answer` is set; keeps all bytes it was sent."""

    def __init__(self) -> None:
        self.port = 0
        self.received = b""
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.received += head + await reader.readexactly(length)
        self.was_asked.set()
        await self.may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


@asynccontextmanager
async def worker_process(
    server: FakeServer, *options: str, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """It serves when this is entered. It is killed in the end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workflow_engine.agents.worker", "--server", server.target, *options),
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT / "clients" / "python"), "PATH": "/usr/bin:/bin", **environment},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await server.until(lambda: any(session.is_ready for session in server.sessions), READY_SECONDS)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def model_call(model: str, api_base: str | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {
        "models": [{"model": model, "api_base": api_base}],
        "messages": [{"role": "user", "content": "Is it?"}],
        "timeout_seconds": 20,
        **more,
    }
