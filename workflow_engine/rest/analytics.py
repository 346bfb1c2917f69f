"""Figures over executions and errors, in the shapes that existing dashboards read."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.clock import iso
from workflow_engine.engine.error_log import COMPONENTS, LoggedError
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import ExecutionFilter
from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import describe
from workflow_engine.rest.parameters import COMPONENT, LIMIT, OFFSET, STATUS, query_of
from workflow_engine.rest.wire import execution_body

ACTIVE: Final = tuple(status for status in ExecutionStatus if not status.is_terminal)

router = APIRouter(route_class=Route, tags=["operations"])


@router.get(
    "/analytics/executions",
    **describe("analyse_executions", "Executions with their figures", query=[LIMIT, OFFSET, STATUS], refusals=(422,)),
)
async def analyse_executions(call: Call) -> Response:
    """Newest first; `total_executions` and `pagination.total` count what the filter lets through."""
    with query_of(call) as query:
        limit, offset, statuses = query(LIMIT), query(OFFSET), query(STATUS)
    counts = await call.face.executions.count(call.caller)
    wanted = ExecutionFilter(statuses=statuses, limit=limit, offset=offset)
    page = await call.face.executions.list(call.caller, wanted)
    total = _sum(counts, statuses or tuple(ExecutionStatus))
    return answer(
        {
            "total_executions": total,
            "executions": [execution_body(view) for view in page.executions],
            "statistics": _statistics(counts),
            "pagination": {"limit": limit, "offset": offset, "total": total, "has_more": page.next_cursor is not None},
        }
    )


def _statistics(counts: Mapping[ExecutionStatus, int]) -> JsonObject:
    return {
        "status_distribution": {status.value: count for status, count in counts.items() if count},
        "active_executions": _sum(counts, ACTIVE),
        "completed_executions": counts.get(ExecutionStatus.COMPLETED, 0),
        "failed_executions": counts.get(ExecutionStatus.FAILED, 0),
    }


def _sum(counts: Mapping[ExecutionStatus, int], statuses: tuple[ExecutionStatus, ...]) -> int:
    return sum(counts.get(status, 0) for status in statuses)


@router.get("/analytics/errors", **describe("analyse_errors", "What went wrong since the start", query=[COMPONENT]))
async def analyse_errors(call: Call) -> Response:
    """`component` is `step`, `execution` or `server`. Counted since this process started."""
    with query_of(call) as query:
        component = query(COMPONENT)
    found = call.backing.errors.statistics(component)
    statistics: JsonObject = {
        "total_errors": found.total,
        "recent_errors": found.recent,
        "error_types": dict(found.by_type),
        "severity_counts": dict(found.by_severity),
        "circuit_breakers": {},
    }
    return answer(
        {
            "error_statistics": statistics,
            "component_filter": component if component in COMPONENTS else None,
            "latest": [_logged(error) for error in found.latest],
            "timestamp": iso(call.backing.clock.now()),
        }
    )


def _logged(error: LoggedError) -> JsonObject:
    return {
        "at": iso(error.at),
        "component": error.component,
        "error_type": error.error_type,
        "severity": error.severity.value,
        "message": error.message,
        "execution_id": error.execution_id,
        "path": error.path,
    }
