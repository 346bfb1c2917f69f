"""Executions over HTTP: the shapes existing clients read, and every verb."""

import time
from typing import Any

import httpx2
import pytest

from tests.rest.documents import Document, failing, hello, patient
from tests.rest.hostile import UNKNOWN_ID

SUMMARY_KEYS = {
    *("execution_id", "workflow_id", "workflow_name", "status", "current_step", "completed_steps", "failed_steps"),
    *("pending_steps", "total_steps", "started_at", "completed_at", "analytics_ids", "user_context"),
    *("step_statuses", "skipped_steps", "error", "phase", "version"),
}


def run(client: httpx2.Client, document: Document, **envelope: object) -> dict[str, Any]:
    answer = client.post("/workflows/execute?wait=10", json={"workflow_config": document, **envelope})
    assert answer.status_code == 200, answer.text
    results: dict[str, Any] = answer.json()
    return results


def start(client: httpx2.Client, document: Document, **envelope: object) -> str:
    answer = client.post("/workflows/execute", json={"workflow_config": document, **envelope})
    assert answer.status_code == 200, answer.text
    execution_id: str = answer.json()["execution_id"]
    return execution_id


def until(client: httpx2.Client, execution_id: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while True:
        summary: dict[str, Any] = client.get(f"/executions/{execution_id}").json()
        if summary["status"] == status:
            return summary
        assert time.monotonic() < deadline, summary
        time.sleep(0.01)


def test_a_start_answers_in_the_shape_older_clients_read(client: httpx2.Client) -> None:
    answer = client.post("/workflows/execute", json=hello())
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"execution_id", "status", "message", "started_at"}
    assert (body["status"], body["message"]) == ("started", "Workflow execution started")
    assert body["started_at"].endswith("Z")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/workflows/execute", "/workflows/execute/", "/api/workflows/execute", "/api/workflows/execute/"]
)
def test_every_spelling_of_a_route_is_the_same_route(client: httpx2.Client, path: str) -> None:
    assert client.post(path, json=hello()).status_code == 200


def test_with_wait_the_results_are_the_answer(client: httpx2.Client) -> None:
    results = run(client, hello())
    assert results["status"] == "completed"
    assert results["output"] == {"text": "HELLO, WORLD!"}
    assert results["step_results"]["shout"]["output_data"]["result"] == {"input": {"message": "HELLO, WORLD!"}}
    assert results["step_results"]["shout"].keys() >= {
        *("status", "output_data", "error_message", "execution_time_ms", "retry_count")
    }
    assert results["step_io_data"].keys() == {"read", "shout"}
    assert results["metadata"].keys() >= {"created_at", "engine_version", "started_at", "completed_at", "duration_ms"}


def test_a_wait_that_is_too_short_answers_with_what_is_there(client: httpx2.Client) -> None:
    answer = client.post("/workflows/execute?wait=0.05", json=patient())
    assert answer.status_code == 200
    assert answer.json()["status"] in ("running", "waiting")
    assert answer.json()["metadata"]["completed_at"] is None


def test_the_results_are_the_same_when_asked_for_later(client: httpx2.Client) -> None:
    results = run(client, hello())
    assert client.get(f"/executions/{results['execution_id']}/results").json() == results


def test_the_summary_counts_steps_and_names_who_asked(client: httpx2.Client) -> None:
    results = run(client, hello(), user_id="ada", session_id="s", organization_id="o", correlation_id="c")
    summary = client.get(f"/executions/{results['execution_id']}").json()
    assert summary.keys() >= SUMMARY_KEYS
    assert (summary["completed_steps"], summary["pending_steps"], summary["total_steps"]) == (2, 0, 2)
    assert summary["step_statuses"] == {"read": "completed", "shout": "completed"}
    assert summary["user_context"] == {"user_id": "ada", "session_id": "s", "organization_id": "o"}
    assert summary["analytics_ids"]["correlation_id"] == "c"


def test_trace_and_correlation_come_from_the_headers(client: httpx2.Client) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Correlation-ID": "order 7"}
    started = client.post("/workflows/execute", json=hello(), headers=headers).json()
    ids = client.get(f"/executions/{started['execution_id']}").json()["analytics_ids"]
    assert (ids["trace_id"], ids["correlation_id"]) == (trace, "order 7")


def test_a_broken_traceparent_begins_a_new_trace(client: httpx2.Client) -> None:
    headers = {"traceparent": "00-XYZ-1-01"}
    started = client.post("/workflows/execute", json=hello(), headers=headers).json()
    ids = client.get(f"/executions/{started['execution_id']}").json()["analytics_ids"]
    assert len(ids["trace_id"]) == 32


def test_a_failure_is_told_by_code_and_sentence(client: httpx2.Client) -> None:
    results = run(client, failing())
    assert results["status"] == "failed"
    assert results["step_results"]["bad"]["error"]["code"] == "invalid-config"
    assert "Unknown processing_type" in results["metadata"]["error_message"]
    assert results["metadata"]["failed_at"]
    summary = client.get(f"/executions/{results['execution_id']}").json()
    assert summary["error"]["message"] == results["metadata"]["error_message"]


def test_a_skipped_step_says_why(client: httpx2.Client) -> None:
    document = hello()
    document["steps"][1]["conditions"] = "read.output.data.message == 'other'"
    results = run(client, document)
    assert results["step_results"]["shout"]["status"] == "skipped"
    assert results["step_results"]["shout"]["error_message"] == "Conditions not met"
    assert client.get(f"/executions/{results['execution_id']}").json()["skipped_steps"] == 1


def test_the_same_key_is_accepted_once(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "accepted-once"}
    first = client.post("/workflows/execute", json=hello(), headers=headers)
    again = client.post("/api/workflows/execute/", json=hello(), headers=headers)
    assert first.json() == again.json()


def test_a_replay_with_wait_attaches_to_the_first_execution(client: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "attached"}
    first = client.post("/workflows/execute", json=hello(), headers=headers).json()
    results = client.post("/workflows/execute?wait=10", json=hello(), headers=headers).json()
    assert (results["execution_id"], results["status"]) == (first["execution_id"], "completed")


def test_a_signal_carries_its_body_to_the_step_that_waits(client: httpx2.Client) -> None:
    execution_id = start(client, patient())
    until(client, execution_id, "waiting")
    reasons = client.get(f"/executions/{execution_id}/explain").json()["reasons"]
    assert [(each["path"], each["reason"]) for each in reasons] == [("wait", "SIGNAL"), ("after", "WAITING_ON")]
    answer = client.post(f"/executions/{execution_id}/signals/go", json={"approved": True})
    assert (answer.status_code, answer.json()) == (200, {"message": "Signal accepted"})
    until(client, execution_id, "completed")
    results = client.get(f"/executions/{execution_id}/results").json()
    assert results["step_results"]["wait"]["output_data"]["payload"] == {"approved": True}
    assert client.get(f"/executions/{execution_id}/explain").json()["reasons"] == []


def test_a_signal_may_be_empty_and_its_key_counts_once(client: httpx2.Client) -> None:
    execution_id = start(client, patient())
    headers = {"Idempotency-Key": "signal-once"}
    for _ in range(2):
        assert client.post(f"/executions/{execution_id}/signals/go", headers=headers).status_code == 200
    until(client, execution_id, "completed")
    kinds = [event["kind"] for event in client.get(f"/executions/{execution_id}/events").json()["events"]]
    assert kinds.count("signal_received") == 1


def test_pause_resume_and_cancel(client: httpx2.Client) -> None:
    execution_id = start(client, patient())
    assert client.post(f"/executions/{execution_id}/pause", json={"reason": "lunch"}).json()["status"] == "paused"
    assert client.get(f"/executions/{execution_id}").json()["reason"] == "lunch"
    again = client.post(f"/executions/{execution_id}/pause")
    assert (again.status_code, again.json()["code"]) == (409, "already-paused")
    assert client.post(f"/executions/{execution_id}/resume").json()["status"] in ("running", "waiting")
    cancelled = client.post(f"/executions/{execution_id}/cancel?compensate=false", json={})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    ended = client.post(f"/executions/{execution_id}/signals/go")
    assert (ended.status_code, ended.json()["code"]) == (409, "execution-ended")


def test_only_a_step_of_unknown_outcome_can_be_resolved(client: httpx2.Client) -> None:
    execution_id = start(client, patient())
    known = client.post(f"/executions/{execution_id}/steps/wait/resolve", json={"outcome": "retry"})
    assert (known.status_code, known.json()["code"]) == (409, "no-unknown-outcome")
    nobody = client.post(f"/executions/{execution_id}/steps/nobody/resolve", json={"outcome": "retry"})
    assert nobody.status_code == 404
    wanting = client.post(f"/executions/{execution_id}/steps/wait/resolve", json={"outcome": "failed"})
    assert [problem["pointer"] for problem in wanting.json()["problems"]] == ["/error"]


def test_the_list_goes_on_where_its_cursor_points(client: httpx2.Client) -> None:
    ids = [start(client, patient("listed")) for _ in range(5)]
    listed: list[str] = []
    cursor: str | None = None
    while True:
        query = {"workflow_name": "listed", "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get("/executions", params=query).json()
        listed += [each["execution_id"] for each in page["executions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == ids[::-1]


def test_the_list_can_be_narrowed(client: httpx2.Client) -> None:
    waiting = start(client, patient("narrow"), user_id="grace")
    until(client, waiting, "waiting")
    done = run(client, {**hello(), "name": "narrow"}, user_id="grace")["execution_id"]

    def found(**query: str | list[str]) -> list[str]:
        page = client.get("/executions", params={"user_id": "grace", **query})
        assert page.status_code == 200, page.text
        return [each["execution_id"] for each in page.json()["executions"]]

    assert found() == [done, waiting]
    assert found(status="waiting") == [waiting]
    assert found(status="waiting,completed") == found(status=["waiting", "completed"]) == [done, waiting]
    assert found(tag="slow") == [waiting]
    assert found(started_after="2026-01-01T00:00:00+01:00") == [done, waiting]
    assert found(started_before="86400") == []
    assert found(limit="100000") == [done, waiting]


def test_unknown_parameters_are_ignored(client: httpx2.Client) -> None:
    assert client.get("/executions?utm_source=mail&limit=1").status_code == 200


def test_every_unreadable_parameter_is_named_at_once(client: httpx2.Client) -> None:
    problem = client.get("/executions?limit=x&offset=-1&status=open").json()
    assert {each["pointer"] for each in problem["problems"]} == {"query.status", "query.limit", "query.offset"}


def test_head_is_get_without_a_body(client: httpx2.Client) -> None:
    execution_id = start(client, hello())
    answer = client.head(f"/executions/{execution_id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert client.head(f"/executions/{UNKNOWN_ID}").status_code == 404


def test_a_wrong_method_is_told_which_are_right(client: httpx2.Client) -> None:
    answer = client.patch("/workflows/some")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_a_large_body_is_read(client: httpx2.Client) -> None:
    results = run(client, hello("x" * 200_000))
    assert results["output"] == {"text": "X" * 200_000}
