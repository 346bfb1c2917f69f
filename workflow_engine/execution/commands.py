"""What must be done outside because of events, and what is still to be done according to a state: the same, by
construction.

Timers need no command: the runtime keeps one alarm an execution, at `state.next_due_at`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import AgentEnded, Event, StepRescheduled, StepResumed, StepScheduled, TimerFired

_HAND_OVERS = (StepScheduled, StepRescheduled, StepResumed, TimerFired, AgentEnded)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Hand this step over, under this fence."""

    path: str
    delivery: int


def commands_after(execution: Execution, events: Iterable[Event]) -> list[Dispatch]:
    """The hand-overs among these events that still stand after all of them."""
    return [
        Dispatch(event.path, event.delivery)
        for event in events
        if isinstance(event, _HAND_OVERS) and _stands(execution, event.path, event.delivery)
    ]


def outstanding(execution: Execution) -> Sequence[Dispatch]:
    """Every hand-over that has not been answered."""
    return [
        Dispatch(step.path, step.delivery)
        for step in execution.state.open.values()
        if _stands(execution, step.path, step.delivery)
    ]


def _stands(execution: Execution, path: str, delivery: int) -> bool:
    step = execution.state.steps[path]
    return step.is_at_work and step.delivery == delivery and not step.held
