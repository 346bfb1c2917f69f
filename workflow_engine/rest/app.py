"""The application: all routes around one engine. Everything it needs is handed in; nothing starts by importing it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from workflow_engine.agents.config import AgentConfig
from workflow_engine.clock import Clock, SystemClock
from workflow_engine.definition.envelope import Envelope, SavedRun
from workflow_engine.definition.model import WorkflowDefinition
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.face import Face
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.journal.contract import Failpoints
from workflow_engine.rest import (
    agent_bodies,
    agents,
    analytics,
    docs,
    events,
    executions,
    health,
    hosts,
    keys,
    messages,
    monitoring,
    providers,
    step_bodies,
    steps,
    wire,
    worker_answers,
    worker_bodies,
    workers,
    workflows,
)
from workflow_engine.rest.backing import Backing
from workflow_engine.rest.documentation import TITLE, openapi_document
from workflow_engine.rest.middleware import Door
from workflow_engine.rest.problems import MalformedHttp, MethodNotAllowed, RouteNotFound, problem_response
from workflow_engine.settings import Settings

ROUTERS: Final = (
    executions.router,
    events.router,
    workflows.router,
    steps.router,
    agents.router,
    messages.router,
    providers.router,
    workers.router,
    hosts.router,
    keys.router,
    health.router,
    monitoring.router,
    analytics.router,
    docs.router,
)
"""The order in which routes are tried."""

READ: Final = (
    Envelope,
    WorkflowDefinition,
    SavedRun,
    executions.Stop,
    executions.Resolution,
    hosts.HostEntry,
    keys.KeyRequest,
    AgentConfig,
    messages.ConversationEntry,
    worker_bodies.OpenSession,
    worker_bodies.Poll,
    worker_bodies.Report,
    worker_bodies.Drain,
    worker_bodies.LaterReport,
)
WRITTEN: Final = (
    wire.StartedBody,
    wire.ExecutionBody,
    wire.ExecutionListBody,
    wire.ResultsBody,
    wire.EventPageBody,
    wire.ExplanationBody,
    wire.MessageBody,
    wire.SavedBody,
    wire.WorkflowListBody,
    wire.WorkflowVersionsBody,
    wire.ValidationBody,
    step_bodies.RegisteredBody,
    step_bodies.StepListBody,
    step_bodies.ResetBody,
    worker_answers.WorkerListBody,
    worker_answers.OpenedBody,
    worker_answers.PolledBody,
    worker_answers.ReportedBody,
    worker_answers.DrainedBody,
    wire.HostBody,
    wire.HostListBody,
    wire.KeyBody,
    wire.CreatedKeyBody,
    wire.KeyListBody,
    agent_bodies.SavedAgentBody,
    agent_bodies.AgentBody,
    agent_bodies.AgentListBody,
    agent_bodies.UsageBody,
    agent_bodies.ConversationBody,
    providers.ProviderListBody,
)


class Application(FastAPI):
    """FastAPI, with the OpenAPI document put together from what the routes really take and answer."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = openapi_document(self, wire.ENGINE_VERSION, READ, WRITTEN)
        return self.openapi_schema


def create_app(
    face: Face,
    settings: Settings,
    *,
    stopping: asyncio.Event,
    metrics: Metrics | None = None,
    errors: ErrorLog | None = None,
    clock: Clock | None = None,
    streams: Places | None = None,
    failpoints: Failpoints | None = None,
) -> FastAPI:
    """The REST face of an engine.

    `stopping`: set it first when the server is to stop, so that waits and streams end at once. `metrics` and `errors`:
    the observers that engine was opened with; without them only the faults of this face are counted. `streams`: the
    places for event streams, where another face takes of them, too.
    """
    clock = clock or SystemClock()
    metrics = metrics or Metrics()
    metrics.attach(face)
    backing = Backing(
        face=face,
        settings=settings,
        metrics=metrics,
        errors=errors or ErrorLog(clock),
        stopping=stopping,
        streams=streams or Places(settings.limits.max_streams),
        clock=clock,
        failpoints=failpoints or Failpoints(),
    )
    return _application(backing)


def _application(backing: Backing) -> FastAPI:
    app = Application(
        title=TITLE,
        version=wire.ENGINE_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.backing = backing
    for router in ROUTERS:
        # Not include_router: that wraps every route once more, which costs 20 us a request.
        app.router.routes.extend(router.routes)
    app.add_middleware(Door, backing=backing)
    app.add_exception_handler(HTTPException, _refused)
    return app


async def _refused(request: Request, refusal: Exception) -> Response:
    """What the table of routes refuses: an unknown path, or a method this path has not."""
    match getattr(refusal, "status_code", None):
        case 404:
            return problem_response(RouteNotFound(), request.scope)
        case 405:
            return problem_response(MethodNotAllowed(_methods(request)), request.scope)
        case _:
            return problem_response(MalformedHttp(), request.scope)


def _methods(request: Request) -> Sequence[str]:
    matching = [route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in route.methods}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
