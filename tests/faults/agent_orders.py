"""The client of the fault test of agents: keeps so many agents going, each started with a key, and gives up on none."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from tests.faults.agent_script import Model, document
from tests.faults.evidence import Order
from tests.serving.client import Answer, Client, Unreachable

PATIENCE_SECONDS: Final = 120.0
RETRIES_SECONDS: Final = 0.02


class TooQuiet(Exception):
    def __init__(self, what: str, log: str) -> None:
        super().__init__(f"waited {PATIENCE_SECONDS:.0f} s in vain {what}\n{log[-6_000:]}")


class Refused(Exception):
    """A start was answered with something else than yes or not now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"a start was refused: {answer}")


class Orders:
    """Starts the next agent when the model of an earlier one was asked for the last time."""

    def __init__(self, client: Client, model: Model, log: str, at_once: int) -> None:
        self._client = client
        self._model = model
        self._log = log
        self._at_once = at_once
        self._orders: list[Order] = []
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[None] = self._pool.submit(self._go_on)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._pool.shutdown()

    def look(self) -> None:
        """Raises what ended the client before it was told to end."""
        if self._running.done():
            self._running.result()

    def finish(self) -> list[Order]:
        """All orders, each acknowledged."""
        self._enough.set()
        self._running.result()
        return self._orders

    def _go_on(self) -> None:
        while not self._enough.is_set():
            if len(self._orders) - self._model.through >= self._at_once:
                self._enough.wait(RETRIES_SECONDS)
                continue
            number = len(self._orders) + 1
            key = f"agent-{number}"
            self._orders.append(Order(key, number, (self._surely(key, number),)))

    def _surely(self, key: str, number: int) -> str:
        """Send the same again until it is answered with yes: that is what the key is for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        body = {"workflow_config": document(number, self._log)}
        while time.monotonic() < deadline:
            try:
                answer = self._client.post("/workflows/execute", body, {"Idempotency-Key": key})
            except Unreachable:
                time.sleep(RETRIES_SECONDS)
                continue
            if answer.status == 200:
                return str(answer.body["execution_id"])
            if answer.status != 503:
                raise Refused(answer)
            time.sleep(RETRIES_SECONDS)
        raise TooQuiet(f"for an answer to {key}", "")
