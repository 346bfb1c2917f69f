"""The Python client of Workflow Engine: serve step types from your own process (`Worker`), run workflows (`Client`)."""

from workflow_client.client.async_client import AsyncClient
from workflow_client.client.blocking import Client
from workflow_client.client.rest import RestClient
from workflow_client.client.views import Event, Execution, Results, Started, StepResult, Validation
from workflow_client.context import StepContext
from workflow_client.dialing import Tls
from workflow_client.errors import (
    Conflict,
    ExecutionNotFinished,
    Forbidden,
    InvalidRequest,
    InvalidStep,
    InvalidWorker,
    LeftByServer,
    NotFound,
    OverLimit,
    Problem,
    RequestFailed,
    ServerFault,
    Unauthenticated,
    Unavailable,
    WorkerError,
    WorkflowClientError,
)
from workflow_client.steps import Effect, ErrorCode, Resumption, StepCancelled, StepError, Suspend
from workflow_client.version import VERSION
from workflow_client.worker import Worker

__version__ = VERSION

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "Effect",
    "ErrorCode",
    "Event",
    "Execution",
    "ExecutionNotFinished",
    "Forbidden",
    "InvalidRequest",
    "InvalidStep",
    "InvalidWorker",
    "LeftByServer",
    "NotFound",
    "OverLimit",
    "Problem",
    "RequestFailed",
    "RestClient",
    "Results",
    "Resumption",
    "ServerFault",
    "Started",
    "StepCancelled",
    "StepContext",
    "StepError",
    "StepResult",
    "Suspend",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "Validation",
    "Worker",
    "WorkerError",
    "WorkflowClientError",
]
