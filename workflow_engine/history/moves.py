"""The moves a step can make, each from its one home, refused from anywhere else."""

from typing import Final, TypeAlias

from workflow_engine.history.events import AgentEnded, StepRescheduled, StepResumed, StepScheduled, TimerFired
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import STEP_MOVES, IllegalMove, StepStatus
from workflow_engine.history.steps import StepState

REPORTED_LATE: Final = "reported-late"
"""Why a step goes on of which nobody knew any more what became of it: whoever had it tells, under its old fence."""

HandOver: TypeAlias = StepScheduled | StepRescheduled | TimerFired | StepResumed | AgentEnded


def running(state: ExecutionState, path: str, what: str) -> StepState:
    step = state.steps.get(path)
    if step is None or step.status is not StepStatus.RUNNING:
        raise IllegalMove(f"step {path}", state.status_of(path), what)
    return step


def handed_over(
    state: ExecutionState,
    event: StepScheduled | StepRescheduled | TimerFired | StepResumed | AgentEnded,
    *sources: StepStatus,
) -> StepState:
    """A step begins or goes on, under a larger fence than any before; whoever reports late had it all the time."""
    step = state.steps.get(event.path)
    source = StepStatus.PENDING if step is None else step.status
    is_late = isinstance(event, StepRescheduled) and event.reason == REPORTED_LATE
    if source not in sources or (step is not None and event.delivery < step.delivery + (not is_late)):
        raise IllegalMove(f"step {event.path}", source, f"running under delivery {event.delivery}")
    step = moved(state, event.path, StepStatus.RUNNING)
    step.delivery = event.delivery
    return step


def moved(state: ExecutionState, path: str, target: StepStatus) -> StepState:
    step = state.steps.get(path)
    if step is None:
        step = state.steps[path] = StepState(path)
    source = step.status
    if target not in STEP_MOVES[source]:
        raise IllegalMove(f"step {path}", source, target)
    step.status = target
    if step.agent is None or step.agent.is_over:  # else nobody has it in hand, whatever its status is
        state.running += (target is StepStatus.RUNNING) - (source is StepStatus.RUNNING)
    return step


def ended(state: ExecutionState, path: str, status: StepStatus, at: float) -> StepState:
    step = moved(state, path, status)
    step.ended_at = at
    step.wait = step.deadline = step.resumed = None
    step.held = step.stopped = False
    state.open.pop(path, None)
    if "." not in path:  # what a step owns is counted with that step
        state.tally[status] = state.tally.get(status, 0) + 1
    return step
