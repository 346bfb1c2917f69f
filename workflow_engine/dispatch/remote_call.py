"""Step types whose work is done behind a URL: `api`, `rpc` and `webhook`, with the bodies their servers already expect.

Every call carries the idempotency key of the step, the same on every attempt, so that the receiver can recognise a
repetition.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from workflow_engine.clock import Clock
from workflow_engine.dispatch.contract import ReportsLater
from workflow_engine.dispatch.workers.tokens import Tokens
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import Json, JsonLimits, JsonObject, read_strict, write
from workflow_engine.steps.contract import Effect, ExecutionType, StepFailure, StepFunction, StepRequest, StepType
from workflow_engine.steps.http_answers import status_failure
from workflow_engine.steps.http_fields import header_problem
from workflow_engine.steps.services import CallTimedOut, ConnectionBroke, Http, HttpRequest, HttpResponse

ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class RemoteCalls:
    """Makes the functions of called step types. `webhook_key`: the secret that receivers of webhooks know."""

    http: Http
    webhook_key: bytes
    tokens: Tokens
    clock: Clock
    max_response_bytes: int = 16 * 1024 * 1024
    json_limits: JsonLimits = field(default_factory=JsonLimits)
    default_timeout_seconds: float = 30.0
    """For types whose endpoint names none."""

    def function(self, step: StepType) -> StepFunction:
        """What does the work of this type. It raises `StepFailure`s (`http-status`, `contract-violation`, those of
        Http), and `ReportsLater` when a webhook answered 202.
        """

        async def call(request: StepRequest) -> Json:
            return await self._called(step, request)

        return call

    async def _called(self, step: StepType, request: StepRequest) -> Json:
        try:
            response = await self.http.send(self._request(step, request))
        except (CallTimedOut, ConnectionBroke) as failure:
            if step.effect is Effect.AT_MOST_ONCE:
                raise StepFailure("outcome-unknown", failure.message, retryable=False) from failure
            raise
        if step.execution_type is ExecutionType.WEBHOOK and response.status == ACCEPTED:
            raise ReportsLater
        _refuse_status(step.execution_type, response)
        try:
            return read_strict(response.body, self.json_limits)
        except WorkflowEngineError as unreadable:
            message = f"The answer of step type {step.name} is not JSON: {unreadable}"
            raise StepFailure("contract-violation", message, retryable=False) from unreadable

    def _request(self, step: StepType, request: StepRequest) -> HttpRequest:
        endpoint = step.endpoint or {}
        body = write(self._body(step.execution_type, request))
        signed = self._signature(request, body) if step.execution_type is ExecutionType.WEBHOOK else {}
        return HttpRequest(
            method=str(endpoint.get("method") or "POST"),
            url=str(endpoint.get("url")),
            headers={**_own_headers(endpoint), **_headers(request), **signed},
            body=body,
            timeout_seconds=self._timeout(endpoint, request),
            max_response_bytes=self.max_response_bytes,
            namespace=request.namespace,
        )

    def _body(self, execution_type: ExecutionType, request: StepRequest) -> JsonObject:
        body: JsonObject = {"step_config": request.config, "input_data": request.input}
        if execution_type is ExecutionType.RPC:
            body["execution_context"] = execution_context(request)
        if execution_type is ExecutionType.WEBHOOK:
            body["lease"] = self._lease(request)
        return body

    def _lease(self, request: StepRequest) -> JsonObject:
        """What a receiver that answers 202 sends its result with."""
        lease = self.tokens.lease(request.execution_id, request.path, request.delivery)
        return {
            "execution_id": lease.execution_id,
            "path": lease.path,
            "delivery": lease.delivery,
            "token": lease.token,
        }

    def _timeout(self, endpoint: JsonObject, request: StepRequest) -> float:
        own = endpoint.get("timeout")
        seconds = float(own) if isinstance(own, int | float) else self.default_timeout_seconds
        return min(seconds, request.timeout_seconds) if request.timeout_seconds else seconds

    def _signature(self, request: StepRequest, body: bytes) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self.clock.now()), UTC)
        return {
            "webhook-id": request.idempotency_key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self.webhook_key).sign(request.idempotency_key, at, body.decode()),
        }


def execution_context(request: StepRequest) -> JsonObject:
    """What a called or local function is told of the execution it works for."""
    return {
        "execution_id": request.execution_id,
        "workflow_id": request.workflow_id,
        "user_context": {"user_id": request.user.user_id, "session_id": request.user.session_id},
    }


def _own_headers(endpoint: JsonObject) -> dict[str, str]:
    headers = endpoint.get("headers")
    return {name: str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def _headers(request: StepRequest) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": request.idempotency_key}
    if request.correlation_id and header_problem("x-correlation-id", request.correlation_id) is None:
        headers["X-Correlation-ID"] = request.correlation_id
    if request.trace_id and len(request.trace_id) == 32:
        span = hashlib.sha256(request.idempotency_key.encode()).hexdigest()[:16]
        headers["traceparent"] = f"00-{request.trace_id}-{span}-01"
    return headers


def _refuse_status(execution_type: ExecutionType, response: HttpResponse) -> None:
    what, fine = ("RPC", (200,)) if execution_type is ExecutionType.RPC else ("API", (200, 201))
    if response.status not in fine:
        raise status_failure(f"{what} call failed: {response.status}", response)
