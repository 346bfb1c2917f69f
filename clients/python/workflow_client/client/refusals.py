"""From a server's refusal to the error it is: gRPC statuses with google.rpc details, and RFC 9457 problems."""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc import aio

from workflow_client.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    OverLimit,
    Problem,
    RequestFailed,
    ServerFault,
    Unauthenticated,
    Unavailable,
)

DETAILS: Final = "grpc-status-details-bin"

_BY_STATUS: Final[Mapping[grpc.StatusCode, type[RequestFailed]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverLimit,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
}
_BY_HTTP: Final[Mapping[int, type[RequestFailed]]] = {
    400: InvalidRequest,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: OverLimit,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def _field(
    name: str, number: int, kind: "FieldDescriptorProto.Type.ValueType", of: str = "", *, many: bool = False
) -> FieldDescriptorProto:
    label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    return FieldDescriptorProto(name=name, number=number, type=kind, label=label, type_name=of or None)


def _google_rpc() -> Mapping[str, type[Message]]:
    """The messages of google/rpc that we read, in a pool of their own: they need no package, and clash with none."""
    text, message = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE
    violation = DescriptorProto(
        name="FieldViolation",
        field=[_field("field", 1, text), _field("description", 2, text), _field("reason", 3, text)],
    )
    violations = _field("field_violations", 1, message, ".google.rpc.BadRequest.FieldViolation", many=True)
    file = FileDescriptorProto(
        name="workflow_client/google_rpc.proto",
        package="google.rpc",
        syntax="proto3",
        dependency=[any_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name],
        message_type=[
            DescriptorProto(
                name="Status",
                field=[
                    _field("code", 1, FieldDescriptorProto.TYPE_INT32),
                    _field("message", 2, text),
                    _field("details", 3, message, ".google.protobuf.Any", many=True),
                ],
            ),
            DescriptorProto(
                name="ErrorInfo",
                field=[_field("reason", 1, text), _field("domain", 2, text)],
            ),
            DescriptorProto(name="BadRequest", field=[violations], nested_type=[violation]),
            DescriptorProto(name="RetryInfo", field=[_field("retry_delay", 1, message, ".google.protobuf.Duration")]),
        ],
    )
    pool = DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(duration_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    names = ("Status", "ErrorInfo", "BadRequest", "RetryInfo")
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"google.rpc.{name}")) for name in names}


_RPC: Final = _google_rpc()


def from_grpc(failure: aio.AioRpcError) -> RequestFailed:
    """Named by `ErrorInfo`, with the problems of `BadRequest` and the delay of `RetryInfo` when they are there."""
    found = _details(failure)
    code = _kebab(failure.code().name)
    info = found.get("ErrorInfo")
    if info is not None:
        code = _kebab(info.reason)
    violations = found["BadRequest"].field_violations if "BadRequest" in found else ()
    problems = tuple(
        Problem(_kebab(violation.reason) or code, violation.description, violation.field) for violation in violations
    )
    delay = found["RetryInfo"].retry_delay if "RetryInfo" in found else None
    seconds = None if delay is None else delay.seconds + delay.nanos / 1e9
    kind = _BY_STATUS.get(failure.code(), ServerFault)
    return kind(code, failure.details() or failure.code().name, problems, seconds)


def _kebab(constant: str) -> str:
    """gRPC writes UPPER_SNAKE what REST and documents write in kebab-case."""
    return constant.lower().replace("_", "-")


def _details(failure: aio.AioRpcError) -> dict[str, Any]:
    """By the short name of their type. Foreign or broken details are left out: the status itself is enough."""
    raw = next((value for key, value in failure.trailing_metadata() or () if key == DETAILS), None)
    if not isinstance(raw, bytes):
        return {}
    found: dict[str, Any] = {}
    try:
        status: Any = _RPC["Status"].FromString(raw)
        for detail in status.details:
            name = detail.type_url.rpartition(".")[2]
            if name in _RPC:
                found[name] = _RPC[name].FromString(detail.value)
    except DecodeError:
        return {}
    return found


def from_problem(status: int, body: Any, retry_after: float | None) -> RequestFailed:  # noqa: ANN401  # foreign JSON
    """An `application/problem+json` body, or whatever else came instead."""
    known = body if isinstance(body, dict) else {}
    given = known.get("problems") or known.get("errors") or ()
    problems = tuple(problem_of(entry) for entry in given if isinstance(entry, dict))
    code = str(known.get("code") or f"http-{status}")
    message = str(known.get("detail") or known.get("title") or f"HTTP status {status}")
    return _BY_HTTP.get(status, ServerFault)(code, message, problems, retry_after)


def problem_of(entry: Mapping[str, Any]) -> Problem:
    return Problem(str(entry.get("code", "")), str(entry.get("message", "")), str(entry.get("pointer", "")))


def not_reached(target: str, why: object) -> Unavailable:
    return Unavailable("unavailable", f"{target} does not answer: {why}")
