"""How long to wait before the next try: longer each time, and never in step with the neighbours."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Seconds; `chance` answers from 0 to 1."""

    chance: Callable[[], float]
    first: float = 0.1
    most: float = 5.0
    tries: int = 0

    def next(self) -> float:
        """From half to all of what doubles with each try."""
        whole = delay(self.tries, self.first, self.most)
        self.tries += 1
        return whole * (0.5 + self.chance() / 2)

    def reset(self) -> None:
        self.tries = 0


def delay(tries: int, first: float, most: float) -> float:
    return min(most, first * 2.0 ** min(tries, 32))
