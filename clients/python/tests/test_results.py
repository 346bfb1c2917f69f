"""Outcomes as frames, within the limits of a session."""

from workflow_client import StepError, Suspend
from workflow_client.generated import worker_pb2 as pb
from workflow_client.protocol.outbox import Outbox
from workflow_client.protocol.results import completed, failed, suspended, unexpected
from workflow_client.protocol.terms import Terms

LEASE = pb.Lease(execution_id="a", path="step", delivery=1, token="t")


def test_a_result_over_the_limit_fails_its_step_without_being_sent() -> None:
    terms = Terms(max_inline_bytes=100)
    assert completed(LEASE, b"x" * 100, 1.0, terms).WhichOneof("outcome") == "output"
    failure = completed(LEASE, b"x" * 101, 1.0, terms).failure
    assert failure.code == "payload-too-large"
    assert failure.HasField("retryable")
    assert not failure.retryable


def test_details_that_cannot_be_sent_are_left_out_and_the_failure_still_goes() -> None:
    large = failed(LEASE, StepError("oops", "no", details="x" * 70_000), 1.0).failure
    assert b"70002 bytes" in large.details.data
    strange = failed(LEASE, StepError("oops", "no", details=object()), 1.0).failure
    assert b"dropped" in strange.details.data


def test_an_exception_that_cannot_describe_itself_is_a_failure_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert unexpected(Mute()).message == "Mute: it cannot be shown (RuntimeError)"


def test_text_with_half_surrogates_can_be_written() -> None:
    assert failed(LEASE, StepError("c", "a\ud800b"), 1.0).failure.message == "a?b"


def test_a_server_that_cannot_suspend_fails_the_step_that_asks_for_it() -> None:
    assert suspended(LEASE, Suspend(seconds=1), 1.0, Terms()).failure.code == "suspend-not-supported"
    assert suspended(LEASE, Suspend(seconds=1), 1.0, Terms(capabilities=frozenset({"suspend"}))).suspend.seconds == 1


def test_frames_are_split_below_the_largest_that_is_allowed() -> None:
    outbox = Outbox()
    for number in range(10):
        outbox.results["a", "step", number] = completed(LEASE, b"x" * 3_000, 1.0, Terms())
    frames = outbox.take(10_000)
    assert len(frames) > 1
    assert all(frame.ByteSize() <= 10_000 for frame in frames)
    assert sum(len(frame.results.items) for frame in frames) == 10
    assert not outbox
