"""The OpenAPI document and its page: complete, true, and served from here."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from workflow_engine.rest import examples

OPERATIONS = {
    *("execute_workflow", "execute_saved_workflow", "list_executions", "get_execution", "get_results"),
    *("explain_execution", "cancel_execution", "pause_execution", "resume_execution", "signal_execution"),
    *("resolve_step", "list_events", "validate_workflow", "save_workflow", "list_workflows", "get_workflow"),
    *("replace_workflow", "delete_workflow", "list_workflow_versions", "register_step", "list_steps", "get_step"),
    *("list_step_versions", "delete_step", "list_hosts", "allow_host", "disallow_host", "get_root", "get_livez"),
    *("get_readyz", "get_health", "get_detailed_health", "get_metrics", "list_traces", "get_monitoring_summary"),
    *("analyse_executions", "analyse_errors", "list_keys", "create_key", "revoke_key"),
    *("list_workers", "open_worker_session", "poll_steps", "report_steps", "drain_worker_session", "reset_step"),
    *("report_results", "save_agent", "list_agents", "get_agent", "replace_agent", "delete_agent", "report_usage"),
    *("list_messages", "send_message", "list_providers"),
}


@pytest.fixture
def document(client: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    """Generated clients name their functions after these: adding is fine, renaming is not."""
    assert {operation["operationId"] for _, operation in operations(document)} == OPERATIONS


def test_every_operation_is_tagged_and_summed_up(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    assert [path for path, each in operations(document) if not each["summary"] or not set(each["tags"]) <= tags] == []


def test_every_path_parameter_is_described(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    wanted = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert wanted
    assert wanted - schemas.keys() == set()
    assert {"Problem", "WorkflowDefinition", "ExecutionBody"} <= schemas.keys()


def test_bodies_are_described_although_routes_read_them_raw(document: dict[str, Any]) -> None:
    content = document["paths"]["/workflows/execute"]["post"]["requestBody"]["content"]["application/json"]
    assert len(content["schema"]["anyOf"]) == 2
    steps = document["components"]["schemas"]["WorkflowDefinition"]["properties"]["steps"]
    assert steps["items"] == {"$ref": "#/components/schemas/StepDefinition"}


def test_the_examples_run(client: httpx2.Client) -> None:
    results = client.post("/workflows/execute?wait=10", json=examples.ENVELOPE).json()
    assert (results["status"], results["output"]) == ("completed", {"text": {"input": {"message": "HELLO, WORLD!"}}})
    assert client.post("/workflows", json=examples.DOCUMENT).json().keys() == examples.SAVED.keys()
    workflow_id = examples.SAVED["workflow_id"]
    started = client.post(f"/workflows/{workflow_id}/execute", json=examples.SAVED_RUN).json()
    assert started.keys() == examples.STARTED.keys()
    assert client.post("/steps/register", json=examples.REGISTRATION).json().keys() == examples.REGISTERED.keys()


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(client: httpx2.Client) -> None:
    page = client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"""(?:src|href)=["'](?!/|data:)""", page.text)
    assert not re.search(r"<script>|<style>|\son\w+=", page.text)
    for asset in re.findall(r"""(?:src|href)="(/[^"]+)\"""", page.text):
        assert client.get(asset).status_code == 200, asset


def test_assets_travel_compressed_to_whoever_can_unpack_them(client: httpx2.Client) -> None:
    packed = client.get("/docs/swagger-ui.css")
    plain = client.get("/docs/swagger-ui.css", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
