from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UsageGroup(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    USAGE_GROUP_UNSPECIFIED: _ClassVar[UsageGroup]
    USAGE_GROUP_EXECUTION: _ClassVar[UsageGroup]
    USAGE_GROUP_STEP: _ClassVar[UsageGroup]
    USAGE_GROUP_AGENT: _ClassVar[UsageGroup]
    USAGE_GROUP_USER: _ClassVar[UsageGroup]
    USAGE_GROUP_PRINCIPAL: _ClassVar[UsageGroup]
    USAGE_GROUP_MODEL: _ClassVar[UsageGroup]
    USAGE_GROUP_WORKFLOW: _ClassVar[UsageGroup]
    USAGE_GROUP_NAMESPACE: _ClassVar[UsageGroup]
USAGE_GROUP_UNSPECIFIED: UsageGroup
USAGE_GROUP_EXECUTION: UsageGroup
USAGE_GROUP_STEP: UsageGroup
USAGE_GROUP_AGENT: UsageGroup
USAGE_GROUP_USER: UsageGroup
USAGE_GROUP_PRINCIPAL: UsageGroup
USAGE_GROUP_MODEL: UsageGroup
USAGE_GROUP_WORKFLOW: UsageGroup
USAGE_GROUP_NAMESPACE: UsageGroup

class SaveAgentRequest(_message.Message):
    __slots__ = ("agent_id", "document")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    document: bytes
    def __init__(self, agent_id: _Optional[str] = ..., document: _Optional[bytes] = ...) -> None: ...

class SaveAgentResponse(_message.Message):
    __slots__ = ("agent_id", "version_number")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    version_number: int
    def __init__(self, agent_id: _Optional[str] = ..., version_number: _Optional[int] = ...) -> None: ...

class SavedAgent(_message.Message):
    __slots__ = ("agent_id", "version_number", "document", "owner", "created_at", "updated_at")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    version_number: int
    document: bytes
    owner: str
    created_at: str
    updated_at: str
    def __init__(self, agent_id: _Optional[str] = ..., version_number: _Optional[int] = ..., document: _Optional[bytes] = ..., owner: _Optional[str] = ..., created_at: _Optional[str] = ..., updated_at: _Optional[str] = ...) -> None: ...

class GetAgentRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    def __init__(self, agent_id: _Optional[str] = ...) -> None: ...

class GetAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: SavedAgent
    def __init__(self, agent: _Optional[_Union[SavedAgent, _Mapping]] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ("limit", "offset")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    limit: int
    offset: int
    def __init__(self, limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents", "total")
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[SavedAgent]
    total: int
    def __init__(self, agents: _Optional[_Iterable[_Union[SavedAgent, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class DeleteAgentRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    def __init__(self, agent_id: _Optional[str] = ...) -> None: ...

class DeleteAgentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("group_by", "since", "until", "execution_id", "workflow_id", "step_id", "agent", "user_id", "principal", "model", "limit", "offset")
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    group_by: UsageGroup
    since: float
    until: float
    execution_id: str
    workflow_id: str
    step_id: str
    agent: str
    user_id: str
    principal: str
    model: str
    limit: int
    offset: int
    def __init__(self, group_by: _Optional[_Union[UsageGroup, str]] = ..., since: _Optional[float] = ..., until: _Optional[float] = ..., execution_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., step_id: _Optional[str] = ..., agent: _Optional[str] = ..., user_id: _Optional[str] = ..., principal: _Optional[str] = ..., model: _Optional[str] = ..., limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class UsageSums(_message.Message):
    __slots__ = ("calls", "input_tokens", "output_tokens", "cost_usd", "unknown_cost_calls", "simulated_calls")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_COST_CALLS_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unknown_cost_calls: int
    simulated_calls: int
    def __init__(self, calls: _Optional[int] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost_usd: _Optional[float] = ..., unknown_cost_calls: _Optional[int] = ..., simulated_calls: _Optional[int] = ...) -> None: ...

class UsageLine(_message.Message):
    __slots__ = ("key", "sums")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    key: str
    sums: UsageSums
    def __init__(self, key: _Optional[str] = ..., sums: _Optional[_Union[UsageSums, _Mapping]] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("lines", "total")
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[UsageLine]
    total: UsageSums
    def __init__(self, lines: _Optional[_Iterable[_Union[UsageLine, _Mapping]]] = ..., total: _Optional[_Union[UsageSums, _Mapping]] = ...) -> None: ...

class ListProvidersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ModelProvider(_message.Message):
    __slots__ = ("name", "configured", "why", "variables", "sources")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    name: str
    configured: bool
    why: str
    variables: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., configured: _Optional[bool] = ..., why: _Optional[str] = ..., variables: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[str]] = ...) -> None: ...

class AgentWorker(_message.Message):
    __slots__ = ("status", "since", "restarts", "connected")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    status: str
    since: str
    restarts: int
    connected: int
    def __init__(self, status: _Optional[str] = ..., since: _Optional[str] = ..., restarts: _Optional[int] = ..., connected: _Optional[int] = ...) -> None: ...

class ListProvidersResponse(_message.Message):
    __slots__ = ("providers", "credentials", "worker")
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[ModelProvider]
    credentials: _containers.RepeatedScalarFieldContainer[str]
    worker: AgentWorker
    def __init__(self, providers: _Optional[_Iterable[_Union[ModelProvider, _Mapping]]] = ..., credentials: _Optional[_Iterable[str]] = ..., worker: _Optional[_Union[AgentWorker, _Mapping]] = ...) -> None: ...
