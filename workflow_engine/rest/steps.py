"""Routes about step types."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.jsontext import JsonObject
from workflow_engine.rest import examples
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.parameters import DRY_RUN, STEP_VERSION, query_of
from workflow_engine.rest.step_bodies import RegisteredBody, ResetBody, StepListBody, registered_body
from workflow_engine.rest.wire import MessageBody
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.wire import write_entry

TYPE: Final = {"step_type": "Name of the step type."}

router = APIRouter(route_class=Route, tags=["steps"])


@router.post(
    "/steps/register",
    **describe(
        "register_step",
        "Register a step type",
        answers=RegisteredBody,
        example=examples.REGISTERED,
        body=dict,
        body_example=examples.REGISTRATION,
        query=[DRY_RUN],
        refusals=(409, *WITH_BODY),
    ),
)
async def register_step(call: Call) -> Response:
    """Without `version`, the same contract is a no-op, a compatible one the next minor version, a breaking one the next
    major with a warning. With `dry_run=true` nothing is kept. `breaks` lists the saved workflows and open executions
    that the contract breaks, or would break.
    """
    with query_of(call) as query:
        dry_run = query(DRY_RUN)
    done = await call.face.steps.register_all(call.caller, [await call.read()], dry_run=dry_run)
    return answer(registered_body(done, dry_run=dry_run))


@router.get("/steps", **describe("list_steps", "List step types", answers=StepListBody))
async def list_steps(call: Call) -> Response:
    """The latest version of each, the built-in ones first."""
    return answer(_listed(call, call.face.steps.list(call.caller)))


@router.get(
    "/steps/{step_type}",
    **describe("get_step", "Look at a step type", path=TYPE, query=[STEP_VERSION], refusals=(404, 422)),
)
async def get_step(call: Call) -> Response:
    """The latest version, or the one asked for."""
    with query_of(call) as query:
        version = query(STEP_VERSION)
    return answer(_entry(call, call.face.steps.get(call.caller, _type(call), version)))


@router.get(
    "/steps/{step_type}/versions",
    **describe("list_step_versions", "Every version, newest first", answers=StepListBody, path=TYPE, refusals=(404,)),
)
async def list_step_versions(call: Call) -> Response:
    return answer(_listed(call, call.face.steps.versions(call.caller, _type(call))))


@router.delete(
    "/steps/{step_type}",
    **describe(
        "delete_step",
        "Take a step type away",
        answers=MessageBody,
        path=TYPE,
        query=[STEP_VERSION],
        refusals=(404, 422),
    ),
)
async def delete_step(call: Call) -> Response:
    """One version, or all. New executions cannot use it; those that run keep it."""
    with query_of(call) as query:
        version = query(STEP_VERSION)
    await call.face.steps.delete(call.caller, _type(call), version)
    return answer({"message": "Step type deleted successfully"})


@router.post(
    "/steps/{step_type}/reset",
    **describe(
        "reset_step",
        "Hand a quarantined step type to workers again",
        answers=ResetBody,
        path=TYPE,
        refusals=(404,),
    ),
)
async def reset_step(call: Call) -> Response:
    """A type is quarantined when its steps keep losing their workers. Needs the scope admin."""
    return answer({"reset": call.face.workers.reset(call.caller, _type(call))})


def _listed(call: Call, entries: tuple[CatalogueEntry, ...]) -> StepListBody:
    return {"steps": [_entry(call, entry) for entry in entries], "total": len(entries)}


def _entry(call: Call, entry: CatalogueEntry) -> JsonObject:
    standing = call.face.workers.standing(call.caller, entry.type)
    return write_entry(entry, workers=standing.workers, status=standing.status)


def _type(call: Call) -> str:
    step_type: str = call.path_params["step_type"]
    return step_type
