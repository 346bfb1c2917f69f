"""What goes between the desk and a worker, as messages and back."""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from workflow_engine.dispatch.workers.handover import HandOver
from workflow_engine.dispatch.workers.messages import (
    Answer,
    Cancel,
    Chunk,
    Code,
    Failure,
    GoAway,
    Hello,
    LeaseRef,
    Output,
    Progress,
    Result,
    Said,
    Suspend,
    Verdict,
)
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.dispatch.workers.terms import CAPABILITIES, PROTOCOL, Terms
from workflow_engine.engine.workers import Joined
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import Json, write
from workflow_engine.rpc.generated import registry_pb2
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.registry_values import problem_of
from workflow_engine.steps.contract import Resumption, UserContext
from workflow_engine.version import VERSION

CODES: Final[Mapping[Code, pb.LeaseCode]] = {
    Code.OK: pb.LEASE_CODE_OK,
    Code.LEASE_SUPERSEDED: pb.LEASE_CODE_LEASE_SUPERSEDED,
    Code.RESULT_CONFLICT: pb.LEASE_CODE_RESULT_CONFLICT,
    Code.PAYLOAD_TOO_LARGE: pb.LEASE_CODE_PAYLOAD_TOO_LARGE,
    Code.CONTRACT_VIOLATION: pb.LEASE_CODE_CONTRACT_VIOLATION,
    Code.INVALID_TOKEN: pb.LEASE_CODE_INVALID_TOKEN,
    Code.NOT_FOUND: pb.LEASE_CODE_NOT_FOUND,
    Code.INVALID: pb.LEASE_CODE_INVALID,
    Code.UNAVAILABLE: pb.LEASE_CODE_UNAVAILABLE,
}

# --- from a worker


def lease_ref(sent: pb.Lease) -> LeaseRef:
    return LeaseRef(sent.execution_id, sent.path, sent.delivery, sent.token)


def leases(sent: Iterable[pb.Lease]) -> tuple[LeaseRef, ...]:
    return tuple(map(lease_ref, sent))


def hello(sent: pb.Hello) -> Hello:
    return Hello(
        worker_id=sent.worker_id,
        proto_min=sent.proto_min,
        proto_max=sent.proto_max,
        build_id=sent.build_id,
        namespace=sent.namespace,
        sdk=sent.sdk,
        labels=dict(sent.labels),
        capabilities=tuple(sent.capabilities),
    )


def result(sent: pb.Result) -> Result:
    """A result without an outcome is an empty output: null."""
    return Result(lease_ref(sent.lease), _outcome(sent), sent.duration_ms)


def _outcome(sent: pb.Result) -> Output | Failure | Suspend:
    match sent.WhichOneof("outcome"):
        case "failure":
            return _failure(sent.failure)
        case "suspend":
            suspend = sent.suspend
            seconds = suspend.seconds if suspend.HasField("seconds") else None
            return Suspend(seconds, suspend.signal or None, suspend.memo.data)
        case _:
            return Output(sent.output.data, sent.simulated)


def _failure(sent: pb.Failure) -> Failure:
    return Failure(
        code=sent.code,
        message=sent.message,
        details=sent.details.data,
        retryable=sent.retryable if sent.HasField("retryable") else None,
        retry_after=sent.retry_after_seconds if sent.HasField("retry_after_seconds") else None,
    )


def rejects(sent: Iterable[pb.Reject]) -> tuple[tuple[LeaseRef, str], ...]:
    return tuple((lease_ref(one.lease), one.reason) for one in sent)


def progress(sent: Iterable[pb.Progress]) -> tuple[Progress, ...]:
    return tuple(
        Progress(
            lease_ref(one.lease),
            one.fraction if one.HasField("fraction") else None,
            one.note or None,
            one.checkpoint if one.HasField("checkpoint") else None,
        )
        for one in sent
    )


def chunks(sent: Iterable[pb.Chunk]) -> tuple[Chunk, ...]:
    return tuple(Chunk(lease_ref(one.lease), one.seq, one.channel, one.data) for one in sent)


def logs(sent: Iterable[pb.Log]) -> tuple[tuple[LeaseRef, str, str], ...]:
    return tuple((lease_ref(one.lease), one.level, one.message) for one in sent)


def said(sent: pb.ReportRequest) -> Said:
    return Said(
        slots=dict(sent.credits.slots) if sent.HasField("credits") else None,
        acks=leases(sent.acks),
        rejects=rejects(sent.rejects),
        renew=leases(sent.renew),
        progress=progress(sent.progress),
        chunks=chunks(sent.chunks),
        results=tuple(map(result, sent.results)),
        cancel_acks=leases(sent.cancel_acks),
        logs=logs(sent.logs),
    )


# --- to a worker


def lease(ref: LeaseRef) -> pb.Lease:
    return pb.Lease(execution_id=ref.execution_id, path=ref.path, delivery=ref.delivery, token=ref.token)


def welcome(session: Session, terms: Terms) -> pb.Welcome:
    return pb.Welcome(
        proto=PROTOCOL,
        session_id=session.id,
        epoch=session.epoch,
        capabilities=[one for one in session.hello.capabilities if one in CAPABILITIES],
        ping_every_seconds=terms.ping_every,
        dead_after_seconds=terms.dead_after,
        lease_seconds=terms.lease,
        ack_within_seconds=terms.ack_within,
        max_inline_bytes=terms.max_inline_bytes,
        max_frame_bytes=terms.max_frame_bytes,
        max_checkpoint_bytes=terms.max_checkpoint_bytes,
        max_chunk_bytes=terms.max_chunk_bytes,
        server_version=VERSION,
    )


def registered(joined: Joined) -> pb.Registered:
    steps = [] if joined.registered is None else joined.registered.steps
    return pb.Registered(
        steps=[
            registry_pb2.RegisteredStep(
                step_id=one.step_id, name=one.name, version=one.version, changed=one.changed, warnings=one.warnings
            )
            for one in steps
        ],
        serves=joined.serves,
    )


def put_lease(message: pb.Lease, ref: LeaseRef) -> None:
    """Field by field into the place where it is sent: a message that is copied there costs three times as much."""
    message.execution_id = ref.execution_id
    message.path = ref.path
    message.delivery = ref.delivery
    message.token = ref.token


def put_assignment(message: pb.Assignment, handover: HandOver) -> None:
    """Into a message that is empty. What is empty or 0 is left out."""
    request = handover.task.request
    put_lease(message.lease, handover.lease)
    message.step_id = request.step_id
    message.step_type = handover.task.type.pin
    message.attempt = request.attempt
    message.idempotency_key = request.idempotency_key
    message.input.data = write(request.input)
    message.config.data = write(request.config)
    message.workflow_name = request.workflow_name
    message.correlation_id = request.correlation_id or ""
    message.trace_id = request.trace_id or ""
    message.simulation = request.simulation.value
    message.now = request.now
    message.namespace = request.namespace
    if request.workflow_id is not None:
        message.workflow_id = request.workflow_id
    if request.timeout_seconds is not None:
        message.timeout_seconds = request.timeout_seconds
    if handover.next_chunk:
        message.next_chunk = handover.next_chunk
    if request.checkpoint is not None:
        message.checkpoint = request.checkpoint
    if request.resumption is not None:
        message.resumption.CopyFrom(_resumption(request.resumption))
    _put_user(message, request.user)


def _put_user(message: pb.Assignment, user: UserContext) -> None:
    if user.user_id is not None:
        message.user_id = user.user_id
    if user.session_id is not None:
        message.session_id = user.session_id
    if user.organization_id is not None:
        message.organization_id = user.organization_id


def _resumption(resumption: Resumption) -> pb.Resumption:
    return pb.Resumption(by=resumption.by, memo=_payload(resumption.memo), payload=_payload(resumption.payload))


def _payload(value: Json) -> pb.Payload:
    return pb.Payload(data=write(value))


def cancel(one: Cancel) -> pb.Cancel:
    return pb.Cancel(lease=lease(one.lease), reason=one.reason, grace_seconds=one.grace_seconds)


def put_answers(items: "RepeatedCompositeFieldContainer[pb.LeaseAnswer]", answers: Iterable[Answer]) -> None:
    for one in answers:
        message = items.add(code=CODES[one.code])
        put_lease(message.lease, one.lease)
        if one.message:
            message.message = one.message
        if one.next_chunk:
            message.next_chunk = one.next_chunk


def verdict(one: Verdict) -> pb.Verdict:
    code = pb.VERDICT_CODE_KEEP if one.keep else pb.VERDICT_CODE_ABORT
    return pb.Verdict(lease=lease(one.lease), code=code, next_chunk=one.next_chunk)


def go_away(one: GoAway) -> pb.GoAway:
    return pb.GoAway(reconnect_after_seconds=one.reconnect_after_seconds, reason=one.reason)


def error(refusal: WorkflowEngineError, *, fatal: bool) -> pb.Error:
    problems = [problem_of(each) for each in refusal.problems()]
    return pb.Error(code=refusal.code, message=str(refusal), fatal=fatal, problems=problems)
