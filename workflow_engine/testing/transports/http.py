"""JSON over HTTP, one connection for each request, cut whenever its task is cancelled.

Threads of its own: a poll keeps one for as long as it waits.
"""

import asyncio
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from workflow_engine.jsontext import Json
from workflow_engine.testing.errors import Refused

MOST_THREADS: Final = 256
TIMEOUT_SECONDS: Final = 90.0


class Http:
    """`url` is that of the REST face, such as `http://127.0.0.1:8006`; `certificate`: PEM of its authority."""

    def __init__(self, url: str, api_key: str | None = None, certificate: bytes | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "127.0.0.1", parts.port, parts.path.rstrip("/")
        self._context = None
        if parts.scheme == "https":
            self._context = ssl.create_default_context(cadata=certificate.decode() if certificate else None)
        self._headers = {"Accept": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="kit-http")

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The JSON of the answer. Raises `Refused` for any status from 400 on, and when nobody answers."""
        connection = self._connection()
        loop = asyncio.get_running_loop()
        try:
            status, content = await loop.run_in_executor(self._threads, self._exchange, connection, method, path, body)
        except asyncio.CancelledError:
            _cut(connection)
            raise
        except (OSError, HTTPException) as error:
            raise Refused("UNREACHABLE", "unreachable", f"{type(error).__name__} {error}") from error
        answer = _read(content)
        if status < 400:
            return answer
        said = answer if isinstance(answer, dict) else {}
        problems = said.get("problems")
        pointers = (
            [str(one.get("pointer")) for one in problems if isinstance(one, dict)] if isinstance(problems, list) else []
        )
        raise Refused(str(status), str(said.get("code", "")), str(said.get("detail", content[:500])), pointers)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _connection(self) -> HTTPConnection:
        if self._context is not None:
            return HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._context)
        return HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)

    def _exchange(self, connection: HTTPConnection, method: str, path: str, body: Json | None) -> tuple[int, bytes]:
        try:
            content = None if body is None else json.dumps(body).encode()
            headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
            connection.request(method, self._path + path, content, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _cut(connection: HTTPConnection) -> None:
    """Wakes the thread that waits for the answer."""
    opened: socket.socket | None = connection.sock
    if opened is not None:
        try:
            opened.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was over already


def _read(content: bytes) -> Json:
    try:
        answer: Json = json.loads(content)
    except ValueError:
        return None
    return answer
