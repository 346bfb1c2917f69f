"""Routes about the keys of this server; every one needs the scope admin."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.rest.bodies import Body, at_most
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.wire import CreatedKeyBody, KeyBody, KeyListBody, key_body

router = APIRouter(route_class=Route, tags=["administration"])


class KeyRequest(Body):
    """`principal` is who shows the key; `scopes` are one or more of `execute`, `register` and `admin`."""

    principal: Annotated[str, at_most(128)]
    scopes: tuple[str, ...]
    note: Annotated[str, at_most(1_024)] = ""


@router.get("/keys", **describe("list_keys", "Keys of this server", answers=KeyListBody))
async def list_keys(call: Call) -> Response:
    """The revoked ones too; what would open a door is never listed."""
    keys = [key_body(view) for view in call.face.keys.list(call.caller)]
    return answer({"keys": keys, "total": len(keys)})


@router.post(
    "/keys",
    **describe(
        "create_key",
        "Create a key",
        answers=CreatedKeyBody,
        body=KeyRequest,
        body_example={"principal": "image-team", "scopes": ["execute", "register"], "note": "the workers in CI"},
        refusals=WITH_BODY,
    ),
)
async def create_key(call: Call) -> Response:
    """`secret` is the whole key, told this once. After the first key every request needs one."""
    asked = await call.read_as(KeyRequest)
    created = await call.face.keys.create(call.caller, asked.principal, asked.scopes, asked.note)
    body = {**key_body(created.view), "secret": created.secret}
    return Response(answer(body).body, headers={"Cache-Control": "no-store"}, media_type="application/json")


@router.delete(
    "/keys/{key_id}",
    **describe("revoke_key", "Revoke a key", answers=KeyBody, path={"key_id": "As it is listed."}, refusals=(404,)),
)
async def revoke_key(call: Call) -> Response:
    """From now on it is none. It stays in the list; revoking it again changes nothing."""
    return answer(key_body(await call.face.keys.revoke(call.caller, call.path_params["key_id"])))
