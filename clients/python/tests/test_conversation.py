"""The protocol core as a table: frames and time in, frames and actions out."""

from typing import Any

import pytest

from workflow_client.errors import ProtocolRefused, RegistrationRefused
from workflow_client.generated import worker_pb2 as pb
from workflow_client.generated.registry_pb2 import Problem
from workflow_client.protocol.actions import Abort, Leave, Reconnect, Start
from workflow_client.protocol.conversation import Conversation
from workflow_client.protocol.held import Held, Phase
from workflow_client.protocol.results import completed, failed
from workflow_client.steps import StepError

LEASE = 60.0


class Bench:
    """A core with a server's half played by hand."""

    def __init__(self) -> None:
        self.core = Conversation(pb.Hello(worker_id="w"), pb.Register(), {"": 10})
        self.now = 1_000.0

    def hear(self, **frame: Any) -> list[Any]:  # noqa: ANN401  # one of its fields
        return self.core.received(pb.SessionResponse(**frame), self.now)

    def join(self, **terms: Any) -> list[pb.SessionRequest]:  # noqa: ANN401  # of Welcome
        self.core.connected(self.now)
        welcome: dict[str, Any] = {
            "proto": 1,
            "lease_seconds": LEASE,
            "dead_after_seconds": 30.0,
            "max_frame_bytes": 3_000_000,
        }
        welcome["capabilities"] = ["cancel", "progress", "chunks", "suspend"]
        self.hear(welcome=pb.Welcome(**{**welcome, **terms}))
        self.hear(registered=pb.Registered())
        return self.core.take()

    def assign(self, *executions: str) -> list[Held]:
        actions = self.hear(assign=pb.Assign(items=[pb.Assignment(lease=lease(each)) for each in executions]))
        return [held for action in actions if isinstance(action, Start) for held in action.steps]

    def end(self, held: Held) -> None:
        self.core.ended(held, completed(held.lease, b"{}", 1.0, self.core.terms))

    def answer(self, held: Held, code: pb.LeaseCode) -> list[Any]:
        return self.hear(result_acks=pb.ResultAcks(items=[pb.LeaseAnswer(lease=lease(held.key[0]), code=code)]))

    def verdicts(self, code: pb.VerdictCode, *executions: str, next_chunk: int = 0) -> list[Any]:
        items = [pb.Verdict(lease=lease(each), code=code, next_chunk=next_chunk) for each in executions]
        return self.hear(verdicts=pb.Verdicts(items=items))

    def later(self, seconds: float) -> list[Any]:
        self.now += seconds
        return self.core.tick(self.now)


def lease(execution_id: str, delivery: int = 1) -> pb.Lease:
    return pb.Lease(execution_id=execution_id, path="step", delivery=delivery, token=f"t-{execution_id}")


def kinds(frames: list[pb.SessionRequest]) -> list[str]:
    return [frame.WhichOneof("frame") or "" for frame in frames]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_frame_is_hello_and_nothing_follows_before_welcome(bench: Bench) -> None:
    bench.core.connected(bench.now)
    assert kinds(bench.core.take()) == ["hello"]
    assert bench.core.take() == []


def test_joining_registers_gives_credits_and_is_ready_once_registered(bench: Bench) -> None:
    bench.core.connected(bench.now)
    bench.core.take()
    bench.hear(welcome=pb.Welcome(proto=1))
    assert kinds(bench.core.take()) == ["register", "credits"]
    bench.hear(registered=pb.Registered())
    assert kinds(bench.core.take()) == ["ready"]


def test_a_server_of_another_protocol_is_left(bench: Bench) -> None:
    bench.core.connected(bench.now)
    [action] = bench.hear(welcome=pb.Welcome(proto=7))
    assert isinstance(action, Leave)
    assert isinstance(action.error, ProtocolRefused)


def test_a_refused_registration_ends_the_worker_and_names_every_problem(bench: Bench) -> None:
    bench.core.connected(bench.now)
    bench.hear(welcome=pb.Welcome(proto=1))
    problem = Problem(pointer="/steps/0/name", code="foreign-name", message="it is not yours")
    [action] = bench.hear(error=pb.Error(code="invalid", message="refused", fatal=True, problems=[problem]))
    assert isinstance(action, Leave)
    assert isinstance(action.error, RegistrationRefused)
    assert "/steps/0/name: it is not yours" in str(action.error)


def test_what_waits_leaves_as_one_frame_of_a_kind(bench: Bench) -> None:
    bench.join()
    held = bench.assign("a", "b", "c")
    for each in held[:2]:
        bench.end(each)
    frames = bench.core.take()
    assert kinds(frames) == ["acks", "results"]
    assert [each.execution_id for each in frames[0].acks.leases] == ["c"]
    assert [each.lease.execution_id for each in frames[1].results.items] == ["a", "b"]


def test_an_ack_that_went_out_is_followed_by_the_result_alone(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    assert kinds(bench.core.take()) == ["acks"]
    bench.end(held)
    assert kinds(bench.core.take()) == ["results"]


def test_the_same_assignment_again_is_acked_again_and_not_started_again(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.take()
    assert bench.assign("a") == []
    assert kinds(bench.core.take()) == ["acks"]
    bench.end(held)
    bench.core.take()
    assert bench.assign("a") == []
    assert kinds(bench.core.take()) == ["results"]


def test_all_running_steps_are_renewed_in_one_frame_at_a_quarter_of_the_lease(bench: Bench) -> None:
    bench.join()
    bench.assign("a", "b")
    bench.core.take()
    assert bench.core.due <= bench.now + LEASE / 4
    bench.later(LEASE / 4)
    [frame] = bench.core.take()
    assert len(frame.renew.leases) == 2


def test_work_is_aborted_when_its_lease_is_over_and_could_not_be_renewed(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.disconnected(bench.now)
    assert bench.later(LEASE - 0.1) == []
    assert bench.later(0.2) == [Abort(held, "lease-over")]
    assert bench.core.held == {}


def test_a_renewal_runs_from_the_moment_it_was_asked_for(bench: Bench) -> None:
    bench.join(dead_after_seconds=1_000)
    [held] = bench.assign("a")
    bench.later(15)
    asked_at = bench.now
    bench.now += 10
    ok = pb.LeaseAnswer(lease=lease("a"), code=pb.LEASE_CODE_OK)
    bench.hear(renewed=pb.Renewed(items=[ok]))
    assert held.expires_at == asked_at + LEASE


def test_a_superseded_renewal_aborts_the_work_quietly(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    gone = pb.LeaseAnswer(lease=lease("a"), code=pb.LEASE_CODE_LEASE_SUPERSEDED)
    assert bench.hear(renewed=pb.Renewed(items=[gone])) == [Abort(held, "superseded")]
    bench.core.take()
    bench.end(held)
    assert bench.core.take() == []


def test_a_finished_step_is_kept_beyond_its_lease_until_it_is_answered(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.end(held)
    bench.core.disconnected(bench.now)
    assert bench.later(10 * LEASE) == []
    bench.join()
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a")
    assert kinds(bench.core.take()) == ["ready", "results"]
    bench.answer(held, pb.LEASE_CODE_OK)
    assert bench.core.held == {}


def test_a_reconnect_resumes_running_and_finished_steps_and_is_ready_after_the_verdicts(bench: Bench) -> None:
    bench.join()
    running, finished = bench.assign("running", "finished")
    bench.end(finished)
    bench.core.disconnected(bench.now)
    frames = bench.join()
    assert kinds(frames) == ["hello", "register", "resume", "credits"]
    assert {each.execution_id for each in frames[2].resume.held} == {"running", "finished"}
    bench.verdicts(pb.VERDICT_CODE_KEEP, "running", "finished")
    frames = bench.core.take()
    assert kinds(frames) == ["ready", "results"]
    assert [each.lease.execution_id for each in frames[1].results.items] == ["finished"]
    assert running.phase is Phase.RUNNING


def test_a_step_that_ends_while_the_server_is_away_is_reported_after_the_verdicts(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.disconnected(bench.now)
    bench.end(held)
    assert not bench.core.outbox
    bench.join()
    assert not bench.core.outbox
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a")
    assert kinds(bench.core.take()) == ["ready", "results"]


def test_a_verdict_to_abort_stops_the_work_and_drops_its_result(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.disconnected(bench.now)
    bench.join()
    assert bench.verdicts(pb.VERDICT_CODE_ABORT, "a") == [Abort(held, "superseded")]
    bench.end(held)
    assert kinds(bench.core.take()) == ["ready"]


def test_a_result_the_server_cannot_take_now_is_sent_again_after_a_pause(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.end(held)
    bench.core.take()
    bench.answer(held, pb.LEASE_CODE_UNAVAILABLE)
    assert bench.core.take() == []
    assert bench.core.due <= bench.now + 0.1
    bench.later(0.1)
    assert kinds(bench.core.take()) == ["results"]


@pytest.mark.parametrize(
    "code",
    [
        pb.LEASE_CODE_OK,
        pb.LEASE_CODE_LEASE_SUPERSEDED,
        pb.LEASE_CODE_RESULT_CONFLICT,
        pb.LEASE_CODE_PAYLOAD_TOO_LARGE,
        pb.LEASE_CODE_CONTRACT_VIOLATION,
        pb.LEASE_CODE_INVALID_TOKEN,
        pb.LEASE_CODE_NOT_FOUND,
    ],
)
def test_a_final_answer_lets_the_result_go(bench: Bench, code: pb.LeaseCode) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.end(held)
    bench.core.take()
    bench.answer(held, code)
    assert bench.core.held == {}
    assert bench.core.take() == []


def test_a_result_that_cannot_be_read_is_replaced_once_by_a_failure_that_says_so(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.end(held)
    bench.core.take()
    bench.answer(held, pb.LEASE_CODE_INVALID)
    [frame] = bench.core.take()
    assert frame.results.items[0].failure.code == "invalid-result"
    bench.answer(held, pb.LEASE_CODE_INVALID)
    assert bench.core.held == {}


def test_a_cancelled_step_is_confirmed_when_its_function_has_ended_and_its_outcome_dropped(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.take()
    cancel = pb.Cancels(items=[pb.Cancel(lease=lease("a"), reason="timeout")])
    assert bench.hear(cancels=cancel) == [Abort(held, "timeout")]
    assert bench.core.take() == []
    bench.end(held)
    assert kinds(bench.core.take()) == ["cancel_acks"]


def test_a_cancel_of_something_unknown_is_confirmed_at_once(bench: Bench) -> None:
    bench.join()
    assert bench.hear(cancels=pb.Cancels(items=[pb.Cancel(lease=lease("x"))])) == []
    assert kinds(bench.core.take()) == ["cancel_acks"]


def test_a_ping_is_answered_before_everything_else(bench: Bench) -> None:
    bench.join()
    bench.assign("a")
    bench.hear(ping=pb.Ping(nonce=42))
    frames = bench.core.take()
    assert kinds(frames) == ["pong", "acks"]
    assert frames[0].pong.nonce == 42


def test_a_silent_server_is_left_for_a_new_stream(bench: Bench) -> None:
    bench.join()
    bench.later(15)
    bench.later(14.9)
    [action] = bench.later(0.2)
    assert isinstance(action, Reconnect)


def test_a_process_that_slept_does_not_blame_the_server(bench: Bench) -> None:
    bench.join()
    assert bench.later(500) == []


def test_go_away_asks_to_come_back_when_it_says(bench: Bench) -> None:
    bench.join()
    assert bench.hear(go_away=pb.GoAway(reconnect_after_seconds=2.5, reason="bye")) == [Reconnect(2.5, "bye")]


def test_an_unknown_frame_is_ignored_and_counted(bench: Bench) -> None:
    bench.join()
    assert bench.hear() == []
    assert bench.core.unknown_frames == 1


def test_draining_takes_nothing_new_goes_on_renewing_and_leaves_when_drained(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.take()
    assert bench.core.drain(bench.now) == []
    assert kinds(bench.core.take()) == ["drain"]
    assert bench.assign("late") == []
    assert kinds(bench.core.take()) == ["rejects"]
    bench.later(LEASE / 4)
    assert kinds(bench.core.take()) == ["renew"]
    bench.end(held)
    bench.answer(held, pb.LEASE_CODE_OK)
    assert bench.hear(drained=pb.Drained()) == [Leave()]


def test_draining_a_worker_that_is_away_and_holds_nothing_leaves_at_once(bench: Bench) -> None:
    assert bench.core.drain(bench.now) == [Leave()]


def test_a_drain_goes_on_after_a_reconnect_and_never_gets_ready(bench: Bench) -> None:
    bench.join()
    bench.assign("a")
    bench.core.drain(bench.now)
    bench.core.disconnected(bench.now)
    bench.join()
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a")
    assert kinds(bench.core.take()) == ["drain"]


def test_a_drained_worker_does_not_wait_for_ever_for_drained(bench: Bench) -> None:
    bench.join()
    bench.core.drain(bench.now)
    bench.later(0)
    assert Leave() in bench.later(5)


def test_the_drain_deadline_gives_up_what_is_left(bench: Bench) -> None:
    bench.join(dead_after_seconds=1_000)
    [held] = bench.assign("a")
    bench.core.drain(bench.now, deadline=10)
    assert bench.later(14) == []
    assert bench.later(2) == [Abort(held, "drained"), Leave()]


def test_the_latest_progress_counts_and_an_earlier_checkpoint_stays(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.progress(held, 0.1, "first", b"1")
    bench.core.progress(held, 0.2, "", None)
    [_, frame] = bench.core.take()
    [report] = frame.progress.items
    assert (report.fraction, report.note, report.checkpoint) == (0.2, "first", b"1")


def test_a_checkpoint_is_sent_again_on_the_next_stream(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.progress(held, None, "", b"1")
    bench.core.take()
    bench.core.disconnected(bench.now)
    bench.join()
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a")
    assert kinds(bench.core.take()) == ["ready", "progress"]


def test_the_checkpoint_of_a_step_that_fails_is_not_left_out(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.progress(held, None, "", b"1")
    bench.core.ended(held, failed(held.lease, StepError("oops", "no"), 1.0))
    assert kinds(bench.core.take()) == ["progress", "results"]
    bench.core.disconnected(bench.now)
    bench.join()
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a")
    assert kinds(bench.core.take()) == ["ready", "progress", "results"]


def test_the_progress_of_a_step_that_completed_is_not_worth_a_frame(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.progress(held, 0.5, "", b"1")
    bench.end(held)
    assert kinds(bench.core.take()) == ["results"]


def test_chunks_are_sent_again_from_where_the_server_waits(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    for text in "abcd":
        bench.core.chunk(held, "text", text)
    bench.core.take()
    bench.core.disconnected(bench.now)
    bench.core.chunk(held, "text", "e")
    bench.join()
    bench.verdicts(pb.VERDICT_CODE_KEEP, "a", next_chunk=2)
    frames = [frame for frame in bench.core.take() if frame.WhichOneof("frame") == "chunks"]
    assert [(chunk.seq, chunk.data) for frame in frames for chunk in frame.chunks.items] == [
        (2, "c"),
        (3, "d"),
        (4, "e"),
    ]


def test_chunk_numbers_go_on_where_a_suspended_step_left_them(bench: Bench) -> None:
    bench.join()
    actions = bench.hear(assign=pb.Assign(items=[pb.Assignment(lease=lease("a"), next_chunk=7)]))
    bench.core.chunk(actions[0].steps[0], "text", "x")
    assert bench.core.outbox.chunks[0].seq == 7


def test_chunks_go_out_before_the_result_of_their_step(bench: Bench) -> None:
    bench.join()
    [held] = bench.assign("a")
    bench.core.chunk(held, "text", "x")
    bench.end(held)
    assert kinds(bench.core.take()) == ["chunks", "results"]


def test_what_the_server_did_not_confirm_is_not_sent(bench: Bench) -> None:
    bench.join(capabilities=[])
    [held] = bench.assign("a")
    bench.core.take()
    bench.core.chunk(held, "text", "x")
    bench.core.progress(held, 0.5, "", None)
    assert bench.core.take() == []
