"""The row that sums an execution up: written with its events whenever the row alone would mislead its reader."""

from workflow_engine.execution.execution import Execution
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import Summary


def summarize(execution: Execution) -> Summary:
    """The counts are over every step of the plan, those that never began included."""
    state = execution.state
    total = len(execution.plan.steps)
    tally = state.tally
    error = state.error or (None if state.compensating is None else state.compensating.error)
    ended = sum(tally.values())
    return Summary(
        status=state.status,
        updated_at=state.updated_at,
        completed_at=state.completed_at,
        next_due_at=state.next_due_at,
        current_step=next(iter(state.open), None),
        completed_steps=tally.get(StepStatus.COMPLETED, 0),
        failed_steps=tally.get(StepStatus.FAILED, 0),
        skipped_steps=tally.get(StepStatus.SKIPPED, 0),
        pending_steps=total - ended,
        total_steps=total,
        reason=state.paused or state.reason,
        error=None if error is None else {"code": error.code, "message": error.message, "details": error.details},
        step_statuses=None if state.status is ExecutionStatus.RUNNING else step_statuses(execution),
    )


def step_statuses(execution: Execution) -> dict[str, str]:
    """Status by id, for every step of the plan, in order of rank. What a step owns is that step's business."""
    return {path: execution.state.status_of(path).value for path in execution.plan.steps}


def is_outdated(written: Summary | None, execution: Execution) -> bool:
    """Running executions live in memory, so their row may lag; a status or a timer of one at rest may not."""
    state = execution.state
    if written is None or written.status is not state.status:
        return True
    return state.status is not ExecutionStatus.RUNNING and written.next_due_at != state.next_due_at
