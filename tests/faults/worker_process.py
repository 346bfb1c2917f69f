"""A worker made from the protos alone, as a process of its own: `python -m tests.faults.worker_process ORDERS`.

It survives what the protocol says that a worker survives: it reconnects, names what it holds, goes on with what it may
keep, says again what did not arrive, and sends each result until it is answered. It is also worse than any worker may
be: what it was told to drop it does to the end and reports all the same, so that the fence is always tried.

SIGTERM drains it. SIGUSR1 ends a tenth of the steps that are being held, SIGUSR2 all of them, now and later.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from tests.faults.worker_notes import Notebook, What
from tests.faults.worker_session import Seat, Steps

FINISHED_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Orders:
    """How one process behaves. `names` are its worker ids, each with a session of its own and `slots` free places."""

    address: str
    notes: str
    names: tuple[str, ...]
    slots: int
    serves: tuple[str, ...]
    seed: int
    disorderly: bool = False
    """Says everything several times, late and shuffled, and contradicts itself."""
    long_share: float = 0.1
    """How many steps take longer than a lease."""

    def written(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        said = json.loads(text)
        return cls(**{**said, "names": tuple(said["names"]), "serves": tuple(said["serves"])})


async def work(orders: Orders) -> None:
    """Until it is told to drain and nothing is left."""
    notebook = Notebook(Path(orders.notes))
    chance = random.Random(orders.seed)
    steps = Steps(chance, orders.long_share, orders.disorderly)
    seats = [
        Seat(orders.address, name, orders.slots, orders.serves, notebook, steps, random.Random(chance.random()))
        for name in orders.names
    ]
    draining = asyncio.Event()
    _on(signal.SIGTERM, draining.set)
    _on(signal.SIGUSR1, lambda: steps.end_share(FINISHED_SHARE))
    _on(signal.SIGUSR2, steps.end_all)
    for seat in seats:
        notebook.write(seat.name, What.BORN, slots=orders.slots)
    serving = [asyncio.create_task(seat.serve()) for seat in seats]
    await draining.wait()
    for seat in seats:
        seat.drain()
    for seat in seats:
        await seat.is_done.wait()
    for each in serving:
        each.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


def _on(number: signal.Signals, react: Callable[[], None]) -> None:
    asyncio.get_running_loop().add_signal_handler(number, react)


if __name__ == "__main__":
    asyncio.run(work(Orders.read(sys.argv[1])))
