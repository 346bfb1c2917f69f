"""Routes about executions: start, look, act."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.definition.envelope import Envelope, SavedRun
from workflow_engine.definition.model import WorkflowDefinition
from workflow_engine.engine.executions import Accepted
from workflow_engine.engine.waiting import results_within
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.history.events import StepError
from workflow_engine.journal.contract import ExecutionFilter
from workflow_engine.rest import examples
from workflow_engine.rest.bodies import Body, at_most, read_as
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.parameters import (
    COMPENSATE,
    CURSOR,
    LIMIT,
    OFFSET,
    STARTED_AFTER,
    STARTED_BEFORE,
    STATUS,
    TAG,
    USER_ID,
    WAIT,
    WORKFLOW_ID,
    WORKFLOW_NAME,
    query_of,
)
from workflow_engine.rest.wire import (
    ExecutionBody,
    ExecutionListBody,
    ExplanationBody,
    MessageBody,
    ResultsBody,
    StartedBody,
    execution_body,
    execution_list_body,
    explanation_body,
    results_body,
    started_body,
)

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json
else:  # Pydantic would follow the recursive alias without end.
    Json = object

ID: Final = {"execution_id": "Id of the execution."}
KEY: Final = {"Idempotency-Key": "Makes it safe to send the same request again: it is accepted once."}
FILTERS: Final = (
    STATUS,
    WORKFLOW_ID,
    WORKFLOW_NAME,
    USER_ID,
    TAG,
    STARTED_AFTER,
    STARTED_BEFORE,
    CURSOR,
    LIMIT,
    OFFSET,
)

router = APIRouter(route_class=Route, tags=["executions"])


class Stop(Body):
    """The body of a cancel or a pause; all of it may be absent."""

    reason: Annotated[str, at_most(1_024)] = ""


class Failure(Body):
    code: Annotated[str, at_most(128)]
    message: Annotated[str, at_most(16_384)]
    details: Json = None


class Outcome(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    RETRY = "retry"


class Resolution(Body):
    """What became of a step whose outcome is unknown; `retry` runs it again."""

    outcome: Outcome
    output: Json = None
    error: Failure | None = None


@router.post(
    "/workflows/execute",
    **describe(
        "execute_workflow",
        "Run a document",
        answers=(StartedBody, ResultsBody),
        example=examples.STARTED,
        body=(Envelope, WorkflowDefinition),
        body_example=examples.ENVELOPE,
        query=[WAIT],
        headers=KEY,
        refusals=(*WITH_BODY, 429),
    ),
)
async def execute_workflow(call: Call) -> Response:
    """Answers when the execution is durable; with `wait`, when it has ended or the time ran out."""
    with query_of(call) as query:
        wait = query(WAIT)
    accepted = await call.face.executions.start(call.caller, await call.read(), key=call.key)
    return await _started(call, accepted, wait)


@router.post(
    "/workflows/{workflow_id}/execute",
    **describe(
        "execute_saved_workflow",
        "Run a saved workflow",
        answers=(StartedBody, ResultsBody),
        example=examples.STARTED,
        body=SavedRun,
        body_example=examples.SAVED_RUN,
        body_required=False,
        path={"workflow_id": "Id of the workflow."},
        query=[WAIT],
        headers=KEY,
        refusals=(404, *WITH_BODY, 429),
    ),
)
async def execute_saved_workflow(call: Call) -> Response:
    """As a document is run; `version` names a saved version, the current one when absent."""
    with query_of(call) as query:
        wait = query(WAIT)
    body = await call.read_optional()
    accepted = await call.face.executions.start_saved(
        call.caller, call.path_params["workflow_id"], {} if body is None else body, key=call.key
    )
    return await _started(call, accepted, wait)


async def _started(call: Call, accepted: Accepted, wait: float | None) -> Response:
    if wait is None:
        return answer(started_body(accepted))
    if accepted.results is not None:
        return answer(results_body(accepted.results))
    results = await results_within(
        call.face.executions, call.caller, accepted.execution_id, wait, call.backing.stopping
    )
    return answer(results_body(results))


@router.get(
    "/executions",
    **describe(
        "list_executions", "List executions, newest first", answers=ExecutionListBody, query=FILTERS, refusals=(422,)
    ),
)
async def list_executions(call: Call) -> Response:
    """The history: filters narrow it, `next_cursor` goes on."""
    with query_of(call) as query:
        wanted = ExecutionFilter(
            statuses=query(STATUS),
            workflow_id=query(WORKFLOW_ID),
            workflow_name=query(WORKFLOW_NAME),
            user_id=query(USER_ID),
            tag=query(TAG),
            started_after=query(STARTED_AFTER),
            started_before=query(STARTED_BEFORE),
            cursor=query(CURSOR),
            offset=query(OFFSET),
            limit=query(LIMIT),
        )
    return answer(execution_list_body(await call.face.executions.list(call.caller, wanted)))


@router.get(
    "/executions/{execution_id}",
    **describe("get_execution", "Look at an execution", answers=ExecutionBody, path=ID, refusals=(404,)),
)
async def get_execution(call: Call) -> Response:
    return answer(execution_body(await call.face.executions.get(call.caller, _id(call))))


@router.get(
    "/executions/{execution_id}/results",
    **describe("get_results", "What came out so far", answers=ResultsBody, path=ID, refusals=(404,)),
)
async def get_results(call: Call) -> Response:
    return answer(results_body(await call.face.executions.results(call.caller, _id(call))))


@router.get(
    "/executions/{execution_id}/explain",
    **describe("explain_execution", "Why is it not running?", answers=ExplanationBody, path=ID, refusals=(404,)),
)
async def explain_execution(call: Call) -> Response:
    reasons = await call.face.executions.explain(call.caller, _id(call))
    view = await call.face.executions.get(call.caller, _id(call))
    return answer(explanation_body(view, list(reasons)))


@router.post(
    "/executions/{execution_id}/cancel",
    **describe(
        "cancel_execution",
        "Cancel",
        answers=ExecutionBody,
        body=Stop,
        body_required=False,
        path=ID,
        query=[COMPENSATE],
        refusals=(404, 409, *WITH_BODY),
    ),
)
async def cancel_execution(call: Call) -> Response:
    """Nothing new starts once this answers, and what running steps still bring is not applied."""
    with query_of(call) as query:
        compensate = query(COMPENSATE)
    stop = await _stop(call)
    view = await call.face.executions.cancel(call.caller, _id(call), stop.reason, compensate=compensate)
    return answer(execution_body(view))


@router.post(
    "/executions/{execution_id}/pause",
    **describe(
        "pause_execution",
        "Pause",
        answers=ExecutionBody,
        body=Stop,
        body_required=False,
        path=ID,
        refusals=(404, 409, *WITH_BODY),
    ),
)
async def pause_execution(call: Call) -> Response:
    """Running steps finish; nothing new begins until it is resumed."""
    stop = await _stop(call)
    return answer(execution_body(await call.face.executions.pause(call.caller, _id(call), stop.reason)))


@router.post(
    "/executions/{execution_id}/resume",
    **describe("resume_execution", "Resume", answers=ExecutionBody, path=ID, refusals=(404, 409)),
)
async def resume_execution(call: Call) -> Response:
    return answer(execution_body(await call.face.executions.resume(call.caller, _id(call))))


@router.post(
    "/executions/{execution_id}/signals/{name}",
    **describe(
        "signal_execution",
        "Send a signal",
        answers=MessageBody,
        example={"message": "Signal accepted"},
        body=object,
        body_example={"approved": True},
        body_required=False,
        path={**ID, "name": "Name of the signal."},
        headers=KEY,
        refusals=(404, 409, *WITH_BODY),
    ),
)
async def signal_execution(call: Call) -> Response:
    """The body is the payload. Kept until a step waits for it."""
    payload = await call.read_optional()
    await call.face.executions.signal(call.caller, _id(call), call.path_params["name"], payload, key=call.key)
    return answer({"message": "Signal accepted"})


@router.post(
    "/executions/{execution_id}/steps/{path}/resolve",
    **describe(
        "resolve_step",
        "Say what became of a step whose outcome is unknown",
        answers=ExecutionBody,
        body=Resolution,
        body_example={"outcome": "completed", "output": {"sent": True}},
        path={**ID, "path": "Path of the step, such as `send` or `fan[3].send`."},
        refusals=(404, 409, *WITH_BODY),
    ),
)
async def resolve_step(call: Call) -> Response:
    resolution = await call.read_as(Resolution)
    view = await call.face.executions.resolve(
        call.caller,
        _id(call),
        call.path_params["path"],
        output=resolution.output,
        completed=resolution.outcome is Outcome.COMPLETED,
        error=_failure(resolution),
    )
    return answer(execution_body(view))


def _failure(resolution: Resolution) -> StepError | None:
    if resolution.outcome is not Outcome.FAILED:
        return None
    if resolution.error is None:
        raise InvalidDocument([Problem("missing-field", "The outcome 'failed' needs an error", "/error")])
    return StepError(resolution.error.code, resolution.error.message, resolution.error.details)


async def _stop(call: Call) -> Stop:
    body = await call.read_optional()
    return Stop() if body is None else read_as(Stop, body)


def _id(call: Call) -> str:
    execution_id: str = call.path_params["execution_id"]
    return execution_id
