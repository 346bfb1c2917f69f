"""The crash test: `python -m tests.faults.crash --kills 20 --database sqlite|postgresql --seed N`.

Clients start executions with idempotency keys while the server is killed with -9, at random moments and, every second
time, at a failpoint. A kill counts only when at least 20 steps were in flight. Afterwards `evidence.violations` says
which promises were broken.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.evidence import Evidence, Found, Order, document, value_of, violations
from tests.postgresql import empty_schema, running_postgresql
from tests.serving.client import Answer, Client, Unreachable
from tests.serving.process import PRODUCT, ServerProcess
from tests.serving.receiver import Call, Receiver, Reply
from workflow_engine.history.events import StepRescheduled, StepResumed, StepScheduled
from workflow_engine.journal.contract import Journal
from workflow_engine.journal.opening import journal_for

STEPS_IN_FLIGHT: Final = 20
"""A kill with less going on does not count."""
BUSY: Final = 50
"""Clients hold back while more steps than this are in flight."""
CLIENTS: Final = 6
LONGEST_LIFE_SECONDS: Final = 2.5
"""How long a server may live on once there is enough to lose."""
FAILPOINTS: Final = ("before-commit", "after-commit", "before-answer", "after-answer", "before-reply", "after-reply")
PATIENCE_SECONDS: Final = 60.0
RETRIES_SECONDS: Final = 0.02


class TooQuiet(Exception):
    def __init__(self, what: str, log: str) -> None:
        super().__init__(f"waited {PATIENCE_SECONDS:.0f} s in vain {what}\n{log[-4_000:]}")


class Refused(Exception):
    """A start was answered with something else than yes or not now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"a start was refused: {answer}")


@dataclass(slots=True)
class Report:
    """What happened, in figures, and what should not have happened, in words."""

    seed: int
    kills: dict[str, int] = field(default_factory=dict)
    """Kills that counted, by where they came."""
    in_flight: list[int] = field(default_factory=list)
    uncounted: int = 0
    executions: int = 0
    replays: int = 0
    calls: int = 0
    set_aside: int = 0
    """Executions that were quarantined after three deaths in a row, and resumed at the end."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items()))
        lines = [
            f"{len(self.in_flight)} kills ({where}; {self.uncounted} more did not count), seed {self.seed}",
            f"at each at least {min(self.in_flight, default=0)} steps in flight",
            f"{self.executions} executions, {self.replays} replays of a key, {self.set_aside} set aside and resumed",
            f"{self.calls} calls for {3 * self.executions} results",
            *(f"VIOLATION: {line}" for line in self.violations),
            f"{len(self.violations)} violations, in {self.seconds:.0f} s",
        ]
        return "\n".join(lines)


def crash_test(database_url: str, folder: Path, kills: int, seed: int) -> Report:
    """Kill the server this often, then look at everything that is left."""
    chance = random.Random(seed)
    report, begun = Report(seed), time.monotonic()
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(Answers(random.Random(seed + 1))))
        # PostgreSQL takes a moment to see that a dead engine let go of its lock.
        server = stack.enter_context(ServerProcess(database_url, folder, {"storage__standby": True}))
        server.start()
        receiver.register(server.client, "slow")
        clients = stack.enter_context(_clients(server.client, receiver, seed))
        for turn in _turns(report, kills):
            _kill(server, receiver, report, chance, turn)
        orders = clients.finish()
        report.set_aside = _resume_until_all_ended(server)
        evidence = _gathered(server, database_url, receiver, orders)
    report.executions, report.calls = len(evidence.listed), len(evidence.calls)
    report.replays = sum(len(order.answers) - 1 for order in orders)
    report.violations = violations(evidence)
    report.seconds = time.monotonic() - begun
    return report


def _turns(report: Report, kills: int) -> Iterator[int]:
    """0, 1, 2, ... until as many kills counted, or too many did not."""
    turn = 0
    while len(report.in_flight) < kills:
        if report.uncounted > kills:
            raise TooQuiet("for the steps: most kills did not count", str(report))
        yield turn
        turn += 1


@dataclass(frozen=True, slots=True)
class Answers:
    """The receiver's: slow, right, each with a token of its own, and now and then a 503 that is to be retried."""

    chance: random.Random

    def __call__(self, call: Call) -> Reply:
        seconds = self.chance.uniform(0.2, 0.7)
        if self.chance.random() < 0.05:
            return Reply({"detail": "not now"}, seconds, 503)
        return Reply({"value": value_of(call), "token": f"{call.key}/{call.number}"}, seconds)


# --- killing


def _kill(server: ServerProcess, receiver: Receiver, report: Report, chance: random.Random, turn: int) -> None:
    """One kill and the next start. Odd turns die at a failpoint, the server having been told which at its start."""
    _wait_for_steps(server, receiver)
    time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
    place = "at a random moment" if server.program is PRODUCT else server.program[-2]
    server.send(signal.SIGKILL if server.program is PRODUCT else signal.SIGUSR1)
    server.wait_for_end(PATIENCE_SECONDS)
    in_flight = receiver.in_flight  # nobody calls any more, so at the moment of death it was this or more
    if in_flight >= STEPS_IN_FLIGHT:
        report.in_flight.append(in_flight)
        report.kills[place] = report.kills.get(place, 0) + 1
    else:
        report.uncounted += 1
    server.program = PRODUCT if turn % 2 else _failing(FAILPOINTS[turn // 2 % len(FAILPOINTS)], chance.randint(1, 20))
    receiver.forget_callers()
    server.start(PATIENCE_SECONDS)


def _failing(failpoint: str, count: int) -> Sequence[str]:
    return (sys.executable, "-m", "tests.serving.failing_server", failpoint, str(count))


def _wait_for_steps(server: ServerProcess, receiver: Receiver) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while receiver.in_flight < STEPS_IN_FLIGHT + 5:
        if time.monotonic() > deadline:
            raise TooQuiet("for 20 steps in flight", server.log)
        time.sleep(0.005)


# --- clients


class Clients:
    """Threads that start one execution after the other, each with a key, and give up on none."""

    def __init__(self, client: Client, receiver: Receiver, seed: int) -> None:
        self._client = client
        self._receiver = receiver
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running = [self._pool.submit(self._go_on, which, random.Random(seed + which)) for which in range(CLIENTS)]

    def finish(self) -> list[Order]:
        """All orders, each acknowledged, and each key sent once more now that all crashes are over."""
        self._enough.set()
        return [order for running in self._running for order in running.result()]

    def stop(self) -> None:
        self._enough.set()
        self._pool.shutdown()

    def _go_on(self, which: int, chance: random.Random) -> list[Order]:
        orders: list[Order] = []
        while not self._enough.is_set():
            if self._receiver.in_flight > BUSY:
                time.sleep(RETRIES_SECONDS)
                continue
            key, number = f"client-{which}-{len(orders)}", chance.randint(0, 1_000_000)
            times = 2 if chance.random() < 0.2 else 1
            orders.append(Order(key, number, tuple(self._surely(key, number) for _ in range(times))))
        return [Order(each.key, each.number, (*each.answers, self._surely(each.key, each.number))) for each in orders]

    def _surely(self, key: str, number: int) -> str:
        """Send the same again until it is answered with yes: that is what the key is for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        body = {"workflow_config": document(), "input_data": {"n": number}}
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


@contextmanager
def _clients(client: Client, receiver: Receiver, seed: int) -> Iterator[Clients]:
    clients = Clients(client, receiver, seed)
    try:
        yield clients
    finally:
        clients.stop()


# --- looking at what is left


def _resume_until_all_ended(server: ServerProcess) -> int:
    """How many executions were set aside; nothing is open when this returns."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    resumed = 0
    while time.monotonic() < deadline:
        for each in server.client.executions("status=paused&limit=500"):
            assert each["reason"] == "quarantined", each
            assert server.client.post(f"/executions/{each['execution_id']}/resume").status == 200
            resumed += 1
        if not server.client.executions("status=pending,running,waiting,paused&limit=500"):
            return resumed
        time.sleep(0.1)
    raise TooQuiet("for all executions to end", server.log)


def _gathered(server: ServerProcess, database_url: str, receiver: Receiver, orders: Sequence[Order]) -> Evidence:
    listed = [each["execution_id"] for each in server.client.executions()]
    ids = sorted(set(listed))
    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(lambda each: server.client.get(f"/executions/{each}/results").body, ids))
        events = list(pool.map(server.client.events, ids))
    assert server.terminate() == 0, server.log
    deliveries = asyncio.run(_deliveries(database_url, ids))
    found = {each: Found(*parts) for each, *parts in zip(ids, results, events, deliveries, strict=True)}
    return Evidence(orders, listed, found, tuple(receiver.calls))


async def _deliveries(database_url: str, ids: Sequence[str]) -> list[list[tuple[str, int]]]:
    """The fences as they are stored: clients never see them."""
    journal = journal_for(database_url, wait_for_ownership=True)
    await journal.open()
    try:
        return [await _deliveries_of(journal, each) for each in ids]
    finally:
        await journal.close()


async def _deliveries_of(journal: Journal, execution_id: str) -> list[tuple[str, int]]:
    recorded = [entry.event for entry in await journal.history("default", execution_id)]
    return [
        (event.path, event.delivery)
        for event in recorded
        if isinstance(event, StepScheduled | StepRescheduled | StepResumed)
    ]


# --- as a program


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workflow-engine-crash-")))
        url = f"sqlite:///{folder / 'crash.db'}"
        if given.database == "postgresql":
            url = stack.enter_context(empty_schema(stack.enter_context(running_postgresql())))
        report = crash_test(url, folder, given.kills, given.seed)
    sys.stdout.write(f"{given.database}: {report}\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
