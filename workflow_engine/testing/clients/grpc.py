"""A caller over gRPC."""

import json
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from grpc import aio

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rpc.generated import registry_pb2 as steps_pb
from workflow_engine.rpc.generated import workflow_pb2 as pb
from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceStub
from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceStub
from workflow_engine.testing.clients.contract import Client, Event, Reason, Registered, Results, Step, WorkerSeen
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.transports.dialing import Dialing
from workflow_engine.testing.transports.refusals import refusal_of

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 90.0


class GrpcClient(Client):
    def __init__(self, dialing: Dialing) -> None:
        self._channel = dialing.channel()
        # A server that was restarted is there again in a moment.
        self._how: dict[str, Any] = {"metadata": dialing.metadata, "wait_for_ready": True, "timeout": TIMEOUT_SECONDS}
        self._registry = RegistryServiceStub(self._channel)
        self._workflows = WorkflowServiceStub(self._channel)

    async def register(self, contract: Contract, *, dry_run: bool = False) -> Registered:
        request = steps_pb.RegisterStepsRequest(steps=[contract.message()], dry_run=dry_run)
        (registered,) = (await _answered(self._registry.RegisterSteps(request, **self._how))).steps
        return Registered(registered.version, registered.changed)

    async def deregister(self, name: str) -> None:
        await _answered(self._registry.Deregister(steps_pb.DeregisterRequest(name=name), **self._how))

    async def reset_step(self, name: str) -> None:
        await _answered(self._registry.ResetStep(steps_pb.ResetStepRequest(name=name), **self._how))

    async def step_status(self, name: str) -> str:
        request = steps_pb.GetStepRequest(name=name)
        return (await _answered(self._registry.GetStep(request, **self._how))).step.status

    async def workers(self) -> list[WorkerSeen]:
        answer = await _answered(self._registry.ListWorkers(steps_pb.ListWorkersRequest(), **self._how))
        return [
            WorkerSeen(
                one.worker_id,
                one.status,
                one.epoch,
                one.in_flight,
                one.ignored_cancels,
                one.unknown_frames,
                tuple(one.steps),
            )
            for one in answer.workers
        ]

    async def start(self, document: JsonObject, data: JsonObject) -> str:
        body = json.dumps({"workflow_config": document, "input_data": data}).encode()
        return (await _answered(self._workflows.Execute(pb.ExecuteRequest(body=body), **self._how))).execution_id

    async def results(self, execution_id: str, wait_seconds: float = 0.0) -> Results:
        request = pb.GetResultsRequest(execution_id=execution_id, wait_seconds=wait_seconds)
        found = (await _answered(self._workflows.GetResults(request, **self._how))).results
        error = found.error.code if found.HasField("error") else None
        return Results(found.status, {path: _step(one) for path, one in found.steps.items()}, error)

    async def events(self, execution_id: str) -> list[Event]:
        found: list[Event] = []
        after = 0
        while True:
            request = pb.ListEventsRequest(execution_id=execution_id, after=after)
            page = await _answered(self._workflows.ListEvents(request, **self._how))
            found += [Event(one.seq, one.kind, one.path, json.loads(one.data)) for one in page.events]
            if not (after := page.next_after):
                return found

    async def explain(self, execution_id: str) -> list[Reason]:
        request = pb.ExplainRequest(execution_id=execution_id)
        answer = await _answered(self._workflows.Explain(request, **self._how))
        return [Reason(one.path, one.code, json.loads(one.details)) for one in answer.reasons]

    async def cancel(self, execution_id: str) -> None:
        request = pb.CancelRequest(execution_id=execution_id, reason="the kit asks for it")
        await _answered(self._workflows.Cancel(request, **self._how))

    async def signal(self, execution_id: str, name: str, payload: Json) -> None:
        request = pb.SignalRequest(execution_id=execution_id, name=name, payload=json.dumps(payload).encode())
        await _answered(self._workflows.Signal(request, **self._how))

    async def resolve(self, execution_id: str, path: str, output: Json) -> None:
        request = pb.ResolveRequest(execution_id=execution_id, path=path, output=json.dumps(output).encode())
        await _answered(self._workflows.Resolve(request, **self._how))

    async def close(self) -> None:
        await self._channel.close(None)


def _step(one: pb.StepResult) -> Step:
    error = one.error.code if one.HasField("error") else None
    return Step(one.status, json.loads(one.output or b"null"), error, one.retry_count, one.simulated)


async def _answered(call: Awaitable[T]) -> T:
    try:
        return await call
    except aio.AioRpcError as error:
        raise refusal_of(error) from None
