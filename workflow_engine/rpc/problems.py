"""Refusals on the wire: a gRPC status with `google.rpc` details, made from the error tree.

A status travels in HTTP/2 trailers, and most clients take 8 KiB of those at most: a longer one would reach the caller
as a broken call. So both the sentence and the list of problems are cut to what everybody can read.
"""

import math
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from workflow_engine.errors import InternalError, Problem, WorkflowEngineError

DOMAIN: Final = "workflow-engine"
DETAILS_KEY: Final = "grpc-status-details-bin"
LONGEST_MESSAGE: Final = 1_024
"""Bytes of a sentence as it is written into a header, where one character may take twelve."""
LONGEST_VIOLATIONS: Final = 3_072
"""Bytes of all violations together; base64 on the wire makes four of three."""
CUT: Final = " ..."

Metadata = tuple[tuple[str, bytes], ...]


def status_code(error: WorkflowEngineError) -> grpc.StatusCode:
    return grpc.StatusCode[error.grpc_status]


def sentence(error: WorkflowEngineError) -> str:
    """What the error says, as long as a header allows."""
    return _cut(str(error), LONGEST_MESSAGE)


def details(error: WorkflowEngineError) -> Metadata:
    """The trailing metadata that carries the `google.rpc.Status` of an error."""
    status = status_pb2.Status(code=status_code(error).value[0], message=sentence(error))
    status.details.extend(_packed(each) for each in _details(error))
    return ((DETAILS_KEY, status.SerializeToString()),)


def _details(error: WorkflowEngineError) -> list[Message]:
    found: list[Message] = [_error_info(error)]
    if status_code(error) is grpc.StatusCode.INVALID_ARGUMENT:
        found.append(_bad_request(error.problems()))
    if error.retry_after_seconds is not None:
        found.append(_retry_info(error.retry_after_seconds))
    return found


def _error_info(error: WorkflowEngineError) -> error_details_pb2.ErrorInfo:
    facts = {"code": error.code}
    if isinstance(error, InternalError):
        facts["incident"] = error.incident
    return error_details_pb2.ErrorInfo(reason=_constant(error.code), domain=DOMAIN, metadata=facts)


def _bad_request(problems: Sequence[Problem]) -> error_details_pb2.BadRequest:
    """Every problem that fits; the last entry tells how many did not."""
    found = error_details_pb2.BadRequest()
    for place, problem in enumerate(problems):
        found.field_violations.append(_violation(problem))
        if found.ByteSize() > LONGEST_VIOLATIONS:
            del found.field_violations[-1]
            left_out = f"{len(problems) - place} more problems do not fit into a status; Validate lists all of them"
            found.field_violations.add(description=left_out, reason="MORE_PROBLEMS")
            break
    return found


def _violation(problem: Problem) -> error_details_pb2.BadRequest.FieldViolation:
    description = _cut(problem.message, LONGEST_MESSAGE)
    return error_details_pb2.BadRequest.FieldViolation(
        field=problem.pointer, description=description, reason=_constant(problem.code)
    )


def _retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    whole = math.floor(seconds)
    found = error_details_pb2.RetryInfo()
    found.retry_delay.seconds, found.retry_delay.nanos = whole, int((seconds - whole) * 1e9)
    return found


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def _constant(code: str) -> str:
    return code.upper().replace("-", "_")


def _cut(text: str, most: int) -> str:
    """`text`, or its beginning, so that it takes at most `most` bytes in a header."""
    if len(quote(text, safe=SAFE)) <= most:
        return text
    kept, size = [], len(CUT)
    for character in text:
        size += len(quote(character, safe=SAFE))
        if size > most:
            break
        kept.append(character)
    return "".join(kept) + CUT


SAFE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
