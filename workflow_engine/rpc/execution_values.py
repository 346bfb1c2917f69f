"""Executions as messages: what came out, what happened, and why not yet."""

from collections.abc import Iterable

from workflow_engine.clock import iso
from workflow_engine.engine.executions import Accepted
from workflow_engine.engine.explanation import Reason
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.engine.views import ExecutionView, ResultsView, StepView
from workflow_engine.history.events import StepError
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import ExecutionFilter, WorkflowRow
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.rpc.calls import InvalidField, instant, page_of, text, wanted
from workflow_engine.rpc.generated import workflow_pb2
from workflow_engine.settings import Limits


def at(instant: float | None) -> str:
    return "" if instant is None else iso(instant)


def saved_workflow(row: WorkflowRow) -> workflow_pb2.SavedWorkflow:
    return workflow_pb2.SavedWorkflow(
        workflow_id=row.workflow_id,
        version_number=row.version_number,
        document=write(row.document),
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def filter_of(request: workflow_pb2.ListExecutionsRequest, limits: Limits) -> ExecutionFilter:
    return ExecutionFilter(
        statuses=_statuses(request.statuses),
        workflow_id=wanted("workflow_id", request.workflow_id),
        workflow_name=wanted("workflow_name", request.workflow_name),
        user_id=wanted("user_id", request.user_id),
        tag=wanted("tag", request.tag),
        started_after=_instant(request, "started_after"),
        started_before=_instant(request, "started_before"),
        cursor=text("cursor", request.cursor) or None,
        limit=page_of(request.limit, limits),
    )


def _statuses(named: Iterable[str]) -> tuple[ExecutionStatus, ...]:
    try:
        return tuple(dict.fromkeys(ExecutionStatus(name) for name in named))
    except ValueError:
        raise InvalidField("statuses", f"some of {', '.join(ExecutionStatus)}") from None


def _instant(request: workflow_pb2.ListExecutionsRequest, name: str) -> float | None:
    present = {field.name for field, _ in request.ListFields()}
    return instant(name, getattr(request, name)) if name in present else None


def summary(view: ExecutionView) -> workflow_pb2.ExecutionSummary:
    record, counts = view.record, view.summary
    return workflow_pb2.ExecutionSummary(
        execution_id=record.execution_id,
        workflow_id=record.workflow_id or "",
        workflow_name=record.workflow_name,
        status=counts.status.value,
        current_step=counts.current_step or "",
        completed_steps=counts.completed_steps,
        failed_steps=counts.failed_steps,
        skipped_steps=counts.skipped_steps,
        pending_steps=counts.pending_steps,
        total_steps=counts.total_steps,
        started_at=iso(record.started_at),
        completed_at=at(counts.completed_at),
        step_statuses=dict(view.step_statuses),
        error=_stored_error(counts.error),
        reason=counts.reason or "",
        correlation_id=record.correlation_id or "",
        trace_id=record.trace_id or "",
        principal=record.principal,
    )


def _stored_error(error: JsonObject | None) -> workflow_pb2.ExecutionError | None:
    if error is None:
        return None
    return _error(StepError(str(error.get("code", "")), str(error.get("message", "")), error.get("details")))


def _error(error: StepError | None) -> workflow_pb2.ExecutionError | None:
    if error is None:
        return None
    return workflow_pb2.ExecutionError(code=error.code, message=error.message, details=_json(error.details))


def _json(value: Json) -> bytes:
    return b"" if value is None else write(value)


def results(view: ResultsView) -> workflow_pb2.ExecutionResults:
    return workflow_pb2.ExecutionResults(
        execution_id=view.execution_id,
        status=view.status.value,
        steps={step_id: _step_result(step) for step_id, step in view.steps.items()},
        inner_steps={path: _step_result(step) for path, step in view.inner_steps.items()},
        output=_json(view.output),
        error=_error(view.error),
        started_at=iso(view.started_at),
        completed_at=at(view.completed_at),
    )


def _step_result(step: StepView) -> workflow_pb2.StepResult:
    """A completed step always has an output, if only null; any other has none."""
    return workflow_pb2.StepResult(
        status=step.status.value,
        output=write(step.output) if step.status is StepStatus.COMPLETED else _json(step.output),
        error=_error(step.error),
        error_message=step.error_message or "",
        execution_time_ms=round(step.execution_time_ms, 3),
        retry_count=step.retry_count,
        handled_by=step.handled_by or "",
        simulated=step.simulated,
    )


def started(accepted: Accepted, view: ResultsView | None) -> workflow_pb2.ExecuteResponse:
    return workflow_pb2.ExecuteResponse(
        execution_id=accepted.execution_id,
        started_at=iso(accepted.started_at),
        results=None if view is None else results(view),
    )


def event(happened: PublicEvent) -> workflow_pb2.Event:
    return workflow_pb2.Event(
        seq=happened.seq,
        kind=happened.kind,
        at=iso(happened.at),
        path=happened.path or "",
        data=write(happened.data),
    )


def reason(why: Reason) -> workflow_pb2.Reason:
    return workflow_pb2.Reason(path=why.path, code=why.code, message=why.message, details=write(why.details))
