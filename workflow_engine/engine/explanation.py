"""Why is it not running? One machine-readable reason for each open step."""

from collections.abc import Iterator
from dataclasses import dataclass

from workflow_engine.dispatch.routes import BY_WORKERS
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.frontier import Frontier
from workflow_engine.history.state import StepState, Wait
from workflow_engine.history.statuses import StepStatus
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.live import Live


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is one of WAITING_ON, NO_WORKER, ALL_SLOTS_BUSY, BACKOFF, APPROVAL, SIGNAL, TIMER, PAUSED, LEASED,
    OUTCOME_UNKNOWN.
    """

    path: str
    code: str
    message: str
    details: JsonObject


def explain(live: Live) -> list[Reason]:
    """A reason for every step that has not ended, in order of rank; empty when the execution has ended."""
    if live.execution.state.ended is not None:
        return []
    return list(_reasons(live.execution))


def _reasons(execution: Execution) -> Iterator[Reason]:
    paused = execution.state.paused
    for path in execution.paths():
        step = execution.state.steps.get(path)
        if step is not None and step.status.is_terminal:
            continue
        if step is not None and step.status is StepStatus.RUNNING and not step.held:
            yield _unserved(execution, step) or _leased(step)
        elif paused is not None:
            yield Reason(path, "PAUSED", f"the execution is paused: {paused}", {"reason": paused})
        elif step is not None and step.wait is not None:
            yield _waiting(step, step.wait)
        else:
            yield _pending(execution, path)


def _leased(step: StepState) -> Reason:
    details: JsonObject = {"worker": "local", "attempt": step.attempt, "until": step.deadline}
    return Reason(step.path, "LEASED", "it runs in the server's own process", details)


def _unserved(execution: Execution, step: StepState) -> Reason | None:
    """No worker can connect yet, so whatever only workers serve waits for one."""
    step_type = execution.planned(step.path).type
    if step_type.execution_type not in BY_WORKERS:
        return None
    details: JsonObject = {"step_type": step_type.name, "version": step_type.version, "last_seen": None}
    return Reason(step.path, "NO_WORKER", f"no worker serves {step_type.pin}", details)


def _waiting(step: StepState, wait: Wait) -> Reason:
    until: Json = wait.due_at
    if wait.reason == "outcome-unknown":
        return Reason(
            step.path, "OUTCOME_UNKNOWN", "nobody knows whether it took effect; resolve it", {"attempt": step.attempt}
        )
    if wait.backoff:
        message = f"attempt {step.attempt} failed; the next one begins when its delay is over"
        return Reason(step.path, "BACKOFF", message, {"until": until, "attempt": step.attempt})
    if wait.signal is not None:
        return Reason(
            step.path, "SIGNAL", f"it waits for the signal {wait.signal}", {"name": wait.signal, "until": until}
        )
    return Reason(step.path, "TIMER", "it waits for its timer", {"until": until})


def _pending(execution: Execution, path: str) -> Reason:
    frontier = execution.frontier_of(path)
    missing = _missing(execution, frontier, path)
    if missing:
        return Reason(path, "WAITING_ON", f"it waits for {', '.join(missing)}", {"steps": list(missing)})
    message = f"all {frontier.body.width} places of this execution are taken"
    return Reason(path, "ALL_SLOTS_BUSY", message, {"slots": frontier.body.width})


def _missing(execution: Execution, frontier: Frontier, path: str) -> list[str]:
    """What this step waits for; for a step that only runs when asked, who might ask."""
    step = frontier.body.steps[path[len(frontier.prefix) :]]
    routers = frontier.body.routers.get(step.id, ())
    return [
        name
        for name in (*step.waits_for, *routers)
        if not execution.state.status_of(frontier.prefix + name).is_terminal
    ]
