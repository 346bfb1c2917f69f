"""The worker processes of a fault test, and what is known of them while it runs."""

import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.faults.worker_notes import Note, Reading, What
from tests.faults.worker_process import Orders
from tests.serving.process import environment

Lease = tuple[str, str, int]
PATIENCE_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.01


class TooQuiet(Exception):
    def __init__(self, what: str, log: str) -> None:
        super().__init__(f"waited in vain {what}\n{log[-4_000:]}")


@dataclass(frozen=True, slots=True)
class Manner:
    """How the workers of a crew are: so many processes of so many seats, the first `proxied` behind the proxy."""

    processes: int = 4
    seats: int = 2
    slots: int = 6
    proxied: int = 0
    disorderly: bool = False
    long_share: float = 0.1


class WorkerProcess:
    """One process of a crew. What it prints is kept beside its notes."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.reading = Reading(Path(orders.notes))
        self._log = Path(orders.notes).with_suffix(".log")
        with self._log.open("wb") as log:
            self.popen = subprocess.Popen(
                (sys.executable, "-m", "tests.faults.worker_process", orders.written()),
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def names(self) -> tuple[str, ...]:
        return self.orders.names

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def drained(self) -> int:
        """Ask it to drain, and wait for its end; the exit code."""
        self.send(signal.SIGTERM)
        return self.popen.wait(PATIENCE_SECONDS)


class Crew:
    """Starts and ends workers, and reads what they write down."""

    def __init__(self, folder: Path, manner: Manner, serves: Sequence[str], seed: int) -> None:
        self.processes: list[WorkerProcess] = []
        self.notes: list[Note] = []
        self.manner = manner
        self.open: dict[str, dict[Lease, Note]] = defaultdict(dict)
        """By worker: what was assigned, and neither answered nor dropped."""
        self.answers = 0
        self._folder = folder
        self._serves = tuple(serves)
        self._seed = seed
        self._started = 0
        self._readings: list[Reading] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()

    def start(self, address: str, names: Sequence[str] = ()) -> WorkerProcess:
        """One more process, with these worker ids, or new ones. Does not wait for it."""
        number = self._started
        self._started += 1
        orders = Orders(
            address=address,
            notes=str(self._folder / f"worker-{number}.notes"),
            names=tuple(names) or tuple(f"w{number}-{seat}" for seat in range(self.manner.seats)),
            slots=self.manner.slots,
            serves=self._serves,
            seed=self._seed + number,
            disorderly=self.manner.disorderly,
            long_share=self.manner.long_share,
        )
        process = WorkerProcess(orders)
        self.processes.append(process)
        self._readings.append(process.reading)
        return process

    def end(self, process: WorkerProcess) -> None:
        """It is no longer one of the crew."""
        process.kill()
        self.processes.remove(process)

    def drained(self, process: WorkerProcess) -> int:
        code = process.drained()
        self.processes.remove(process)
        return code

    # --- what is known

    def look(self) -> list[Note]:
        """Read on; what is new, in the order of time."""
        fresh = sorted((note for reading in self._readings for note in reading.fresh()), key=lambda note: note.at)
        for note in fresh:
            self._heed(note)
        self.notes += fresh
        return fresh

    def _heed(self, note: Note) -> None:
        match note.what:
            case What.BORN:
                self.open[note.worker].clear()
            case What.ASSIGNED:
                self.open[note.worker][note.lease] = note
            case What.ACKED if note.code != "UNAVAILABLE":
                self.answers += 1
                self.open[note.worker].pop(note.lease, None)
            case What.DROPPED:
                self.open[note.worker].pop(note.lease, None)

    def of(self, process: WorkerProcess) -> dict[Lease, Note]:
        """What its workers have now."""
        return {lease: note for name in process.names for lease, note in self.open[name].items()}

    @property
    def held(self) -> int:
        return sum(len(self.of(process)) for process in self.processes)

    def since(self, at: float, *what: What) -> Iterator[Note]:
        """The notes of these kinds that were written after an instant."""
        for note in reversed(self.notes):
            # Files are read one after the other, so neighbours may be a little out of order.
            if note.at < at - 1:
                return
            if note.at >= at and note.what in what:
                yield note

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Read on until something holds. Raises `TooQuiet`."""
        deadline = time.monotonic() + seconds
        self.look()
        while not holds():
            if time.monotonic() > deadline:
                raise TooQuiet(what, "\n".join(process.log[-500:] for process in self.processes))
            time.sleep(LOOK_SECONDS)
            self.look()
