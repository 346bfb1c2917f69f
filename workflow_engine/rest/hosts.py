"""Routes about the hosts the server may call."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.rest.bodies import Body, at_most
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.wire import HostBody, HostListBody, MessageBody, host_body

router = APIRouter(route_class=Route, tags=["administration"])


class HostEntry(Body):
    """`pattern` is `host`, `host:port`, `*.domain`, an IP address or a CIDR block."""

    pattern: Annotated[str, at_most(300)]
    note: Annotated[str, at_most(1_024)] = ""


@router.get("/hosts", **describe("list_hosts", "Hosts the server may call", answers=HostListBody))
async def list_hosts(call: Call) -> Response:
    hosts = [host_body(entry) for entry in call.face.hosts.list(call.caller)]
    return answer({"hosts": hosts, "total": len(hosts)})


@router.post(
    "/hosts",
    **describe(
        "allow_host",
        "Allow a host",
        answers=HostBody,
        body=HostEntry,
        body_example={"pattern": "10.1.0.0/16", "note": "the workers' network"},
        refusals=WITH_BODY,
    ),
)
async def allow_host(call: Call) -> Response:
    """Takes effect with the next call. Public hosts need no entry."""
    entry = await call.read_as(HostEntry)
    return answer(host_body(await call.face.hosts.allow(call.caller, entry.pattern, entry.note)))


@router.delete(
    "/hosts/{pattern:path}",
    **describe(
        "disallow_host", "Take a host away", answers=MessageBody, path={"pattern": "As it is listed."}, refusals=(404,)
    ),
)
async def disallow_host(call: Call) -> Response:
    await call.face.hosts.disallow(call.caller, call.path_params["pattern"])
    return answer({"message": "Host removed successfully"})
