"""REST bodies as views. Keys that are missing count as empty, so that an older server is understood, too."""

from collections.abc import Mapping
from typing import Any

from workflow_client.client.refusals import problem_of
from workflow_client.client.views import (
    Event,
    Execution,
    ExecutionError,
    Reason,
    Results,
    SavedWorkflow,
    Started,
    StepInfo,
    StepResult,
    Validation,
)

Body = Mapping[str, Any]


def started(body: Body) -> Started:
    """A body with results, when the call was told to wait, has them instead of the start."""
    found = results(body) if "step_results" in body else None
    return Started(body["execution_id"], body.get("started_at") or (found.started_at if found else ""), found)


def execution(body: Body) -> Execution:
    ids = body.get("analytics_ids") or {}
    return Execution(
        execution_id=body["execution_id"],
        status=body["status"],
        workflow_name=body["workflow_name"],
        workflow_id=body.get("workflow_id"),
        current_step=body.get("current_step"),
        completed_steps=body.get("completed_steps", 0),
        failed_steps=body.get("failed_steps", 0),
        skipped_steps=body.get("skipped_steps", 0),
        pending_steps=body.get("pending_steps", 0),
        total_steps=body.get("total_steps", 0),
        step_statuses=body.get("step_statuses") or {},
        started_at=body.get("started_at", ""),
        completed_at=body.get("completed_at"),
        reason=body.get("reason"),
        error=_error(body.get("error")),
        correlation_id=ids.get("correlation_id"),
        trace_id=ids.get("trace_id"),
    )


def results(body: Body) -> Results:
    metadata = body.get("metadata") or {}
    return Results(
        execution_id=body["execution_id"],
        status=body["status"],
        output=body.get("output"),
        error=_error(body.get("error")),
        steps={path: _step(entry) for path, entry in body.get("step_results", {}).items()},
        started_at=metadata.get("started_at", ""),
        completed_at=metadata.get("completed_at"),
    )


def _step(body: Body) -> StepResult:
    return StepResult(
        status=body["status"],
        output=body.get("output_data"),
        error=_error(body.get("error")),
        execution_time_ms=body.get("execution_time_ms", 0.0),
        retry_count=body.get("retry_count", 0),
        handled_by=body.get("handled_by"),
        simulated=body.get("simulated", False),
    )


def _error(body: Body | None) -> ExecutionError | None:
    if not body:
        return None
    return ExecutionError(body.get("code", ""), body.get("message", ""), body.get("details"))


def event(body: Body) -> Event:
    return Event(body["seq"], body["kind"], body["at"], body.get("path"), body.get("data"))


def reasons(body: Body) -> tuple[Reason, ...]:
    return tuple(
        Reason(entry["path"], entry["reason"], entry["message"], entry.get("details")) for entry in body["reasons"]
    )


def validation(body: Body) -> Validation:
    problems = tuple(problem_of(entry) for entry in body.get("problems", ()))
    return Validation(body["is_valid"], problems, tuple(body.get("warnings", ())))


def saved(body: Body, document: Any) -> SavedWorkflow:  # noqa: ANN401  # JSON
    return SavedWorkflow(body["workflow_id"], body.get("version_number", 0), document)


def workflow(body: Body) -> SavedWorkflow:
    """The body is the document as it was saved, with what the server knows of it; which save it was is not told."""
    return SavedWorkflow(
        body["workflow_id"], body.get("version_number", 0), body, body.get("created_at", ""), body.get("updated_at", "")
    )


def step(body: Body) -> StepInfo:
    return StepInfo(
        name=body.get("step_type") or body["name"],
        version=body["version"],
        description=body.get("description") or "",
        input_schema=body.get("input_schema"),
        output_schema=body.get("output_schema"),
        config_schema=body.get("config_schema"),
        owner=body.get("owner") or "",
        status=body.get("status") or "",
        workers=body.get("workers") or 0,
    )
