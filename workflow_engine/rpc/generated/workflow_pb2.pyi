from workflow_engine.rpc.generated import registry_pb2 as _registry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SaveWorkflowRequest(_message.Message):
    __slots__ = ("workflow_id", "document")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    document: bytes
    def __init__(self, workflow_id: _Optional[str] = ..., document: _Optional[bytes] = ...) -> None: ...

class SaveWorkflowResponse(_message.Message):
    __slots__ = ("workflow_id", "version_number")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    version_number: int
    def __init__(self, workflow_id: _Optional[str] = ..., version_number: _Optional[int] = ...) -> None: ...

class SavedWorkflow(_message.Message):
    __slots__ = ("workflow_id", "version_number", "document", "created_at", "updated_at")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    version_number: int
    document: bytes
    created_at: str
    updated_at: str
    def __init__(self, workflow_id: _Optional[str] = ..., version_number: _Optional[int] = ..., document: _Optional[bytes] = ..., created_at: _Optional[str] = ..., updated_at: _Optional[str] = ...) -> None: ...

class GetWorkflowRequest(_message.Message):
    __slots__ = ("workflow_id", "version_number")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    version_number: int
    def __init__(self, workflow_id: _Optional[str] = ..., version_number: _Optional[int] = ...) -> None: ...

class GetWorkflowResponse(_message.Message):
    __slots__ = ("workflow",)
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    workflow: SavedWorkflow
    def __init__(self, workflow: _Optional[_Union[SavedWorkflow, _Mapping]] = ...) -> None: ...

class ListWorkflowsRequest(_message.Message):
    __slots__ = ("limit", "offset")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    limit: int
    offset: int
    def __init__(self, limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class ListWorkflowsResponse(_message.Message):
    __slots__ = ("workflows", "total")
    WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    workflows: _containers.RepeatedCompositeFieldContainer[SavedWorkflow]
    total: int
    def __init__(self, workflows: _Optional[_Iterable[_Union[SavedWorkflow, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class ListWorkflowVersionsRequest(_message.Message):
    __slots__ = ("workflow_id",)
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    def __init__(self, workflow_id: _Optional[str] = ...) -> None: ...

class ListWorkflowVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[SavedWorkflow]
    def __init__(self, versions: _Optional[_Iterable[_Union[SavedWorkflow, _Mapping]]] = ...) -> None: ...

class DeleteWorkflowRequest(_message.Message):
    __slots__ = ("workflow_id",)
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    def __init__(self, workflow_id: _Optional[str] = ...) -> None: ...

class DeleteWorkflowResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ValidateRequest(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    def __init__(self, document: _Optional[bytes] = ...) -> None: ...

class ValidateResponse(_message.Message):
    __slots__ = ("is_valid", "problems", "warnings")
    IS_VALID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    is_valid: bool
    problems: _containers.RepeatedCompositeFieldContainer[_registry_pb2.Problem]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, is_valid: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[_registry_pb2.Problem, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class ExecuteRequest(_message.Message):
    __slots__ = ("body", "workflow_id", "wait_seconds", "idempotency_key")
    BODY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    workflow_id: str
    wait_seconds: float
    idempotency_key: str
    def __init__(self, body: _Optional[bytes] = ..., workflow_id: _Optional[str] = ..., wait_seconds: _Optional[float] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ExecuteResponse(_message.Message):
    __slots__ = ("execution_id", "started_at", "results")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    started_at: str
    results: ExecutionResults
    def __init__(self, execution_id: _Optional[str] = ..., started_at: _Optional[str] = ..., results: _Optional[_Union[ExecutionResults, _Mapping]] = ...) -> None: ...

class ExecutionSummary(_message.Message):
    __slots__ = ("execution_id", "workflow_id", "workflow_name", "status", "current_step", "completed_steps", "failed_steps", "skipped_steps", "pending_steps", "total_steps", "started_at", "completed_at", "step_statuses", "error", "reason", "correlation_id", "trace_id", "principal")
    class StepStatusesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_STEP_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_STEPS_FIELD_NUMBER: _ClassVar[int]
    FAILED_STEPS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_STEPS_FIELD_NUMBER: _ClassVar[int]
    PENDING_STEPS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_STEPS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    STEP_STATUSES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    workflow_id: str
    workflow_name: str
    status: str
    current_step: str
    completed_steps: int
    failed_steps: int
    skipped_steps: int
    pending_steps: int
    total_steps: int
    started_at: str
    completed_at: str
    step_statuses: _containers.ScalarMap[str, str]
    error: ExecutionError
    reason: str
    correlation_id: str
    trace_id: str
    principal: str
    def __init__(self, execution_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow_name: _Optional[str] = ..., status: _Optional[str] = ..., current_step: _Optional[str] = ..., completed_steps: _Optional[int] = ..., failed_steps: _Optional[int] = ..., skipped_steps: _Optional[int] = ..., pending_steps: _Optional[int] = ..., total_steps: _Optional[int] = ..., started_at: _Optional[str] = ..., completed_at: _Optional[str] = ..., step_statuses: _Optional[_Mapping[str, str]] = ..., error: _Optional[_Union[ExecutionError, _Mapping]] = ..., reason: _Optional[str] = ..., correlation_id: _Optional[str] = ..., trace_id: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class ExecutionError(_message.Message):
    __slots__ = ("code", "message", "details")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    details: bytes
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., details: _Optional[bytes] = ...) -> None: ...

class GetExecutionRequest(_message.Message):
    __slots__ = ("execution_id",)
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    def __init__(self, execution_id: _Optional[str] = ...) -> None: ...

class GetExecutionResponse(_message.Message):
    __slots__ = ("execution",)
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    execution: ExecutionSummary
    def __init__(self, execution: _Optional[_Union[ExecutionSummary, _Mapping]] = ...) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("statuses", "workflow_id", "workflow_name", "user_id", "tag", "started_after", "started_before", "cursor", "limit")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    STARTED_AFTER_FIELD_NUMBER: _ClassVar[int]
    STARTED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[str]
    workflow_id: str
    workflow_name: str
    user_id: str
    tag: str
    started_after: float
    started_before: float
    cursor: str
    limit: int
    def __init__(self, statuses: _Optional[_Iterable[str]] = ..., workflow_id: _Optional[str] = ..., workflow_name: _Optional[str] = ..., user_id: _Optional[str] = ..., tag: _Optional[str] = ..., started_after: _Optional[float] = ..., started_before: _Optional[float] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListExecutionsResponse(_message.Message):
    __slots__ = ("executions", "next_cursor")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[ExecutionSummary]
    next_cursor: str
    def __init__(self, executions: _Optional[_Iterable[_Union[ExecutionSummary, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class StepResult(_message.Message):
    __slots__ = ("status", "output", "error", "error_message", "execution_time_ms", "retry_count", "handled_by", "simulated")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    RETRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    HANDLED_BY_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_FIELD_NUMBER: _ClassVar[int]
    status: str
    output: bytes
    error: ExecutionError
    error_message: str
    execution_time_ms: float
    retry_count: int
    handled_by: str
    simulated: bool
    def __init__(self, status: _Optional[str] = ..., output: _Optional[bytes] = ..., error: _Optional[_Union[ExecutionError, _Mapping]] = ..., error_message: _Optional[str] = ..., execution_time_ms: _Optional[float] = ..., retry_count: _Optional[int] = ..., handled_by: _Optional[str] = ..., simulated: _Optional[bool] = ...) -> None: ...

class ExecutionResults(_message.Message):
    __slots__ = ("execution_id", "status", "steps", "output", "error", "started_at", "completed_at", "inner_steps")
    class StepsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: StepResult
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[StepResult, _Mapping]] = ...) -> None: ...
    class InnerStepsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: StepResult
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[StepResult, _Mapping]] = ...) -> None: ...
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    INNER_STEPS_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    status: str
    steps: _containers.MessageMap[str, StepResult]
    output: bytes
    error: ExecutionError
    started_at: str
    completed_at: str
    inner_steps: _containers.MessageMap[str, StepResult]
    def __init__(self, execution_id: _Optional[str] = ..., status: _Optional[str] = ..., steps: _Optional[_Mapping[str, StepResult]] = ..., output: _Optional[bytes] = ..., error: _Optional[_Union[ExecutionError, _Mapping]] = ..., started_at: _Optional[str] = ..., completed_at: _Optional[str] = ..., inner_steps: _Optional[_Mapping[str, StepResult]] = ...) -> None: ...

class GetResultsRequest(_message.Message):
    __slots__ = ("execution_id", "wait_seconds")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    wait_seconds: float
    def __init__(self, execution_id: _Optional[str] = ..., wait_seconds: _Optional[float] = ...) -> None: ...

class GetResultsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: ExecutionResults
    def __init__(self, results: _Optional[_Union[ExecutionResults, _Mapping]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("seq", "kind", "at", "path", "data")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    seq: int
    kind: str
    at: str
    path: str
    data: bytes
    def __init__(self, seq: _Optional[int] = ..., kind: _Optional[str] = ..., at: _Optional[str] = ..., path: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("execution_id", "after", "limit")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    after: int
    limit: int
    def __init__(self, execution_id: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_after")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_AFTER_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_after: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_after: _Optional[int] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("execution_id", "after")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    after: int
    def __init__(self, execution_id: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("path", "code", "message", "details")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    path: str
    code: str
    message: str
    details: bytes
    def __init__(self, path: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., details: _Optional[bytes] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("execution_id",)
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    def __init__(self, execution_id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("reasons",)
    REASONS_FIELD_NUMBER: _ClassVar[int]
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("execution_id", "reason", "compensate")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COMPENSATE_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    reason: str
    compensate: bool
    def __init__(self, execution_id: _Optional[str] = ..., reason: _Optional[str] = ..., compensate: _Optional[bool] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("execution",)
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    execution: ExecutionSummary
    def __init__(self, execution: _Optional[_Union[ExecutionSummary, _Mapping]] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("execution_id", "reason")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    reason: str
    def __init__(self, execution_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseResponse(_message.Message):
    __slots__ = ("execution",)
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    execution: ExecutionSummary
    def __init__(self, execution: _Optional[_Union[ExecutionSummary, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("execution_id",)
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    def __init__(self, execution_id: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("execution",)
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    execution: ExecutionSummary
    def __init__(self, execution: _Optional[_Union[ExecutionSummary, _Mapping]] = ...) -> None: ...

class SignalRequest(_message.Message):
    __slots__ = ("execution_id", "name", "payload", "idempotency_key")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    name: str
    payload: bytes
    idempotency_key: str
    def __init__(self, execution_id: _Optional[str] = ..., name: _Optional[str] = ..., payload: _Optional[bytes] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class SignalResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SendMessageRequest(_message.Message):
    __slots__ = ("execution_id", "path", "role", "content", "metadata", "session_id", "idempotency_key")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    path: str
    role: str
    content: str
    metadata: bytes
    session_id: str
    idempotency_key: str
    def __init__(self, execution_id: _Optional[str] = ..., path: _Optional[str] = ..., role: _Optional[str] = ..., content: _Optional[str] = ..., metadata: _Optional[bytes] = ..., session_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class SendMessageResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConversationMessage(_message.Message):
    __slots__ = ("role", "content", "at", "turn", "data")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    at: str
    turn: int
    data: bytes
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., at: _Optional[str] = ..., turn: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("execution_id", "path")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    path: str
    def __init__(self, execution_id: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "status")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[ConversationMessage]
    status: str
    def __init__(self, messages: _Optional[_Iterable[_Union[ConversationMessage, _Mapping]]] = ..., status: _Optional[str] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("execution_id", "path", "output", "error", "run_again")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RUN_AGAIN_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    path: str
    output: bytes
    error: ExecutionError
    run_again: bool
    def __init__(self, execution_id: _Optional[str] = ..., path: _Optional[str] = ..., output: _Optional[bytes] = ..., error: _Optional[_Union[ExecutionError, _Mapping]] = ..., run_again: _Optional[bool] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("execution",)
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    execution: ExecutionSummary
    def __init__(self, execution: _Optional[_Union[ExecutionSummary, _Mapping]] = ...) -> None: ...
