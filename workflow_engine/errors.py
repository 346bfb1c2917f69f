"""The root and the families of errors; leaves live beside what raises them.

    WorkflowEngineError                      what it tells the caller          HTTP   gRPC
    ├── MalformedRequest                     not even readable                 400    INVALID_ARGUMENT
    ├── InvalidRequest                       readable, but not acceptable      422    INVALID_ARGUMENT
    ├── Unauthenticated                      nobody knows who asks             401    UNAUTHENTICATED
    ├── Forbidden                            known, but not yours              403    PERMISSION_DENIED
    ├── NotFound                             unknown, or foreign: the same     404    NOT_FOUND
    ├── Conflict                             the state forbids it              409    ABORTED
    ├── TooLarge                             over a limit of size              413    INVALID_ARGUMENT
    ├── OverLimit                            over a limit of rate or number    429    RESOURCE_EXHAUSTED
    ├── Unavailable                          not now; retry later              503    UNAVAILABLE
    └── RefusedToStart                       a server or engine must not run   -      -

The class is the fact; `code` is its stable kebab-case name on every wire. A face translates a family, never a leaf.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document: where (RFC 6901 pointer), which (code), and what to change."""

    code: str
    message: str
    pointer: str = ""


class WorkflowEngineError(Exception):
    """Root of everything this package raises on purpose."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    grpc_status: ClassVar[str] = "INTERNAL"
    retry_after_seconds: float | None = None

    def problems(self) -> Sequence[Problem]:
        """Every single problem behind this error; families that collect several override it."""
        return (Problem(self.code, str(self)),)


class MalformedRequest(WorkflowEngineError):
    code = "malformed-request"
    http_status = 400
    grpc_status = "INVALID_ARGUMENT"


class InvalidRequest(WorkflowEngineError):
    code = "invalid-request"
    http_status = 422
    grpc_status = "INVALID_ARGUMENT"


class Unauthenticated(WorkflowEngineError):
    code = "unauthenticated"
    http_status = 401
    grpc_status = "UNAUTHENTICATED"


class Forbidden(WorkflowEngineError):
    code = "forbidden"
    http_status = 403
    grpc_status = "PERMISSION_DENIED"


class NotFound(WorkflowEngineError):
    code = "not-found"
    http_status = 404
    grpc_status = "NOT_FOUND"


class Conflict(WorkflowEngineError):
    code = "conflict"
    http_status = 409
    grpc_status = "ABORTED"


class TooLarge(WorkflowEngineError):
    code = "too-large"
    http_status = 413
    grpc_status = "INVALID_ARGUMENT"


class OverLimit(WorkflowEngineError):
    code = "over-limit"
    http_status = 429
    grpc_status = "RESOURCE_EXHAUSTED"
    retry_after_seconds = 1.0


class Unavailable(WorkflowEngineError):
    code = "unavailable"
    http_status = 503
    grpc_status = "UNAVAILABLE"
    retry_after_seconds = 1.0


class RefusedToStart(WorkflowEngineError):
    code = "refused-to-start"


class InternalError(WorkflowEngineError):
    """Stands for an exception nobody expected; the log has the rest under `incident`."""

    code = "internal-error"

    def __init__(self, incident: str) -> None:
        self.incident = incident
        super().__init__(f"Something went wrong in the server; its log says what under {incident}")


class InvalidDocument(InvalidRequest):
    """A document with one or more problems; all of them are listed, not only the first."""

    code = "invalid-document"

    def __init__(self, found: Sequence[Problem]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(problem.message for problem in self.found))

    def problems(self) -> Sequence[Problem]:
        return self.found
