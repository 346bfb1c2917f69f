"""Every status there is, and the only moves between them. The lifecycle chart in docs/ is drawn from these tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from workflow_engine.errors import WorkflowEngineError


class ExecutionStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return not EXECUTION_MOVES[self]


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return not STEP_MOVES[self]


_E, _S = ExecutionStatus, StepStatus

EXECUTION_MOVES: Final[Mapping[ExecutionStatus, frozenset[ExecutionStatus]]] = {
    _E.PENDING: frozenset({_E.RUNNING}),
    _E.RUNNING: frozenset({_E.WAITING, _E.PAUSED, _E.COMPLETED, _E.FAILED, _E.CANCELLED}),
    _E.WAITING: frozenset({_E.RUNNING, _E.PAUSED, _E.FAILED, _E.CANCELLED}),
    _E.PAUSED: frozenset({_E.RUNNING, _E.FAILED, _E.CANCELLED}),
    _E.COMPLETED: frozenset(),
    _E.FAILED: frozenset(),
    _E.CANCELLED: frozenset(),
}

STEP_MOVES: Final[Mapping[StepStatus, frozenset[StepStatus]]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.WAITING, _S.FAILED, _S.SKIPPED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.RUNNING, _S.WAITING, _S.COMPLETED, _S.FAILED, _S.CANCELLED}),
    _S.WAITING: frozenset({_S.RUNNING, _S.WAITING, _S.FAILED, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
}


class IllegalMove(WorkflowEngineError):
    """A history that says something impossible; it is a bug or a damaged journal, never a user's mistake."""

    code = "illegal-move"

    def __init__(self, what: str, source: str, target: str) -> None:
        super().__init__(f"{what} cannot go from {source} to {target}")
