"""What was made with effort and is likely to be wanted again: kept as long as all of it together is not too heavy."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Keeps what was used last, up to a weight; one thing may weigh more than that, and is then alone. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def put(self, key: K, value: V, weight: int) -> V:
        """Keep a value; answers the one that is kept, should somebody have been faster."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                return kept[0]
            self._kept[key] = (value, weight)
            self._weight += weight
            while self._weight > self._most and len(self._kept) > 1:
                _, (_, lighter) = self._kept.popitem(last=False)
                self._weight -= lighter
            return value
