"""Messages as the JSON of REST, and back."""

import pytest
from google.protobuf.message import Message

from workflow_engine.jsontext import Json
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.wire import from_json, to_json

LEASE = pb.Lease(execution_id="e", path="a[0].b", delivery=2**40, token="t")
WRITTEN_LEASE: Json = {"execution_id": "e", "path": "a[0].b", "delivery": 2**40, "token": "t"}

PAIRS: list[tuple[Message, Json]] = [
    (pb.Result(lease=LEASE, output=pb.Payload(data=b"[1, null]")), {"lease": WRITTEN_LEASE, "output": [1, None]}),
    (pb.Progress(fraction=0.0, checkpoint=b"\x00\xff"), {"fraction": 0.0, "checkpoint": "AP8="}),
    (pb.Credits(slots={"": 3, "a.b": 1}), {"slots": {"": 3, "a.b": 1}}),
    (
        pb.LeaseAnswer(lease=LEASE, code=pb.LEASE_CODE_LEASE_SUPERSEDED),
        {"lease": WRITTEN_LEASE, "code": "lease_superseded"},
    ),
    (pb.Verdict(code=pb.VERDICT_CODE_KEEP, next_chunk=7), {"code": "keep", "next_chunk": 7}),
    (pb.Failure(code="x", retryable=False), {"code": "x", "retryable": False}),
]


@pytest.mark.parametrize(("message", "written"), PAIRS)
def test_a_message_is_written_and_read_back(message: Message, written: Json) -> None:
    assert to_json(message) == written
    assert from_json(type(message), written) == message


def test_what_is_null_or_unknown_is_passed_over() -> None:
    read = from_json(pb.Assignment, {"checkpoint": None, "resumption": None, "of_tomorrow": {"a": 1}, "attempt": 2})
    assert read == pb.Assignment(attempt=2)
