"""The client over gRPC. Everything else that calls a server over gRPC runs this."""

import asyncio
import math
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message
from grpc import aio

from workflow_client.client import from_frames
from workflow_client.client.refusals import from_grpc
from workflow_client.client.views import (
    TERMINAL,
    Event,
    Execution,
    Page,
    Reason,
    Results,
    SavedWorkflow,
    Started,
    StepInfo,
    Validation,
    WorkerInfo,
)
from workflow_client.dialing import DEFAULT_TARGET, Tls, dialing
from workflow_client.errors import ExecutionNotFinished
from workflow_client.generated import registry_pb2 as registry
from workflow_client.generated import workflow_pb2 as pb
from workflow_client.generated.registry_pb2_grpc import RegistryServiceStub
from workflow_client.generated.workflow_pb2_grpc import WorkflowServiceStub
from workflow_client.json_values import Json, write
from workflow_client.protocol.backoff import Backoff

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
Sleep = Callable[[float], Awaitable[None]]

LONGEST_WAIT: Final = 60.0
"""Seconds that one call may wait at the server."""
PATIENCE: Final = 20
"""How often `wait` and `watch` come back to a server that has answered before: for more than a minute."""
_PASSING: Final = frozenset({grpc.StatusCode.UNAVAILABLE})
_LAST_KINDS: Final = frozenset(f"execution_{status}" for status in TERMINAL)


class AsyncClient:
    """Validates, saves, starts and watches workflows. Make it inside a running event loop; `async with` closes it.

    Calls that are safe to repeat are repeated up to `retries` times while the server cannot be reached; `execute` and
    `signal` are, because they carry an idempotency key. `timeout` is in seconds for one call, without what it waits.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        api_key: str | None = None,
        tls: Tls | bool = False,
        timeout: float = 30.0,
        retries: int = 5,
    ) -> None:
        self._dialing = dialing(target, api_key, tls)
        self._channel = self._dialing.channel()
        self._workflows = WorkflowServiceStub(self._channel)
        self._registry = RegistryServiceStub(self._channel)
        self._timeout = timeout
        self._retries = retries

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._channel.close()

    # --- executions

    async def execute(
        self,
        workflow: Mapping[str, Any] | str,
        input: Json = None,  # noqa: A002  # the word of the documents
        *,
        wait: float | None = None,
        idempotency_key: str | None = None,
        user: Mapping[str, str] | None = None,
    ) -> Started:
        """Starts a document, or a saved workflow by its id; durable when this answers.

        `wait` is how many seconds to wait for the end (at most 60); `.results` then tells how far it came.
        """
        saved = isinstance(workflow, str)
        body: dict[str, Any] = dict(user or {})
        if not saved:
            body["workflow_config"] = workflow
        if input is not None:
            body["input_data"] = input
        request = pb.ExecuteRequest(
            body=write(body),
            workflow_id=workflow if isinstance(workflow, str) else "",
            wait_seconds=wait,
            idempotency_key=idempotency_key or uuid.uuid4().hex,
        )
        return from_frames.started(await self._call(self._workflows.Execute, request, waits=wait or 0.0))

    async def wait(self, execution_id: str, timeout: float | None = None) -> Results:
        """Until it has ended; raises ExecutionNotFinished after `timeout` seconds. None waits for ever."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        tries = self._retries
        while True:
            left = min(LONGEST_WAIT, until - time.monotonic())
            found = await self._results(execution_id, max(left, 0.0), tries)
            tries = max(tries, PATIENCE)
            if found.has_ended:
                return found
            if time.monotonic() >= until:
                raise ExecutionNotFinished(execution_id, found.status, timeout or 0.0)

    async def results(self, execution_id: str, *, wait: float = 0.0) -> Results:
        """What came out so far; waits up to `wait` seconds (at most 60) for the end."""
        return await self._results(execution_id, wait, self._retries)

    async def _results(self, execution_id: str, wait: float, tries: int) -> Results:
        request = pb.GetResultsRequest(execution_id=execution_id, wait_seconds=wait)
        frame = await self._call(self._workflows.GetResults, request, waits=wait, tries=tries)
        return from_frames.results(frame.results)

    async def get(self, execution_id: str) -> Execution:
        request = pb.GetExecutionRequest(execution_id=execution_id)
        return from_frames.execution((await self._call(self._workflows.GetExecution, request)).execution)

    async def list_executions(
        self,
        *,
        statuses: Sequence[str] = (),
        workflow_id: str = "",
        workflow_name: str = "",
        user_id: str = "",
        tag: str = "",
        started_after: float | None = None,
        started_before: float | None = None,
        cursor: str | None = None,
        limit: int = 0,
    ) -> Page[Execution]:
        """Newest first. Times are UTC epoch seconds; `limit` 0 is the server's default."""
        request = pb.ListExecutionsRequest(
            statuses=statuses,
            workflow_id=workflow_id,
            workflow_name=workflow_name,
            user_id=user_id,
            tag=tag,
            started_after=started_after,
            started_before=started_before,
            cursor=cursor or "",
            limit=limit,
        )
        return from_frames.executions(await self._call(self._workflows.ListExecutions, request))

    async def events(self, execution_id: str, *, after: int = 0, limit: int = 0) -> tuple[Event, ...]:
        """One page of what happened behind `after`."""
        request = pb.ListEventsRequest(execution_id=execution_id, after=after, limit=limit)
        frame = await self._call(self._workflows.ListEvents, request)
        return tuple(from_frames.event(entry) for entry in frame.events)

    async def watch(self, execution_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """Every event behind `after`, those to come included, until the last one. A broken stream is resumed."""
        backoff = Backoff(random.random)
        seen, tries = after, max(self._retries, 1)
        while True:
            request = pb.WatchRequest(execution_id=execution_id, after=seen)
            stream = self._workflows.Watch(request, metadata=self._dialing.metadata(), wait_for_ready=False)
            try:
                async for answer in stream:
                    for frame in answer.events:
                        if frame.seq <= seen:
                            continue
                        seen = frame.seq
                        backoff.reset()
                        tries = PATIENCE
                        yield from_frames.event(frame)
                        if frame.kind in _LAST_KINDS:
                            return
            except aio.AioRpcError as failure:
                if failure.code() not in _PASSING or backoff.tries >= tries:
                    raise from_grpc(failure) from None
            else:
                if await self._is_over(execution_id, seen):
                    return
            finally:
                stream.cancel()
            await asyncio.sleep(backoff.next())

    async def _is_over(self, execution_id: str, seen: int) -> bool:
        """A stream that ended in order may be the server's stop, or the end of the execution."""
        return (await self.get(execution_id)).has_ended and not await self.events(execution_id, after=seen, limit=1)

    async def explain(self, execution_id: str) -> tuple[Reason, ...]:
        """Why it is not running: one reason for each open step."""
        return from_frames.reasons(
            await self._call(self._workflows.Explain, pb.ExplainRequest(execution_id=execution_id))
        )

    async def cancel(self, execution_id: str, *, reason: str = "", compensate: bool = False) -> Execution:
        request = pb.CancelRequest(execution_id=execution_id, reason=reason, compensate=compensate)
        return from_frames.execution((await self._once(self._workflows.Cancel, request)).execution)

    async def pause(self, execution_id: str, *, reason: str = "") -> Execution:
        request = pb.PauseRequest(execution_id=execution_id, reason=reason)
        return from_frames.execution((await self._once(self._workflows.Pause, request)).execution)

    async def resume(self, execution_id: str) -> Execution:
        request = pb.ResumeRequest(execution_id=execution_id)
        return from_frames.execution((await self._once(self._workflows.Resume, request)).execution)

    async def signal(
        self, execution_id: str, name: str, payload: Json = None, *, idempotency_key: str | None = None
    ) -> None:
        """Wakes a step that waits for it."""
        request = pb.SignalRequest(
            execution_id=execution_id,
            name=name,
            payload=b"" if payload is None else write(payload),
            idempotency_key=idempotency_key or uuid.uuid4().hex,
        )
        await self._call(self._workflows.Signal, request)

    # --- workflows

    async def validate(self, document: Mapping[str, Any]) -> Validation:
        """Everything that is wrong with a document."""
        return from_frames.validation(
            await self._call(self._workflows.Validate, pb.ValidateRequest(document=write(document)))
        )

    async def save_workflow(self, document: Mapping[str, Any], workflow_id: str = "") -> SavedWorkflow:
        """A new workflow, or its next version."""
        request = pb.SaveWorkflowRequest(workflow_id=workflow_id, document=write(document))
        frame = await self._once(self._workflows.SaveWorkflow, request)
        return SavedWorkflow(frame.workflow_id, frame.version_number, document)

    async def get_workflow(self, workflow_id: str, *, version_number: int = 0) -> SavedWorkflow:
        """`version_number` 0 is the current one."""
        request = pb.GetWorkflowRequest(workflow_id=workflow_id, version_number=version_number)
        return from_frames.workflow((await self._call(self._workflows.GetWorkflow, request)).workflow)

    async def list_workflows(self, *, limit: int = 0, offset: int = 0) -> tuple[SavedWorkflow, ...]:
        frame = await self._call(self._workflows.ListWorkflows, pb.ListWorkflowsRequest(limit=limit, offset=offset))
        return tuple(from_frames.workflow(entry) for entry in frame.workflows)

    async def list_workflow_versions(self, workflow_id: str) -> tuple[SavedWorkflow, ...]:
        request = pb.ListWorkflowVersionsRequest(workflow_id=workflow_id)
        frame = await self._call(self._workflows.ListWorkflowVersions, request)
        return tuple(from_frames.workflow(entry) for entry in frame.versions)

    async def delete_workflow(self, workflow_id: str) -> None:
        await self._once(self._workflows.DeleteWorkflow, pb.DeleteWorkflowRequest(workflow_id=workflow_id))

    # --- step types and workers

    async def list_steps(self) -> tuple[StepInfo, ...]:
        """The latest version of every step type."""
        frame = await self._call(self._registry.ListSteps, registry.ListStepsRequest())
        return tuple(from_frames.step(entry) for entry in frame.steps)

    async def get_step(self, name: str, *, version: str = "") -> StepInfo:
        request = registry.GetStepRequest(name=name, version=version)
        return from_frames.step((await self._call(self._registry.GetStep, request)).step)

    async def list_step_versions(self, name: str) -> tuple[StepInfo, ...]:
        """Newest first."""
        frame = await self._call(self._registry.ListStepVersions, registry.ListStepVersionsRequest(name=name))
        return tuple(from_frames.step(entry) for entry in frame.steps)

    async def deregister_step(self, name: str, *, version: str = "") -> None:
        """One version, or all: new executions cannot use it; those that run keep it."""
        await self._once(self._registry.Deregister, registry.DeregisterRequest(name=name, version=version))

    async def reset_step(self, name: str) -> int:
        """Lets a quarantined step type run again; answers how many versions were quarantined."""
        return (await self._once(self._registry.ResetStep, registry.ResetStepRequest(name=name))).reset

    async def list_workers(self) -> tuple[WorkerInfo, ...]:
        frame = await self._call(self._registry.ListWorkers, registry.ListWorkersRequest())
        return tuple(from_frames.worker(entry) for entry in frame.workers)

    # --- calls

    async def _once(self, method: aio.UnaryUnaryMultiCallable[Q, A], request: Q, *, waits: float = 0.0) -> A:
        try:
            return await method(request, timeout=self._timeout + waits, metadata=self._dialing.metadata())
        except aio.AioRpcError as failure:
            raise from_grpc(failure) from None

    async def _call(
        self, method: aio.UnaryUnaryMultiCallable[Q, A], request: Q, *, waits: float = 0.0, tries: int | None = None
    ) -> A:
        """For calls that are safe to repeat."""
        backoff = Backoff(random.random)
        most = self._retries if tries is None else tries
        while True:
            try:
                return await method(request, timeout=self._timeout + waits, metadata=self._dialing.metadata())
            except aio.AioRpcError as failure:
                if failure.code() not in _PASSING or backoff.tries >= most:
                    raise from_grpc(failure) from None
            await asyncio.sleep(backoff.next())
