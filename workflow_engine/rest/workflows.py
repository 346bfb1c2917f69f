"""Routes about saved workflows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.definition.model import WorkflowDefinition
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject, pointer
from workflow_engine.rest import examples
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.parameters import LIMIT, OFFSET, VERSION_NUMBER, query_of
from workflow_engine.rest.wire import (
    MessageBody,
    SavedBody,
    ValidationBody,
    WorkflowListBody,
    WorkflowVersionsBody,
    saved_body,
    workflow_body,
    workflow_version_body,
)
from workflow_engine.steps.spelling import advice

ID: Final = {"workflow_id": "Id of the workflow."}
DOCUMENT: Final = "workflow_config"
SERVER_FIELDS: Final = ("workflow_id", "created_at", "updated_at")
"""What `GET` adds to a document; sent back, it is no part of it."""

router = APIRouter(route_class=Route, tags=["workflows"])


@router.post(
    "/workflows/validate",
    **describe(
        "validate_workflow",
        "Everything that is wrong with a document",
        answers=ValidationBody,
        body=WorkflowDefinition,
        body_example=examples.DOCUMENT,
        refusals=WITH_BODY,
    ),
)
async def validate_workflow(call: Call) -> Response:
    """Answers 200 for any JSON; nothing is saved or run."""
    return answer((await call.face.workflows.validate(call.caller, await call.read())).to_json())


@router.post(
    "/workflows",
    **describe(
        "save_workflow",
        "Save a workflow",
        answers=SavedBody,
        example=examples.SAVED,
        body=WorkflowDefinition,
        body_example=examples.DOCUMENT,
        refusals=WITH_BODY,
    ),
)
async def save_workflow(call: Call) -> Response:
    """Under its `workflow_id`, or one made of its name. Saved again, a changed document becomes the next version."""
    sent = _sent(await call.read())
    with _pointing_below(sent.pointer):
        row = await call.face.workflows.save(call.caller, sent.document, sent.workflow_id)
    return answer(saved_body(row))


@router.get(
    "/workflows", **describe("list_workflows", "List workflows", answers=WorkflowListBody, query=[LIMIT, OFFSET])
)
async def list_workflows(call: Call) -> Response:
    with query_of(call) as query:
        limit, offset = query(LIMIT), query(OFFSET)
    found = await call.face.workflows.list(call.caller, limit, offset)
    listed = [workflow_body(row) for row in found.workflows]
    return answer({"workflows": listed, "total": found.total, "limit": limit, "offset": offset})


@router.get(
    "/workflows/{workflow_id}",
    **describe(
        "get_workflow",
        "Read a workflow",
        answers=WorkflowDefinition,
        example=examples.DOCUMENT,
        path=ID,
        query=[VERSION_NUMBER],
        refusals=(404, 422),
    ),
)
async def get_workflow(call: Call) -> Response:
    with query_of(call) as query:
        version = query(VERSION_NUMBER)
    return answer(workflow_body(await call.face.workflows.get(call.caller, _id(call), version)))


@router.put(
    "/workflows/{workflow_id}",
    **describe(
        "replace_workflow",
        "Save the next version",
        answers=SavedBody,
        example=examples.SAVED,
        body=WorkflowDefinition,
        body_example=examples.DOCUMENT,
        path=ID,
        refusals=(404, *WITH_BODY),
    ),
)
async def replace_workflow(call: Call) -> Response:
    """The same document again changes nothing."""
    sent = _sent(await call.read())
    if sent.workflow_id not in (None, _id(call)):
        raise InvalidDocument([Problem("wrong-workflow-id", "This is not the id of the path", "/workflow_id")])
    with _pointing_below(sent.pointer):
        row = await call.face.workflows.save(call.caller, sent.document, _id(call), create=False)
    return answer(saved_body(row))


@router.delete(
    "/workflows/{workflow_id}",
    **describe("delete_workflow", "Delete a workflow", answers=MessageBody, path=ID, refusals=(404,)),
)
async def delete_workflow(call: Call) -> Response:
    """All of its versions. Executions that run keep the definition they started with."""
    await call.face.workflows.delete(call.caller, _id(call))
    return answer({"message": "Workflow deleted successfully"})


@router.get(
    "/workflows/{workflow_id}/versions",
    **describe("list_workflow_versions", "Every version", answers=WorkflowVersionsBody, path=ID, refusals=(404,)),
)
async def list_workflow_versions(call: Call) -> Response:
    rows = await call.face.workflows.versions(call.caller, _id(call))
    versions = [workflow_version_body(row) for row in rows]
    return answer({"workflow_id": _id(call), "versions": versions, "total": len(versions)})


@dataclass(frozen=True, slots=True)
class _Sent:
    """A document to save, where it stood in the body, and the id it is to be saved under."""

    document: JsonObject
    pointer: str
    workflow_id: str | None


def _sent(body: Json) -> _Sent:
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("wrong-type", "A workflow must be an object")])
    where = f"/{DOCUMENT}" if DOCUMENT in body else ""
    document, around = (body[DOCUMENT], body) if where else (body, {})
    if not isinstance(document, dict):
        raise InvalidDocument([Problem("wrong-type", "A workflow must be an object", where)])
    _refuse_unknown(around)
    named = around.get("workflow_id") or document.get("workflow_id")
    kept = {name: value for name, value in document.items() if name not in SERVER_FIELDS or not isinstance(value, str)}
    return _Sent(kept, where, named if isinstance(named, str) else None)


@contextmanager
def _pointing_below(where: str) -> Iterator[None]:
    try:
        yield
    except InvalidDocument as invalid:
        raise InvalidDocument([replace(each, pointer=where + each.pointer) for each in invalid.problems()]) from None


def _refuse_unknown(around: JsonObject) -> None:
    known = (DOCUMENT, "workflow_id")
    wrong = [
        Problem("unknown-field", f"Unknown field{advice(name, known)}", pointer(name))
        for name in around
        if name not in known
    ]
    named = around.get("workflow_id")
    if named is not None and not isinstance(named, str):
        wrong.append(Problem("wrong-type", "This must be a string", "/workflow_id"))
    if wrong:
        raise InvalidDocument(wrong)


def _id(call: Call) -> str:
    workflow_id: str = call.path_params["workflow_id"]
    return workflow_id
