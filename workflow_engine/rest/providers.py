"""The route about providers of models."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from workflow_engine.engine.providers import AgentWorkerView, ProviderView
from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import describe
from workflow_engine.rest.wire import instant

router = APIRouter(route_class=Route, tags=["agents"])


class ProviderBody(TypedDict):
    """`why`: what configures it, or what to set. `sources`: who has it, `environment` for the environment of this
    server, `worker <id>` for an agent worker elsewhere. `variables`: names of what configures it.
    """

    name: str
    configured: bool
    why: str
    sources: list[str]
    variables: list[str]


class AgentWorkerBody(TypedDict):
    """The process that this server starts to call models. `status`: off, idle (not needed yet), starting, running or
    restarting; `since` when. `connected` counts the agent workers that are connected, those of other machines too.
    """

    status: str
    since: str | None
    restarts: int
    connected: int


class ProviderListBody(TypedDict):
    """`credentials`: the names that agents may give as `credential`. No value is ever told."""

    providers: list[ProviderBody]
    credentials: list[str]
    worker: AgentWorkerBody


EXAMPLE: Final[JsonObject] = {
    "providers": [
        {
            "name": "openai",
            "configured": True,
            "why": "OPENAI_API_KEY is set",
            "sources": ["environment"],
            "variables": ["OPENAI_API_KEY"],
        }
    ],
    "credentials": ["DOCS"],
    "worker": {"status": "running", "since": "2026-11-01T12:00:00.000000Z", "restarts": 0, "connected": 1},
}


@router.get(
    "/providers", **describe("list_providers", "Providers of models", answers=ProviderListBody, example=EXAMPLE)
)
async def list_providers(call: Call) -> Response:
    """Which are configured and why not, and how the process is that calls them."""
    providers, caller = call.face.providers, call.caller
    return answer(
        ProviderListBody(
            providers=[_provider(view) for view in providers.list(caller)],
            credentials=list(providers.credentials(caller)),
            worker=_worker(providers.worker(caller)),
        )
    )


def _provider(view: ProviderView) -> ProviderBody:
    return ProviderBody(
        name=view.name,
        configured=view.configured,
        why=view.why,
        sources=list(view.sources),
        variables=list(view.variables),
    )


def _worker(view: AgentWorkerView) -> AgentWorkerBody:
    return AgentWorkerBody(
        status=view.status, since=instant(view.since), restarts=view.restarts, connected=view.connected
    )
