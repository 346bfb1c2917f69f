"""What no client may bring about: UNKNOWN, INTERNAL, exception text, or a server that is in trouble afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.rest.documents import hello, patient
from tests.rpc.serving import Refusal, Served, quick, refused, serving, workflows
from workflow_engine.rpc.generated import registry_pb2 as registry_pb
from workflow_engine.rpc.generated import workflow_pb2 as pb
from workflow_engine.rpc.server import GrpcServer

FLOWS: Final = "/workflow_engine.v1.WorkflowService/"
STEPS: Final = "/workflow_engine.v1.RegistryService/"
INVALID: Final = grpc.StatusCode.INVALID_ARGUMENT
EXHAUSTED: Final = grpc.StatusCode.RESOURCE_EXHAUSTED


def methods() -> Iterator[tuple[str, bool]]:
    """Every method there is, and whether it answers with a stream."""
    for file in (pb, registry_pb):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"/{service.full_name}/{method.name}", method.server_streaming


async def raw(channel: aio.Channel, method: str, *messages: bytes, answers: bool = False) -> Refusal:
    """Send bytes as they are, in a stream, whatever the method takes."""

    async def sent() -> AsyncIterator[bytes]:
        for message in messages:
            yield message

    kind: Any = channel.stream_stream if answers else channel.stream_unary
    return await refused(kind(method)(sent(), timeout=10))


async def is_well(served: Served) -> bool:
    async with served.channel() as channel:
        request = pb.ExecuteRequest(body=json.dumps(hello()).encode(), wait_seconds=20)
        answered = await workflows(channel).Execute(request)
    return answered.results.status == "completed" and served.backing.errors.statistics().by_severity["critical"] == 0


UNREADABLE: Final = {
    "no field": b"\xff\xff\xff",
    "a length beyond the end": b"\x0a\x7fabc",
    "a group that never ends": b"\x0b",
    "a varint without end": b"\x08" + b"\xff" * 11,
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_bytes_that_are_no_message_are_refused_by_every_method(served: Served, what: str) -> None:
    async with served.channel() as channel:
        for method, answers in methods():
            told = await raw(channel, method, UNREADABLE[what], answers=answers)
            assert (told.code, told.reason) == (INVALID, "MALFORMED_MESSAGE"), method
            assert "Error" not in told.message, method
    assert await is_well(served)


async def test_text_that_is_no_utf8_is_refused(channel: aio.Channel) -> None:
    for method in (f"{FLOWS}GetExecution", f"{FLOWS}Cancel", f"{STEPS}GetStep"):
        told = await raw(channel, method, b"\x0a\x02\xff\xfe")
        assert (told.code, told.reason) == (INVALID, "MALFORMED_MESSAGE"), method


async def test_health_and_reflection_refuse_unreadable_bytes_too(served: Served, channel: aio.Channel) -> None:
    for method, answers in (
        ("/grpc.health.v1.Health/Check", False),
        ("/grpc.health.v1.Health/Watch", True),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", True),
    ):
        told = await raw(channel, method, b"\xff\xff\xff", answers=answers)
        assert (told.code, told.reason) == (INVALID, "MALFORMED_MESSAGE"), method
    assert await is_well(served)


async def test_a_call_without_any_message_is_refused(channel: aio.Channel) -> None:
    for method, answers in methods():
        told = await raw(channel, method, answers=answers)
        assert (told.code, told.reason) == (INVALID, "NO_MESSAGE"), method


async def test_a_call_whose_message_never_comes_is_ended() -> None:
    async with serving(quick(limits={"body_timeout_seconds": 0.2})) as served, served.channel() as channel:
        call: Any = channel.stream_unary(f"{FLOWS}GetExecution")(timeout=10)
        told = await refused(call)
    assert (told.code, told.reason) == (INVALID, "MESSAGE_TIMEOUT")


async def test_methods_and_services_that_are_not_there_are_unimplemented(channel: aio.Channel) -> None:
    for method in (f"{FLOWS}Nothing", "/workflow_engine.v2.WorkflowService/Execute", "/", "/a/b/c"):
        assert (await raw(channel, method, b"")).code is grpc.StatusCode.UNIMPLEMENTED, method


async def test_a_message_over_the_limit_is_refused_and_one_of_three_mebibytes_is_not(served: Served) -> None:
    async with served.channel() as channel:
        flows = workflows(channel)
        large = await refused(flows.Execute(pb.ExecuteRequest(body=b" " * (4 << 20))))
        assert large.code is EXHAUSTED
        told = await refused(flows.Execute(pb.ExecuteRequest(body=b" " * (3 << 20))))
        assert told.reason == "MALFORMED_JSON"
        stream = await refused(flows.Watch(pb.WatchRequest(execution_id="x" * (5 << 20))))
        assert stream.code is EXHAUSTED
    assert await is_well(served)


async def test_an_answer_over_the_limit_is_refused_and_nothing_more() -> None:
    async with serving(quick(rpc={"max_send_bytes": 2_000})) as served, served.channel() as channel:
        request = registry_pb.ListStepsRequest()
        call: Any = channel.unary_unary(f"{STEPS}ListSteps", registry_pb.ListStepsRequest.SerializeToString)
        assert (await refused(call(request, timeout=10))).code is EXHAUSTED
        assert served.backing.errors.statistics().total == 0


JSON: Final = {
    b"": "MALFORMED_JSON",
    b"{": "MALFORMED_JSON",
    b'{"a":1,"a":2}': "MALFORMED_JSON",
    b'{"a":NaN}': "MALFORMED_JSON",
    b'{"a":"\\u0000"}': "MALFORMED_JSON",
    b'{"a":"\\ud800"}': "MALFORMED_JSON",
    b'{"a":"\xff"}': "MALFORMED_JSON",
    b'{"a":1e999}': "NUMBER_OUT_OF_RANGE",
    b'{"a":18446744073709551616}': "NUMBER_OUT_OF_RANGE",
    b"[" * 100 + b"]" * 100: "NESTING_TOO_DEEP",
    b"[]": "INVALID_DOCUMENT",
    b"null": "INVALID_DOCUMENT",
}


@pytest.mark.parametrize("document", JSON, ids=range(len(JSON)))
async def test_documents_that_are_no_json_are_refused_with_the_place(channel: aio.Channel, document: bytes) -> None:
    flows = workflows(channel)
    for call in (
        flows.SaveWorkflow(pb.SaveWorkflowRequest(document=document)),
        flows.Execute(pb.ExecuteRequest(body=document)),
    ):
        told = await refused(call)
        assert (told.code, told.reason) == (INVALID, JSON[document])


async def test_a_nul_in_any_text_is_refused_with_its_place(channel: aio.Channel) -> None:
    flows = workflows(channel)
    told = await refused(flows.GetExecution(pb.GetExecutionRequest(execution_id="a\0b")))
    assert told.violations == (("/execution_id", "UNSTORABLE_TEXT"),)
    told = await refused(flows.ListExecutions(pb.ListExecutionsRequest(statuses=["running", "\0"], tag="\0")))
    assert told.violations == (("/statuses/1", "UNSTORABLE_TEXT"), ("/tag", "UNSTORABLE_TEXT"))


METADATA: Final = {
    "a key with blanks": ((("idempotency-key", "a b"),), "INVALID_IDEMPOTENCY_KEY"),
    "an empty key": ((("idempotency-key", ""),), "INVALID_IDEMPOTENCY_KEY"),
    "a long key": ((("idempotency-key", "k" * 256),), "INVALID_IDEMPOTENCY_KEY"),
    "two keys": ((("idempotency-key", "a"), ("idempotency-key", "b")), "INVALID_METADATA"),
    "another key than the message": ((("idempotency-key", "other"),), "INVALID_METADATA"),
    "a long correlation id": ((("x-correlation-id", "c" * 256),), "INVALID_METADATA"),
    "no bearer": ((("authorization", "Basic abc"),), "UNREADABLE_AUTHORIZATION"),
    "no key of ours": ((("authorization", "Bearer abc"),), "INVALID_KEY"),
}


@pytest.mark.parametrize("what", METADATA)
async def test_metadata_that_cannot_be_used_is_refused(channel: aio.Channel, what: str) -> None:
    metadata, reason = METADATA[what]
    in_message = "mine" if what == "another key than the message" else ""
    request = pb.ExecuteRequest(body=json.dumps(hello()).encode(), idempotency_key=in_message)
    told = await refused(workflows(channel).Execute(request, metadata=metadata))
    assert told.reason == reason
    assert told.code in (INVALID, grpc.StatusCode.UNAUTHENTICATED)


async def test_metadata_over_the_limit_is_refused(served: Served, channel: aio.Channel) -> None:
    request = pb.GetExecutionRequest(execution_id="a")
    told = await refused(workflows(channel).GetExecution(request, metadata=(("x-more", "m" * 70_000),)))
    assert told.code is EXHAUSTED
    assert await is_well(served)


# --- floods


async def waiting_execution(served: Served) -> str:
    async with served.channel() as channel:
        request = pb.ExecuteRequest(body=json.dumps(patient()).encode())
        return (await workflows(channel).Execute(request)).execution_id


async def test_more_calls_than_the_limit_are_refused_and_told_when_to_come_back() -> None:
    async with serving(quick(rpc={"max_calls": 10})) as served, served.channel() as channel:
        flows, execution_id = workflows(channel), await waiting_execution(served)
        request = pb.GetResultsRequest(execution_id=execution_id, wait_seconds=5)
        calls = [asyncio.create_task(refused(flows.GetResults(request, timeout=1.5))) for _ in range(50)]
        told = await asyncio.gather(*calls)
        busy = [each for each in told if each.code is EXHAUSTED]
        assert len(busy) == 40
        assert {(each.reason, each.retry_after) for each in busy} == {("TOO_MANY_CALLS", 1.0)}
        assert {each.code for each in told if each not in busy} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert await is_well(served)


async def test_more_watches_than_the_limit_are_refused() -> None:
    async with serving(quick(limits={"max_streams": 2})) as served, served.channel() as channel:
        flows, execution_id = workflows(channel), await waiting_execution(served)
        watched = [flows.Watch(pb.WatchRequest(execution_id=execution_id)) for _ in range(2)]
        for each in watched:
            await each.read()
        told = await refused(flows.Watch(pb.WatchRequest(execution_id=execution_id)))
        assert (told.code, told.reason) == (EXHAUSTED, "TOO_MANY_STREAMS")
        for each in watched:
            each.cancel()


async def test_calls_beyond_those_of_a_connection_wait_or_are_told_to_come_again() -> None:
    settings = quick(rpc={"max_streams_per_connection": 3})
    async with serving(settings) as served, served.channel() as channel:
        request = pb.ExecuteRequest(body=json.dumps(hello()).encode(), wait_seconds=20)
        codes = await asyncio.gather(*(code_of(workflows(channel).Execute(request)) for _ in range(30)))
        # Where the client counts a call as over before the server does, HTTP/2 refuses the next one untouched.
        assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        assert codes.count(grpc.StatusCode.OK) >= 3
        assert await is_well(served)


async def code_of(call: Any) -> grpc.StatusCode:  # noqa: ANN401 - any unary call
    code: grpc.StatusCode = await call.code()
    return code


async def test_calls_that_clients_give_up_are_no_errors(served: Served) -> None:
    execution_id = await waiting_execution(served)
    async with served.channel() as channel:
        flows = workflows(channel)
        request = pb.GetResultsRequest(execution_id=execution_id, wait_seconds=20)
        calls = [flows.GetResults(request) for _ in range(20)]
        watched = [flows.Watch(pb.WatchRequest(execution_id=execution_id)) for _ in range(20)]
        for each in watched:
            await each.read()
        for call in (*calls, *watched):
            call.cancel()
    assert await is_well(served)


# --- bugs


async def fall(_request: bytes, _context: object) -> bytes:
    raise RuntimeError("a secret in the message")


async def fall_later(_request: bytes, _context: object) -> AsyncIterator[bytes]:
    yield b"first"
    raise RuntimeError("a secret in the message")


def fall_at_once(_request: bytes, _context: object) -> Any:  # noqa: ANN401 - it never answers
    raise RuntimeError("a secret in the message")


def with_bugs(server: GrpcServer) -> None:
    def add(_servicer: object, inner: Any) -> None:  # noqa: ANN401 - a server of grpc
        handlers: dict[str, Any] = {
            "Fall": grpc.unary_unary_rpc_method_handler(
                fall, request_deserializer=health_pb2.HealthCheckRequest.FromString
            ),
            "AtOnce": grpc.unary_unary_rpc_method_handler(
                fall_at_once, request_deserializer=health_pb2.HealthCheckRequest.FromString
            ),
            "Later": grpc.unary_stream_rpc_method_handler(
                fall_later, request_deserializer=health_pb2.HealthCheckRequest.FromString
            ),
        }
        inner.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Bugs", handlers),))

    server.add("test.Bugs", add, None)


@pytest.mark.parametrize(("method", "answers"), [("Fall", False), ("AtOnce", False), ("Later", True)])
async def test_a_bug_is_answered_with_an_incident_and_nothing_else(method: str, answers: bool) -> None:
    async with serving(also=with_bugs) as served, served.channel() as channel:
        told = await raw(channel, f"/test.Bugs/{method}", b"", answers=answers)
        assert (told.code, told.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
        assert "secret" not in told.message
        assert "RuntimeError" not in told.message
        assert told.facts["incident"] in told.message
        assert served.backing.errors.statistics().by_type == {"RuntimeError": 1}


# --- readiness


async def test_before_recovery_is_done_only_reading_is_served() -> None:
    ready = asyncio.Event()
    async with serving(ready=ready) as served, served.channel() as channel:
        flows, health = workflows(channel), health_pb2_grpc.HealthStub(channel)
        request = pb.ExecuteRequest(body=json.dumps(hello()).encode())
        for call in (
            flows.Execute(request),
            flows.DeleteWorkflow(pb.DeleteWorkflowRequest(workflow_id="a")),
            flows.Signal(pb.SignalRequest(execution_id="a", name="go")),
        ):
            told = await refused(call)
            assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")
            assert told.retry_after == 1.0
        assert not (await flows.ListExecutions(pb.ListExecutionsRequest())).executions
        assert (await flows.Validate(pb.ValidateRequest(document=b"{}"))).problems
        not_yet = await health.Check(health_pb2.HealthCheckRequest())
        assert not_yet.status == health_pb2.HealthCheckResponse.NOT_SERVING
        watched = health.Watch(health_pb2.HealthCheckRequest(service="workflow_engine.v1.WorkflowService"))
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        ready.set()
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        assert (await flows.Execute(request)).execution_id
        watched.cancel()
