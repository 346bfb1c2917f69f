"""Somebody else's slow service, which a step type calls: it remembers every call, its key, and what was answered."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from tests.serving.client import Client

POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came in; `number` counts all calls of the receiver from 1."""

    number: int
    key: str
    config: Any
    input: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered after `seconds`; whoever asked may be dead by then."""

    body: Any
    seconds: float = 0.0
    status: int = 200


Respond = Callable[[Call], Reply]


class Receiver(ThreadingHTTPServer):
    """Listens on loopback from the moment it is made to the end of its context; a thread a call."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._respond = respond
        self._lock = threading.Lock()
        self._unanswered: set[int] = set()
        self._forgotten = 0
        self.calls: list[tuple[Call, Reply]] = []
        self._thread = threading.Thread(target=self.serve_forever, args=[POLL_SECONDS], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def server_close(self) -> None:
        self.shutdown()
        super().server_close()

    def handle_error(self, *_whose: object) -> None:
        """Whoever asked was killed before the answer."""

    @property
    def in_flight(self) -> int:
        """Calls that came in and are not answered yet, without those whose caller is known to be dead."""
        with self._lock:
            return sum(number > self._forgotten for number in self._unanswered)

    def forget_callers(self) -> None:
        """Whoever called up to now is dead."""
        with self._lock:
            self._forgotten = len(self.calls)

    def register(self, client: Client, step_type: str, **more: object) -> None:
        """As a step type of execution type `api` on a running server."""
        endpoint = {"url": f"http://127.0.0.1:{self.server_address[1]}/", "timeout": 60}
        registration = {"step_type": step_type, "name": step_type, "execution_type": "api", "endpoint_config": endpoint}
        answer = client.post("/steps/register", registration | more)
        assert answer.status == 200, answer

    @contextmanager
    def answering(self, key: str, body: Any) -> Iterator[Reply]:  # noqa: ANN401 - JSON
        """A call comes in; inside, it is in flight."""
        with self._lock:
            call = Call(len(self.calls) + 1, key, body["step_config"], body["input_data"])
            reply = self._respond(call)
            self.calls.append((call, reply))
            self._unanswered.add(call.number)
        try:
            yield reply
        finally:
            with self._lock:
                self._unanswered.discard(call.number)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.answering(self.headers["Idempotency-Key"], body) as reply:
            time.sleep(reply.seconds)
        content = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_said: object) -> None:
        """Thousands of calls are not worth a line each."""
