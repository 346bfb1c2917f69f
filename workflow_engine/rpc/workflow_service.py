"""Workflows and executions over gRPC: parse, call a verb, return."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from workflow_engine.engine.caller import Caller
from workflow_engine.engine.executions import Accepted
from workflow_engine.engine.keys import InvalidKey
from workflow_engine.engine.views import ResultsView
from workflow_engine.engine.waiting import results_within
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.history.events import StepError
from workflow_engine.jsontext import Json
from workflow_engine.rpc import conversation_values as conversations
from workflow_engine.rpc import execution_values as values
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.calls import (
    Context,
    InvalidField,
    caller_of,
    key_of,
    page_of,
    read_document,
    read_json,
    read_optional_json,
    required,
    text,
    wait_of,
    whole,
)
from workflow_engine.rpc.generated import workflow_pb2 as pb
from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceServicer
from workflow_engine.rpc.registry_values import problem_of
from workflow_engine.rpc.watching import batches
from workflow_engine.runtime.runtime import ShuttingDown

LONGEST_CODE: Final = 128
LONGEST_MESSAGE: Final = 16_384


class WorkflowServicer(WorkflowServiceServicer):
    def __init__(self, backing: Backing) -> None:
        self._backing = backing
        self._face = backing.face
        self._limits = backing.settings.limits

    def _caller(self, context: Context) -> Caller:
        return caller_of(context, self._face)

    # --- workflows

    async def SaveWorkflow(self, request: pb.SaveWorkflowRequest, context: Context) -> pb.SaveWorkflowResponse:
        caller = self._caller(context)
        document = await read_document(request.document, self._limits)
        row = await self._face.workflows.save(caller, document, request.workflow_id or None)
        return pb.SaveWorkflowResponse(workflow_id=row.workflow_id, version_number=row.version_number)

    async def GetWorkflow(self, request: pb.GetWorkflowRequest, context: Context) -> pb.GetWorkflowResponse:
        caller, number = self._caller(context), whole("version_number", request.version_number)
        row = await self._face.workflows.get(caller, request.workflow_id, number or None)
        return pb.GetWorkflowResponse(workflow=values.saved_workflow(row))

    async def ListWorkflows(self, request: pb.ListWorkflowsRequest, context: Context) -> pb.ListWorkflowsResponse:
        caller = self._caller(context)
        limit, offset = page_of(request.limit, self._limits), whole("offset", request.offset)
        found = await self._face.workflows.list(caller, limit, offset)
        return pb.ListWorkflowsResponse(workflows=map(values.saved_workflow, found.workflows), total=found.total)

    async def ListWorkflowVersions(
        self, request: pb.ListWorkflowVersionsRequest, context: Context
    ) -> pb.ListWorkflowVersionsResponse:
        rows = await self._face.workflows.versions(self._caller(context), request.workflow_id)
        return pb.ListWorkflowVersionsResponse(versions=map(values.saved_workflow, rows))

    async def DeleteWorkflow(self, request: pb.DeleteWorkflowRequest, context: Context) -> pb.DeleteWorkflowResponse:
        await self._face.workflows.delete(self._caller(context), request.workflow_id)
        return pb.DeleteWorkflowResponse()

    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        caller = self._caller(context)
        report = await self._face.workflows.validate(caller, await read_json(request.document, self._limits))
        problems = map(problem_of, report.problems)
        return pb.ValidateResponse(is_valid=report.is_valid, problems=problems, warnings=report.warnings)

    # --- executions: start and look

    async def Execute(self, request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        caller, key = self._caller(context), key_of(context, request.idempotency_key)
        wait = wait_of(request.wait_seconds, self._limits)
        accepted = await self._start(caller, request, key)
        if not wait:
            return values.started(accepted, None)
        return values.started(accepted, accepted.results or await self._wait(caller, accepted.execution_id, wait))

    async def _start(self, caller: Caller, request: pb.ExecuteRequest, key: str | None) -> Accepted:
        if not request.workflow_id:
            return await self._face.executions.start(caller, await read_json(request.body, self._limits), key=key)
        body = await read_json(request.body or b"{}", self._limits)
        return await self._face.executions.start_saved(caller, request.workflow_id, body, key=key)

    async def _wait(self, caller: Caller, execution_id: str, seconds: float) -> ResultsView:
        return await results_within(self._face.executions, caller, execution_id, seconds, self._backing.stopping)

    async def GetExecution(self, request: pb.GetExecutionRequest, context: Context) -> pb.GetExecutionResponse:
        view = await self._face.executions.get(self._caller(context), request.execution_id)
        return pb.GetExecutionResponse(execution=values.summary(view))

    async def ListExecutions(self, request: pb.ListExecutionsRequest, context: Context) -> pb.ListExecutionsResponse:
        wanted = values.filter_of(request, self._limits)
        page = await self._face.executions.list(self._caller(context), wanted)
        executions = map(values.summary, page.executions)
        return pb.ListExecutionsResponse(executions=executions, next_cursor=page.next_cursor or "")

    async def GetResults(self, request: pb.GetResultsRequest, context: Context) -> pb.GetResultsResponse:
        caller, wait = self._caller(context), wait_of(request.wait_seconds, self._limits)
        if wait:
            view = await self._wait(caller, request.execution_id, wait)
        else:
            view = await self._face.executions.results(caller, request.execution_id)
        return pb.GetResultsResponse(results=values.results(view))

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        caller = self._caller(context)
        after, limit = whole("after", request.after), page_of(request.limit, self._limits)
        page = await self._face.executions.events(caller, request.execution_id, after, limit)
        return pb.ListEventsResponse(events=map(values.event, page.events), next_after=page.next_after or 0)

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        """Ends with `ShuttingDown` at a stop: OK would say that the execution is over."""
        caller, after = self._caller(context), whole("after", request.after)
        await self._face.executions.get(caller, request.execution_id)  # an unknown id is told, and no empty stream
        events = self._face.executions.watch(caller, request.execution_id, after)
        with self._backing.streams:
            async with aclosing(batches(events, self._backing.stopping)) as found:  # type: ignore[type-var]  # it is a generator
                async for batch in found:
                    if not self._face.keys.admits(caller):
                        raise InvalidKey
                    yield pb.WatchResponse(events=map(values.event, batch))
                    if batch[-1].is_last:
                        return
        if self._backing.stopping.is_set():
            raise ShuttingDown

    async def Explain(self, request: pb.ExplainRequest, context: Context) -> pb.ExplainResponse:
        reasons = await self._face.executions.explain(self._caller(context), request.execution_id)
        return pb.ExplainResponse(reasons=map(values.reason, reasons))

    # --- executions: act

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        caller, why = self._caller(context), text("reason", request.reason)
        view = await self._face.executions.cancel(caller, request.execution_id, why, compensate=request.compensate)
        return pb.CancelResponse(execution=values.summary(view))

    async def Pause(self, request: pb.PauseRequest, context: Context) -> pb.PauseResponse:
        caller, why = self._caller(context), text("reason", request.reason)
        view = await self._face.executions.pause(caller, request.execution_id, why)
        return pb.PauseResponse(execution=values.summary(view))

    async def Resume(self, request: pb.ResumeRequest, context: Context) -> pb.ResumeResponse:
        view = await self._face.executions.resume(self._caller(context), request.execution_id)
        return pb.ResumeResponse(execution=values.summary(view))

    async def Signal(self, request: pb.SignalRequest, context: Context) -> pb.SignalResponse:
        caller, key = self._caller(context), key_of(context, request.idempotency_key)
        payload = await read_optional_json(request.payload, self._limits)
        await self._face.executions.signal(caller, request.execution_id, request.name, payload, key=key)
        return pb.SignalResponse()

    async def SendMessage(self, request: pb.SendMessageRequest, context: Context) -> pb.SendMessageResponse:
        caller, key = self._caller(context), key_of(context, request.idempotency_key)
        message = conversations.message_of(request, await read_optional_json(request.metadata, self._limits))
        await self._face.executions.send_message(caller, request.execution_id, request.path, message, key=key)
        return pb.SendMessageResponse()

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        found = await self._face.executions.messages(self._caller(context), request.execution_id, request.path)
        return conversations.conversation(found)

    async def Resolve(self, request: pb.ResolveRequest, context: Context) -> pb.ResolveResponse:
        caller, error = self._caller(context), await self._failure(request)
        output = await self._output(request)
        view = await self._face.executions.resolve(
            caller,
            request.execution_id,
            request.path,
            output=output,
            completed=request.WhichOneof("outcome") == "output",
            error=error,
        )
        return pb.ResolveResponse(execution=values.summary(view))

    async def _output(self, request: pb.ResolveRequest) -> Json:
        match request.WhichOneof("outcome"):
            case None:
                raise InvalidDocument([Problem("missing-field", "Give output, error or run_again", "/output")])
            case "run_again" if not request.run_again:
                raise InvalidField("run_again", "true, or left out")
            case _:
                return await read_optional_json(request.output, self._limits)

    async def _failure(self, request: pb.ResolveRequest) -> StepError | None:
        if request.WhichOneof("outcome") != "error":
            return None
        code = required("error/code", request.error.code, LONGEST_CODE)
        message = text("error/message", request.error.message, LONGEST_MESSAGE)
        return StepError(code, message, await read_optional_json(request.error.details, self._limits))
