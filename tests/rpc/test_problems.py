"""Statuses on the wire: what they say, and that every client can read them."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from workflow_engine.errors import (
    Conflict,
    Forbidden,
    InternalError,
    InvalidDocument,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    OverLimit,
    Problem,
    TooLarge,
    Unauthenticated,
    Unavailable,
    WorkflowEngineError,
)
from workflow_engine.rpc.problems import DETAILS_KEY, details, sentence, status_code

FAMILIES = {
    MalformedRequest: grpc.StatusCode.INVALID_ARGUMENT,
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    TooLarge: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.ABORTED,
    OverLimit: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}
LONGEST_HEADERS = 8_192
"""Bytes of trailers that clients take, unless they are told otherwise."""


def unpacked(error: WorkflowEngineError) -> tuple[status_pb2.Status, dict[str, object]]:
    ((key, sent),) = details(error)
    assert key == DETAILS_KEY
    status = status_pb2.Status.FromString(sent)
    found: dict[str, object] = {}
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()):
            if packed.Unpack(kind):
                found[kind.DESCRIPTOR.name] = kind
    return status, found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_status_reason_and_code(family: type[WorkflowEngineError]) -> None:
    error = family("it is so")
    status, found = unpacked(error)
    assert status_code(error) is FAMILIES[family]
    assert (status.code, status.message) == (FAMILIES[family].value[0], "it is so")
    info = found["ErrorInfo"]
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (info.domain, info.reason) == ("workflow-engine", family.code.upper().replace("-", "_"))
    assert dict(info.metadata) == {"code": family.code}
    assert ("RetryInfo" in found) == (error.retry_after_seconds is not None)
    assert ("BadRequest" in found) == (FAMILIES[family] is grpc.StatusCode.INVALID_ARGUMENT)


def test_every_problem_is_a_violation_with_its_pointer() -> None:
    _, found = unpacked(
        InvalidDocument([Problem("missing-field", "Say it", "/a/0"), Problem("wrong-type", "Mend", "")])
    )
    bad = found["BadRequest"]
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [(each.field, each.description, each.reason) for each in bad.field_violations] == [
        ("/a/0", "Say it", "MISSING_FIELD"),
        ("", "Mend", "WRONG_TYPE"),
    ]


def test_the_delay_of_a_retry_keeps_its_fraction() -> None:
    error = Unavailable("soon")
    error.retry_after_seconds = 1.25
    retry = unpacked(error)[1]["RetryInfo"]
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 250_000_000)


def test_an_incident_is_told_by_its_id_alone() -> None:
    status, found = unpacked(InternalError("0193c0de"))
    info = found["ErrorInfo"]
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (status.code, info.metadata["incident"]) == (grpc.StatusCode.INTERNAL.value[0], "0193c0de")


@pytest.mark.parametrize("character", ["a", "%", "é", "\U0001f600", "\n"])
def test_however_much_is_wrong_the_status_fits_into_the_headers_of_every_client(character: str) -> None:
    problems = [Problem("wrong-type", character * 500, f"/steps/{place}/config") for place in range(200)]
    error = InvalidDocument(problems)
    ((_, sent),) = details(error)
    in_header = sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in sentence(error).encode())
    assert in_header + len(sent) * 4 / 3 < LONGEST_HEADERS - 500
    bad = unpacked(error)[1]["BadRequest"]
    assert isinstance(bad, error_details_pb2.BadRequest)
    told = len(bad.field_violations) - 1
    assert bad.field_violations[-1].reason == "MORE_PROBLEMS"
    assert bad.field_violations[-1].description.startswith(f"{200 - told} more problems")
    assert told > 0


def test_a_short_sentence_is_left_as_it_is_and_a_long_one_says_that_it_goes_on() -> None:
    assert sentence(NotFound("é" * 100)) == "é" * 100
    assert sentence(NotFound("é" * 1_000)).endswith("é ...")
