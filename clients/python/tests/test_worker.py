"""A worker against a real gRPC server that plays the other half."""

import asyncio
import contextvars
import threading
import time
from typing import Any

import grpc
import pytest
from pydantic import BaseModel

from workflow_client import LeftByServer, StepContext, StepError, Suspend, Worker
from workflow_client.errors import RegistrationRefused, Superseded, Unauthorized
from workflow_client.generated import worker_pb2 as pb
from workflow_client.testing import FakeServer, Terms


class Order(BaseModel):
    number: int
    note: str = ""


@pytest.fixture
def worker(server: FakeServer) -> Worker:
    return Worker(server.target, worker_id="w1", build_id="b7", labels={"zone": "a"})


async def test_a_sync_function_serves_a_step(server: FakeServer, worker: Worker) -> None:
    @worker.step("text.shout", version="1.0.0")
    def shout(text: str) -> dict[str, str]:
        """Makes it loud."""
        return {"text": text.upper()}

    async with worker:
        execution = server.assign("text.shout@1.0.0", {"text": "hello"})
        await server.until(lambda: execution in server.results)
    assert server.output(execution) == {"text": "HELLO"}
    assert server.contracts[0].description == "Makes it loud."
    assert (server.hellos[0].worker_id, server.hellos[0].build_id) == ("w1", "b7")
    assert shout("x") == {"text": "X"}


async def test_a_function_serves_a_step_type_that_the_server_knows_without_sending_a_contract(
    server: FakeServer, worker: Worker
) -> None:
    async def shout(input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  # the whole input, by its name
        return {"text": input["text"].upper(), "more": input["more"]}

    worker.serve("text.shout", shout)
    worker.serve("text.whisper@2.0.0", lambda text: text.lower(), blocking=False)
    async with worker:
        first = server.assign("text.shout@1.4.0", {"text": "hello", "more": [1]})
        second = server.assign("text.whisper@2.0.0", {"text": "HELLO"})
        await server.until(lambda: len(server.results) == 2)
    assert server.output(first) == {"text": "HELLO", "more": [1]}
    assert server.output(second) == "hello"
    assert server.contracts == []
    assert server.serves == ["text.shout", "text.whisper@2.0.0"]


async def test_async_and_quick_functions_serve_steps(server: FakeServer, worker: Worker) -> None:
    @worker.step("later", version="1.0.0")
    async def later(order: Order) -> Order:
        await asyncio.sleep(0)
        return Order(number=order.number + 1)

    @worker.step("quick", version="1.0.0", blocking=False)
    def quick(number: int = 5) -> int:
        return number * 2

    async with worker:
        first = server.assign("later@1.0.0", {"order": {"number": 1}})
        second = server.assign("quick@1.0.0")
        await server.until(lambda: len(server.results) == 2)
    assert server.output(first) == {"number": 2, "note": ""}
    assert server.output(second) == 10


@pytest.mark.parametrize(
    ("given", "pointer"), [({}, "/text"), ({"text": 5}, "/text"), ({"text": "x", "more": 1}, "/more"), ([], "/")]
)
async def test_a_wrong_input_fails_the_step_for_good_and_says_where(
    server: FakeServer, worker: Worker, given: object, pointer: str
) -> None:
    @worker.step("shout", version="1.0.0")
    def shout(text: str) -> str:
        return text

    async with worker:
        execution = server.assign("shout@1.0.0", given)
        await server.until(lambda: execution in server.results)
    failure = server.results[execution].failure
    assert failure.code == "contract-violation"
    assert failure.HasField("retryable")
    assert not failure.retryable
    assert pointer in failure.message


async def test_a_wrong_output_fails_the_step_for_good(server: FakeServer, worker: Worker) -> None:
    @worker.step("promise", version="1.0.0")
    def promise() -> int:
        return "no number"  # type: ignore[return-value]  # what the test is about

    @worker.step("nan", version="1.0.0")
    def nan():  # type: ignore[no-untyped-def]  # noqa: ANN202  # nothing is promised
        return {"value": float("nan")}

    async with worker:
        executions = [server.assign("promise@1.0.0"), server.assign("nan@1.0.0")]
        await server.until(lambda: len(server.results) == 2)
    for execution in executions:
        assert server.results[execution].failure.code == "contract-violation"


async def test_a_step_says_how_it_failed(server: FakeServer, worker: Worker) -> None:
    @worker.step("fails", version="1.0.0")
    def fails() -> None:
        raise StepError("sold-out", "none left", retryable=True, retry_after=1.5, details={"left": 0})

    async with worker:
        execution = server.assign("fails@1.0.0")
        await server.until(lambda: execution in server.results)
    failure = server.results[execution].failure
    assert (failure.code, failure.message, failure.retryable) == ("sold-out", "none left", True)
    assert failure.retry_after_seconds == 1.5
    assert failure.details.data == b'{"left":0}'


@pytest.mark.parametrize("raised", [ValueError("broken"), SystemExit(3)])
async def test_anything_else_it_raises_is_an_unexpected_error_that_the_server_may_retry(
    server: FakeServer, worker: Worker, raised: BaseException
) -> None:
    @worker.step("fails", version="1.0.0")
    def fails() -> None:
        raise raised

    async with worker:
        execution = server.assign("fails@1.0.0")
        await server.until(lambda: execution in server.results)
    failure = server.results[execution].failure
    assert failure.code == "unexpected-error"
    assert type(raised).__name__ in failure.message
    assert not failure.HasField("retryable")


async def test_a_step_suspends_and_learns_why_it_goes_on(server: FakeServer, worker: Worker) -> None:
    @worker.step("waits", version="1.0.0")
    def waits(ctx: StepContext) -> dict[str, Any] | Suspend:
        if ctx.resumption is None:
            return Suspend(seconds=2.5, signal="go", memo={"asked": 1})
        return {"by": ctx.resumption.by, "memo": ctx.resumption.memo, "payload": ctx.resumption.payload}

    resumption = pb.Resumption(by="signal", memo=pb.Payload(data=b'{"asked":1}'), payload=pb.Payload(data=b'"yes"'))
    async with worker:
        first = server.assign("waits@1.0.0")
        second = server.assign("waits@1.0.0", resumption=resumption)
        await server.until(lambda: len(server.results) == 2)
    suspend = server.results[first].suspend
    assert (suspend.seconds, suspend.signal, suspend.memo.data) == (2.5, "go", b'{"asked":1}')
    assert server.output(second) == {"by": "signal", "memo": {"asked": 1}, "payload": "yes"}


async def test_the_context_tells_what_is_known_and_brings_out_what_is_said(server: FakeServer, worker: Worker) -> None:
    seen: dict[str, object] = {}

    @worker.step("talks", version="1.0.0")
    def talks(ctx: StepContext, config: dict[str, int]) -> None:
        seen.update(key=ctx.idempotency_key, attempt=ctx.attempt, checkpoint=ctx.checkpoint, timeout=ctx.timeout)
        seen.update(config=config, path=ctx.path, execution=ctx.execution_id)
        ctx.progress(0.5, note="half", checkpoint={"page": 3})
        for part in ("a" * 999, "é" * 700):
            ctx.chunk(part)
        ctx.logger.info("line %d", 1)

    async with worker:
        execution = server.assign(
            "talks@1.0.0",
            attempt=2,
            checkpoint=b'{"page":2}',
            timeout_seconds=9,
            config=pb.Payload(data=b'{"size":4}'),
        )
        await server.until(lambda: execution in server.results)
    assert seen == {
        "key": f"wfk_{execution}_step",
        "attempt": 2,
        "checkpoint": {"page": 2},
        "timeout": 9.0,
        "config": {"size": 4},
        "path": "step",
        "execution": execution,
    }
    chunks = server.chunks[execution]
    assert [chunk.seq for chunk in chunks] == [0, 1, 2]
    assert all(len(chunk.data.encode()) <= server.terms.max_chunk for chunk in chunks)
    assert "".join(chunk.data for chunk in chunks) == "a" * 999 + "é" * 700
    assert [line.message for frame in server.of_kind("logs") for line in frame.items] == ["line 1"]


async def test_a_cancel_stops_an_async_step_and_is_confirmed(server: FakeServer, worker: Worker) -> None:
    stopped: list[str] = []

    @worker.step("long", version="1.0.0")
    async def long(ctx: StepContext) -> None:
        ctx.progress(0.1)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(ctx.execution_id)
            raise

    async with worker:
        execution = server.assign("long@1.0.0")
        await server.until(lambda: server.of_kind("progress"))
        began = time.monotonic()
        server.cancel(execution)
        await server.until(lambda: server.of_kind("cancel_acks"))
        assert time.monotonic() - began < 1
    assert stopped == [execution]
    assert execution not in server.results


async def test_a_cancel_reaches_a_sync_step_that_looks(server: FakeServer, worker: Worker) -> None:
    @worker.step("long", version="1.0.0")
    def long(ctx: StepContext) -> None:
        ctx.progress(0.1)
        assert ctx.wait_cancelled(30)
        ctx.raise_if_cancelled()

    async with worker:
        execution = server.assign("long@1.0.0")
        await server.until(lambda: server.of_kind("progress"))
        server.cancel(execution)
        await server.until(lambda: server.of_kind("cancel_acks"))
    assert execution not in server.results


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_context_variable_of_the_program_is_seen_and_one_set_by_a_step_stays_its_own(
    server: FakeServer, worker: Worker, blocking: bool
) -> None:
    place: contextvars.ContextVar[str] = contextvars.ContextVar("place", default="nowhere")
    place.set("program")

    @worker.step("looks", version="1.0.0", blocking=blocking)
    def looks() -> str:
        found = place.get()
        place.set("step")
        return found

    async with worker:
        executions = [server.assign("looks@1.0.0") for _ in range(5)]
        await server.until(lambda: len(server.results) == 5)
    assert {server.output(execution) for execution in executions} == {"program"}


async def test_blocking_steps_run_side_by_side_and_never_more_than_the_slots(server: FakeServer) -> None:
    worker = Worker(server.target, slots=3)
    together, most, lock = 0, 0, threading.Lock()
    all_in = threading.Barrier(3, timeout=10)

    @worker.step("blocks", version="1.0.0")
    def blocks() -> None:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        all_in.wait()
        with lock:
            together -= 1

    async with worker:
        for _ in range(9):
            server.assign("blocks@1.0.0")
        await server.until(lambda: len(server.results) == 9)
    assert most == 3


async def test_a_server_restart_loses_no_step_and_does_none_twice(server: FakeServer, worker: Worker) -> None:
    starts: list[str] = []
    go_on = asyncio.Event()

    @worker.step("holds", version="1.0.0")
    async def holds(ctx: StepContext) -> None:
        starts.append(ctx.execution_id)
        ctx.chunk("a")
        await go_on.wait()
        ctx.chunk("b")

    async with worker:
        executions = [server.assign("holds@1.0.0") for _ in range(100)]
        await server.until(lambda: len(server.chunks) == 100)
        await server.stop()
        go_on.set()
        await server.start()
        await server.until(lambda: len(server.results) == 100)
    assert sorted(starts) == sorted(executions)
    assert all([chunk.data for chunk in server.chunks[each]] == ["a", "b"] for each in executions)
    assert [len(frame.held) for frame in server.of_kind("resume")] == [100]


async def test_a_result_without_an_answer_is_sent_again_on_the_next_stream(server: FakeServer, worker: Worker) -> None:
    calls: list[int] = []

    @worker.step("once", version="1.0.0")
    def once() -> int:
        calls.append(1)
        return len(calls)

    async with worker:
        server.answer_result = lambda _result: None
        execution = server.assign("once@1.0.0")
        await server.until(lambda: server.of_kind("results"))
        server.answer_result = lambda _result: pb.LEASE_CODE_OK
        server.drop_streams()
        await server.until(lambda: execution in server.results)
    assert server.output(execution) == 1
    assert calls == [1]


async def test_a_step_whose_lease_could_not_be_renewed_is_stopped_by_the_worker_itself() -> None:
    server = await FakeServer(Terms(lease=0.4)).start()
    server.answer_renewal = lambda _lease: None
    worker = Worker(server.target)
    stopped = asyncio.Event()

    @worker.step("long", version="1.0.0")
    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async with worker:
        server.assign("long@1.0.0")
        await asyncio.wait_for(stopped.wait(), 5)
        server.sessions[0].in_flight.clear()
    assert server.results == {}
    await server.stop()


async def test_renewals_keep_a_long_step_alive() -> None:
    server = await FakeServer(Terms(lease=0.4)).start()
    worker = Worker(server.target)

    @worker.step("long", version="1.0.0")
    async def long() -> str:
        await asyncio.sleep(1.2)
        return "done"

    async with worker:
        execution = server.assign("long@1.0.0")
        await server.until(lambda: execution in server.results)
    assert server.output(execution) == "done"
    assert len(server.of_kind("renew")) >= 3
    await server.stop()


async def test_go_away_brings_the_worker_back_with_what_it_holds(server: FakeServer, worker: Worker) -> None:
    go_on = asyncio.Event()

    @worker.step("holds", version="1.0.0")
    async def holds(ctx: StepContext) -> None:
        ctx.progress(0.1)
        await go_on.wait()

    async with worker:
        execution = server.assign("holds@1.0.0")
        await server.until(lambda: server.of_kind("progress"))
        server.send(pb.SessionResponse(go_away=pb.GoAway(reconnect_after_seconds=0.05)))
        await server.until(lambda: len(server.hellos) == 2)
        go_on.set()
        await server.until(lambda: execution in server.results)


async def test_leaving_the_block_drains(server: FakeServer, worker: Worker) -> None:
    @worker.step("long", version="1.0.0")
    async def long(ctx: StepContext) -> None:
        ctx.progress(0.1)
        await asyncio.sleep(0.3)

    async with worker:
        execution = server.assign("long@1.0.0")
        await server.until(lambda: server.of_kind("progress"))
    assert execution in server.results
    assert server.of_kind("drain")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, Unauthorized),
        (grpc.StatusCode.PERMISSION_DENIED, Unauthorized),
        (grpc.StatusCode.ABORTED, Superseded),
        (grpc.StatusCode.FAILED_PRECONDITION, LeftByServer),
    ],
)
async def test_what_no_reconnecting_mends_ends_the_worker(
    server: FakeServer, worker: Worker, status: grpc.StatusCode, error: type[LeftByServer]
) -> None:
    worker.step("s")(lambda: None)
    server.abort_with = (status, "no")
    with pytest.raises(error):
        await asyncio.wait_for(worker.run_async(), 10)


async def test_a_refused_registration_ends_the_worker(server: FakeServer, worker: Worker) -> None:
    worker.step("s")(lambda: None)
    server.refuse_registration = pb.Error(code="built-in-name", message="It is built in", fatal=True)
    with pytest.raises(RegistrationRefused, match="It is built in"):
        await asyncio.wait_for(worker.run_async(), 10)


async def test_the_key_goes_with_every_stream(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_ENGINE_API_KEY", "wfk-secret")
    worker = Worker(server.target)
    worker.step("s")(lambda: None)
    async with worker:
        pass
    assert server.metadata["authorization"] == "Bearer wfk-secret"
