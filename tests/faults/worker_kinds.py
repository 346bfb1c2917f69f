"""The kinds of faults: what is broken in one cycle of each, and what must be seen before the next begins."""

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.chaos_proxy import ChaosProxy
from tests.faults.worker_crew import PATIENCE_SECONDS, Crew, Lease, Manner, TooQuiet, WorkerProcess
from tests.faults.worker_notes import What
from tests.faults.worker_orders import HELD_STEPS, Clients
from tests.faults.worker_session import ONCE
from tests.serving.process import PRODUCT, ServerProcess

FAILPOINTS: Final = ("before-commit", "after-commit", "before-answer", "after-answer", "before-reply", "after-reply")
ALTERED: Final = (sys.executable, "-m", "tests.faults.altered_server")
ANSWERS_A_CYCLE: Final = 12
LONGEST_LIFE_SECONDS: Final = 0.4
STEPS_HELD: Final = 1_000
SESSIONS: Final = 500
START_SECONDS: Final = 90.0
NEVER_SECONDS: Final = 100_000.0
"""Sessions survive a jump, whatever clock they are watched by: it is the leases that are looked at."""
NOTICED_TOLERANCE_SECONDS: Final = 1.0
"""What a machine that is busy with something else may add to the time in which a silent peer is noticed."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of workers while a kind is tried, in seconds."""

    lease: float = 1.0
    ack_within: float = 0.5
    ping_every: float = 0.15
    dead_after: float = 0.6

    @property
    def settings(self) -> Mapping[str, object]:
        return {
            "workers__lease_seconds": self.lease,
            "workers__ack_within_seconds": self.ack_within,
            "workers__ping_every_seconds": self.ping_every,
            "workers__dead_after_seconds": self.dead_after,
            "workers__cancel_grace_seconds": 0.5,
            "workers__reconnect_after_seconds": 0.05,
            # Here workers are lost all day, and no step type is to blame.
            "workers__quarantine_after": 1_000_000,
            # PostgreSQL takes a moment to see that a dead engine let go of its lock.
            "storage__standby": True,
            "shutdown_grace_seconds": 2,
        }


@dataclass(slots=True)
class Scene:
    """Everything that can be broken, and where it is written down."""

    server: ServerProcess
    proxy: ChaosProxy
    crew: Crew
    clients: Clients
    chance: random.Random
    terms: Terms
    done: dict[str, int] = field(default_factory=dict)
    """Figures, by their name."""
    violations: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    longest_pause: float = 0.0
    """Between a fault and the first sign that work goes on."""

    def count(self, what: str, number: int = 1) -> None:
        self.done[what] = self.done.get(what, 0) + number

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.violations.append(otherwise)

    def goes_on(self, begun: float, answers: int = 1) -> None:
        """Wait for the next results that are answered."""
        wanted = self.crew.answers + answers
        self.crew.until(lambda: self.crew.answers >= wanted, "for results that are answered")
        self.longest_pause = max(self.longest_pause, time.monotonic() - begun)

    def somebody(self, least: int = 2) -> WorkerProcess:
        """One of the processes that have so much to lose."""
        busy: list[WorkerProcess] = []

        def is_busy() -> bool:
            busy[:] = [process for process in self.crew.processes if len(self.crew.of(process)) >= least]
            return bool(busy)

        self.crew.until(is_busy, f"for a worker with {least} steps")
        return self.chance.choice(busy)


def kill_worker(scene: Scene, turn: int) -> None:
    """-9; another one comes, every second time under the same name, as in a set of pods."""
    victim = scene.somebody()
    time.sleep(scene.chance.uniform(0, 0.1))
    begun = time.monotonic()
    scene.crew.end(victim)
    scene.count("kills of workers")
    scene.crew.start(scene.server.grpc_address, victim.names if turn % 2 else ())
    scene.goes_on(begun, ANSWERS_A_CYCLE)


def kill_server(scene: Scene, turn: int) -> None:
    """-9 at a random moment or, every second time, at a failpoint it was told of at its start."""
    scene.crew.until(lambda: scene.crew.held >= ANSWERS_A_CYCLE, "for steps in flight")
    time.sleep(scene.chance.uniform(0, LONGEST_LIFE_SECONDS))
    by_signal = scene.server.program is PRODUCT
    scene.server.send(signal.SIGKILL if by_signal else signal.SIGUSR1)
    scene.server.wait_for_end(START_SECONDS)
    begun = time.monotonic()
    scene.count("kills of the server")
    scene.server.program = PRODUCT if turn % 2 else _failing(turn // 2, scene.chance)
    scene.server.start(START_SECONDS)
    scene.goes_on(begun, ANSWERS_A_CYCLE)


def _failing(turn: int, chance: random.Random) -> Sequence[str]:
    failpoint = FAILPOINTS[turn % len(FAILPOINTS)]
    return (sys.executable, "-m", "tests.serving.failing_server", failpoint, str(chance.randint(1, 10)))


def freeze_worker(scene: Scene, _turn: int) -> None:
    """SIGSTOP until others have its steps, and SIGCONT: what the zombie says then is too late."""
    victim = scene.somebody(4)
    victim.send(signal.SIGSTOP)
    begun = time.monotonic()
    scene.crew.look()
    frozen = {lease for lease, note in scene.crew.of(victim).items() if not note.step_type.startswith(ONCE)}
    scene.crew.until(lambda: time.monotonic() > begun + scene.terms.lease, "for the lease to run out")
    if frozen:
        scene.crew.until(lambda: bool(_moved_on(scene, frozen)), "for others to take what a frozen worker has")
    scene.count("freezes")
    late = _moved_on(scene, frozen)
    victim.send(signal.SIGCONT)
    if late:
        scene.crew.until(lambda: any(_told(scene, late, begun)), "for a zombie to be answered")
    for code in _told(scene, late, begun):
        scene.expect(code == "LEASE_SUPERSEDED", f"the result of a zombie was answered {code}")
    scene.goes_on(time.monotonic())


def _moved_on(scene: Scene, frozen: set[Lease]) -> set[Lease]:
    """Those of these leases whose steps are somebody else's now."""
    newest: dict[tuple[str, str], int] = {}
    for note in scene.crew.since(scene.started, What.ASSIGNED):
        newest[note.step] = max(note.delivery, newest.get(note.step, 0))
    return {lease for lease in frozen if newest.get(lease[:2], 0) > lease[2]}


def _told(scene: Scene, late: set[Lease], since: float) -> Iterator[str]:
    return (note.code for note in scene.crew.since(since, What.ACKED) if note.lease in late)


def black_hole(scene: Scene, turn: int) -> None:
    """The path of two processes goes silent, both ways or one, and is back within the lease or after it."""
    behind = scene.crew.processes[: scene.crew.manner.proxied]
    scene.crew.until(lambda: all(scene.crew.of(one) for one in behind), "for steps behind the proxy")
    names = {name for process in behind for name in process.names}
    to_server, to_worker = ((True, True), (True, False), (False, True))[turn % 3]
    scene.proxy.swallow(to_server=to_server, to_worker=to_worker)
    begun = time.monotonic()
    _is_noticed(scene, names, begun, by_server=to_server)
    if turn % 4 == 3:
        time.sleep(max(begun + scene.terms.lease * 1.1 - time.monotonic(), 0))
        scene.count("returns after the lease")
    else:
        scene.count("returns in time")
    if turn % 2:
        scene.proxy.cut()
    scene.proxy.open()
    opened = time.monotonic()
    scene.crew.until(lambda: names <= _came(scene, opened), "for workers to come back")
    scene.goes_on(opened)


def _came(scene: Scene, after: float) -> set[str]:
    return {note.worker for note in scene.crew.since(after, What.WELCOME)}


def _is_noticed(scene: Scene, names: set[str], begun: float, *, by_server: bool) -> None:
    """By each worker, and by the server where the workers cannot reach it."""

    def given_up() -> bool:
        left = {note.worker for note in scene.crew.since(begun, What.SILENT, What.PARTED)}
        return names <= left and (not by_server or not names & _connected(scene))

    scene.crew.until(given_up, "for a silent path to be noticed")
    took = time.monotonic() - begun
    longest = scene.terms.dead_after + 2 * scene.terms.ping_every + NOTICED_TOLERANCE_SECONDS
    scene.expect(took < longest, f"a silent path was noticed after {took:.2f} s and not {longest:.2f} s")
    scene.count("black holes")


def _connected(scene: Scene) -> set[str]:
    workers = scene.server.client.get("/workers").body["workers"]
    return {each["worker_id"] for each in workers if each["status"] != "lost"}


def disorder(scene: Scene, _turn: int) -> None:
    """Results again and again, late, shuffled and contradicting each other, and everything else twice."""
    scene.goes_on(time.monotonic(), 4 * ANSWERS_A_CYCLE)
    scene.count("rounds of disorder")


def drain(scene: Scene, _turn: int) -> None:
    """SIGTERM in the middle of work; a new process takes its place at once."""
    leaving = scene.somebody()
    begun = time.monotonic()
    scene.crew.start(scene.server.grpc_address)
    code = scene.crew.drained(leaving)
    scene.expect(code == 0, f"a worker that drained ended with {code}: {leaving.log[-500:]}")
    scene.count("drains")
    scene.goes_on(begun)


def jump_clock(scene: Scene, _turn: int) -> None:
    """The wall clock of the server is set an hour on, just when some leases were renewed."""
    begun = time.monotonic()
    scene.crew.until(lambda: any(scene.crew.since(begun, What.RENEWED)), "for leases that are renewed")
    scene.server.send(signal.SIGUSR2)
    scene.count("jumps of the clock")
    scene.goes_on(time.monotonic(), ANSWERS_A_CYCLE)


def reconnect_storm(scene: Scene, turn: int) -> None:
    """A thousand steps are held by five hundred sessions when the server ends: by -9, every third time in order."""
    _fill(scene)
    scene.count("steps in flight when the server ended", scene.crew.held)
    for process in scene.crew.processes:  # results are on their way, too
        process.send(signal.SIGUSR1)
    time.sleep(scene.chance.uniform(0, 0.1))
    if turn % 3 == 2:
        scene.server.terminate()
    else:
        scene.server.kill()
    begun = time.monotonic()
    scene.server.start(START_SECONDS)
    scene.crew.until(lambda: len(_came(scene, begun)) >= SESSIONS, "for 500 sessions to come back")
    scene.longest_pause = max(scene.longest_pause, time.monotonic() - begun)
    scene.count("restarts")
    scene.count("sessions that came back", SESSIONS)


def _fill(scene: Scene) -> None:
    """Some of what is held when it is counted may be answered a moment later: then there is room for more."""
    for patience in (5.0, 10.0, PATIENCE_SECONDS):
        scene.clients.start_held((STEPS_HELD - scene.crew.held + HELD_STEPS - 1) // HELD_STEPS)
        try:
            scene.crew.until(_is_full(scene), "for a thousand steps in flight", patience)
            return
        except TooQuiet:
            if patience == PATIENCE_SECONDS:
                raise


def _is_full(scene: Scene) -> Callable[[], bool]:
    return lambda: scene.crew.held >= STEPS_HELD - HELD_STEPS


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: its cycle, and the world it happens in. `clients` keep busy by themselves, 0 do not."""

    cycle: Callable[[Scene, int], None]
    manner: Manner = field(default_factory=Manner)
    terms: Terms = field(default_factory=Terms)
    clients: int = 16
    program: Sequence[str] = PRODUCT


STORM: Final = Kind(
    reconnect_storm,
    Manner(processes=2, seats=SESSIONS // 2, slots=2),
    Terms(lease=20.0, ack_within=5.0, ping_every=3.0, dead_after=10.0),
    clients=0,
)
KINDS: Final[Mapping[str, Kind]] = {
    "reconnect-storm": STORM,
    "kill-server": Kind(kill_server),
    "black-hole": Kind(black_hole, Manner(proxied=2), Terms(lease=1.8)),
    "freeze-worker": Kind(freeze_worker),
    "kill-worker": Kind(kill_worker),
    "drain": Kind(drain),
    "disorder": Kind(disorder, Manner(disorderly=True)),
    "jump-clock": Kind(
        jump_clock, Manner(slots=20, long_share=0.3), Terms(lease=2.0, dead_after=NEVER_SECONDS), program=ALTERED
    ),
}
"""The longest first: two are tried at a time."""
