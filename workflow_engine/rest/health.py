"""Is it up, is it ready, and how is it."""

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.clock import iso
from workflow_engine.engine.error_log import ErrorStatistics
from workflow_engine.engine.vitals import NotReady
from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import describe
from workflow_engine.rest.wire import ENGINE_VERSION

router = APIRouter(route_class=Route, tags=["operations"])


@router.get("/", **describe("get_root", "What this is"))
async def get_root(_call: Call) -> Response:
    return answer({"message": "Workflow Engine", "version": ENGINE_VERSION, "status": "running"})


@router.get("/livez", **describe("get_livez", "Does it listen?"))
async def get_livez(_call: Call) -> Response:
    """Answers as soon as the process listens."""
    return answer({"status": "alive"})


@router.get("/readyz", **describe("get_readyz", "Does it take work?"))
async def get_readyz(call: Call) -> Response:
    """Once recovery is done; before that 503."""
    if not call.face.vitals.ready:
        raise NotReady
    return answer({"status": "ready"})


@router.get("/health", **describe("get_health", "How is it?"))
async def get_health(call: Call) -> Response:
    names = _step_types(call)
    return answer({"status": _status(call), "registered_steps": len(names), "step_types": names})


@router.get("/health/detailed", **describe("get_detailed_health", "How is each part of it?"))
async def get_detailed_health(call: Call) -> Response:
    pulse = call.face.vitals.pulse()
    names = _step_types(call)
    components: JsonObject = {
        "step_registry": {"status": "healthy", "registered_steps": len(names), "step_types": list(names)},
        "workflow_engine": {
            "status": _status(call),
            "active_executions": pulse.open_executions,
            "executions_in_memory": pulse.in_memory,
            "steps_running": pulse.steps_running,
            "steps_queued": pulse.steps_queued,
            "storage": pulse.storage,
        },
        "error_handler": _error_handler(call.backing.errors.statistics()),
    }
    now = iso(call.backing.clock.now())
    return answer({"status": _status(call), "timestamp": now, "version": ENGINE_VERSION, "components": components})


def _error_handler(errors: ErrorStatistics) -> JsonObject:
    """`circuit_breakers` stays empty: this engine has none, and retries by the step's own rules."""
    return {
        "status": "healthy",
        "total_errors": errors.total,
        "recent_errors": errors.recent,
        "circuit_breakers": {},
    }


def _status(call: Call) -> str:
    return "healthy" if call.face.vitals.ready else "starting"


def _step_types(call: Call) -> list[str]:
    return [entry.type.name for entry in call.face.steps.list(call.caller)]
