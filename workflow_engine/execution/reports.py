"""What comes back of a hand-over: results, and what a worker says meanwhile. It counts only under the latest fence.

A result may be sent again, because its sender did not hear that it was accepted: then nothing changes, and the refusal
tells the same result from another one.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.execution.advance import advance, end_step, suspend_step
from workflow_engine.execution.control.agents import begin_conversation
from workflow_engine.execution.errors import AlreadyReported, MissingChunks, OtherResult, StaleDelivery
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.failures import attempt_failed
from workflow_engine.execution.hand_overs import hand_over_again, heard_after_all, reschedule, waits_for_a_word
from workflow_engine.execution.inputs import Chunked, Failed, Input, Progressed, Report, Succeeded, Taken, Withdrawn
from workflow_engine.execution.turn import Turn
from workflow_engine.history.events import StepChunked, StepProgressed, StepStarted
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.steps.contract import Conversing, Routed, Suspended

OURS: Final = frozenset({"timeout", "worker-lost"})
"""Failures the engine itself finds: a result that comes after one is late, and no contradiction."""


def refusal_of(execution: Execution, report: Report) -> StaleDelivery:
    """Why a report that does not speak for the latest hand-over changes nothing."""
    step = execution.state.steps.get(report.path)
    if step is None or step.delivery != report.delivery or not isinstance(report, Succeeded | Failed):
        return StaleDelivery(report.path)
    if _is_what_was_accepted(step, report):
        return AlreadyReported(report.path)
    error = step.error
    if step.status is StepStatus.CANCELLED or (error is not None and error.code in OURS):
        return StaleDelivery(report.path)
    return OtherResult(report.path)


def _is_what_was_accepted(step: StepState, report: Succeeded | Failed) -> bool:
    if isinstance(report, Failed):
        backs_off = step.wait is not None and step.wait.backoff
        return (step.status is StepStatus.FAILED or backs_off) and step.error == report.error
    verdict = report.verdict
    if isinstance(verdict, Suspended):
        wait = step.wait
        return wait is not None and not wait.backoff and (wait.signal, wait.memo) == (verdict.signal, verdict.memo)
    if isinstance(verdict, Conversing):
        return False  # only steps of this process converse, and they report once
    route = verdict.to if isinstance(verdict, Routed) else None
    return step.status is StepStatus.COMPLETED and (step.output, step.route) == (verdict.output, route)


def succeeded(turn: Turn, report: Succeeded) -> None:
    step = _holder(turn, report)
    _note_worker(turn, step, report.worker, report.since)
    if isinstance(report.verdict, Suspended):
        suspend_step(turn, step, report.verdict)
    elif isinstance(report.verdict, Conversing):
        begin_conversation(turn, step, report.verdict)
    else:
        end_step(turn, step, report.verdict, report.duration_ms)
    advance(turn)


def failed(turn: Turn, report: Failed) -> None:
    step = _holder(turn, report)
    _note_worker(turn, step, report.worker, report.since)
    attempt_failed(
        turn, step.path, step.attempt, report.error, report.duration_ms, report.retryable, report.retry_after
    )
    advance(turn)


def taken(turn: Turn, report: Taken) -> None:
    _note_worker(turn, _running(turn, report), report.worker, report.since)


def progressed(turn: Turn, report: Progressed) -> None:
    step = _running(turn, report)
    turn.emit(StepProgressed(turn.now, step.path, report.fraction, report.note, report.checkpoint))


def chunked(turn: Turn, report: Chunked) -> None:
    step = _running(turn, report)
    if report.first > step.next_chunk:
        raise MissingChunks(step.path, step.next_chunk)
    fresh = report.chunks[max(step.next_chunk - report.first, 0) :]
    if fresh:
        turn.emit(StepChunked(turn.now, step.path, step.next_chunk, fresh))


def withdrawn(turn: Turn, report: Withdrawn) -> None:
    step = _running(turn, report)
    if report.untouched:
        reschedule(turn, step, report.reason)
    else:
        hand_over_again(turn, step, report.reason, "its worker was lost while it ran")
    advance(turn)


def _running(turn: Turn, report: Report) -> StepState:
    """The running step this report speaks for, if its fence is the latest."""
    step = turn.state.steps.get(report.path)
    if step is None or not step.is_at_work or step.delivery != report.delivery:
        raise refusal_of(turn.execution, report)
    return step


def _holder(turn: Turn, report: Succeeded | Failed) -> StepState:
    """As `_running`; a step of which nobody knew any more what became of it is told by its late result."""
    step = turn.state.steps.get(report.path)
    if step is not None and step.delivery == report.delivery and waits_for_a_word(step):
        heard_after_all(turn, step)
        return step
    return _running(turn, report)


def _note_worker(turn: Turn, step: StepState, worker: str | None, since: float) -> None:
    if worker is not None and step.worker_delivery != step.delivery:
        turn.emit(StepStarted(turn.now, step.path, step.delivery, worker, since))


REPORTS: Final[Mapping[type[Input], Callable[[Turn, Any], None]]] = {
    Succeeded: succeeded,
    Failed: failed,
    Taken: taken,
    Progressed: progressed,
    Chunked: chunked,
    Withdrawn: withdrawn,
}
