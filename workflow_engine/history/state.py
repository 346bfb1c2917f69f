"""One execution, as far as its history goes."""

from collections import deque
from dataclasses import dataclass, field

from workflow_engine.history.events import ExecutionCompensating, ExecutionStarted, StepError
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import Json


@dataclass(slots=True)
class ExecutionState:
    """One execution, as far as its history goes."""

    version: int = 0
    """How many events are folded in: the sequence number of the last one."""
    started: ExecutionStarted | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    open: dict[str, StepState] = field(default_factory=dict)
    """Steps that began and have not ended, in the order they began."""
    running: int = 0
    """How many open steps somebody has in hand."""
    completion_order: list[str] = field(default_factory=list)
    signals: dict[str, deque[Json]] = field(default_factory=dict)
    """Signals nobody has taken yet."""
    tally: dict[StepStatus, int] = field(default_factory=dict)
    """How many steps of the document ended in each terminal status."""
    paused: str | None = None
    compensating: ExecutionCompensating | None = None
    ended: ExecutionStatus | None = None
    output: Json = None
    error: StepError | None = None
    reason: str | None = None
    updated_at: float = 0.0
    completed_at: float | None = None

    @property
    def status(self) -> ExecutionStatus:
        """Waiting is derived: steps are open, and none can move without a person, a signal or a timer."""
        if self.ended is not None:
            return self.ended
        if self.started is None:
            return ExecutionStatus.PENDING
        if self.paused is not None:
            return ExecutionStatus.PAUSED
        if self.open and self.running == 0:
            return ExecutionStatus.WAITING
        return ExecutionStatus.RUNNING

    @property
    def next_due_at(self) -> float | None:
        """The next instant at which this execution moves by itself; None when only others can move it."""
        if self.ended is not None:
            return None
        paused = self.paused is not None
        earliest = self.started.deadline if self.started is not None and self.compensating is None else None
        for step in self.open.values():
            due = _due(step, paused)
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def status_of(self, path: str) -> StepStatus:
        step = self.steps.get(path)
        return StepStatus.PENDING if step is None else step.status


def _due(step: StepState, paused: bool) -> float | None:
    wait_due = None if step.wait is None or paused else step.wait.due_at
    if step.deadline is None or (step.wait is not None and step.wait.backoff):
        return wait_due
    return step.deadline if wait_due is None else min(wait_due, step.deadline)
