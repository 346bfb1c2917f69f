"""What workers are answered over HTTP: the messages of worker.proto as JSON, where payloads are plain JSON values."""

from base64 import b64encode
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from workflow_engine.clock import iso
from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import Answer, Cancel, GoAway, LeaseRef, Verdict
from workflow_engine.dispatch.workers.outbox import Outgoing
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.terms import CAPABILITIES, PROTOCOL, Terms
from workflow_engine.engine.workers import Joined, Opened, WorkerView
from workflow_engine.steps.contract import Resumption
from workflow_engine.version import VERSION

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic makes JSON Schemas of these shapes, and would follow the recursive alias without end.
    Json, JsonObject = object, dict


class LeaseBody(TypedDict):
    """The right to report on one hand-over of one step. `delivery` is the fence; keep `token` secret."""

    execution_id: str
    path: str
    delivery: int
    token: str


# --- the beginning of a session


class WelcomeBody(TypedDict):
    """The terms of the session. All times are durations; no clock is compared with another."""

    proto: int
    session_id: str
    epoch: int
    capabilities: list[str]
    ping_every_seconds: float
    dead_after_seconds: float
    lease_seconds: float
    ack_within_seconds: float
    max_inline_bytes: int
    max_frame_bytes: int
    max_checkpoint_bytes: int
    max_chunk_bytes: int
    server_version: str


class RegisteredStepBody(TypedDict):
    step_id: str
    name: str
    version: str
    changed: bool
    warnings: list[str]


class SessionStepsBody(TypedDict):
    """`serves`: what this session serves now, as `name@version`."""

    steps: list[RegisteredStepBody]
    serves: list[str]


class VerdictBody(TypedDict):
    """`code`: `keep`, go on with it, or `abort`, stop. `next_chunk`: the number of the chunk that is waited for."""

    lease: LeaseBody
    code: str
    next_chunk: int


class VerdictsBody(TypedDict):
    items: list[VerdictBody]


class OpenedBody(TypedDict):
    """A session is open. `verdicts` has one item for each lease that was resumed."""

    welcome: WelcomeBody
    registered: SessionStepsBody
    verdicts: VerdictsBody


def opened_body(opened: Opened, terms: Terms) -> OpenedBody:
    return {
        "welcome": _welcome(opened.session, terms),
        "registered": _registered(opened.joined),
        "verdicts": {"items": [_verdict(each) for each in opened.verdicts]},
    }


def _welcome(session: Session, terms: Terms) -> WelcomeBody:
    return {
        "proto": PROTOCOL,
        "session_id": session.id,
        "epoch": session.epoch,
        "capabilities": [each for each in session.hello.capabilities if each in CAPABILITIES],
        "ping_every_seconds": terms.ping_every,
        "dead_after_seconds": terms.dead_after,
        "lease_seconds": terms.lease,
        "ack_within_seconds": terms.ack_within,
        "max_inline_bytes": terms.max_inline_bytes,
        "max_frame_bytes": terms.max_frame_bytes,
        "max_checkpoint_bytes": terms.max_checkpoint_bytes,
        "max_chunk_bytes": terms.max_chunk_bytes,
        "server_version": VERSION,
    }


def _registered(joined: Joined) -> SessionStepsBody:
    steps = () if joined.registered is None else joined.registered.steps
    return {
        "steps": [
            {
                "step_id": each.step_id,
                "name": each.name,
                "version": each.version,
                "changed": each.changed,
                "warnings": list(each.warnings),
            }
            for each in steps
        ],
        "serves": list(joined.serves),
    }


def _verdict(one: Verdict) -> VerdictBody:
    return {"lease": _lease(one.lease), "code": "keep" if one.keep else "abort", "next_chunk": one.next_chunk}


# --- a poll


class ResumptionBody(TypedDict):
    """Why a step that was suspended goes on: `by` is `timer` or `signal`."""

    by: str
    memo: Json
    payload: Json


class AssignmentBody(TypedDict):
    """One step to do. `timeout_seconds` 0 is for ever; `checkpoint` is base64; `now` is UTC epoch seconds."""

    lease: LeaseBody
    step_id: str
    step_type: str
    attempt: int
    idempotency_key: str
    input: Json
    config: Json
    timeout_seconds: float
    checkpoint: str | None
    resumption: ResumptionBody | None
    workflow_id: str
    workflow_name: str
    user_id: str
    session_id: str
    organization_id: str
    correlation_id: str
    trace_id: str
    simulation: str
    now: float
    namespace: str
    next_chunk: int


class CancelBody(TypedDict):
    """Stop working on this step, and say so by `cancel_acks`.

    `reason`: `cancelled`, `timeout`, `superseded` or `chunks-over-limit`.
    """

    lease: LeaseBody
    reason: str
    grace_seconds: float


class GoAwayBody(TypedDict):
    """The session is over: keep what is held, open another one after this pause, and resume."""

    reconnect_after_seconds: float
    reason: str


class PolledBody(TypedDict):
    """`drained`: nothing is in flight, the worker may go."""

    assignments: list[AssignmentBody]
    cancels: list[CancelBody]
    drained: bool
    go_away: GoAwayBody | None


def polled_body(outgoing: Outgoing) -> PolledBody:
    return {
        "assignments": [_assignment(each) for each in outgoing.assignments],
        "cancels": [_cancel(each) for each in outgoing.cancels],
        "drained": outgoing.drained,
        "go_away": None if outgoing.go_away is None else _go_away(outgoing.go_away),
    }


def _assignment(handover: HandOver) -> AssignmentBody:
    request = handover.task.request
    return {
        "lease": _lease(handover.lease),
        "step_id": request.step_id,
        "step_type": handover.task.type.pin,
        "attempt": request.attempt,
        "idempotency_key": request.idempotency_key,
        "input": request.input,
        "config": request.config,
        "timeout_seconds": request.timeout_seconds or 0.0,
        "checkpoint": None if request.checkpoint is None else b64encode(request.checkpoint).decode(),
        "resumption": None if request.resumption is None else _resumption(request.resumption),
        "workflow_id": request.workflow_id or "",
        "workflow_name": request.workflow_name,
        "user_id": request.user.user_id or "",
        "session_id": request.user.session_id or "",
        "organization_id": request.user.organization_id or "",
        "correlation_id": request.correlation_id or "",
        "trace_id": request.trace_id or "",
        "simulation": request.simulation.value,
        "now": request.now,
        "namespace": request.namespace,
        "next_chunk": handover.next_chunk,
    }


def _resumption(resumption: Resumption) -> ResumptionBody:
    return {"by": resumption.by, "memo": resumption.memo, "payload": resumption.payload}


def _cancel(one: Cancel) -> CancelBody:
    return {"lease": _lease(one.lease), "reason": one.reason, "grace_seconds": one.grace_seconds}


def _go_away(one: GoAway) -> GoAwayBody:
    return {"reconnect_after_seconds": one.reconnect_after_seconds, "reason": one.reason}


def _lease(ref: LeaseRef) -> LeaseBody:
    return {"execution_id": ref.execution_id, "path": ref.path, "delivery": ref.delivery, "token": ref.token}


# --- a report


class LeaseAnswerBody(TypedDict):
    """`code`: `ok`, `lease_superseded`, `result_conflict`, `payload_too_large`, `contract_violation`, `invalid_token`,
    `not_found`, `invalid` or `unavailable`. `message` is for people.
    """

    lease: LeaseBody
    code: str
    message: str
    next_chunk: int


class ReportedBody(TypedDict):
    """One answer for each lease to renew and for each result, the latter when it is durable or refused."""

    renewed: list[LeaseAnswerBody]
    result_acks: list[LeaseAnswerBody]


class DrainedBody(TypedDict):
    """`drained`: nothing is in flight, the worker may go."""

    drained: bool


def reported_body(renewed: list[Answer], result_acks: list[Answer]) -> ReportedBody:
    return {"renewed": [_answer(each) for each in renewed], "result_acks": [_answer(each) for each in result_acks]}


def _answer(one: Answer) -> LeaseAnswerBody:
    return {
        "lease": _lease(one.lease),
        "code": one.code.value,
        "message": one.message,
        "next_chunk": one.next_chunk,
    }


# --- the list


class WorkerBody(TypedDict):
    """A worker that is connected, or holds steps. `status`: connected, draining, or lost (gone while its leases run).

    `slots` are the most unfinished steps by class, `""` for all together.
    """

    worker_id: str
    build_id: str
    sdk: str
    transport: str
    status: str
    epoch: int
    steps: list[str]
    slots: dict[str, int]
    in_flight: int
    connected_at: str
    last_seen_at: str
    labels: dict[str, str]
    principal: str
    completed: int
    failed: int
    ignored_cancels: int
    unknown_frames: int


class WorkerListBody(TypedDict):
    """By worker id."""

    workers: list[WorkerBody]
    total: int


def worker_body(view: WorkerView) -> WorkerBody:
    return {
        "worker_id": view.worker_id,
        "build_id": view.build_id,
        "sdk": view.sdk,
        "transport": view.transport,
        "status": view.status,
        "epoch": view.epoch,
        "steps": list(view.serves),
        "slots": dict(view.slots),
        "in_flight": view.in_flight,
        "connected_at": iso(view.connected_at),
        "last_seen_at": iso(view.last_seen_at),
        "labels": dict(view.labels),
        "principal": view.principal,
        "completed": view.completed,
        "failed": view.failed,
        "ignored_cancels": view.ignored_cancels,
        "unknown_frames": view.unknown_frames,
    }
