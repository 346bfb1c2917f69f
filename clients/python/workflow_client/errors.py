"""The errors of this package, as a tree.

    WorkflowClientError
    ├── WorkerError
    │   ├── InvalidStep            a function that cannot become a step type
    │   ├── InvalidWorker          settings that cannot work
    │   └── LeftByServer           the server will not have this worker
    │       ├── RegistrationRefused    its contracts were refused
    │       ├── Superseded             another process goes by the same worker id
    │       ├── Unauthorized           the key is missing, wrong, or not enough
    │       └── ProtocolRefused        the server does not speak our protocol
    └── RequestFailed              a call was answered by an error (see `client/refusals.py`)
        ├── InvalidRequest         HTTP 400, 413, 422   gRPC INVALID_ARGUMENT
        ├── Unauthenticated        HTTP 401             gRPC UNAUTHENTICATED
        ├── Forbidden              HTTP 403             gRPC PERMISSION_DENIED
        ├── NotFound               HTTP 404             gRPC NOT_FOUND
        ├── Conflict               HTTP 409             gRPC ABORTED, ALREADY_EXISTS, FAILED_PRECONDITION
        ├── OverLimit              HTTP 429             gRPC RESOURCE_EXHAUSTED
        ├── Unavailable            HTTP 502 to 504      gRPC UNAVAILABLE, DEADLINE_EXCEEDED, and no answer at all
        └── ServerFault            everything else
    ExecutionNotFinished           `wait` ran out of time (a TimeoutError, too)

What a step says about itself (`StepError`, `Suspend`, `StepCancelled`) is in `steps.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what was sent: where (RFC 6901 pointer), which (code), and what to change."""

    code: str
    message: str
    pointer: str = ""


class WorkflowClientError(Exception):
    """Root of what this package raises on purpose."""


class WorkerError(WorkflowClientError):
    """A worker cannot begin, or cannot go on."""


class InvalidStep(WorkerError):
    def __init__(self, name: str, why: str) -> None:
        self.step_type = name
        super().__init__(f"{name!r} cannot be a step type: {why}")


class InvalidWorker(WorkerError):
    """A worker's settings cannot work; the message says which, and what to change."""


class LeftByServer(WorkerError):
    """The server ended the session for good. `code` is its stable name, `problems` every single fault."""

    def __init__(self, code: str, message: str, problems: Sequence[Problem] = ()) -> None:
        self.code = code
        self.problems = tuple(problems)
        more = [problem for problem in self.problems if problem.message != message]
        lines = [message, *(f"  {problem.pointer or '/'}: {problem.message}" for problem in more)]
        super().__init__("\n".join(lines))


class RegistrationRefused(LeftByServer):
    pass


class Superseded(LeftByServer):
    def __init__(self, worker_id: str) -> None:
        super().__init__(
            "superseded", f"Another process has connected as worker {worker_id!r}; give each process its own worker_id"
        )


class Unauthorized(LeftByServer):
    pass


class ProtocolRefused(LeftByServer):
    pass


class RequestFailed(WorkflowClientError):
    """A call was refused, or did not get through.

    `code` is the server's stable kebab-case name, `problems` every single fault with its pointer, `retry_after` the
    seconds the server asks to wait.
    """

    def __init__(
        self, code: str, message: str, problems: Sequence[Problem] = (), retry_after: float | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.problems = tuple(problems)
        self.retry_after = retry_after
        super().__init__(f"{message} ({code})")


class InvalidRequest(RequestFailed):
    pass


class Unauthenticated(RequestFailed):
    pass


class Forbidden(RequestFailed):
    pass


class NotFound(RequestFailed):
    pass


class Conflict(RequestFailed):
    pass


class OverLimit(RequestFailed):
    pass


class Unavailable(RequestFailed):
    pass


class ServerFault(RequestFailed):
    pass


class ExecutionNotFinished(WorkflowClientError, TimeoutError):
    def __init__(self, execution_id: str, status: str, seconds: float) -> None:
        self.execution_id = execution_id
        self.status = status
        super().__init__(f"Execution {execution_id} is {status} after {seconds:g} seconds; it goes on")
