"""The fault test of workers: `python -m tests.faults.workers --cycles 20 --database sqlite|postgresql`.

Each kind of fault has a server, a database and worker processes of its own. While clients start executions, the fault
is done over and over; afterwards `worker_evidence.violations` says which promises were broken.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc

from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.evidence import Order
from tests.faults.worker_crew import Crew
from tests.faults.worker_evidence import Evidence, violations
from tests.faults.worker_kinds import KINDS, Kind, Scene
from tests.faults.worker_notes import What
from tests.faults.worker_orders import Clients, held_value_of, settle, value_of
from tests.faults.worker_session import HOLD, ONCE, WORK
from tests.postgresql import empty_schema, running_postgresql
from tests.serving.process import ServerProcess
from workflow_engine.history.events import Event
from workflow_engine.journal.opening import journal_for
from workflow_engine.rpc.generated import registry_pb2
from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceStub

PATIENCE_SECONDS: Final = 120.0
AT_A_TIME: Final = 2
STEP_TYPES: Final = (HOLD, ONCE, WORK)


class NeverSettled(Exception):
    def __init__(self, log: str) -> None:
        super().__init__(f"executions were still open after {PATIENCE_SECONDS:.0f} s\n{log[-4_000:]}")


@dataclass(slots=True)
class Report:
    """What happened, in figures, and what should not have happened, in words."""

    kind: str
    cycles: int
    seed: int
    figures: dict[str, int] = field(default_factory=dict)
    longest_pause: float = 0.0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        figures = ", ".join(f"{number} {name}" for name, number in self.figures.items())
        lines = [
            f"{self.kind}: {self.cycles} cycles, seed {self.seed}: {figures}",
            *(f"  VIOLATION: {line}" for line in self.violations),
            f"  longest pause {self.longest_pause:.2f} s; {len(self.violations)} violations, in {self.seconds:.0f} s",
        ]
        return "\n".join(lines)


def fault_test(
    name: str, database_url: str, folder: Path, cycles: int, seed: int, program: Sequence[str] = ()
) -> Report:
    """Do one kind of fault this often, then look at everything that is left. `program` serves instead of the kind's."""
    kind = KINDS[name]
    begun = time.monotonic()
    with ExitStack() as stack:
        server = ServerProcess(database_url, folder, kind.terms.settings, program or kind.program)
        stack.enter_context(server).start()
        _register(server.grpc_address)
        proxy = stack.enter_context(ChaosProxy(server.grpc_port))
        crew = stack.enter_context(Crew(folder, kind.manner, STEP_TYPES, seed))
        clients = stack.enter_context(Clients(server.client, kind.clients or AT_A_TIME))
        scene = Scene(server, proxy, crew, clients, random.Random(seed), kind.terms)
        _begin(scene, kind)
        for turn in range(cycles):
            kind.cycle(scene, turn)
        evidence = _gathered(scene, kind, database_url)
    report = Report(name, cycles, seed, scene.done | _figures(evidence))
    report.violations = scene.violations + violations(evidence)
    report.longest_pause = scene.longest_pause
    report.seconds = time.monotonic() - begun
    return report


def _begin(scene: Scene, kind: Kind) -> None:
    for number in range(kind.manner.processes):
        address = scene.proxy.address if number < kind.manner.proxied else scene.server.grpc_address
        scene.crew.start(address)
    wanted = kind.manner.processes * kind.manner.seats
    scene.crew.until(lambda: _seated(scene.crew) >= wanted, "for the workers to come")
    if kind.clients:
        scene.clients.keep_busy()


def _seated(crew: Crew) -> int:
    return len({note.worker for note in crew.notes if note.what is What.WELCOME})


def _register(address: str) -> None:
    """The step types of the test, once for all."""
    effects = {ONCE: registry_pb2.EFFECT_AT_MOST_ONCE}
    steps = [
        registry_pb2.StepContract(name=name, version="1.0.0", title=name, streams=True, effect=effects.get(name))
        for name in STEP_TYPES
    ]
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        RegistryServiceStub(channel).RegisterSteps(registry_pb2.RegisterStepsRequest(steps=steps), wait_for_ready=True)


# --- looking at what is left


def _gathered(scene: Scene, kind: Kind, database_url: str) -> Evidence:
    """Let everything come to its end, send the workers home, and read what each witness says."""
    orders = scene.clients.finish()
    for process in scene.crew.processes:
        process.send(signal.SIGUSR2)
    _settle(scene, orders)
    for process in list(scene.crew.processes):
        code = scene.crew.drained(process)
        scene.expect(code == 0, f"a worker that drained ended with {code}: {process.log[-500:]}")
    scene.crew.look()
    listed = [each["execution_id"] for each in scene.server.client.executions()]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda each: scene.server.client.get(f"/executions/{each}/results").body, listed))
    assert scene.server.terminate() == 0, scene.server.log[-4_000:]
    stored = asyncio.run(_stored(database_url, listed))
    notes = sorted(scene.crew.notes, key=lambda note: note.at)
    expected = value_of if kind.clients else held_value_of
    found = dict(zip(listed, results, strict=True))
    return Evidence(orders, listed, found, stored, notes, expected, kind.terms.lease)


def _settle(scene: Scene, orders: list[Order]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not settle(scene.server.client, orders):
        if time.monotonic() > deadline:
            raise NeverSettled(scene.server.log)
        time.sleep(0.1)


async def _stored(database_url: str, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The histories as they are stored: clients never see the fences."""
    journal = journal_for(database_url, wait_for_ownership=True)
    await journal.open()
    try:
        return {
            each: [_plain(entry.seq, entry.event) for entry in await journal.history("default", each)] for each in ids
        }
    finally:
        await journal.close()


def _plain(seq: int, event: Event) -> dict[str, Any]:
    return {"seq": seq, **asdict(event)}


def _figures(evidence: Evidence) -> dict[str, int]:
    codes = Counter(note.code for note in evidence.of(What.ACKED))
    verdicts = Counter(note.code for note in evidence.of(What.VERDICT))
    return {
        "executions": len(evidence.listed),
        "steps handed over": sum(1 for _ in evidence.of(What.ASSIGNED)),
        "results sent": sum(1 for _ in evidence.of(What.SENT)),
        "answered OK": codes["OK"],
        "superseded": codes["LEASE_SUPERSEDED"],
        "in conflict": codes["RESULT_CONFLICT"],
        "resumed and kept": verdicts["KEEP"],
        "resumed and lost": verdicts["ABORT"],
    }


# --- as a program


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.workers", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--at-a-time", type=int, default=AT_A_TIME)
    given = parser.parse_args()
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workflow-engine-faults-")))
        server = stack.enter_context(running_postgresql()) if given.database == "postgresql" else None

        def tried(name: str) -> Report:
            place = folder / name
            place.mkdir()
            with ExitStack() as inside:
                url = f"sqlite:///{place / 'faults.db'}"
                if server is not None:
                    url = inside.enter_context(empty_schema(server))
                return fault_test(name, url, place, given.cycles, given.seed)

        reports: list[Report] = []
        with ThreadPoolExecutor(given.at_a_time) as pool:
            for done in as_completed([pool.submit(tried, name) for name in given.only]):
                reports.append(done.result())
                sys.stdout.write(f"{given.database}: {reports[-1]}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{given.database}: all kinds in {time.monotonic() - begun:.0f} s\n")
    return 1 if any(report.violations for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
