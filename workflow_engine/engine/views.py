"""What callers see of an execution. Built inside a turn, so that a view never shows what is not durable."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import StepError
from workflow_engine.history.state import StepState
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import ExecutionRecord, ExecutionRow, Summary
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.summaries import step_statuses, summarize
from workflow_engine.runtime.tasks import input_of


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution in short: its fixed facts, its counts, and (where its steps are at hand) the status of each."""

    record: ExecutionRecord
    summary: Summary
    version: int
    phase: str | None = None
    """`compensating` while compensations run."""
    step_statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step that ran, or was decided upon. `execution_time_ms` is that of its last attempt."""

    status: StepStatus
    output: Json
    error: StepError | None
    error_message: str | None
    execution_time_ms: float
    retry_count: int
    handled_by: str | None
    simulated: bool
    input: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ResultsView:
    """What came out so far; complete once `status` is terminal."""

    execution_id: str
    status: ExecutionStatus
    steps: dict[str, StepView]
    output: Json
    error: StepError | None
    reason: str | None
    started_at: float
    completed_at: float | None


def execution_view(live: Live) -> ExecutionView:
    execution = live.execution
    phase = "compensating" if execution.state.compensating is not None and execution.state.ended is None else None
    return ExecutionView(live.record, summarize(execution), execution.state.version, phase, step_statuses(execution))


def row_view(row: ExecutionRow) -> ExecutionView:
    return ExecutionView(row.record, row.summary, row.last_seq, step_statuses=row.summary.step_statuses or {})


def results_view(live: Live) -> ResultsView:
    """Steps that never began and were not skipped are absent."""
    state = live.execution.state
    return ResultsView(
        execution_id=live.id,
        status=state.status,
        steps={
            path: _step_view(live.execution, step)
            for path in live.execution.paths()
            if (step := _shown(live.execution, path))
        },
        output=state.output,
        error=state.error,
        reason=state.reason,
        started_at=live.record.started_at,
        completed_at=state.completed_at,
    )


def _shown(execution: Execution, path: str) -> StepState | None:
    step = execution.state.steps.get(path)
    if step is None or (step.status is StepStatus.CANCELLED and step.scheduled_at is None):
        return None
    return step


def _step_view(execution: Execution, step: StepState) -> StepView:
    message = step.error.message if step.error is not None else step.reason
    return StepView(
        status=step.status,
        output=step.output,
        error=step.error,
        error_message=None if step.status is StepStatus.COMPLETED else message,
        execution_time_ms=step.duration_ms,
        retry_count=max(step.attempt - 1, 0),
        handled_by=step.handled_by,
        simulated=step.simulated,
        input=None if step.scheduled_at is None else input_of(execution, step.path),
    )
