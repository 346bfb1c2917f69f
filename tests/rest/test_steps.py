"""Step types and allowed hosts over HTTP."""

import httpx2

CALLED = {
    "step_type": "call",
    "name": "Call",
    "execution_type": "api",
    "endpoint_config": {"url": "https://steps.example.com/shout"},
    "output_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}
ENTRY_KEYS = {
    *("step_id", "step_type", "name", "description", "function_reference", "execution_type", "parameters_schema"),
    *("slot_cost", "streams", "estimated_cost_usd", "required_permissions", "requires_approval"),
    *("output_schema", "endpoint_config", "tags", "registered_at", "version", "owner", "workers", "status"),
}


def test_registering_again_without_a_version_changes_nothing(client: httpx2.Client) -> None:
    first = client.post("/steps/register", json=CALLED)
    assert first.status_code == 200
    assert first.json().keys() == {
        *("step_id", "message", "version", "changed", "warnings"),
        *("breaks", "breaks_truncated"),
    }
    assert first.json()["message"] == "Step registered successfully"
    again = client.post("/api/steps/register/", json=CALLED).json()
    assert (again["changed"], again["version"], again["step_id"]) == (False, "1.0.0", first.json()["step_id"])


def test_a_step_type_is_listed_looked_at_and_taken_away(client: httpx2.Client) -> None:
    client.post("/steps/register", json={**CALLED, "step_type": "whisper"})
    entry = client.get("/steps/whisper").json()
    assert entry.keys() >= ENTRY_KEYS
    listed = client.get("/steps").json()
    assert listed["total"] == len(listed["steps"])
    assert {"whisper", "data_input"} <= {each["step_type"] for each in listed["steps"]}
    assert client.get("/steps/whisper/versions").json()["total"] == 1
    assert client.delete("/steps/whisper").status_code == 200
    gone = client.get("/steps/whisper")
    assert (gone.status_code, gone.json()["detail"]) == (404, "Step type not found")


def test_a_built_in_type_cannot_be_taken_away(client: httpx2.Client) -> None:
    assert client.delete("/steps/data_input").json()["code"] == "builtin-step-type"


def test_the_same_version_with_another_schema_is_a_conflict(client: httpx2.Client) -> None:
    versioned = {**CALLED, "step_type": "fixed", "version": "1.0.0"}
    assert client.post("/steps/register", json=versioned).status_code == 200
    other = client.post("/steps/register", json={**versioned, "output_schema": {"type": "string"}})
    assert other.status_code == 409


def test_a_dry_run_lists_what_would_break_and_keeps_nothing(client: httpx2.Client) -> None:
    contract = {**CALLED, "step_type": "loud"}
    client.post("/steps/register", json=contract)
    call = {"step_id": "call", "step_type": "loud"}
    show = {"step_id": "show", "step_type": "data_merge", "input_mapping": {"t": "call.text"}}
    saved = client.post("/workflows", json={"name": "uses loud", "workflow_id": "uses-loud", "steps": [call, show]})
    assert saved.is_success
    other = {**contract, "output_schema": {"type": "object", "properties": {"said": {"type": "string"}}}}
    answer = client.post("/steps/register?dry_run=true", json=other).json()
    assert (answer["version"], answer["changed"]) == ("2.0.0", True)
    (breakage,) = answer["breaks"]
    assert (breakage["step_type"], breakage["workflow_id"], breakage["execution_id"]) == (
        "loud@2.0.0",
        "uses-loud",
        None,
    )
    (problem,) = breakage["problems"]
    assert (problem["pointer"], problem["code"]) == ("/steps/1/input_mapping/t", "output-changed")
    assert client.get("/steps/loud").json()["version"] == "1.0.0"
    real = client.post("/steps/register", json=other).json()
    assert real["breaks"] == answer["breaks"]
    assert client.get("/steps/loud").json()["version"] == "2.0.0"
    assert client.get("/steps/loud?version=1.0.0").json()["version"] == "1.0.0"
    assert client.get("/steps/loud?version=3.0.0").status_code == 404
    assert client.post("/steps/register?dry_run=maybe", json=other).status_code == 422


def test_hosts_are_allowed_listed_and_taken_away(client: httpx2.Client) -> None:
    allowed = client.post("/hosts", json={"pattern": "10.1.0.0/16", "note": "workers"}).json()
    assert allowed.keys() == {"pattern", "note", "created_at", "created_by"}
    assert "10.1.0.0/16" in [each["pattern"] for each in client.get("/hosts").json()["hosts"]]
    assert client.delete("/hosts/10.1.0.0/16").status_code == 200
    assert client.delete("/hosts/10.1.0.0%2F16").status_code == 404
