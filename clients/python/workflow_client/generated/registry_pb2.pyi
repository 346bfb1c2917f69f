from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_UNSPECIFIED: _ClassVar[Effect]
    EFFECT_PURE: _ClassVar[Effect]
    EFFECT_IDEMPOTENT: _ClassVar[Effect]
    EFFECT_AT_MOST_ONCE: _ClassVar[Effect]

class DefaultInput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_INPUT_UNSPECIFIED: _ClassVar[DefaultInput]
    DEFAULT_INPUT_NONE: _ClassVar[DefaultInput]
    DEFAULT_INPUT_DEPENDENCIES: _ClassVar[DefaultInput]
    DEFAULT_INPUT_EXECUTION: _ClassVar[DefaultInput]

class ExecutionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_TYPE_UNSPECIFIED: _ClassVar[ExecutionType]
    EXECUTION_TYPE_LOCAL: _ClassVar[ExecutionType]
    EXECUTION_TYPE_API: _ClassVar[ExecutionType]
    EXECUTION_TYPE_RPC: _ClassVar[ExecutionType]
    EXECUTION_TYPE_WEBHOOK: _ClassVar[ExecutionType]
    EXECUTION_TYPE_GRPC: _ClassVar[ExecutionType]
    EXECUTION_TYPE_POLL: _ClassVar[ExecutionType]
EFFECT_UNSPECIFIED: Effect
EFFECT_PURE: Effect
EFFECT_IDEMPOTENT: Effect
EFFECT_AT_MOST_ONCE: Effect
DEFAULT_INPUT_UNSPECIFIED: DefaultInput
DEFAULT_INPUT_NONE: DefaultInput
DEFAULT_INPUT_DEPENDENCIES: DefaultInput
DEFAULT_INPUT_EXECUTION: DefaultInput
EXECUTION_TYPE_UNSPECIFIED: ExecutionType
EXECUTION_TYPE_LOCAL: ExecutionType
EXECUTION_TYPE_API: ExecutionType
EXECUTION_TYPE_RPC: ExecutionType
EXECUTION_TYPE_WEBHOOK: ExecutionType
EXECUTION_TYPE_GRPC: ExecutionType
EXECUTION_TYPE_POLL: ExecutionType

class ErrorCode(_message.Message):
    __slots__ = ("code", "retryable", "description")
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    code: str
    retryable: bool
    description: str
    def __init__(self, code: _Optional[str] = ..., retryable: _Optional[bool] = ..., description: _Optional[str] = ...) -> None: ...

class StepContract(_message.Message):
    __slots__ = ("name", "version", "title", "description", "documentation", "config_schema", "input_schema", "output_schema", "error_codes", "effect", "default_timeout_seconds", "default_max_retries", "slot_cost", "streams", "tags", "examples", "estimated_cost_usd", "required_permissions", "requires_approval", "default_input", "execution_type", "endpoint_config", "function_reference")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTATION_FIELD_NUMBER: _ClassVar[int]
    CONFIG_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    INPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODES_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    SLOT_COST_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_COST_USD_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    REQUIRES_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_INPUT_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_CONFIG_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    title: str
    description: str
    documentation: str
    config_schema: str
    input_schema: str
    output_schema: str
    error_codes: _containers.RepeatedCompositeFieldContainer[ErrorCode]
    effect: Effect
    default_timeout_seconds: float
    default_max_retries: int
    slot_cost: int
    streams: bool
    tags: _containers.RepeatedScalarFieldContainer[str]
    examples: _containers.RepeatedScalarFieldContainer[str]
    estimated_cost_usd: float
    required_permissions: _containers.RepeatedScalarFieldContainer[str]
    requires_approval: bool
    default_input: DefaultInput
    execution_type: ExecutionType
    endpoint_config: str
    function_reference: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., documentation: _Optional[str] = ..., config_schema: _Optional[str] = ..., input_schema: _Optional[str] = ..., output_schema: _Optional[str] = ..., error_codes: _Optional[_Iterable[_Union[ErrorCode, _Mapping]]] = ..., effect: _Optional[_Union[Effect, str]] = ..., default_timeout_seconds: _Optional[float] = ..., default_max_retries: _Optional[int] = ..., slot_cost: _Optional[int] = ..., streams: _Optional[bool] = ..., tags: _Optional[_Iterable[str]] = ..., examples: _Optional[_Iterable[str]] = ..., estimated_cost_usd: _Optional[float] = ..., required_permissions: _Optional[_Iterable[str]] = ..., requires_approval: _Optional[bool] = ..., default_input: _Optional[_Union[DefaultInput, str]] = ..., execution_type: _Optional[_Union[ExecutionType, str]] = ..., endpoint_config: _Optional[str] = ..., function_reference: _Optional[str] = ...) -> None: ...

class StepDetails(_message.Message):
    __slots__ = ("contract", "step_id", "owner", "registered_at", "workers", "status")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_AT_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    contract: StepContract
    step_id: str
    owner: str
    registered_at: str
    workers: int
    status: str
    def __init__(self, contract: _Optional[_Union[StepContract, _Mapping]] = ..., step_id: _Optional[str] = ..., owner: _Optional[str] = ..., registered_at: _Optional[str] = ..., workers: _Optional[int] = ..., status: _Optional[str] = ...) -> None: ...

class RegisterStepsRequest(_message.Message):
    __slots__ = ("steps", "dry_run")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[StepContract]
    dry_run: bool
    def __init__(self, steps: _Optional[_Iterable[_Union[StepContract, _Mapping]]] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class RegisteredStep(_message.Message):
    __slots__ = ("step_id", "name", "version", "changed", "warnings")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    name: str
    version: str
    changed: bool
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, step_id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., changed: _Optional[bool] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class Breakage(_message.Message):
    __slots__ = ("step_type", "workflow_id", "execution_id", "problems")
    STEP_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    step_type: str
    workflow_id: str
    execution_id: str
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, step_type: _Optional[str] = ..., workflow_id: _Optional[str] = ..., execution_id: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("pointer", "code", "message")
    POINTER_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    pointer: str
    code: str
    message: str
    def __init__(self, pointer: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class RegisterStepsResponse(_message.Message):
    __slots__ = ("steps", "breaks", "breaks_truncated")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    BREAKS_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[RegisteredStep]
    breaks: _containers.RepeatedCompositeFieldContainer[Breakage]
    breaks_truncated: bool
    def __init__(self, steps: _Optional[_Iterable[_Union[RegisteredStep, _Mapping]]] = ..., breaks: _Optional[_Iterable[_Union[Breakage, _Mapping]]] = ..., breaks_truncated: _Optional[bool] = ...) -> None: ...

class ListStepsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStepsResponse(_message.Message):
    __slots__ = ("steps",)
    STEPS_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[StepDetails]
    def __init__(self, steps: _Optional[_Iterable[_Union[StepDetails, _Mapping]]] = ...) -> None: ...

class GetStepRequest(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class GetStepResponse(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: StepDetails
    def __init__(self, step: _Optional[_Union[StepDetails, _Mapping]] = ...) -> None: ...

class ListStepVersionsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListStepVersionsResponse(_message.Message):
    __slots__ = ("steps",)
    STEPS_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[StepDetails]
    def __init__(self, steps: _Optional[_Iterable[_Union[StepDetails, _Mapping]]] = ...) -> None: ...

class DeregisterRequest(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class DeregisterResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResetStepRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResetStepResponse(_message.Message):
    __slots__ = ("reset",)
    RESET_FIELD_NUMBER: _ClassVar[int]
    reset: int
    def __init__(self, reset: _Optional[int] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkerDetails(_message.Message):
    __slots__ = ("worker_id", "build_id", "sdk", "transport", "status", "epoch", "steps", "slots", "in_flight", "connected_at", "last_seen_at", "labels", "principal", "completed", "failed", "ignored_cancels", "unknown_frames")
    class SlotsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    SDK_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    IGNORED_CANCELS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FRAMES_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    build_id: str
    sdk: str
    transport: str
    status: str
    epoch: int
    steps: _containers.RepeatedScalarFieldContainer[str]
    slots: _containers.ScalarMap[str, int]
    in_flight: int
    connected_at: str
    last_seen_at: str
    labels: _containers.ScalarMap[str, str]
    principal: str
    completed: int
    failed: int
    ignored_cancels: int
    unknown_frames: int
    def __init__(self, worker_id: _Optional[str] = ..., build_id: _Optional[str] = ..., sdk: _Optional[str] = ..., transport: _Optional[str] = ..., status: _Optional[str] = ..., epoch: _Optional[int] = ..., steps: _Optional[_Iterable[str]] = ..., slots: _Optional[_Mapping[str, int]] = ..., in_flight: _Optional[int] = ..., connected_at: _Optional[str] = ..., last_seen_at: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., principal: _Optional[str] = ..., completed: _Optional[int] = ..., failed: _Optional[int] = ..., ignored_cancels: _Optional[int] = ..., unknown_frames: _Optional[int] = ...) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[WorkerDetails]
    def __init__(self, workers: _Optional[_Iterable[_Union[WorkerDetails, _Mapping]]] = ...) -> None: ...
