"""The bodies of answers that are neither the definition nor an event: shapes that existing clients read.

Keys may be added; none may be removed or change its type. Instants are RFC 3339 text in UTC.
"""

from typing import TYPE_CHECKING, Final, NotRequired

from typing_extensions import TypedDict

from workflow_engine.clock import iso
from workflow_engine.engine.executions import Accepted, EventPage, ExecutionList
from workflow_engine.engine.explanation import Reason
from workflow_engine.engine.keys import KeyView
from workflow_engine.engine.public_events import PublicEvent
from workflow_engine.engine.views import ExecutionView, ResultsView, StepView
from workflow_engine.history.events import StepError
from workflow_engine.journal.contract import AllowedHost, WorkflowRow
from workflow_engine.version import VERSION

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic makes JSON Schemas of these shapes, and would follow the recursive alias without end.
    Json, JsonObject = object, dict

ENGINE_VERSION: Final = VERSION


def instant(at: float | None) -> str | None:
    return None if at is None else iso(at)


# --- executions


class StartedBody(TypedDict):
    """An execution was accepted: it is durable and under way."""

    execution_id: str
    status: str
    message: str
    started_at: str


class ErrorBody(TypedDict):
    """Why a step or an execution failed."""

    code: str
    message: str
    details: Json


class AnalyticsIds(TypedDict):
    execution_id: str
    correlation_id: str | None
    trace_id: str | None


class UserContext(TypedDict):
    user_id: str | None
    session_id: str | None
    organization_id: str | None


class ExecutionBody(TypedDict):
    """An execution in short. The step figures are counts; `step_statuses` is null when the steps are not at hand."""

    execution_id: str
    workflow_id: str | None
    workflow_name: str
    workflow_version: str
    status: str
    phase: str | None
    current_step: str | None
    completed_steps: int
    failed_steps: int
    skipped_steps: int
    pending_steps: int
    total_steps: int
    step_statuses: dict[str, str] | None
    started_at: str
    updated_at: str
    completed_at: str | None
    next_due_at: str | None
    reason: str | None
    error: JsonObject | None
    version: int
    tags: list[str]
    analytics_ids: AnalyticsIds
    user_context: UserContext


class ExecutionListBody(TypedDict):
    """Newest first; `next_cursor` is null on the last page."""

    executions: list[ExecutionBody]
    next_cursor: str | None


class StepResult(TypedDict):
    """What became of one step."""

    status: str
    output_data: Json
    error_message: str | None
    error: ErrorBody | None
    execution_time_ms: float
    retry_count: int
    handled_by: str | None
    simulated: bool


class StepData(TypedDict):
    input_data: Json
    output_data: Json


class ResultsMetadata(TypedDict):
    created_at: str
    engine_version: str
    started_at: str
    completed_at: str | None
    duration_ms: float | None
    failed_at: NotRequired[str | None]
    error_message: NotRequired[str | None]


class ResultsBody(TypedDict):
    """What came out so far; complete once `status` is terminal. A step that never ran is absent."""

    execution_id: str
    status: str
    output: Json
    error: ErrorBody | None
    step_results: dict[str, StepResult]
    inner_step_results: dict[str, StepResult]
    """What steps of the document own, such as the turns of an agent, by path."""
    step_io_data: dict[str, StepData]
    metadata: ResultsMetadata


class EventBody(TypedDict):
    """One thing that happened; `seq` has no gaps within an execution."""

    seq: int
    kind: str
    at: str
    path: NotRequired[str]
    data: JsonObject


class EventPageBody(TypedDict):
    """`next_after` is the `after` of the next page, null when this page reaches the present end."""

    events: list[EventBody]
    next_after: int | None


class ReasonBody(TypedDict):
    """Why one step is not done; `reason` is a constant such as WAITING_ON, BACKOFF, SIGNAL, TIMER, PAUSED, LEASED."""

    path: str
    reason: str
    message: str
    details: JsonObject


class ExplanationBody(TypedDict):
    """One reason for each step that has not ended; none when the execution has."""

    execution_id: str
    status: str
    reasons: list[ReasonBody]


def started_body(accepted: Accepted) -> StartedBody:
    return {
        "execution_id": accepted.execution_id,
        "status": "started",
        "message": "Workflow execution started",
        "started_at": iso(accepted.started_at),
    }


def execution_body(view: ExecutionView) -> ExecutionBody:
    record, summary = view.record, view.summary
    return {
        "execution_id": record.execution_id,
        "workflow_id": record.workflow_id,
        "workflow_name": record.workflow_name,
        "workflow_version": record.workflow_version,
        "status": summary.status.value,
        "phase": view.phase,
        "current_step": summary.current_step,
        "completed_steps": summary.completed_steps,
        "failed_steps": summary.failed_steps,
        "skipped_steps": summary.skipped_steps,
        "pending_steps": summary.pending_steps,
        "total_steps": summary.total_steps,
        "step_statuses": dict(view.step_statuses) or None,
        "started_at": iso(record.started_at),
        "updated_at": iso(summary.updated_at),
        "completed_at": instant(summary.completed_at),
        "next_due_at": instant(summary.next_due_at),
        "reason": summary.reason,
        "error": summary.error,
        "version": view.version,
        "tags": list(record.tags),
        "analytics_ids": {
            "execution_id": record.execution_id,
            "correlation_id": record.correlation_id,
            "trace_id": record.trace_id,
        },
        "user_context": {
            "user_id": record.user_id,
            "session_id": record.session_id,
            "organization_id": record.organization_id,
        },
    }


def execution_list_body(page: ExecutionList) -> ExecutionListBody:
    return {"executions": [execution_body(view) for view in page.executions], "next_cursor": page.next_cursor}


def results_body(view: ResultsView) -> ResultsBody:
    return {
        "execution_id": view.execution_id,
        "status": view.status.value,
        "output": view.output,
        "error": _error_body(view.error),
        "step_results": {step_id: _step_result(step) for step_id, step in view.steps.items()},
        "inner_step_results": {path: _step_result(step) for path, step in view.inner_steps.items()},
        "step_io_data": {
            step_id: {"input_data": step.input, "output_data": step.output} for step_id, step in view.steps.items()
        },
        "metadata": _results_metadata(view),
    }


def _results_metadata(view: ResultsView) -> ResultsMetadata:
    ended = view.completed_at
    found: ResultsMetadata = {
        "created_at": iso(view.started_at),
        "engine_version": ENGINE_VERSION,
        "started_at": iso(view.started_at),
        "completed_at": instant(ended),
        "duration_ms": None if ended is None else round((ended - view.started_at) * 1000, 3),
    }
    if view.error is not None:
        found["failed_at"] = instant(ended)
        found["error_message"] = view.error.message
    elif view.reason is not None:
        found["error_message"] = view.reason
    return found


def _step_result(step: StepView) -> StepResult:
    return {
        "status": step.status.value,
        "output_data": step.output,
        "error_message": step.error_message,
        "error": _error_body(step.error),
        "execution_time_ms": round(step.execution_time_ms, 3),
        "retry_count": step.retry_count,
        "handled_by": step.handled_by,
        "simulated": step.simulated,
    }


def _error_body(error: StepError | None) -> ErrorBody | None:
    return None if error is None else {"code": error.code, "message": error.message, "details": error.details}


def event_body(event: PublicEvent) -> EventBody:
    body: EventBody = {"seq": event.seq, "kind": event.kind, "at": iso(event.at), "data": event.data}
    if event.path is not None:
        body["path"] = event.path
    return body


def event_page_body(page: EventPage) -> EventPageBody:
    return {"events": [event_body(event) for event in page.events], "next_after": page.next_after}


def explanation_body(view: ExecutionView, reasons: list[Reason]) -> ExplanationBody:
    return {
        "execution_id": view.record.execution_id,
        "status": view.summary.status.value,
        "reasons": [
            {"path": each.path, "reason": each.code, "message": each.message, "details": each.details}
            for each in reasons
        ],
    }


# --- what is saved, registered, allowed


class MessageBody(TypedDict):
    message: str


class ProblemBody(TypedDict):
    code: str
    message: str
    pointer: str


class ValidationBody(TypedDict):
    """`errors` are the sentences of `problems`, each once; `step_validation` is by step id."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    step_validation: dict[str, JsonObject]
    problems: list[ProblemBody]


class SavedBody(TypedDict):
    """`version_number` grows by one with every save that changes the document."""

    workflow_id: str
    message: str
    version_number: int


class WorkflowListBody(TypedDict):
    """The current version of each, newest change first."""

    workflows: list[JsonObject]
    total: int
    limit: int
    offset: int


class WorkflowVersionBody(TypedDict):
    version_number: int
    created_at: str
    document: JsonObject


class WorkflowVersionsBody(TypedDict):
    """Newest first."""

    workflow_id: str
    versions: list[WorkflowVersionBody]
    total: int


class HostBody(TypedDict):
    """A host the server may call beyond the public ones."""

    pattern: str
    note: str
    created_at: str
    created_by: str


class HostListBody(TypedDict):
    hosts: list[HostBody]
    total: int


class KeyBody(TypedDict):
    """What may be told of a key. `revoked_at` is null while it is good."""

    key_id: str
    principal: str
    scopes: list[str]
    note: str
    created_at: str
    created_by: str
    revoked_at: str | None


class CreatedKeyBody(KeyBody):
    """`secret` is the whole key: it is told this once."""

    secret: str


class KeyListBody(TypedDict):
    keys: list[KeyBody]
    total: int


def workflow_body(row: WorkflowRow) -> JsonObject:
    """The document as it was saved, with what the server knows of it: it can be sent back as it is."""
    known: JsonObject = {
        "workflow_id": row.workflow_id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }
    return {**row.document, **known}


def saved_body(row: WorkflowRow) -> SavedBody:
    return {
        "workflow_id": row.workflow_id,
        "message": "Workflow saved successfully",
        "version_number": row.version_number,
    }


def workflow_version_body(row: WorkflowRow) -> WorkflowVersionBody:
    return {"version_number": row.version_number, "created_at": iso(row.updated_at), "document": row.document}


def host_body(entry: AllowedHost) -> HostBody:
    return {
        "pattern": entry.pattern,
        "note": entry.note,
        "created_at": iso(entry.created_at),
        "created_by": entry.created_by,
    }


def key_body(view: KeyView) -> KeyBody:
    return {
        "key_id": view.key_id,
        "principal": view.principal,
        "scopes": list(view.scopes),
        "note": view.note,
        "created_at": iso(view.created_at),
        "created_by": view.created_by,
        "revoked_at": None if view.revoked_at is None else iso(view.revoked_at),
    }
