"""One decision in the making: the execution, the instant, and the events so far. Emitting an event advances the
execution by it.
"""

from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import Event
from workflow_engine.history.state import ExecutionState


class Turn:
    __slots__ = ("events", "execution", "now")

    def __init__(self, execution: Execution, now: float) -> None:
        self.execution = execution
        self.now = now
        self.events: list[Event] = []

    @property
    def state(self) -> ExecutionState:
        return self.execution.state

    def emit(self, event: Event) -> None:
        self.execution.apply(event)
        self.events.append(event)
