"""A limit on how many of something there may be at once, over all faces together."""

from collections.abc import Callable

from workflow_engine.errors import OverLimit


class TooManyStreams(OverLimit):
    code = "too-many-streams"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} event streams are open, which is the limit of this server; read pages, or try again later"
        )


class TooManyCalls(OverLimit):
    code = "too-many-calls"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} calls are under way, which is the limit of this server; try again in a moment")


class Places:
    """A counted number of places: `with places:` takes one, or raises what `full` makes of the limit."""

    def __init__(self, limit: int, full: Callable[[int], OverLimit] = TooManyStreams) -> None:
        self._limit = limit
        self._full = full
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._limit:
            raise self._full(self._limit)
        self.taken += 1

    def __exit__(self, *_exception: object) -> None:
        self.taken -= 1
