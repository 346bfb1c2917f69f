"""What no worker may bring about: UNKNOWN, INTERNAL, exception text, a fault in the log, or harm to another worker."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc import aio

from tests.rpc.serving import Refusal, Served, quick, refusal_of, refused, serving, workflows
from tests.rpc.spoiling import spoiled
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.generated import workflow_pb2
from workflow_engine.rpc.generated.worker_pb2_grpc import WorkerServiceStub
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.errors import Refused, SessionEnded
from workflow_engine.testing.transports.contract import Opening, completed
from workflow_engine.testing.transports.dialing import Dialing
from workflow_engine.testing.transports.stream import Connection, StreamSession, StreamTransport

SESSION: Final = "/workflow_engine.v1.WorkerService/Session"
STEP: Final = Contract("hostile.step")
OTHER: Final = Contract("hostile.other")
REFUSALS: Final = {
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "PERMISSION_DENIED",
    "ALREADY_EXISTS",
    "RESOURCE_EXHAUSTED",
    "NOT_FOUND",
}
"""What a worker that sends nonsense may be told."""
EXCEPTION_TEXT: Final = ("Error", "Exception", "Traceback", "object at 0x", "workflow_engine/")
UNREADABLE: Final = (b"\xff\xff\xff", b"\x0a\x7fabc", b"\x0b", b"\x08" + b"\xff" * 11, b"\x0a\x04\x1a\x02\xff\xfe")
MANY: Final = 10_000

pytestmark = pytest.mark.timeout(180)


class Place:
    """A server, a healthy worker beside the hostile ones, and what the loop was told of nobody's exceptions."""

    def __init__(self, served: Served, faults: list[str]) -> None:
        self.served = served
        self.faults = faults
        self.transport = StreamTransport(Dialing(served.address))
        self._channel = served.channel()
        self.flows = workflows(self._channel)
        self.workers = WorkerServiceStub(self._channel)
        self.executions: list[str] = []

    async def start(self, contract: Contract = STEP) -> str:
        step = {"step_id": "work", "step_type": contract.pin, "max_retries": 1, "retry_delay_seconds": 0.01}
        body = json.dumps({"workflow_config": {"name": "hostile", "steps": [step]}}).encode()
        started = await self.flows.Execute(workflow_pb2.ExecuteRequest(body=body))
        self.executions.append(started.execution_id)
        return started.execution_id

    async def worker(self, worker_id: str = "hostile", contract: Contract = STEP) -> StreamSession:
        return await self.transport.open(Opening(worker_id, (contract,), slots={"": 1_000}))

    async def is_well(self, healthy: StreamSession) -> None:
        """The worker that did nothing wrong still works, everything can be read, and nothing went wrong inside."""
        execution = await self.start(OTHER)
        await healthy.complete(await healthy.take_one(), "well")
        results = await self.flows.GetResults(workflow_pb2.GetResultsRequest(execution_id=execution, wait_seconds=20))
        assert results.results.status == "completed"
        for each in self.executions:
            await self.flows.GetResults(workflow_pb2.GetResultsRequest(execution_id=each))
            await self.flows.Explain(workflow_pb2.ExplainRequest(execution_id=each))
            page = await self.flows.ListEvents(workflow_pb2.ListEventsRequest(execution_id=each))
            assert all(json.loads(event.data) is not None for event in page.events)
        assert self.served.backing.errors.statistics().by_severity["critical"] == 0, (
            self.served.backing.errors.statistics()
        )
        assert self.faults == []

    async def close(self) -> None:
        await self._channel.close(None)


@asynccontextmanager
async def place_on(url: str, **groups: Any) -> AsyncIterator[Place]:  # noqa: ANN401 - groups of settings
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(str(context)))
    # Workers are lost here by the dozen: no step type shall be quarantined for it.
    async with serving(quick(workers={"quarantine_after": MANY}, **groups), url=url) as served:
        place = Place(served, faults)
        try:
            yield place
        finally:
            await place.close()


@pytest.fixture
async def place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> AsyncIterator[Place]:
    async with place_on(f"sqlite:///{tmp_path / 'hostile.db'}") as found:
        yield found
    printed = "".join(capfd.readouterr())
    assert "Traceback" not in printed, printed[-4_000:]


@pytest.fixture
async def healthy(place: Place) -> AsyncIterator[StreamSession]:
    session = await place.worker("healthy", OTHER)
    yield session
    await session.drop()


def is_fair(refusal: Refusal | Refused) -> bool:
    """A refusal a person can act on."""
    name = refusal.code.name if isinstance(refusal, Refusal) else refusal.status
    return name in REFUSALS and not any(text in refusal.message for text in EXCEPTION_TEXT)


async def raw(place: Place, *messages: bytes) -> Refusal:
    """Send bytes as they are on the stream of a session."""

    async def sent() -> AsyncIterator[bytes]:
        for message in messages:
            yield message
        await asyncio.sleep(10)  # the server ends the stream, not this side

    async with place.served.channel() as channel:
        stream: Any = channel.stream_stream(SESSION)
        return await refused(stream(sent(), timeout=9))


def hello(worker_id: str = "hostile") -> pb.Hello:
    return Opening(worker_id).hello()


# --- bytes and order


@pytest.mark.parametrize("nonsense", UNREADABLE)
async def test_bytes_that_are_no_frame_end_their_own_session_only(
    place: Place, healthy: StreamSession, nonsense: bytes
) -> None:
    welcome = pb.SessionRequest(hello=hello()).SerializeToString()
    for messages in ((nonsense,), (welcome, nonsense)):
        refusal = await raw(place, *messages)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")
        assert is_fair(refusal)
    await place.is_well(healthy)


@pytest.mark.parametrize("kind", [each for each in pb.SessionRequest.DESCRIPTOR.fields_by_name if each != "hello"])
async def test_any_frame_before_hello_is_refused(place: Place, kind: str) -> None:
    frame = pb.SessionRequest()
    getattr(frame, kind).SetInParent()
    refusal = await raw(place, frame.SerializeToString())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OUT_OF_ORDER")


async def test_empty_frames_of_every_kind_in_any_order_harm_nobody(place: Place, healthy: StreamSession) -> None:
    kinds = [each for each in pb.SessionRequest.DESCRIPTOR.fields_by_name if each != "hello"]
    for order in (kinds, kinds[::-1]):
        connection = place.transport.connect()
        await connection.send(hello=hello())
        for kind in order:
            frame = pb.SessionRequest()
            getattr(frame, kind).SetInParent()
            await connection.send_frame(frame)
        await passed(connection)
        await connection.close()
    await place.is_well(healthy)


async def test_a_frame_over_the_limit_ends_its_own_session_only(place: Place, healthy: StreamSession) -> None:
    connection = place.transport.connect()
    await connection.send(hello=hello())
    await connection.send(logs=pb.Logs(items=[pb.Log(message="x" * (5 * 1024 * 1024))]))
    assert (await end_of(connection)).status == "RESOURCE_EXHAUSTED"
    await place.is_well(healthy)


async def test_frames_and_fields_nobody_knows_are_passed_over(place: Place, healthy: StreamSession) -> None:
    unknown_field = b"\xf2\x3f\x02\x08\x07"
    connection = place.transport.connect()
    await connection.send_frame(
        pb.SessionRequest.FromString(pb.SessionRequest(hello=hello()).SerializeToString() + unknown_field)
    )
    for _ in range(1_000):
        await connection.send_frame(pb.SessionRequest.FromString(unknown_field))
    await passed(connection)
    await connection.close()
    await place.is_well(healthy)


async def test_a_stream_that_says_nothing_is_cut(tmp_path: Path) -> None:
    async with place_on("memory://", limits={"header_timeout_seconds": 0.3}) as place:
        healthy = await place.worker("healthy", OTHER)
        silent = [place.transport.connect() for _ in range(20)]
        ends = await asyncio.gather(*(end_of(each) for each in silent))
        assert {(each.status, each.code) for each in ends} == {("INVALID_ARGUMENT", "invalid-hello")}
        await place.is_well(healthy)
        await healthy.drop()


async def test_streams_that_are_dropped_at_any_moment_harm_nobody(place: Place, healthy: StreamSession) -> None:
    for said in range(4):
        for _ in range(10):
            connection = place.transport.connect()
            frames: list[dict[str, Any]] = [
                {"hello": hello()},
                {"register": pb.Register(steps=[STEP.message()])},
                {"ready": pb.Ready()},
            ]
            for frame in frames[:said]:
                await connection.send(**frame)
            await connection.close()
    await place.is_well(healthy)


# --- floods


FLOODS: Final[dict[str, pb.SessionRequest]] = {
    "pongs": pb.SessionRequest(pong=pb.Pong(nonce=1)),
    "nothing": pb.SessionRequest(),
    "renewals": pb.SessionRequest(renew=pb.Renew(leases=[pb.Lease(execution_id="x", path="y")])),
    "acks": pb.SessionRequest(acks=pb.Acks(leases=[pb.Lease(execution_id="x", path="y")])),
    "credits": pb.SessionRequest(credits=pb.Credits(slots={"": 1})),
    "ready": pb.SessionRequest(ready=pb.Ready()),
    "drains": pb.SessionRequest(drain=pb.Drain(deadline_seconds=0.001)),
    "results": pb.SessionRequest(results=pb.Results(items=[pb.Result(lease=pb.Lease(execution_id="x", path="y"))])),
}


@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_of_small_frames_harms_nobody(place: Place, healthy: StreamSession, what: str) -> None:
    session = await place.worker()
    for _ in range(MANY):
        await session.connection.send_frame(FLOODS[what])
    await answered(session)
    await place.is_well(healthy)
    await session.drop()


async def test_invalid_tokens_by_the_thousand_are_answered_one_by_one(place: Place, healthy: StreamSession) -> None:
    session = await place.worker()
    await place.start()
    task = await session.take_one()
    forged = [
        pb.Result(
            lease=pb.Lease(execution_id=task.lease.execution_id, path="work", delivery=number, token=f"{number:024}")
        )
        for number in range(5_000)
    ]
    answers = await session.report(*forged)
    assert {each.code for each in answers} == {pb.LEASE_CODE_INVALID_TOKEN}
    assert [each.lease.delivery for each in answers] == list(range(5_000))
    await session.complete(task, "true")
    await place.is_well(healthy)
    await session.drop()


async def test_one_lease_many_times_in_one_frame_counts_once(place: Place, healthy: StreamSession) -> None:
    session = await place.worker()
    await place.start()
    task = await session.take_one()
    await session.ack(*[task] * 100)
    renewed = await session.renew(*[task] * 100)
    assert [each.code for each in renewed] == [pb.LEASE_CODE_OK] * 100
    answers = await session.report(*[completed(task, "same")] * 99, completed(task, "other"))
    assert [each.code for each in answers].count(pb.LEASE_CODE_OK) == 99
    assert [each.code for each in answers].count(pb.LEASE_CODE_RESULT_CONFLICT) == 1
    await session.say(pb.ReportRequest(rejects=[pb.Reject(lease=task.lease)] * 100, cancel_acks=[task.lease] * 100))
    await place.is_well(healthy)
    await session.drop()


async def test_ten_thousand_leases_can_be_resumed_at_once(place: Place, healthy: StreamSession) -> None:
    held = [pb.Lease(execution_id=f"x{number}", path="work", delivery=1, token="t" * 24) for number in range(MANY)]
    session = await place.transport.open(Opening("hostile", (STEP,), held=tuple(held)))
    assert {each.code for each in session.verdicts.values()} == {pb.VERDICT_CODE_ABORT}
    await session.drop()
    await place.is_well(healthy)


# --- every field of every frame


def frames(task: pb.Assignment) -> dict[str, pb.SessionRequest]:
    """A sound frame of each kind, with every field set."""
    lease, text = task.lease, pb.Payload(data=b'{"a":1}', content_type="application/json", reference="r")
    failure = pb.Failure(code="no", message="no", details=text, retryable=False, retry_after_seconds=1.0)
    suspend = pb.Suspend(seconds=600.0, signal="go", memo=text)
    said: dict[str, Any] = {
        "acks": pb.Acks(leases=[lease]),
        "rejects": pb.Rejects(items=[pb.Reject(lease=lease, reason="no")]),
        "renew": pb.Renew(leases=[lease]),
        "progress": pb.ProgressReports(items=[pb.Progress(lease=lease, fraction=0.5, note="n", checkpoint=b"c")]),
        "chunks": pb.Chunks(items=[pb.Chunk(lease=lease, seq=0, channel="text", data="d")]),
        "output": pb.Results(items=[pb.Result(lease=lease, output=text, duration_ms=1.0, simulated=True)]),
        "failure": pb.Results(items=[pb.Result(lease=lease, failure=failure, duration_ms=1.0)]),
        "suspend": pb.Results(items=[pb.Result(lease=lease, suspend=suspend, duration_ms=1.0)]),
        "cancel_acks": pb.CancelAcks(leases=[lease]),
        "drain": pb.Drain(deadline_seconds=1.0),
        "pong": pb.Pong(nonce=1),
        "resume": pb.Resume(held=[lease]),
        "logs": pb.Logs(items=[pb.Log(lease=lease, level="info", message="m")]),
        "credits": pb.Credits(slots={"": 1_000}),
        "register": pb.Register(steps=[Contract("hostile.more").message()], serves=[STEP.pin]),
    }
    results = ("output", "failure", "suspend")
    return {name: pb.SessionRequest(**{"results" if name in results else name: frame}) for name, frame in said.items()}


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hostile.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.mark.parametrize("kind", list(frames(pb.Assignment())))
async def test_nothing_in_any_field_of_a_frame_does_harm(
    stored: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with place_on(stored) as place:
        healthy = await place.worker("healthy", OTHER)
        sound = frames(await one_task(place))[kind]
        count = sum(1 for _ in spoiled(sound))
        session = await place.worker()
        for number in range(count):
            await place.start()
            task = await session.take_one()
            what, frame = nth(spoiled(frames(task)[kind]), number)
            session = await survived(place, session, frame, f"{kind}: {what}")
        await place.is_well(healthy)
        await session.drop()
        await healthy.drop()
    printed = "".join(capfd.readouterr())
    assert "Traceback" not in printed, printed[-6_000:]


async def one_task(place: Place) -> pb.Assignment:
    """Of a step that is taken by a worker that then goes: it shows what leases look like."""
    session = await place.worker("first")
    await place.start()
    task = await session.take_one()
    await session.drop()
    return task


def nth(found: Iterator[tuple[str, pb.SessionRequest]], number: int) -> tuple[str, pb.SessionRequest]:
    return next(each for place, each in enumerate(found) if place == number)


async def survived(place: Place, session: StreamSession, frame: pb.SessionRequest, what: str) -> StreamSession:
    """Send it; the session that is there afterwards: this one, or the next when it was refused fairly."""
    try:
        await session.connection.send_frame(frame)
        await answered(session)
        if frame.WhichOneof("frame") not in ("drain", "credits"):
            return session
    except (Refused, SessionEnded) as over:
        why = over.why if isinstance(over, SessionEnded) else over
        assert isinstance(why, Refused), f"{what}: {why!r}"
        assert is_fair(why), f"{what}: {why}"
    await session.drop()
    return await place.worker()


async def test_nothing_in_any_field_of_hello_does_harm(place: Place, healthy: StreamSession) -> None:
    sound = hello()
    sound.labels["a"] = "b"
    for what, said in spoiled(sound):
        connection = place.transport.connect()
        await connection.send(hello=said)
        refusal = await refusal_or_none(connection.read())
        assert refusal is None or is_fair(refusal), f"{what}: {refusal}"
        await connection.close()
    await place.is_well(healthy)


# --- the unary calls


def requests(place: Place, task: pb.Assignment, session_id: str) -> dict[str, tuple[Callable[..., Any], Any]]:
    everything = pb.ReportRequest(session_id=session_id)
    for frame in frames(task).values():
        kind = frame.WhichOneof("frame")
        if kind in ("acks", "renew", "cancel_acks"):
            getattr(everything, kind).extend(getattr(frame, kind).leases)
        elif kind in ("progress", "chunks", "results", "logs"):
            getattr(everything, kind).extend(getattr(frame, kind).items)
    everything.credits.slots[""] = 5
    opening = Opening("hostile", (STEP,), held=(task.lease,)).request()
    return {
        "OpenSession": (place.workers.OpenSession, opening),
        "Poll": (place.workers.Poll, pb.PollRequest(session_id=session_id, wait_seconds=0.001, max_assignments=1)),
        "Report": (place.workers.Report, everything),
        "DrainSession": (place.workers.DrainSession, pb.DrainSessionRequest(session_id=session_id, deadline_seconds=1)),
    }


@pytest.mark.parametrize("method", ["OpenSession", "Poll", "Report", "DrainSession"])
async def test_nothing_in_any_field_of_a_call_does_harm(place: Place, healthy: StreamSession, method: str) -> None:
    opening = Opening("hostile", (STEP,), slots={"": 100})
    opened = await place.workers.OpenSession(opening.request())
    await place.start()
    polled = await place.workers.Poll(pb.PollRequest(session_id=opened.welcome.session_id, wait_seconds=10))
    session_id = opened.welcome.session_id
    call, sound = requests(place, polled.assignments[0], session_id)[method]
    for what, request in spoiled(sound):
        request = shortened(request)
        refusal = await refusal_or_none(asyncio.wait_for(call(request), 10))
        assert refusal is None or is_fair(refusal), f"{what}: {refusal}"
        if method == "DrainSession":
            sound.session_id = (await place.workers.OpenSession(opening.request())).welcome.session_id
    await place.is_well(healthy)


def shortened(request: Any) -> Any:  # noqa: ANN401 - whichever message
    """A poll that would wait for long is a sound one: do not."""
    if isinstance(request, pb.PollRequest) and request.wait_seconds > 1:
        request.max_assignments = -1
    return request


# --- waiting


async def refusal_or_none(call: Awaitable[object]) -> Refusal | Refused | None:
    try:
        await call
    except Refused as refusal:
        return refusal
    except aio.AioRpcError as error:
        return refusal_of(error)
    return None


async def answered(session: StreamSession) -> None:
    """Everything sent so far was heard: a renewal of nothing is answered behind it."""
    mark = f"mark-{id(object())}"
    await session.connection.send(renew=pb.Renew(leases=[pb.Lease(path=mark)]))
    while (await session.inbox.renewed.take(60.0)).lease.path != mark:
        pass


async def passed(connection: Connection) -> None:
    """The same without a session around the stream."""
    await connection.send(renew=pb.Renew(leases=[pb.Lease(path="mark")]))
    while True:
        frame = await connection.read(30.0)
        assert frame is not None
        if any(each.lease.path == "mark" for each in frame.renewed.items):
            return


async def end_of(connection: Connection) -> Refused:
    try:
        while await connection.read(30.0) is not None:
            pass
    except Refused as refusal:
        return refusal
    finally:
        await connection.close()
    raise AssertionError("the stream ended without a status")
