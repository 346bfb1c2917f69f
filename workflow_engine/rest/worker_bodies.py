"""What workers send over HTTP: the messages of worker.proto as JSON, where payloads are plain JSON values.

A body that does not have this shape is refused as a whole and does nothing. What is wrong with one item of a sound body
is told in the answer to that item.
"""

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from workflow_engine.dispatch.workers import messages
from workflow_engine.engine.workers import Asked
from workflow_engine.errors import Problem
from workflow_engine.jsontext import pointer, write
from workflow_engine.rest.bodies import Body

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic would follow the recursive alias without end.
    Json, JsonObject = object, dict

MOST_SECONDS: Final = 100 * 365 * 24 * 3600.0


def _check_seconds(seconds: float) -> float:
    if not 0 <= seconds <= MOST_SECONDS:
        raise PydanticCustomError(
            "out-of-range", "This must be a number of seconds from 0 to {most}", {"most": f"{MOST_SECONDS:.0f}"}
        )
    return seconds


def _decoded(text: str) -> bytes:
    return b64decode(text, validate=True)


def _check_base64(text: str) -> str:
    try:
        _decoded(text)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("invalid-base64", "This must be base64 as in RFC 4648, with its padding") from None
    return text


Seconds = Annotated[float, AfterValidator(_check_seconds)]
Base64 = Annotated[str, AfterValidator(_check_base64)]


# --- the beginning of a session


class Hello(Body):
    """Who comes. The same `worker_id` (1 to 128 visible ASCII characters) again supersedes the session before."""

    worker_id: str
    proto_min: int = 1
    proto_max: int = 1
    build_id: str = ""
    namespace: str = ""
    sdk: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    capabilities: tuple[str, ...] = ()

    def message(self) -> messages.Hello:
        return messages.Hello(**dict(self))


class Register(Body):
    """`steps` are bodies of `POST /steps/register`; here `execution_type` is `poll` when absent, and `name` is
    `step_type`. `serves` names types that are registered already: `name`, for its latest version, or `name@version`.
    """

    steps: tuple[JsonObject, ...] = ()
    serves: tuple[str, ...] = ()


class Credits(Body):
    """The most unfinished assignments: `""` of all types together, the name of a step type of that one."""

    slots: dict[str, int]


class Lease(Body):
    """The right to report on one hand-over of one step, as the assignment brought it."""

    execution_id: str
    path: str
    delivery: int
    token: str = ""

    def message(self) -> messages.LeaseRef:
        return messages.LeaseRef(self.execution_id, self.path, self.delivery, self.token)


class Resume(Body):
    """Everything the worker holds from before."""

    held: tuple[Lease, ...] = ()


class OpenSession(Body):
    """Without `credits` the worker gets one step at a time. With `explicit_acks`, an assignment that is not acked by a
    report in time goes back to the queue; without, handing it out by a poll is enough.
    """

    hello: Hello
    register_: Register = Field(default=Register(), alias="register")  # the plain name is taken by the base class
    credits: Credits | None = None
    resume: Resume = Resume()
    explicit_acks: bool = False

    def asked(self) -> Asked:
        return Asked(
            hello=self.hello.message(),
            contracts=tuple(map(_contract, self.register_.steps)),
            serves=self.register_.serves,
            slots=None if self.credits is None else self.credits.slots,
            held=_leases(self.resume.held),
            explicit_acks=self.explicit_acks,
        )

    def in_body(self, problem: Problem) -> Problem:
        """A problem with what is registered, pointing into this body. That of a single contract says no place."""
        alone = problem.code != "unknown-step-type" and len(self.register_.steps) == 1
        where = pointer("register", "steps", 0) if alone else pointer("register")
        return Problem(problem.code, problem.message, where + problem.pointer)


def _contract(body: JsonObject) -> JsonObject:
    return body if body.get("name") is not None else {**body, "name": body.get("step_type")}


# --- a report


class Reject(Body):
    lease: Lease
    reason: str = ""


class Progress(Body):
    """`fraction` from 0 to 1. `checkpoint`, in base64, is what the next attempt receives; absent keeps the one
    before.
    """

    lease: Lease
    fraction: float | None = None
    note: str | None = None
    checkpoint: Base64 | None = None

    def message(self) -> messages.Progress:
        checkpoint = None if self.checkpoint is None else _decoded(self.checkpoint)
        return messages.Progress(self.lease.message(), self.fraction, self.note or None, checkpoint)


class Chunk(Body):
    """`seq` counts from 0 for each attempt, without gaps. `channel`: such as `text`, the default, or `log`."""

    lease: Lease
    seq: int = 0
    channel: str = ""
    data: str = ""

    def message(self) -> messages.Chunk:
        return messages.Chunk(self.lease.message(), self.seq, self.channel, self.data)


class Failure(Body):
    """`retryable` null leaves it to the step type and the workflow."""

    code: str
    message: str = ""
    details: Json = None
    retryable: bool | None = None
    retry_after_seconds: Seconds | None = None

    def told(self) -> messages.Failure:
        details = b"" if self.details is None else write(self.details)
        return messages.Failure(self.code, self.message, details, self.retryable, self.retry_after_seconds)


class Suspend(Body):
    """Until `seconds` are over or `signal` came, whichever is first; `memo` is handed back then."""

    seconds: Seconds | None = None
    signal: str | None = None
    memo: Json = None

    def told(self) -> messages.Suspend:
        memo = b"" if self.memo is None else write(self.memo)
        return messages.Suspend(self.seconds, self.signal or None, memo)


class Result(Body):
    """Exactly one of `output` (any JSON, null too), `failure` and `suspend`."""

    lease: Lease
    output: Json = None
    failure: Failure | None = None
    suspend: Suspend | None = None
    duration_ms: float = 0.0
    simulated: bool = False

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        outcomes = ("output" in self.model_fields_set) + (self.failure is not None) + (self.suspend is not None)
        if outcomes != 1:
            raise PydanticCustomError("one-outcome", "A result has exactly one of output, failure and suspend")
        return self

    def message(self) -> messages.Result:
        return messages.Result(self.lease.message(), self._outcome(), self.duration_ms)

    def _outcome(self) -> messages.Output | messages.Failure | messages.Suspend:
        if self.failure is not None:
            return self.failure.told()
        if self.suspend is not None:
            return self.suspend.told()
        return messages.Output(write(self.output), self.simulated)


class Log(Body):
    """A line for the server's log. `level`: debug, info, warning or error."""

    lease: Lease
    level: str = "info"
    message: str


class Report(Body):
    """Everything a worker has to say about the steps it holds; all of it may be absent."""

    acks: tuple[Lease, ...] = ()
    rejects: tuple[Reject, ...] = ()
    renew: tuple[Lease, ...] = ()
    progress: tuple[Progress, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    results: tuple[Result, ...] = ()
    cancel_acks: tuple[Lease, ...] = ()
    credits: Credits | None = None
    logs: tuple[Log, ...] = ()

    def said(self) -> messages.Said:
        return messages.Said(
            slots=None if self.credits is None else self.credits.slots,
            acks=_leases(self.acks),
            rejects=tuple((each.lease.message(), each.reason) for each in self.rejects),
            renew=_leases(self.renew),
            progress=tuple(each.message() for each in self.progress),
            chunks=tuple(
                messages.Chunk(each.lease.message(), each.seq, each.channel, each.data) for each in self.chunks
            ),
            results=tuple(each.message() for each in self.results),
            cancel_acks=_leases(self.cancel_acks),
            logs=tuple((each.lease.message(), each.level, each.message) for each in self.logs),
        )


class LaterReport(Body):
    """Results of steps whose webhook answered 202."""

    results: tuple[Result, ...]

    def said(self) -> tuple[messages.Result, ...]:
        return tuple(each.message() for each in self.results)


def _leases(sent: tuple[Lease, ...]) -> tuple[messages.LeaseRef, ...]:
    return tuple(each.message() for each in sent)


# --- the rest


class Poll(Body):
    """Nothing: what a poll asks for stands in its query."""


class Drain(Body):
    """What is left after the deadline is given back to the queue; 0 waits for all of it."""

    deadline_seconds: Seconds = 0.0
