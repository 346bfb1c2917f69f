"""Why is it not running? One machine-readable reason for each open step."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workflow_engine.clock import iso
from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.dispatch.workers.handover import HandOver, Stage
from workflow_engine.dispatch.workers.line import Line
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.frontier import Frontier
from workflow_engine.history.agents import USER_INPUT, AgentState
from workflow_engine.history.steps import StepState, Wait
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.tasks import is_outside
from workflow_engine.steps.contract import StepType


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` is one of WAITING_ON, NO_WORKER, ALL_SLOTS_BUSY, BACKOFF, APPROVAL, SIGNAL, TIMER, PAUSED, LEASED,
    OUTCOME_UNKNOWN, QUARANTINED, USER_INPUT.
    """

    path: str
    code: str
    message: str
    details: JsonObject


def explain(live: Live, desk: Desk) -> list[Reason]:
    """A reason for every step that has not ended, in order of rank; empty when the execution has ended."""
    if live.execution.state.ended is not None:
        return []
    return list(_reasons(live, desk))


def _reasons(live: Live, desk: Desk) -> Iterator[Reason]:
    execution = live.execution
    paused = execution.state.paused
    for path in execution.paths():
        step = execution.state.steps.get(path)
        if step is not None and step.status.is_terminal:
            continue
        if step is not None and step.is_at_work and not step.held:
            yield _running(live, step, desk)
        elif paused is not None:
            yield Reason(path, "PAUSED", f"the execution is paused: {paused}", {"reason": paused})
        elif step is not None and step.wait is not None:
            yield _waiting(step, step.wait)
        elif step is not None and step.agent is not None:
            yield _conversing(execution, path, step.agent)
        else:
            yield _pending(execution, path)


def _conversing(execution: Execution, path: str, agent: AgentState) -> Reason:
    open_steps = [other for other in execution.state.open if other.startswith(f"{path}#")]
    message = f"it is in turn {agent.turn} of its conversation, and waits for {', '.join(open_steps) or 'the next one'}"
    return Reason(path, "WAITING_ON", message, {"steps": list[Json](open_steps), "turn": agent.turn})


def _running(live: Live, step: StepState, desk: Desk) -> Reason:
    step_type = live.execution.planned(step.path).type
    if not is_outside(live.execution, step.path):
        details: JsonObject = {"worker": "local", "attempt": step.attempt, "until": step.deadline}
        return Reason(step.path, "LEASED", "it runs in the server's own process", details)
    handover = desk.of_step(live.id, step.path)
    if handover is not None and handover.stage in (Stage.LEASED, Stage.RETURNING):
        return _leased(step, handover, desk)
    return _in_line(step, step_type, desk.line(live.namespace, step_type.pin))


def _leased(step: StepState, handover: HandOver, desk: Desk) -> Reason:
    if handover.stage is Stage.RETURNING:
        left = max(desk.returning.until - desk.clock.monotonic(), 0.0)
        details: JsonObject = {"worker": step.worker, "attempt": step.attempt, "until": desk.clock.now() + left}
        return Reason(step.path, "LEASED", "the worker that may have it did not come back to the server yet", details)
    ends = handover.due if math.isfinite(handover.due) else handover.times_out_at or 0.0
    left = max(ends - desk.clock.monotonic(), 0.0)
    details = {"worker": handover.worker_id, "attempt": step.attempt, "until": desk.clock.now() + left}
    return Reason(step.path, "LEASED", f"worker {handover.worker_id} has it", details)


def _in_line(step: StepState, step_type: StepType, line: Line) -> Reason:
    details: JsonObject = {"step_type": step_type.name, "version": step_type.version}
    if line.quarantined:
        message = f"{step_type.pin} is quarantined: {line.losses} workers in a row were lost while they did such a step"
        return Reason(step.path, "QUARANTINED", message, {**details, "losses": line.losses})
    if not line.sessions:
        seen = {**details, "last_seen": None if line.last_seen is None else iso(line.last_seen)}
        return Reason(step.path, "NO_WORKER", f"no worker serves {step_type.pin}", seen)
    slots = sum(session.slots.get("", 0) for session in line.sessions)
    message = f"all {slots} slots of the {len(line.sessions)} workers that serve {step_type.pin} are taken"
    return Reason(step.path, "ALL_SLOTS_BUSY", message, {**details, "workers": len(line.sessions), "slots": slots})


def _waiting(step: StepState, wait: Wait) -> Reason:
    until: Json = wait.due_at
    if wait.reason == "outcome-unknown":
        return Reason(
            step.path, "OUTCOME_UNKNOWN", "nobody knows whether it took effect; resolve it", {"attempt": step.attempt}
        )
    if wait.reason == USER_INPUT:
        return Reason(step.path, "USER_INPUT", "it waits for a message of its user", {"attempt": step.attempt})
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
