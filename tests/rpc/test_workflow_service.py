"""Workflows and executions over gRPC: the same behaviour as over REST."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.rest.documents import echo, failing, hello, patient
from tests.rpc.serving import Served, refused, serving, workflows
from workflow_engine.rpc.generated import workflow_pb2 as pb

if TYPE_CHECKING:
    from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceAsyncStub as Flows
else:
    Flows = Any


def written(value: object) -> bytes:
    return json.dumps(value).encode()


async def start(flows: Flows, document: object, **more: Any) -> str:  # noqa: ANN401 - fields of the request
    answered = await flows.Execute(pb.ExecuteRequest(body=written(document), **more))
    return answered.execution_id


async def run(flows: Flows, document: object) -> pb.ExecutionResults:
    return (await flows.Execute(pb.ExecuteRequest(body=written(document), wait_seconds=20))).results


async def waiting(flows: Flows) -> str:
    """The id of an execution that waits for its signal."""
    execution_id = await start(flows, patient())
    watched = flows.Watch(pb.WatchRequest(execution_id=execution_id))
    async for answered in watched:
        if any(event.kind == "step_waiting" for event in answered.events):
            watched.cancel()
            break
    return execution_id


async def kinds(flows: Flows, execution_id: str, after: int = 0) -> list[str]:
    watched = flows.Watch(pb.WatchRequest(execution_id=execution_id, after=after))
    return [event.kind async for answered in watched for event in answered.events]


# --- workflows


async def test_a_workflow_is_saved_read_run_and_deleted(flows: Flows) -> None:
    saved = await flows.SaveWorkflow(pb.SaveWorkflowRequest(workflow_id="greet", document=written(hello())))
    assert (saved.workflow_id, saved.version_number) == ("greet", 1)
    again = await flows.SaveWorkflow(pb.SaveWorkflowRequest(workflow_id="greet", document=written(hello("Bye"))))
    assert again.version_number == 2
    first = await flows.GetWorkflow(pb.GetWorkflowRequest(workflow_id="greet", version_number=1))
    assert json.loads(first.workflow.document)["steps"][0]["config"]["data"] == {"message": "Hello, World!"}
    versions = await flows.ListWorkflowVersions(pb.ListWorkflowVersionsRequest(workflow_id="greet"))
    assert [each.version_number for each in versions.versions] == [2, 1]
    listed = await flows.ListWorkflows(pb.ListWorkflowsRequest())
    assert (listed.total, [each.workflow_id for each in listed.workflows]) == (1, ["greet"])
    ran = await flows.Execute(pb.ExecuteRequest(workflow_id="greet", wait_seconds=20))
    assert json.loads(ran.results.output) == {"text": "BYE"}
    await flows.DeleteWorkflow(pb.DeleteWorkflowRequest(workflow_id="greet"))
    gone = await refused(flows.GetWorkflow(pb.GetWorkflowRequest(workflow_id="greet")))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "WORKFLOW_NOT_FOUND")


async def test_a_document_with_problems_is_refused_with_all_of_them(flows: Flows) -> None:
    document = {"name": "x", "steps": [{"step_type": "data_input"}, {"step_id": "b", "colour": 1}]}
    told = await refused(flows.SaveWorkflow(pb.SaveWorkflowRequest(document=written(document))))
    assert told.code is grpc.StatusCode.INVALID_ARGUMENT
    wanted = {("/steps/0/step_id", "MISSING_FIELD"), ("/steps/1/step_type", "MISSING_FIELD")}
    assert {*wanted, ("/steps/1/colour", "UNKNOWN_FIELD")} == set(told.violations)


async def test_validation_answers_ok_whatever_is_wrong(flows: Flows) -> None:
    found = await flows.Validate(pb.ValidateRequest(document=b"{}"))
    assert not found.is_valid
    assert "Workflow must have 'steps' field" in [problem.message for problem in found.problems]
    assert (await flows.Validate(pb.ValidateRequest(document=written(hello())))).is_valid


# --- executions


async def test_results_have_integers_as_integers(flows: Flows) -> None:
    ended = await run(flows, {"workflow_config": echo(), "input_data": {"n": 9_007_199_254_740_993}})
    assert json.loads(ended.steps["read"].output)["data"] == {"n": 9_007_199_254_740_993}
    assert ended.status == "completed"


async def test_without_a_wait_the_answer_has_no_results(flows: Flows) -> None:
    answered = await flows.Execute(pb.ExecuteRequest(body=written(hello())))
    assert not answered.HasField("results")
    results = await flows.GetResults(pb.GetResultsRequest(execution_id=answered.execution_id, wait_seconds=20))
    assert results.results.status == "completed"


async def test_a_wait_that_is_too_short_answers_with_what_is_there(flows: Flows) -> None:
    answered = await flows.Execute(pb.ExecuteRequest(body=written(patient()), wait_seconds=0.05))
    assert answered.results.status in ("running", "waiting")


async def test_a_failure_is_told_by_code_and_sentence(flows: Flows) -> None:
    ended = await run(flows, failing())
    assert (ended.status, ended.error.code) == ("failed", "critical-step-failed")
    assert ended.steps["bad"].error.code == "invalid-config"
    assert ended.steps["bad"].error_message == "Unknown processing_type: nonsense"


async def test_the_summary_counts_steps(flows: Flows) -> None:
    execution_id = (await run(flows, hello())).execution_id
    summary = (await flows.GetExecution(pb.GetExecutionRequest(execution_id=execution_id))).execution
    assert (summary.total_steps, summary.completed_steps) == (2, 2)
    assert summary.principal == "local"


async def test_trace_and_correlation_come_from_the_metadata(flows: Flows) -> None:
    metadata = (("x-correlation-id", "order-7"), ("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"))
    answered = await flows.Execute(pb.ExecuteRequest(body=written(hello())), metadata=metadata)
    summary = (await flows.GetExecution(pb.GetExecutionRequest(execution_id=answered.execution_id))).execution
    assert (summary.correlation_id, summary.trace_id) == ("order-7", "ab" * 16)


async def test_the_same_key_is_accepted_once_wherever_it_stands(flows: Flows) -> None:
    first = await start(flows, patient(), idempotency_key="once")
    again = await flows.Execute(pb.ExecuteRequest(body=written(patient())), metadata=(("idempotency-key", "once"),))
    assert again.execution_id == first
    other = await refused(flows.Execute(pb.ExecuteRequest(body=written(hello()), idempotency_key="once")))
    assert (other.code, other.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_MISMATCH")


async def test_a_signal_carries_its_payload(flows: Flows) -> None:
    execution_id = await waiting(flows)
    await flows.Signal(pb.SignalRequest(execution_id=execution_id, name="go", payload=b'{"by": "ada"}'))
    ended = await flows.GetResults(pb.GetResultsRequest(execution_id=execution_id, wait_seconds=20))
    assert json.loads(ended.results.steps["wait"].output)["payload"] == {"by": "ada"}


async def test_pause_resume_and_cancel(flows: Flows) -> None:
    execution_id = await waiting(flows)
    paused = await flows.Pause(pb.PauseRequest(execution_id=execution_id, reason="lunch"))
    assert (paused.execution.status, paused.execution.reason) == ("paused", "lunch")
    twice = await refused(flows.Pause(pb.PauseRequest(execution_id=execution_id)))
    assert twice.code is grpc.StatusCode.ABORTED
    assert (await flows.Resume(pb.ResumeRequest(execution_id=execution_id))).execution.status == "waiting"
    cancelled = await flows.Cancel(pb.CancelRequest(execution_id=execution_id, reason="enough"))
    assert cancelled.execution.status == "cancelled"


async def test_explain_names_what_a_step_waits_for(flows: Flows) -> None:
    execution_id = await waiting(flows)
    reasons = (await flows.Explain(pb.ExplainRequest(execution_id=execution_id))).reasons
    assert [(each.path, each.code) for each in reasons] == [("wait", "SIGNAL"), ("after", "WAITING_ON")]
    assert json.loads(reasons[0].details)["name"] == "go"


async def test_a_resolution_needs_an_outcome_and_a_step_that_has_none(flows: Flows) -> None:
    execution_id = await waiting(flows)
    silent = await refused(flows.Resolve(pb.ResolveRequest(execution_id=execution_id, path="wait")))
    assert silent.violations == (("/output", "MISSING_FIELD"),)
    never = await refused(flows.Resolve(pb.ResolveRequest(execution_id=execution_id, path="wait", run_again=False)))
    assert never.violations == (("/run_again", "INVALID_FIELD"),)
    nameless = pb.ResolveRequest(execution_id=execution_id, path="wait", error=pb.ExecutionError(message="no"))
    assert (await refused(flows.Resolve(nameless))).violations == (("/error/code", "INVALID_FIELD"),)
    known = await refused(flows.Resolve(pb.ResolveRequest(execution_id=execution_id, path="wait", output=b"1")))
    assert known.code is grpc.StatusCode.ABORTED


async def test_the_list_is_narrowed_and_goes_on_where_its_cursor_points(flows: Flows) -> None:
    ids = [await start(flows, patient()) for _ in range(3)]
    await run(flows, hello())
    wanted = pb.ListExecutionsRequest(statuses=["waiting", "running"], workflow_name="patient", tag="slow", limit=2)
    first = await flows.ListExecutions(wanted)
    wanted.cursor = first.next_cursor
    rest = await flows.ListExecutions(wanted)
    assert [each.execution_id for each in [*first.executions, *rest.executions]] == ids[::-1]
    assert rest.next_cursor == ""
    assert not (await flows.ListExecutions(pb.ListExecutionsRequest(started_after=4e9))).executions


UNREADABLE = {
    "statuses": pb.ListExecutionsRequest(statuses=["asleep"]),
    "limit": pb.ListExecutionsRequest(limit=-1),
    "tag": pb.ListExecutionsRequest(tag="a\nb"),
    "user_id": pb.ListExecutionsRequest(user_id="u" * 2_000),
    "started_after": pb.ListExecutionsRequest(started_after=float("nan")),
    "started_before": pb.ListExecutionsRequest(started_before=1e300),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_filter_that_cannot_be_used_is_named(flows: Flows, name: str) -> None:
    told = await refused(flows.ListExecutions(UNREADABLE[name]))
    assert (told.code, told.violations) == (grpc.StatusCode.INVALID_ARGUMENT, ((f"/{name}", "INVALID_FIELD"),))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
async def test_a_wait_that_is_no_time_is_refused_before_anything_starts(flows: Flows, seconds: float) -> None:
    told = await refused(flows.Execute(pb.ExecuteRequest(body=written(hello()), wait_seconds=seconds)))
    assert told.violations == (("/wait_seconds", "INVALID_FIELD"),)
    assert not (await flows.ListExecutions(pb.ListExecutionsRequest())).executions


# --- events


async def test_pages_of_events_go_on_until_the_present_end(flows: Flows) -> None:
    execution_id = (await run(flows, hello())).execution_id
    seen: list[int] = []
    after = 0
    while True:
        page = await flows.ListEvents(pb.ListEventsRequest(execution_id=execution_id, after=after, limit=2))
        seen += [event.seq for event in page.events]
        after = page.next_after
        if not after:
            break
    assert seen == list(range(1, len(seen) + 1))
    assert await kinds(flows, execution_id) == [
        event.kind for event in (await flows.ListEvents(pb.ListEventsRequest(execution_id=execution_id))).events
    ]


async def test_a_watch_brings_what_happens_while_it_is_open_and_ends(flows: Flows) -> None:
    execution_id = await waiting(flows)
    watched = asyncio.create_task(kinds(flows, execution_id))
    await flows.Signal(pb.SignalRequest(execution_id=execution_id, name="go"))
    assert (await asyncio.wait_for(watched, 20))[-1] == "execution_completed"


async def test_a_watch_begins_behind_what_was_seen(flows: Flows) -> None:
    execution_id = (await run(flows, hello())).execution_id
    every = await kinds(flows, execution_id)
    assert await kinds(flows, execution_id, after=2) == every[2:]
    assert await kinds(flows, execution_id, after=len(every)) == []


async def test_a_watch_of_an_unknown_execution_is_refused(flows: Flows) -> None:
    told = await refused(flows.Watch(pb.WatchRequest(execution_id="nobody")))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "EXECUTION_NOT_FOUND")


async def test_a_deadline_ends_a_watch_and_its_place_is_free_again() -> None:
    async with serving() as served, served.channel() as channel:
        flows = workflows(channel)
        execution_id = await waiting(flows)
        told = await refused(flows.Watch(pb.WatchRequest(execution_id=execution_id), timeout=0.3))
        assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
        await nobody_watches(served)


async def test_a_client_that_goes_away_frees_its_watch() -> None:
    async with serving() as served:
        async with served.channel() as channel:
            flows = workflows(channel)
            execution_id = await waiting(flows)
            watched = flows.Watch(pb.WatchRequest(execution_id=execution_id))
            await watched.read()
            assert served.backing.streams.taken >= 1
        await nobody_watches(served)
        assert served.backing.errors.statistics().total == 0


async def nobody_watches(served: Served) -> None:
    """The server hears of it over the network, so it takes a moment."""
    async with asyncio.timeout(10):
        while served.backing.streams.taken:  # noqa: ASYNC110 - it is the server that counts, and it tells nobody
            await asyncio.sleep(0.01)
