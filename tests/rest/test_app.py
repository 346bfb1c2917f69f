"""The application around the routes: faults, readiness, health, figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from tests.rest.documents import failing, hello, patient
from tests.rest.test_executions import run, start
from workflow_engine.assembly import Engine
from workflow_engine.engine.vitals import Vitals
from workflow_engine.rest.app import create_app
from workflow_engine.rest.call import Call, Route
from workflow_engine.settings import Settings


@asynccontextmanager
async def asked(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def fall(_call: Call) -> Response:
    raise RuntimeError("a secret in the message")


async def test_a_bug_is_answered_with_an_incident_and_nothing_else() -> None:
    async with Engine.open("memory://") as engine:
        app = create_app(engine.face, Settings(), stopping=asyncio.Event())
        app.router.routes.append(Route("/fall", fall, methods=["GET"]))
        async with asked(app) as client:
            answer = await client.get("/fall")
            errors = (await client.get("/analytics/errors")).json()
            metrics = (await client.get("/metrics")).text
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    assert errors["error_statistics"]["severity_counts"]["critical"] == 1
    assert 'errors_total{component="server",error_type="RuntimeError"} 1.0' in metrics


async def test_before_recovery_is_done_only_reading_is_served() -> None:
    async with Engine.open("memory://") as engine:
        ready: list[bool] = []
        vitals = Vitals(engine.vitals._runtime, lambda: bool(ready), lambda: (0, 0), "memory://")
        face = replace(engine.face, vitals=vitals)
        async with asked(create_app(face, Settings(), stopping=asyncio.Event())) as client:
            for method, path in (("POST", "/workflows/execute"), ("DELETE", "/workflows/a"), ("PUT", "/workflows/a")):
                refused = await client.request(method, path, json=hello())
                assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")
                assert refused.headers["retry-after"] == "1"
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/executions")).status_code == 200
            ready.append(True)
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.post("/workflows/execute", json=hello())).status_code == 200


async def test_a_stopping_server_takes_nothing_new() -> None:
    async with Engine.open("memory://") as engine:
        stopping = asyncio.Event()
        async with asked(create_app(engine.face, Settings(), stopping=stopping)) as client:
            stopping.set()
            refused = await client.post("/workflows/execute", json=hello())
            assert (refused.status_code, refused.json()["code"]) == (503, "shutting-down")
            assert (await client.get("/executions")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/health/detailed", "/livez", "/readyz", "/metrics", "/docs"])
def test_operators_routes_answer_in_every_spelling(client: httpx2.Client, path: str) -> None:
    for spelling in (path, f"/api{path}", f"/api{path}/".replace("//", "/")):
        assert client.get(spelling).status_code == 200, spelling


def test_health_names_the_step_types(client: httpx2.Client) -> None:
    health = client.get("/health").json()
    assert health["status"] == "healthy"
    assert health["registered_steps"] == len(health["step_types"])
    detailed = client.get("/health/detailed").json()
    assert detailed["components"].keys() == {"step_registry", "workflow_engine", "error_handler"}
    assert detailed["components"]["error_handler"].keys() >= {"status", "total_errors", "recent_errors"}


def test_metrics_count_what_ended(client: httpx2.Client) -> None:
    client.post("/workflows", json={**hello(), "workflow_id": "counted"})
    client.post("/workflows/counted/execute?wait=10")
    run(client, {**hello(), "workflow_id": "not saved"})
    text = client.get("/metrics").text
    assert 'workflow_executions_total{status="completed",workflow_id="counted"} 1.0' in text
    assert 'workflow_id="not saved"' not in text
    assert 'step_executions_total{status="completed",step_type="data_input"}' in text
    assert 'workflow_execution_duration_seconds_count{workflow_id="counted"} 1.0' in text
    assert 'step_execution_duration_seconds_bucket{le="+Inf",step_type="data_processing"}' in text
    assert "\nactive_executions " in text
    assert "\nprocess_resident_memory_bytes " in text


def test_analytics_count_and_page(client: httpx2.Client) -> None:
    run(client, failing())
    start(client, patient())
    page = client.get("/analytics/executions?limit=1&status=failed").json()
    assert page.keys() == {"total_executions", "executions", "statistics", "pagination"}
    assert page["executions"][0]["status"] == "failed"
    assert page["statistics"]["failed_executions"] == page["total_executions"] == page["pagination"]["total"]
    assert page["statistics"]["active_executions"] >= 1
    errors = client.get("/analytics/errors?component=execution").json()
    assert errors["error_statistics"]["total_errors"] == page["total_executions"]
    assert errors["latest"][0]["component"] == "execution"


def test_traces_are_the_executions(client: httpx2.Client) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    client.post("/workflows/execute?wait=10", json=hello(), headers=headers)
    traces = client.get("/monitoring/traces?limit=1").json()
    assert (traces["total"], traces["limit"]) == (1, 1)
    assert traces["traces"][0]["trace_id"] == trace
    assert traces["traces"][0]["status"] == "ok"
    assert client.get("/monitoring/summary").json()["prometheus_available"] is True
