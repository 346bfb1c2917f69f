"""gRPC messages as views."""

from workflow_client.client.views import (
    Event,
    Execution,
    ExecutionError,
    Page,
    Reason,
    Results,
    SavedWorkflow,
    Started,
    StepInfo,
    StepResult,
    Validation,
    WorkerInfo,
)
from workflow_client.errors import Problem
from workflow_client.generated import registry_pb2, workflow_pb2
from workflow_client.json_values import read


def started(frame: workflow_pb2.ExecuteResponse) -> Started:
    found = results(frame.results) if frame.HasField("results") else None
    return Started(frame.execution_id, frame.started_at, found)


def execution(frame: workflow_pb2.ExecutionSummary) -> Execution:
    return Execution(
        execution_id=frame.execution_id,
        status=frame.status,
        workflow_name=frame.workflow_name,
        workflow_id=frame.workflow_id or None,
        current_step=frame.current_step or None,
        completed_steps=frame.completed_steps,
        failed_steps=frame.failed_steps,
        skipped_steps=frame.skipped_steps,
        pending_steps=frame.pending_steps,
        total_steps=frame.total_steps,
        step_statuses=dict(frame.step_statuses),
        started_at=frame.started_at,
        completed_at=frame.completed_at or None,
        reason=frame.reason or None,
        error=_error(frame.error) if frame.HasField("error") else None,
        correlation_id=frame.correlation_id or None,
        trace_id=frame.trace_id or None,
    )


def executions(frame: workflow_pb2.ListExecutionsResponse) -> Page[Execution]:
    return Page(tuple(execution(entry) for entry in frame.executions), frame.next_cursor or None)


def results(frame: workflow_pb2.ExecutionResults) -> Results:
    return Results(
        execution_id=frame.execution_id,
        status=frame.status,
        output=read(frame.output),
        error=_error(frame.error) if frame.HasField("error") else None,
        steps={path: _step(step) for path, step in frame.steps.items()},
        started_at=frame.started_at,
        completed_at=frame.completed_at or None,
    )


def _step(frame: workflow_pb2.StepResult) -> StepResult:
    return StepResult(
        status=frame.status,
        output=read(frame.output),
        error=_error(frame.error) if frame.HasField("error") else None,
        execution_time_ms=frame.execution_time_ms,
        retry_count=frame.retry_count,
        handled_by=frame.handled_by or None,
        simulated=frame.simulated,
    )


def _error(frame: workflow_pb2.ExecutionError) -> ExecutionError:
    return ExecutionError(frame.code, frame.message, read(frame.details))


def event(frame: workflow_pb2.Event) -> Event:
    return Event(frame.seq, frame.kind, frame.at, frame.path or None, read(frame.data))


def reasons(frame: workflow_pb2.ExplainResponse) -> tuple[Reason, ...]:
    return tuple(Reason(entry.path, entry.code, entry.message, read(entry.details)) for entry in frame.reasons)


def validation(frame: workflow_pb2.ValidateResponse) -> Validation:
    problems = tuple(Problem(entry.code, entry.message, entry.pointer) for entry in frame.problems)
    return Validation(frame.is_valid, problems, tuple(frame.warnings))


def workflow(frame: workflow_pb2.SavedWorkflow) -> SavedWorkflow:
    return SavedWorkflow(
        frame.workflow_id, frame.version_number, read(frame.document), frame.created_at, frame.updated_at
    )


def step(frame: registry_pb2.StepDetails) -> StepInfo:
    contract = frame.contract
    return StepInfo(
        name=contract.name,
        version=contract.version,
        description=contract.description,
        input_schema=read(contract.input_schema),
        output_schema=read(contract.output_schema),
        config_schema=read(contract.config_schema),
        owner=frame.owner,
        status=frame.status,
        workers=frame.workers,
    )


def worker(frame: registry_pb2.WorkerDetails) -> WorkerInfo:
    return WorkerInfo(
        worker_id=frame.worker_id,
        status=frame.status,
        transport=frame.transport,
        steps=tuple(frame.steps),
        in_flight=frame.in_flight,
        build_id=frame.build_id,
        completed=frame.completed,
        failed=frame.failed,
    )
