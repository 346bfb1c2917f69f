"""From an execution to what one step is handed: the finished input and config, built from committed data only."""

from base64 import b64decode
from typing import cast

from workflow_engine.definition.model import OnMissingWorker
from workflow_engine.definition.plan import Plan, PlannedStep
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.gates import Gates
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.view import View
from workflow_engine.expressions import EvaluationFailed
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.identifiers import step_key
from workflow_engine.journal.contract import ExecutionRecord
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import (
    DefaultInput,
    ExecutionType,
    Resumption,
    Simulation,
    StepFailure,
    StepRequest,
    UserContext,
)


def task_for(execution: Execution, record: ExecutionRecord, gates: Gates, simulation: Simulation, path: str) -> Task:
    """The task of a step that was handed over. Raises `StepFailure` when its input cannot be built or breaks its
    contract.
    """
    step = execution.state.steps[path]
    planned = execution.planned(path)
    try:
        given, config = _given(execution, planned, step), _config(execution, planned, step)
    except EvaluationFailed as failure:
        raise StepFailure(failure.code, str(failure)) from failure
    gates.check_request(planned.type, config, given)
    request = _request(execution, record, planned, step, given, config, simulation)
    return Task(
        planned.type,
        request,
        cast(int, execution.started.options.get("priority", 0)),
        is_taken=step.worker_delivery == step.delivery,
        next_chunk=step.next_chunk,
        simulate_unserved=_simulates_unserved(execution.plan, simulation),
    )


def is_outside(execution: Execution, path: str) -> bool:
    """Whether a running step is, or may be, in the hands of somebody outside, whom the end of this process does not
    touch.
    """
    step = execution.state.steps[path]
    return execution.planned(path).type.execution_type.is_by_workers or step.worker_delivery == step.delivery


def input_of(execution: Execution, path: str) -> JsonObject | None:
    """What a step that began was handed as its input; None when it could not be built."""
    try:
        return _given(execution, execution.planned(path), execution.state.steps[path])
    except EvaluationFailed:
        return None


def _given(execution: Execution, planned: PlannedStep, step: StepState) -> JsonObject:
    computed = step.computed[: len(planned.input.computations)]
    given = cast(JsonObject, planned.input.build(_view(execution, step), computed))
    if planned.has_mapping or planned.type.default_input is DefaultInput.NONE:
        return given
    if planned.type.default_input is DefaultInput.EXECUTION:
        return {**execution.started.input, **given}
    return {**_completed_outputs(execution, planned, _prefix(step.path)), **given}


def _config(execution: Execution, planned: PlannedStep, step: StepState) -> JsonObject:
    computed = step.computed[len(planned.input.computations) :]
    return cast(JsonObject, planned.config.build(_view(execution, step), computed))


def _view(execution: Execution, step: StepState) -> View:
    return View(execution, _prefix(step.path), step.caught, step.caught_from)


def _completed_outputs(execution: Execution, planned: PlannedStep, prefix: str) -> JsonObject:
    outputs: dict[str, Json] = {}
    for dependency in planned.dependencies:
        source = execution.state.steps[prefix + dependency]
        if source.status is StepStatus.COMPLETED:
            outputs[dependency] = source.output
    return outputs


def _request(
    execution: Execution,
    record: ExecutionRecord,
    planned: PlannedStep,
    step: StepState,
    given: JsonObject,
    config: JsonObject,
    simulation: Simulation,
) -> StepRequest:
    resumed = step.resumed
    is_here = planned.type.execution_type is ExecutionType.LOCAL
    return StepRequest(
        execution_id=execution.id,
        workflow_id=record.workflow_id,
        workflow_name=record.workflow_name,
        namespace=record.namespace,
        path=step.path,
        step_id=planned.id,
        step_type=planned.type.name,
        attempt=step.attempt,
        delivery=step.delivery,
        idempotency_key=step_key(execution.id, step.path),
        input=given,
        config=config,
        now=(step.attempt_at or 0.0) if resumed is None else resumed.at,
        timeout_seconds=planned.timeout,
        resumption=None if resumed is None else Resumption(resumed.by, resumed.memo, resumed.payload),
        user=UserContext(record.user_id, record.session_id, record.organization_id),
        correlation_id=record.correlation_id,
        trace_id=record.trace_id,
        simulation=_narrowest(planned.simulation, simulation),
        step_simulation=planned.simulation,
        dependencies=_completed_outputs(execution, planned, _prefix(step.path)) if is_here else {},
        filled_fields=planned.config.filled_fields if is_here and not planned.config.is_literal else frozenset(),
        checkpoint=None if step.checkpoint is None else b64decode(step.checkpoint),
    )


def _simulates_unserved(plan: Plan, server: Simulation) -> bool:
    """Whether the document asks for made-up outputs where no worker serves a type; the server's `never` is final."""
    return plan.on_missing_worker == OnMissingWorker.SIMULATE and server is not Simulation.NEVER


def _prefix(path: str) -> str:
    return path[: path.rfind(".") + 1]


def _narrowest(step: Simulation | None, server: Simulation) -> Simulation:
    """The step's own word, unless the server says never, which is final: production says it."""
    return server if step is None or server is Simulation.NEVER else step
