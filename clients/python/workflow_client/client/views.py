"""What a server answers, as plain frozen values: the same over gRPC and REST. Instants are RFC 3339 text in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from workflow_client.errors import Problem
from workflow_client.json_values import Json

T = TypeVar("T")

TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class ExecutionError:
    """Why a step or an execution failed."""

    code: str
    message: str
    details: Json = None


@dataclass(frozen=True)
class Execution:
    """An execution in short. `status` is pending, running, waiting, paused, completed, failed or cancelled."""

    execution_id: str
    status: str
    workflow_name: str
    workflow_id: str | None = None
    current_step: str | None = None
    completed_steps: int = 0
    failed_steps: int = 0
    skipped_steps: int = 0
    pending_steps: int = 0
    total_steps: int = 0
    step_statuses: Mapping[str, str] = field(default_factory=dict)
    started_at: str = ""
    completed_at: str | None = None
    reason: str | None = None
    error: ExecutionError | None = None
    correlation_id: str | None = None
    trace_id: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True)
class StepResult:
    """What became of one step."""

    status: str
    output: Json = None
    error: ExecutionError | None = None
    execution_time_ms: float = 0.0
    retry_count: int = 0
    handled_by: str | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Results:
    """What came out so far; complete once `has_ended`. `steps` by path, without those that never ran."""

    execution_id: str
    status: str
    output: Json = None
    error: ExecutionError | None = None
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    started_at: str = ""
    completed_at: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True)
class Started:
    """An execution was accepted, and is durable. `results` when the call was told to wait."""

    execution_id: str
    started_at: str
    results: Results | None = None


@dataclass(frozen=True)
class Event:
    """One thing that happened. `seq` is from 1, without gaps. Ignore kinds that you do not know."""

    seq: int
    kind: str
    at: str
    path: str | None = None
    data: Json = None


@dataclass(frozen=True)
class Reason:
    """Why one step is not done; `code` is a constant such as NO_WORKER, BACKOFF, LEASED."""

    path: str
    code: str
    message: str
    details: Json = None


@dataclass(frozen=True)
class Validation:
    is_valid: bool
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedWorkflow:
    workflow_id: str
    version_number: int
    document: Json = None
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True)
class StepInfo:
    """A registered step type. Schemas are JSON objects, None for those that accept anything."""

    name: str
    version: str
    description: str = ""
    input_schema: Json = None
    output_schema: Json = None
    config_schema: Json = None
    owner: str = ""
    status: str = ""
    workers: int = 0


@dataclass(frozen=True)
class WorkerInfo:
    """One worker, as the server sees it. `steps` as `name@version`."""

    worker_id: str
    status: str
    transport: str
    steps: tuple[str, ...] = ()
    in_flight: int = 0
    build_id: str = ""
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Page(Generic[T]):
    """Give `cursor` to the next call; None on the last page."""

    items: tuple[T, ...]
    cursor: str | None = None
