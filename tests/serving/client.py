"""A client of the tests: one request, one connection, one answer, so that a server that dies is seen at once."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

# What a server may still do when an execution is waited for: `?wait=` answers after at most this long.
WAIT_SECONDS: Final = 20


class Unreachable(Exception):
    """No answer, or half of one: whether the request took effect is unknown."""


class Unended(Exception):
    def __init__(self, execution_id: str, status: object) -> None:
        super().__init__(f"execution {execution_id} is still {status}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any
    """The JSON of the answer, or its text where it is none."""

    @property
    def codes(self) -> list[str]:
        """The codes of the problems of a refusal."""
        return [problem["code"] for problem in self.body["problems"]]


@dataclass(frozen=True, slots=True)
class Client:
    host: str
    port: int
    timeout_seconds: float = WAIT_SECONDS + 10

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", path, None if body is None else json.dumps(body).encode(), headers)

    def ask(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises `Unreachable`."""
        sent = {"Content-Type": "application/json"} if content is not None else {}
        with closing(HTTPConnection(self.host, self.port, timeout=self.timeout_seconds)) as connection:
            try:
                connection.request(method, path, content, {**sent, **(headers or {})})
                response = connection.getresponse()
                return Answer(response.status, dict(response.getheaders()), _read(response.read()))
            except (OSError, HTTPException) as error:
                raise Unreachable(f"{method} {path}: {type(error).__name__} {error}") from error

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of an event stream as they come, without the empty ones; they end when the server ends it."""
        with closing(HTTPConnection(self.host, self.port, timeout=self.timeout_seconds)) as connection:
            connection.request("GET", path, headers={"Accept": "text/event-stream"})
            response = connection.getresponse()
            assert response.status == 200, response.read()
            yield (line for read in response if (line := read.decode().rstrip()))

    # --- what nearly every test asks for

    def start(self, document: object, key: str | None = None, **envelope: object) -> str:
        """Start a document and give its execution id."""
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.post("/workflows/execute", {"workflow_config": document, **envelope}, headers)
        assert answer.status == 200, answer
        return str(answer.body["execution_id"])

    def run(self, document: object, input_data: object = None) -> Any:  # noqa: ANN401 - JSON, looked into by the test
        """Start a document and give the results at its end."""
        return self.results(self.start(document, input_data=input_data))

    def results(self, execution_id: str, seconds: float = WAIT_SECONDS) -> Any:  # noqa: ANN401 - JSON, as above
        """The results at the end. Raises `Unended` when it does not end in time."""
        deadline = time.monotonic() + seconds
        pause = 0.005
        while True:
            results = self.get(f"/executions/{execution_id}/results").body
            if results["status"] in {"completed", "failed", "cancelled"}:
                return results
            if time.monotonic() > deadline:
                raise Unended(execution_id, results["status"])
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def events(self, execution_id: str) -> list[Any]:
        """All events there are, page by page."""
        return list(self._events(execution_id))

    def _events(self, execution_id: str) -> Iterator[Any]:
        after: int | None = 0
        while after is not None:
            page = self.get(f"/executions/{execution_id}/events?after={after}").body
            yield from page["events"]
            after = page["next_after"]

    def executions(self, query: str = "limit=500") -> list[Any]:
        """All executions there are, page by page."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = self.get(f"/executions?{query}{cursor}").body
            found += page["executions"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def _read(content: bytes) -> Any:  # noqa: ANN401 - whatever JSON there is
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
