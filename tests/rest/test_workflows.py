"""Saved workflows over HTTP."""

import httpx2

from tests.rest.documents import hello


def test_a_workflow_is_saved_read_replaced_run_and_deleted(client: httpx2.Client) -> None:
    saved = client.post("/workflows", json={**hello(), "workflow_id": "greeting"})
    assert saved.json() == {
        "workflow_id": "greeting",
        "message": "Workflow saved successfully",
        "version_number": 1,
    }
    read = client.get("/workflows/greeting").json()
    assert read["workflow_id"] == "greeting"
    assert read.keys() >= {"created_at", "updated_at", "name", "steps"}

    changed = client.put("/workflows/greeting", json=hello("Good morning"))
    assert changed.json()["version_number"] == 2
    new = client.post("/workflows/greeting/execute?wait=10").json()
    old = client.post("/workflows/greeting/execute?wait=10", json={"version": 1, "user_id": "ada"}).json()
    assert (new["output"]["text"], old["output"]["text"]) == ("GOOD MORNING", "HELLO, WORLD!")
    assert client.get(f"/executions/{old['execution_id']}").json()["workflow_id"] == "greeting"

    versions = client.get("/workflows/greeting/versions").json()
    assert [each["version_number"] for each in versions["versions"]] == [2, 1]
    assert client.get("/workflows/greeting?version=1").json()["steps"] == hello()["steps"]

    assert client.delete("/workflows/greeting").json() == {"message": "Workflow deleted successfully"}
    gone = client.get("/workflows/greeting")
    assert (gone.status_code, gone.json()["detail"]) == (404, "Workflow not found")


def test_a_workflow_without_an_id_is_named_after_its_name(client: httpx2.Client) -> None:
    saved = client.post("/workflows", json={**hello(), "name": "Sales Report"}).json()
    assert saved["workflow_id"] == "workflow-sales-report"


def test_what_was_read_can_be_sent_back_and_changes_nothing(client: httpx2.Client) -> None:
    client.post("/workflows", json={"workflow_config": hello(), "workflow_id": "mirror"})
    read = client.get("/workflows/mirror").json()
    again = client.put("/workflows/mirror", json=read)
    assert (again.status_code, again.json()["version_number"]) == (200, 1)


def test_a_replacement_needs_a_workflow_that_exists_and_its_own_id(client: httpx2.Client) -> None:
    assert client.put("/workflows/nobody", json=hello()).status_code == 404
    client.post("/workflows", json={**hello(), "workflow_id": "owner"})
    foreign = client.put("/workflows/owner", json={**hello(), "workflow_id": "other"})
    assert (foreign.status_code, foreign.json()["problems"][0]["pointer"]) == (422, "/workflow_id")


def test_the_list_of_workflows_pages(client: httpx2.Client) -> None:
    for n in range(3):
        client.post("/workflows", json={**hello(), "workflow_id": f"paged-{n}"})
    page = client.get("/workflows?limit=2&offset=1").json()
    assert (page["limit"], page["offset"], len(page["workflows"])) == (2, 1, 2)
    assert page["total"] >= 3


def test_problems_inside_an_envelope_point_into_the_envelope(client: httpx2.Client) -> None:
    bad = {"workflow_config": {"name": "w", "steps": [{"step_id": "a"}]}, "workflow_id": "bad"}
    pointers = [each["pointer"] for each in client.post("/workflows", json=bad).json()["problems"]]
    assert pointers == ["/workflow_config/steps/0/step_type"]


def test_validation_answers_200_whatever_is_wrong(client: httpx2.Client) -> None:
    good = client.post("/workflows/validate", json=hello()).json()
    assert (good["is_valid"], good["errors"], good["problems"]) == (True, [], [])
    assert good["step_validation"]["shout"] == {"status": "valid", "step_type": "data_processing"}
    empty = client.post("/workflows/validate", json={})
    assert empty.status_code == 200
    assert empty.json()["errors"] == ["Workflow must have 'steps' field"]
    odd = client.post("/workflows/validate", json=[1, 2])
    assert (odd.status_code, odd.json()["is_valid"]) == (200, False)
