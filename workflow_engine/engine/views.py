"""What callers see of an execution. Built inside a turn, so that a view never shows what is not durable."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflow_engine.execution.errors import NotAnAgent, UnknownStep
from workflow_engine.execution.execution import Execution
from workflow_engine.history.agents import USER_INPUT
from workflow_engine.history.events import StepError
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.journal.contract import ExecutionRecord, ExecutionRow, Summary
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.summaries import step_statuses, summarize
from workflow_engine.runtime.tasks import input_of


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution in short: its fixed facts, its counts, and (where its steps are at hand) the status of each."""

    record: ExecutionRecord
    summary: Summary
    version: int
    phase: str | None = None
    """`compensating` while compensations run."""
    step_statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step that ran, or was decided upon. `execution_time_ms` is that of its last attempt."""

    status: StepStatus
    output: Json
    error: StepError | None
    error_message: str | None
    execution_time_ms: float
    retry_count: int
    handled_by: str | None
    simulated: bool
    input: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ResultsView:
    """What came out so far; complete once `status` is terminal."""

    execution_id: str
    status: ExecutionStatus
    steps: dict[str, StepView]
    """Those of the document."""
    inner_steps: dict[str, StepView]
    """What steps of the document own, such as the turns of an agent; without their inputs."""
    output: Json
    error: StepError | None
    reason: str | None
    started_at: float
    completed_at: float | None


def execution_view(live: Live) -> ExecutionView:
    execution = live.execution
    phase = "compensating" if execution.state.compensating is not None and execution.state.ended is None else None
    return ExecutionView(live.record, summarize(execution), execution.state.version, phase, step_statuses(execution))


def row_view(row: ExecutionRow) -> ExecutionView:
    return ExecutionView(row.record, row.summary, row.last_seq, step_statuses=row.summary.step_statuses or {})


def results_view(live: Live) -> ResultsView:
    """Steps that never began and were not skipped are absent."""
    execution, state = live.execution, live.execution.state
    return ResultsView(
        execution_id=live.id,
        status=state.status,
        steps={
            step_id: _step_view(execution, step)
            for step_id in execution.plan.steps
            if (step := _shown(execution, step_id))
        },
        inner_steps={
            path: _step_view(execution, step, with_input=False)
            for path in execution.paths()
            if "." in path and (step := _shown(execution, path))
        },
        output=state.output,
        error=state.error,
        reason=state.reason,
        started_at=live.record.started_at,
        completed_at=state.completed_at,
    )


def _shown(execution: Execution, path: str) -> StepState | None:
    step = execution.state.steps.get(path)
    if step is None or (step.status is StepStatus.CANCELLED and step.scheduled_at is None):
        return None
    return step


def conversation_view(live: Live, path: str) -> JsonObject:
    """`{"messages", "status"}` of an agent: what was said so far, and what users said since. Raises `UnknownStep`,
    `NotAnAgent`.
    """
    step = live.execution.state.steps.get(path)
    if step is None:
        raise UnknownStep
    if step.agent is None:
        raise NotAnAgent(path)
    return {
        "messages": [*step.agent.messages, *step.agent.inbox],
        "status": step.status.value,
        "simulated": step.agent.why_simulated is not None,
    }


def _step_view(execution: Execution, step: StepState, *, with_input: bool = True) -> StepView:
    message = step.error.message if step.error is not None else step.reason
    return StepView(
        status=step.status,
        output=_output(step),
        error=step.error,
        error_message=None if step.status is StepStatus.COMPLETED else message,
        execution_time_ms=step.duration_ms,
        retry_count=max(step.attempt - 1, 0),
        handled_by=step.handled_by,
        simulated=step.simulated or _why_simulated(step) is not None,
        input=input_of(execution, step.path) if with_input and step.scheduled_at is not None else None,
    )


def _output(step: StepState) -> Json:
    """Of an agent that waits for its user: what it said."""
    if step.wait is None or step.wait.reason != USER_INPUT or step.agent is None:
        return step.output
    return {
        "status": "waiting",
        "waiting_for": USER_INPUT,
        "step_type": "interactive_agent",
        "agent_response": step.agent.text,
        "simulated": _why_simulated(step) is not None,
        "simulation_reason": _why_simulated(step),
    }


def _why_simulated(step: StepState) -> str | None:
    """Why an agent's turns are simulated; None for those of a real model, and for every other step."""
    return None if step.agent is None else step.agent.why_simulated
