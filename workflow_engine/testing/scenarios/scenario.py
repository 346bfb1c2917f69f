"""A scenario: one rule of the protocol as a sentence, and the play that shows whether a server keeps it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from workflow_engine.testing.stage import Stage

EVERYWHERE: Final = ("stream", "unary", "rest")
STREAM: Final = ("stream",)
POLLING: Final = ("unary", "rest")

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rule` is the part of the documentation that it holds the server to; `alone`: it restarts the server."""

    name: str
    rule: str
    play: Play
    transports: tuple[str, ...] = EVERYWHERE
    alone: bool = False

    @property
    def room(self) -> str:
        """The module it is written in."""
        return self.play.__module__.rpartition(".")[2]


@dataclass(slots=True)
class Room:
    """The scenarios of one module. `rule` is the part of the documentation that they hold the server to."""

    rule: str
    scenarios: list[Scenario] = field(default_factory=list)

    def scenario(self, name: str, *, on: Iterable[str] = EVERYWHERE, alone: bool = False) -> Callable[[Play], Play]:
        def added(play: Play) -> Play:
            self.scenarios.append(Scenario(name, self.rule, play, tuple(on), alone))
            return play

        return added
