"""Metrics for Prometheus, and the two monitoring routes of existing dashboards.

The traces are the executions themselves: one span each, with the trace id its caller gave. Nothing is sampled and
nothing is invented; spans of steps are in the events.
"""

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.engine.metrics import CONTENT_TYPE
from workflow_engine.engine.views import ExecutionView
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import ExecutionFilter
from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import describe
from workflow_engine.rest.parameters import LIMIT, query_of
from workflow_engine.rest.wire import instant

router = APIRouter(route_class=Route, tags=["operations"])


@router.get("/metrics", **describe("get_metrics", "Figures for Prometheus", answers=str, media_type="text/plain"))
async def get_metrics(call: Call) -> Response:
    return Response(call.backing.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/monitoring/traces", **describe("list_traces", "Recent executions as spans", query=[LIMIT]))
async def list_traces(call: Call) -> Response:
    with query_of(call) as query:
        limit = query(LIMIT)
    page = await call.face.executions.list(call.caller, ExecutionFilter(limit=limit))
    traces = [_trace(view) for view in page.executions]
    return answer({"traces": traces, "total": len(traces), "limit": limit})


def _trace(view: ExecutionView) -> JsonObject:
    record, summary = view.record, view.summary
    ended = summary.completed_at
    return {
        "trace_id": record.trace_id,
        "span_id": record.execution_id.replace("-", "")[-16:],
        "operation_name": f"execute {record.workflow_name}",
        "start_time": instant(record.started_at),
        "end_time": instant(ended),
        "duration_ms": None if ended is None else round((ended - record.started_at) * 1000, 3),
        "status": "error" if summary.status is ExecutionStatus.FAILED else "ok",
        "tags": {
            "execution_id": record.execution_id,
            "workflow_id": record.workflow_id,
            "status": summary.status.value,
        },
    }


@router.get("/monitoring/summary", **describe("get_monitoring_summary", "What is monitored"))
async def get_monitoring_summary(call: Call) -> Response:
    """`opentelemetry_available` says whether spans are exported: they are not, yet."""
    total = sum((await call.face.executions.count(call.caller)).values())
    return answer(
        {
            "monitoring_enabled": True,
            "opentelemetry_available": False,
            "prometheus_available": True,
            "traces_collected": total,
            "metrics_collected": len(call.backing.metrics.families()),
            "service_name": "workflow-engine",
            "active_executions": call.face.vitals.pulse().open_executions,
            "execution_history": total,
            "registered_steps": len(call.face.steps.list(call.caller)),
        }
    )
