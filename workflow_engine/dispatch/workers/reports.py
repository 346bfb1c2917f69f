"""What the desk itself tells an execution of a hand-over. Pure: from the hand-over and the instant."""

from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.inputs import Failed, Report, Succeeded, Taken, Withdrawn
from workflow_engine.history.events import StepError
from workflow_engine.steps.contract import Completed
from workflow_engine.steps.sampling import sample


def taken(handover: HandOver, now: float, worker: str) -> Taken:
    return Taken(now, handover.lease.path, handover.lease.delivery, worker, handover.since or now)


def withdrawn(handover: HandOver, now: float, reason: str, *, untouched: bool) -> Withdrawn:
    return Withdrawn(now, handover.lease.path, handover.lease.delivery, reason, untouched)


def timed_out(handover: HandOver, now: float, seconds: float) -> Failed:
    path, delivery = handover.lease.path, handover.lease.delivery
    error = StepError("timeout", f"Step {path} timed out after {seconds:g} seconds")
    return Failed(now, path, delivery, error, seconds * 1000, worker=handover.worker_id, since=handover.since)


def made_up(handover: HandOver, now: float) -> Report:
    """No worker serves the type, and the workflow asks for a made-up output then: equal keys give equal outputs."""
    path, delivery = handover.lease.path, handover.lease.delivery
    try:
        output = sample(handover.task.type.output_schema, handover.task.request.idempotency_key)
    except WorkflowEngineError as failure:
        return Failed(now, path, delivery, StepError(failure.code, str(failure)), 0.0, retryable=False)
    return Succeeded(now, path, delivery, Completed(output, simulated=True), 0.0)
