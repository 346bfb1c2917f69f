"""What the clients of a fault test of workers ask for, and how they insist on it."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

from tests.faults.evidence import Order
from tests.faults.worker_session import HOLD, ONCE, WORK
from tests.serving.client import Answer, Client, Unreachable

PATIENCE_SECONDS: Final = 120.0
RETRIES_SECONDS: Final = 0.02
WAIT_SECONDS: Final = 2.0
HELD_STEPS: Final = 4
A_PERSON: Final = "a person"


class Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(f"a start was refused: {answer}")


class Unanswered(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was not answered in {PATIENCE_SECONDS:.0f} s")


def document() -> dict[str, Any]:
    """Two steps and one that may run once, at the same time, and a fourth that adds them up: 4n + 2."""
    once = {**_step(ONCE, "once", {"n": "begin.data"}), "max_retries": 0}
    number = {"n": "begin.data"}
    parts = {"left": "left.value", "right": "right.value", "once": "once.value"}
    steps = [_step(WORK, "left", number), _step(WORK, "right", number), once, _step(WORK, "join", parts)]
    return _workflow("fault test", steps, "join")


def held_document() -> dict[str, Any]:
    """Steps that last until their workers are told to end them; each yields n + 1."""
    steps = [_step(HOLD, f"hold{number}", {"n": "begin.data"}) for number in range(HELD_STEPS)]
    return _workflow("held", steps, "hold0")


def value_of(number: int) -> object:
    """What `document` yields."""
    return {"value": 4 * number + 2}


def held_value_of(number: int) -> object:
    return {"value": number + 1}


def _workflow(name: str, steps: list[dict[str, Any]], last: str) -> dict[str, Any]:
    begin = {"step_id": "begin", "step_type": "data_input", "config": {"input_type": "dynamic", "source": "n"}}
    output = {"value": f"${{steps.{last}.output.value}}"}
    return {"name": name, "execution_pattern": "parallel", "steps": [begin, *steps], "output": output}


def _step(step_type: str, step_id: str, mapping: Mapping[str, str]) -> dict[str, Any]:
    return {
        "step_id": step_id,
        "step_type": step_type,
        "input_mapping": mapping,
        "config": {"step": step_id},
        "max_retries": 50,
        "retry_strategy": "fixed_delay",
        "retry_delay_seconds": 0.05,
    }


class Clients:
    """Starts executions, each with a key, and gives up on none. `keep_busy` goes on by itself until `finish`."""

    def __init__(self, client: Client, threads: int) -> None:
        self._client = client
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(threads)
        self._threads = threads
        self._orders: list[Order] = []
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._pool.shutdown()

    def keep_busy(self) -> None:
        """So many clients, each of which waits for the end of one execution before it starts the next."""
        self._running = [self._pool.submit(self._go_on, which) for which in range(self._threads)]

    def start_held(self, count: int) -> None:
        """So many executions of `held_document`, accepted when this returns."""
        first = len(self._orders)
        for done in [self._pool.submit(self._hold, number) for number in range(first, first + count)]:
            done.result()

    def finish(self) -> list[Order]:
        """All orders, each accepted."""
        self._enough.set()
        for running in self._running:
            running.result()
        return self._orders

    def _go_on(self, which: int) -> None:
        number = which * 1_000_000
        while not self._enough.is_set():
            self._order(document(), number, f"?wait={WAIT_SECONDS:g}")
            number += 1

    def _hold(self, number: int) -> None:
        self._order(held_document(), number, "")

    def _order(self, body: dict[str, Any], number: int, query: str) -> None:
        key = f"order-{number}"
        self._orders.append(Order(key, number, (self._surely(key, body, number, query),)))

    def _surely(self, key: str, body: dict[str, Any], number: int, query: str) -> str:
        """Send the same again until it is answered with yes: that is what the key is for. Who was cut off does not wait
        for the end once more, or a server that dies often would never answer.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        asked = {"workflow_config": body, "input_data": {"n": number}}
        while time.monotonic() < deadline:
            try:
                answer = self._client.post(f"/workflows/execute{query}", asked, {"Idempotency-Key": key})
            except Unreachable:
                query = ""
                time.sleep(RETRIES_SECONDS)
                continue
            if answer.status == 200:
                return str(answer.body["execution_id"])
            if answer.status != 503:
                raise Refused(answer)
            time.sleep(RETRIES_SECONDS)
        raise Unanswered(key)


# --- at the end


def settle(client: Client, orders: list[Order]) -> bool:
    """Do what a person would do for what waits for one; whether nothing is open any more."""
    numbers = {answer: order.number for order in orders for answer in order.answers}
    for each in client.executions("status=paused&limit=500"):
        client.post(f"/executions/{each['execution_id']}/resume")
    for each in client.executions("status=waiting,running&limit=500"):
        for path in _unknown(client.events(each["execution_id"])):
            output = {"value": numbers[each["execution_id"]] + 1, "by": A_PERSON, "chunks": 0}
            said = {"outcome": "completed", "output": output}
            client.post(f"/executions/{each['execution_id']}/steps/{path}/resolve", said)
    return not client.executions("status=pending,running,waiting,paused&limit=500")


def _unknown(events: list[Any]) -> list[str]:
    """The steps that wait for a word, since nobody knows what became of them."""
    latest = {event["path"]: event for event in events if event.get("path") and event["kind"].startswith("step_")}
    return [path for path, event in latest.items() if event["data"].get("reason") == "outcome-unknown"]
