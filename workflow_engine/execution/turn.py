"""One decision in the making: the execution, the instant, and the events so far, each of which advanced it."""

from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import Event


class Turn:
    __slots__ = ("events", "execution", "now", "state")

    def __init__(self, execution: Execution, now: float) -> None:
        self.execution = execution
        self.state = execution.state
        self.now = now
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.execution.apply(event)
        self.events.append(event)
