from workflow_engine.rpc.generated import registry_pb2 as _registry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LeaseCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEASE_CODE_UNSPECIFIED: _ClassVar[LeaseCode]
    LEASE_CODE_OK: _ClassVar[LeaseCode]
    LEASE_CODE_LEASE_SUPERSEDED: _ClassVar[LeaseCode]
    LEASE_CODE_RESULT_CONFLICT: _ClassVar[LeaseCode]
    LEASE_CODE_PAYLOAD_TOO_LARGE: _ClassVar[LeaseCode]
    LEASE_CODE_CONTRACT_VIOLATION: _ClassVar[LeaseCode]
    LEASE_CODE_INVALID_TOKEN: _ClassVar[LeaseCode]
    LEASE_CODE_NOT_FOUND: _ClassVar[LeaseCode]
    LEASE_CODE_INVALID: _ClassVar[LeaseCode]
    LEASE_CODE_UNAVAILABLE: _ClassVar[LeaseCode]

class VerdictCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_CODE_UNSPECIFIED: _ClassVar[VerdictCode]
    VERDICT_CODE_KEEP: _ClassVar[VerdictCode]
    VERDICT_CODE_ABORT: _ClassVar[VerdictCode]
LEASE_CODE_UNSPECIFIED: LeaseCode
LEASE_CODE_OK: LeaseCode
LEASE_CODE_LEASE_SUPERSEDED: LeaseCode
LEASE_CODE_RESULT_CONFLICT: LeaseCode
LEASE_CODE_PAYLOAD_TOO_LARGE: LeaseCode
LEASE_CODE_CONTRACT_VIOLATION: LeaseCode
LEASE_CODE_INVALID_TOKEN: LeaseCode
LEASE_CODE_NOT_FOUND: LeaseCode
LEASE_CODE_INVALID: LeaseCode
LEASE_CODE_UNAVAILABLE: LeaseCode
VERDICT_CODE_UNSPECIFIED: VerdictCode
VERDICT_CODE_KEEP: VerdictCode
VERDICT_CODE_ABORT: VerdictCode

class Payload(_message.Message):
    __slots__ = ("data", "content_type", "reference")
    DATA_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    content_type: str
    reference: str
    def __init__(self, data: _Optional[bytes] = ..., content_type: _Optional[str] = ..., reference: _Optional[str] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("execution_id", "path", "delivery", "token")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    path: str
    delivery: int
    token: str
    def __init__(self, execution_id: _Optional[str] = ..., path: _Optional[str] = ..., delivery: _Optional[int] = ..., token: _Optional[str] = ...) -> None: ...

class LeaseAnswer(_message.Message):
    __slots__ = ("lease", "code", "message", "next_chunk")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CHUNK_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    code: LeaseCode
    message: str
    next_chunk: int
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., code: _Optional[_Union[LeaseCode, str]] = ..., message: _Optional[str] = ..., next_chunk: _Optional[int] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ("hello", "register", "ready", "credits", "acks", "rejects", "renew", "progress", "chunks", "results", "cancel_acks", "drain", "pong", "resume", "logs")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    RENEW_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_ACKS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    register: Register
    ready: Ready
    credits: Credits
    acks: Acks
    rejects: Rejects
    renew: Renew
    progress: ProgressReports
    chunks: Chunks
    results: Results
    cancel_acks: CancelAcks
    drain: Drain
    pong: Pong
    resume: Resume
    logs: Logs
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., register: _Optional[_Union[Register, _Mapping]] = ..., ready: _Optional[_Union[Ready, _Mapping]] = ..., credits: _Optional[_Union[Credits, _Mapping]] = ..., acks: _Optional[_Union[Acks, _Mapping]] = ..., rejects: _Optional[_Union[Rejects, _Mapping]] = ..., renew: _Optional[_Union[Renew, _Mapping]] = ..., progress: _Optional[_Union[ProgressReports, _Mapping]] = ..., chunks: _Optional[_Union[Chunks, _Mapping]] = ..., results: _Optional[_Union[Results, _Mapping]] = ..., cancel_acks: _Optional[_Union[CancelAcks, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., logs: _Optional[_Union[Logs, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("proto_min", "proto_max", "worker_id", "build_id", "namespace", "sdk", "labels", "capabilities")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROTO_MIN_FIELD_NUMBER: _ClassVar[int]
    PROTO_MAX_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SDK_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    proto_min: int
    proto_max: int
    worker_id: str
    build_id: str
    namespace: str
    sdk: str
    labels: _containers.ScalarMap[str, str]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, proto_min: _Optional[int] = ..., proto_max: _Optional[int] = ..., worker_id: _Optional[str] = ..., build_id: _Optional[str] = ..., namespace: _Optional[str] = ..., sdk: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., capabilities: _Optional[_Iterable[str]] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("steps", "serves")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[_registry_pb2.StepContract]
    serves: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, steps: _Optional[_Iterable[_Union[_registry_pb2.StepContract, _Mapping]]] = ..., serves: _Optional[_Iterable[str]] = ...) -> None: ...

class Ready(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Credits(_message.Message):
    __slots__ = ("slots",)
    class SlotsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    slots: _containers.ScalarMap[str, int]
    def __init__(self, slots: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Acks(_message.Message):
    __slots__ = ("leases",)
    LEASES_FIELD_NUMBER: _ClassVar[int]
    leases: _containers.RepeatedCompositeFieldContainer[Lease]
    def __init__(self, leases: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ...) -> None: ...

class Rejects(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Reject]
    def __init__(self, items: _Optional[_Iterable[_Union[Reject, _Mapping]]] = ...) -> None: ...

class Reject(_message.Message):
    __slots__ = ("lease", "reason")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    reason: str
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class Renew(_message.Message):
    __slots__ = ("leases",)
    LEASES_FIELD_NUMBER: _ClassVar[int]
    leases: _containers.RepeatedCompositeFieldContainer[Lease]
    def __init__(self, leases: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ...) -> None: ...

class ProgressReports(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Progress]
    def __init__(self, items: _Optional[_Iterable[_Union[Progress, _Mapping]]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("lease", "fraction", "note", "checkpoint")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    fraction: float
    note: str
    checkpoint: bytes
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., fraction: _Optional[float] = ..., note: _Optional[str] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class Chunks(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Chunk]
    def __init__(self, items: _Optional[_Iterable[_Union[Chunk, _Mapping]]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("lease", "seq", "channel", "data")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    seq: int
    channel: str
    data: str
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., seq: _Optional[int] = ..., channel: _Optional[str] = ..., data: _Optional[str] = ...) -> None: ...

class Results(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Result]
    def __init__(self, items: _Optional[_Iterable[_Union[Result, _Mapping]]] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("lease", "output", "failure", "suspend", "duration_ms", "simulated")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    output: Payload
    failure: Failure
    suspend: Suspend
    duration_ms: float
    simulated: bool
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., output: _Optional[_Union[Payload, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., suspend: _Optional[_Union[Suspend, _Mapping]] = ..., duration_ms: _Optional[float] = ..., simulated: _Optional[bool] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "details", "retryable", "retry_after_seconds")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    details: Payload
    retryable: bool
    retry_after_seconds: float
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., details: _Optional[_Union[Payload, _Mapping]] = ..., retryable: _Optional[bool] = ..., retry_after_seconds: _Optional[float] = ...) -> None: ...

class Suspend(_message.Message):
    __slots__ = ("seconds", "signal", "memo")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    seconds: float
    signal: str
    memo: Payload
    def __init__(self, seconds: _Optional[float] = ..., signal: _Optional[str] = ..., memo: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class CancelAcks(_message.Message):
    __slots__ = ("leases",)
    LEASES_FIELD_NUMBER: _ClassVar[int]
    leases: _containers.RepeatedCompositeFieldContainer[Lease]
    def __init__(self, leases: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("deadline_seconds",)
    DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    deadline_seconds: float
    def __init__(self, deadline_seconds: _Optional[float] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("held",)
    HELD_FIELD_NUMBER: _ClassVar[int]
    held: _containers.RepeatedCompositeFieldContainer[Lease]
    def __init__(self, held: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ...) -> None: ...

class Logs(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Log]
    def __init__(self, items: _Optional[_Iterable[_Union[Log, _Mapping]]] = ...) -> None: ...

class Log(_message.Message):
    __slots__ = ("lease", "level", "message")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    level: str
    message: str
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., level: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ("welcome", "registered", "assign", "cancels", "renewed", "result_acks", "ping", "go_away", "drained", "verdicts", "error")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    ASSIGN_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    RENEWED_FIELD_NUMBER: _ClassVar[int]
    RESULT_ACKS_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    registered: Registered
    assign: Assign
    cancels: Cancels
    renewed: Renewed
    result_acks: ResultAcks
    ping: Ping
    go_away: GoAway
    drained: Drained
    verdicts: Verdicts
    error: Error
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., registered: _Optional[_Union[Registered, _Mapping]] = ..., assign: _Optional[_Union[Assign, _Mapping]] = ..., cancels: _Optional[_Union[Cancels, _Mapping]] = ..., renewed: _Optional[_Union[Renewed, _Mapping]] = ..., result_acks: _Optional[_Union[ResultAcks, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ..., drained: _Optional[_Union[Drained, _Mapping]] = ..., verdicts: _Optional[_Union[Verdicts, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("proto", "session_id", "epoch", "capabilities", "ping_every_seconds", "dead_after_seconds", "lease_seconds", "ack_within_seconds", "max_inline_bytes", "max_frame_bytes", "max_checkpoint_bytes", "max_chunk_bytes", "server_version")
    PROTO_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    PING_EVERY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DEAD_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ACK_WITHIN_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_INLINE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CHECKPOINT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CHUNK_BYTES_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    proto: int
    session_id: str
    epoch: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    ping_every_seconds: float
    dead_after_seconds: float
    lease_seconds: float
    ack_within_seconds: float
    max_inline_bytes: int
    max_frame_bytes: int
    max_checkpoint_bytes: int
    max_chunk_bytes: int
    server_version: str
    def __init__(self, proto: _Optional[int] = ..., session_id: _Optional[str] = ..., epoch: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ..., ping_every_seconds: _Optional[float] = ..., dead_after_seconds: _Optional[float] = ..., lease_seconds: _Optional[float] = ..., ack_within_seconds: _Optional[float] = ..., max_inline_bytes: _Optional[int] = ..., max_frame_bytes: _Optional[int] = ..., max_checkpoint_bytes: _Optional[int] = ..., max_chunk_bytes: _Optional[int] = ..., server_version: _Optional[str] = ...) -> None: ...

class Registered(_message.Message):
    __slots__ = ("steps", "serves")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[_registry_pb2.RegisteredStep]
    serves: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, steps: _Optional[_Iterable[_Union[_registry_pb2.RegisteredStep, _Mapping]]] = ..., serves: _Optional[_Iterable[str]] = ...) -> None: ...

class Assign(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, items: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("lease", "step_id", "step_type", "attempt", "idempotency_key", "input", "config", "timeout_seconds", "checkpoint", "resumption", "workflow_id", "workflow_name", "user_id", "session_id", "organization_id", "correlation_id", "trace_id", "simulation", "now", "namespace", "next_chunk")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    RESUMPTION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ORGANIZATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SIMULATION_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CHUNK_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    step_id: str
    step_type: str
    attempt: int
    idempotency_key: str
    input: Payload
    config: Payload
    timeout_seconds: float
    checkpoint: bytes
    resumption: Resumption
    workflow_id: str
    workflow_name: str
    user_id: str
    session_id: str
    organization_id: str
    correlation_id: str
    trace_id: str
    simulation: str
    now: float
    namespace: str
    next_chunk: int
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., step_id: _Optional[str] = ..., step_type: _Optional[str] = ..., attempt: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., input: _Optional[_Union[Payload, _Mapping]] = ..., config: _Optional[_Union[Payload, _Mapping]] = ..., timeout_seconds: _Optional[float] = ..., checkpoint: _Optional[bytes] = ..., resumption: _Optional[_Union[Resumption, _Mapping]] = ..., workflow_id: _Optional[str] = ..., workflow_name: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., organization_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., trace_id: _Optional[str] = ..., simulation: _Optional[str] = ..., now: _Optional[float] = ..., namespace: _Optional[str] = ..., next_chunk: _Optional[int] = ...) -> None: ...

class Resumption(_message.Message):
    __slots__ = ("by", "memo", "payload")
    BY_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    by: str
    memo: Payload
    payload: Payload
    def __init__(self, by: _Optional[str] = ..., memo: _Optional[_Union[Payload, _Mapping]] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class Cancels(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Cancel]
    def __init__(self, items: _Optional[_Iterable[_Union[Cancel, _Mapping]]] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("lease", "reason", "grace_seconds")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    reason: str
    grace_seconds: float
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., reason: _Optional[str] = ..., grace_seconds: _Optional[float] = ...) -> None: ...

class Renewed(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[LeaseAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[LeaseAnswer, _Mapping]]] = ...) -> None: ...

class ResultAcks(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[LeaseAnswer]
    def __init__(self, items: _Optional[_Iterable[_Union[LeaseAnswer, _Mapping]]] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class GoAway(_message.Message):
    __slots__ = ("reconnect_after_seconds", "reason")
    RECONNECT_AFTER_SECONDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reconnect_after_seconds: float
    reason: str
    def __init__(self, reconnect_after_seconds: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class Drained(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Verdicts(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Verdict]
    def __init__(self, items: _Optional[_Iterable[_Union[Verdict, _Mapping]]] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("lease", "code", "next_chunk")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CHUNK_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    code: VerdictCode
    next_chunk: int
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., code: _Optional[_Union[VerdictCode, str]] = ..., next_chunk: _Optional[int] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "fatal", "problems")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FATAL_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    fatal: bool
    problems: _containers.RepeatedCompositeFieldContainer[_registry_pb2.Problem]
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., fatal: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[_registry_pb2.Problem, _Mapping]]] = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("hello", "register", "credits", "resume", "explicit_acks")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    EXPLICIT_ACKS_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    register: Register
    credits: Credits
    resume: Resume
    explicit_acks: bool
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., register: _Optional[_Union[Register, _Mapping]] = ..., credits: _Optional[_Union[Credits, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., explicit_acks: _Optional[bool] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("welcome", "registered", "verdicts")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    registered: Registered
    verdicts: Verdicts
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., registered: _Optional[_Union[Registered, _Mapping]] = ..., verdicts: _Optional[_Union[Verdicts, _Mapping]] = ...) -> None: ...

class PollRequest(_message.Message):
    __slots__ = ("session_id", "wait_seconds", "max_assignments")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    wait_seconds: float
    max_assignments: int
    def __init__(self, session_id: _Optional[str] = ..., wait_seconds: _Optional[float] = ..., max_assignments: _Optional[int] = ...) -> None: ...

class PollResponse(_message.Message):
    __slots__ = ("assignments", "cancels", "drained", "go_away")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    GO_AWAY_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    cancels: _containers.RepeatedCompositeFieldContainer[Cancel]
    drained: bool
    go_away: GoAway
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., cancels: _Optional[_Iterable[_Union[Cancel, _Mapping]]] = ..., drained: _Optional[bool] = ..., go_away: _Optional[_Union[GoAway, _Mapping]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("session_id", "acks", "rejects", "renew", "progress", "chunks", "results", "cancel_acks", "credits", "logs")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    REJECTS_FIELD_NUMBER: _ClassVar[int]
    RENEW_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_ACKS_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    acks: _containers.RepeatedCompositeFieldContainer[Lease]
    rejects: _containers.RepeatedCompositeFieldContainer[Reject]
    renew: _containers.RepeatedCompositeFieldContainer[Lease]
    progress: _containers.RepeatedCompositeFieldContainer[Progress]
    chunks: _containers.RepeatedCompositeFieldContainer[Chunk]
    results: _containers.RepeatedCompositeFieldContainer[Result]
    cancel_acks: _containers.RepeatedCompositeFieldContainer[Lease]
    credits: Credits
    logs: _containers.RepeatedCompositeFieldContainer[Log]
    def __init__(self, session_id: _Optional[str] = ..., acks: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ..., rejects: _Optional[_Iterable[_Union[Reject, _Mapping]]] = ..., renew: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ..., progress: _Optional[_Iterable[_Union[Progress, _Mapping]]] = ..., chunks: _Optional[_Iterable[_Union[Chunk, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[Result, _Mapping]]] = ..., cancel_acks: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ..., credits: _Optional[_Union[Credits, _Mapping]] = ..., logs: _Optional[_Iterable[_Union[Log, _Mapping]]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("renewed", "result_acks")
    RENEWED_FIELD_NUMBER: _ClassVar[int]
    RESULT_ACKS_FIELD_NUMBER: _ClassVar[int]
    renewed: _containers.RepeatedCompositeFieldContainer[LeaseAnswer]
    result_acks: _containers.RepeatedCompositeFieldContainer[LeaseAnswer]
    def __init__(self, renewed: _Optional[_Iterable[_Union[LeaseAnswer, _Mapping]]] = ..., result_acks: _Optional[_Iterable[_Union[LeaseAnswer, _Mapping]]] = ...) -> None: ...

class DrainSessionRequest(_message.Message):
    __slots__ = ("session_id", "deadline_seconds")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    deadline_seconds: float
    def __init__(self, session_id: _Optional[str] = ..., deadline_seconds: _Optional[float] = ...) -> None: ...

class DrainSessionResponse(_message.Message):
    __slots__ = ("drained",)
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    drained: bool
    def __init__(self, drained: _Optional[bool] = ...) -> None: ...
