"""The clients against a real gRPC server that has as much of WorkflowService as their own behaviour needs."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc import aio

from workflow_client import (
    AsyncClient,
    Client,
    Conflict,
    ExecutionNotFinished,
    InvalidRequest,
    NotFound,
    OverLimit,
    Problem,
    RequestFailed,
    Unavailable,
)
from workflow_client.generated import workflow_pb2 as pb

Context = aio.ServicerContext[Any, Any]


class FakeWorkflows:
    """`unavailable` calls are refused first; `breaks_after` says behind which events the stream of Watch breaks."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Any] = []
        self.metadata: dict[str, str] = {}
        self.unavailable = 0
        self.refusal: tuple[grpc.StatusCode, str, bytes] | None = None
        self.status = "completed"
        self.last_event = 5
        self.breaks_after: list[int] = []
        self.third_request = asyncio.Event()
        self._server: aio.Server | None = None

    async def start(self) -> "FakeWorkflows":
        self._server = aio.server()
        self._server.add_generic_rpc_handlers((self._handler(),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return self

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _handler(self) -> grpc.GenericRpcHandler:
        unary: dict[str, tuple[Any, Any]] = {
            "Execute": (self._execute, pb.ExecuteRequest),
            "GetResults": (self._get_results, pb.GetResultsRequest),
            "GetExecution": (self._get_execution, pb.GetExecutionRequest),
            "ListEvents": (self._list_events, pb.ListEventsRequest),
        }
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(verb, request.FromString, lambda it: it.SerializeToString())
            for name, (verb, request) in unary.items()
        }
        handlers["Watch"] = grpc.unary_stream_rpc_method_handler(
            self._watch, pb.WatchRequest.FromString, pb.WatchResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler("workflow_engine.v1.WorkflowService", handlers)

    async def _received(self, request: object, context: Context) -> None:
        self.requests.append(request)
        if len(self.requests) == 3:
            self.third_request.set()
        self.metadata = {str(name): str(value) for name, value in context.invocation_metadata() or ()}
        if self.unavailable > 0:
            self.unavailable -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        if self.refusal is not None:
            code, message, details = self.refusal
            await context.abort(code, message, (("grpc-status-details-bin", details),))

    async def _execute(self, request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        await self._received(request, context)
        results = pb.ExecutionResults(execution_id="e1", status=self.status, output=b'{"n":1}')
        return pb.ExecuteResponse(execution_id="e1", results=results if request.wait_seconds else None)

    async def _get_results(self, request: pb.GetResultsRequest, context: Context) -> pb.GetResultsResponse:
        await self._received(request, context)
        if self.status == "running":
            await asyncio.sleep(min(request.wait_seconds, 0.05))
        steps = {"a": pb.StepResult(status="completed", output=b"18446744073709551617")}
        return pb.GetResultsResponse(results=pb.ExecutionResults(execution_id="e1", status=self.status, steps=steps))

    async def _get_execution(self, request: pb.GetExecutionRequest, context: Context) -> pb.GetExecutionResponse:
        await self._received(request, context)
        return pb.GetExecutionResponse(execution=pb.ExecutionSummary(execution_id="e1", status=self.status))

    async def _list_events(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        await self._received(request, context)
        return pb.ListEventsResponse(events=[self._event(seq) for seq in range(request.after + 1, self.last_event + 1)])

    async def _watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        self.requests.append(request)
        first = max(request.after, 1)  # one that was seen comes again: the client must not show it twice
        for seq in range(first, self.last_event + 1):
            yield pb.WatchResponse(events=[self._event(seq)])
            if self.breaks_after and self.breaks_after[0] == seq:
                self.breaks_after.pop(0)
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the stream breaks")

    def _event(self, seq: int) -> pb.Event:
        kind = "execution_completed" if seq == self.last_event else "step_progress"
        return pb.Event(seq=seq, kind=kind, data=json.dumps({"seq": seq}).encode())


def field(number: int, value: bytes) -> bytes:
    """One length-delimited field of a protobuf message, written by hand: the other end of our own reading."""
    return bytes([number << 3 | 2, len(value)]) + value


def status_with(**details: bytes) -> bytes:
    packed = (
        field(1, f"type.googleapis.com/google.rpc.{name}".encode()) + field(2, it) for name, it in details.items()
    )
    return b"".join(field(3, each) for each in packed)


@pytest.fixture
async def fake() -> AsyncIterator[FakeWorkflows]:
    running = await FakeWorkflows().start()
    yield running
    await running.stop()


@pytest.fixture
async def client(fake: FakeWorkflows) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(fake.target, api_key="k") as made:
        yield made


async def test_a_document_is_executed_with_its_input_and_a_key(fake: FakeWorkflows, client: AsyncClient) -> None:
    started = await client.execute({"name": "x", "steps": []}, {"big": 2**64}, wait=5)
    [request] = fake.requests
    assert json.loads(request.body) == {"workflow_config": {"name": "x", "steps": []}, "input_data": {"big": 2**64}}
    assert request.idempotency_key
    assert fake.metadata["authorization"] == "Bearer k"
    assert started.results is not None
    assert started.results.output == {"n": 1}


async def test_a_saved_workflow_is_executed_by_its_id(fake: FakeWorkflows, client: AsyncClient) -> None:
    await client.execute("workflow-x", idempotency_key="order-17")
    [request] = fake.requests
    assert (request.workflow_id, request.body, request.idempotency_key) == ("workflow-x", b"{}", "order-17")


async def test_a_server_that_is_away_is_asked_again_with_the_same_key(fake: FakeWorkflows, client: AsyncClient) -> None:
    fake.unavailable = 2
    await client.execute({"name": "x"})
    assert len(fake.requests) == 3
    assert len({request.idempotency_key for request in fake.requests}) == 1


async def test_a_server_that_stays_away_is_an_error_of_its_own() -> None:
    async with AsyncClient("127.0.0.1:1", retries=1) as client:
        with pytest.raises(Unavailable):
            await client.get("e1")


async def test_waiting_goes_on_until_the_end(fake: FakeWorkflows, client: AsyncClient) -> None:
    fake.status = "running"
    waiting = asyncio.create_task(client.wait("e1"))
    await asyncio.wait_for(fake.third_request.wait(), 10)
    fake.status = "failed"
    results = await waiting
    assert results.status == "failed"
    assert results.steps["a"].output == 2**64 + 1


async def test_waiting_says_when_the_time_is_over(fake: FakeWorkflows, client: AsyncClient) -> None:
    fake.status = "running"
    with pytest.raises(ExecutionNotFinished, match=r"running after 0\.1 seconds"):
        await client.wait("e1", timeout=0.1)


async def test_a_watch_goes_on_after_a_broken_stream_without_gap_or_duplicate(
    fake: FakeWorkflows, client: AsyncClient
) -> None:
    fake.breaks_after = [2, 2, 4]
    assert [event.seq async for event in client.watch("e1")] == [1, 2, 3, 4, 5]
    assert [request.after for request in fake.requests] == [0, 2, 2, 4]


async def test_a_refusal_is_named_by_the_details_of_its_status(fake: FakeWorkflows, client: AsyncClient) -> None:
    violation = field(1, b"/steps/0") + field(2, b"Unknown step type") + field(3, b"UNKNOWN_STEP_TYPE")
    details = status_with(ErrorInfo=field(1, b"INVALID_DOCUMENT"), BadRequest=field(1, violation))
    fake.refusal = (grpc.StatusCode.INVALID_ARGUMENT, "It is wrong", details)
    with pytest.raises(InvalidRequest) as refused:
        await client.execute({})
    assert refused.value.code == "invalid-document"
    assert refused.value.problems == (Problem("unknown-step-type", "Unknown step type", "/steps/0"),)
    fake.refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Slowly", status_with(RetryInfo=field(1, b"\x08\x03")))
    with pytest.raises(OverLimit) as slowly:
        await client.execute({})
    assert slowly.value.retry_after == 3.0


@pytest.mark.parametrize(
    ("status", "error"),
    [(grpc.StatusCode.NOT_FOUND, NotFound), (grpc.StatusCode.ABORTED, Conflict), (grpc.StatusCode.OK, None)],
)
async def test_broken_details_leave_the_status(
    fake: FakeWorkflows, client: AsyncClient, status: grpc.StatusCode, error: type[RequestFailed] | None
) -> None:
    if error is None:
        assert (await client.get("e1")).execution_id == "e1"
        return
    fake.refusal = (status, "no", b"\xff\xff")
    with pytest.raises(error, match="no"):
        await client.get("e1")


async def test_the_blocking_client_is_the_same_client(fake: FakeWorkflows) -> None:
    def blocking() -> None:
        with Client(fake.target) as client:
            assert client.execute({"name": "x"}, wait=1).execution_id == "e1"
            assert client.wait("e1", 5).has_ended
            assert [event.seq for event in client.watch("e1")] == [1, 2, 3, 4, 5]
            for event in client.watch("e1"):
                assert event.seq == 1
                break
            fake.refusal = (grpc.StatusCode.NOT_FOUND, "no", b"")
            with pytest.raises(NotFound):
                client.get("e1")

    await asyncio.to_thread(blocking)


def test_every_verb_of_the_client_has_its_blocking_form() -> None:
    verbs = {name for name, it in vars(AsyncClient).items() if inspect.isfunction(it) and not name.startswith("_")}
    assert verbs <= set(vars(Client))
    for name in verbs - {"close"}:
        assert inspect.signature(getattr(Client, name)) == inspect.signature(getattr(AsyncClient, name))
