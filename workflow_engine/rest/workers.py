"""Routes of workers that poll, and the list of all of them. What it all means is decided at the desk.

A poll is a request that waits. When its client hangs up meanwhile, whatever was chosen for it goes to the next worker.
"""

import asyncio
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import Receive

from workflow_engine.dispatch.workers.outbox import Outgoing
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.errors import InvalidDocument
from workflow_engine.rest import examples
from workflow_engine.rest.bodies import B, ClientGone, read_as
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.parameters import MOST_ASSIGNMENTS, POLL_WAIT, query_of
from workflow_engine.rest.worker_answers import (
    DrainedBody,
    OpenedBody,
    PolledBody,
    ReportedBody,
    WorkerListBody,
    opened_body,
    polled_body,
    reported_body,
    worker_body,
)
from workflow_engine.rest.worker_bodies import Drain, LaterReport, OpenSession, Poll, Report

ID: Final = {"session_id": "Id of the session, from its welcome."}

router = APIRouter(route_class=Route, tags=["workers"])


@router.get("/workers", **describe("list_workers", "Workers that are here", answers=WorkerListBody))
async def list_workers(call: Call) -> Response:
    """Those that are connected, and those that are gone while leases of theirs run on."""
    workers = [worker_body(view) for view in call.face.workers.list(call.caller)]
    return answer({"workers": workers, "total": len(workers)})


@router.post(
    "/workers/sessions",
    **describe(
        "open_worker_session",
        "Begin a session of a worker that polls",
        answers=OpenedBody,
        body=OpenSession,
        body_example=examples.SESSION,
        refusals=(409, *WITH_BODY, 429),
    ),
)
async def open_worker_session(call: Call) -> Response:
    """Registers what is new, resumes what is held. A newer session of the same worker takes the place of the older."""
    asked = await call.read_as(OpenSession)
    try:
        opened = await call.face.workers.open_polling(call.caller, asked.asked())
    except InvalidDocument as invalid:
        raise InvalidDocument([asked.in_body(each) for each in invalid.problems()]) from None
    return answer(opened_body(opened, call.face.workers.terms))


@router.post(
    "/workers/{session_id}/poll",
    **describe(
        "poll_steps",
        "Wait for steps and cancels",
        answers=PolledBody,
        body=Poll,
        body_required=False,
        path=ID,
        query=[POLL_WAIT, MOST_ASSIGNMENTS],
        refusals=(404, *WITH_BODY),
    ),
)
async def poll_steps(call: Call) -> Response:
    """Answers at once when there is something, else with the first that comes, or empty when the time is over."""
    with query_of(call) as query:
        wait, room = query(POLL_WAIT), query(MOST_ASSIGNMENTS)
    session = _session(call)
    await _read_optional(call, Poll)
    return answer(polled_body(await _polled(call, session, wait, room)))


@router.post(
    "/workers/{session_id}/report",
    **describe(
        "report_steps",
        "Tell of the steps that are held",
        answers=ReportedBody,
        body=Report,
        body_example=examples.REPORT,
        path=ID,
        refusals=(404, *WITH_BODY),
    ),
)
async def report_steps(call: Call) -> Response:
    """Answers when every result is durable or refused. Each item is answered by its own code: 200 says only that the
    report was read.
    """
    session = _session(call)
    said = (await call.read_as(Report)).said()
    return answer(reported_body(*await call.face.workers.hearing.everything(session, said)))


@router.post(
    "/workers/report",
    **describe(
        "report_results",
        "Tell the results of steps that a webhook accepted",
        answers=ReportedBody,
        body=LaterReport,
        refusals=WITH_BODY,
    ),
)
async def report_results(call: Call) -> Response:
    """For receivers that answered 202: each result comes with the `lease` of the call it belongs to."""
    results = (await call.read_as(LaterReport)).said()
    return answer(reported_body([], await call.face.workers.report(call.caller, results)))


@router.post(
    "/workers/{session_id}/drain",
    **describe(
        "drain_worker_session",
        "Assign nothing any more",
        answers=DrainedBody,
        body=Drain,
        body_required=False,
        path=ID,
        refusals=(404, *WITH_BODY),
    ),
)
async def drain_worker_session(call: Call) -> Response:
    """What is held goes on: poll for cancels, renew and report, until a poll answers `drained`. Nothing in flight ends
    the session at once.
    """
    session = _session(call)
    drain = await _read_optional(call, Drain)
    return answer({"drained": call.face.workers.drain(session, drain.deadline_seconds)})


async def _read_optional(call: Call, model: type[B]) -> B:
    body = await call.read_optional()
    return read_as(model, {} if body is None else body)


def _session(call: Call) -> Session:
    return call.face.workers.find(call.caller, call.path_params["session_id"])


# --- waiting


async def _polled(call: Call, session: Session, wait: float, room: int) -> Outgoing:
    """Raises `ClientGone` when nobody is left to answer; nothing is lost then."""
    workers = call.face.workers
    polling = asyncio.ensure_future(workers.polling.poll(session, wait, room, call.backing.stopping))
    gone = asyncio.ensure_future(_until_gone(call.receive))
    try:
        await asyncio.wait((polling, gone), return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            return await polling
        if polling.done():
            unsent = polling.result().assignments
            workers.hearing.rejects(session, [(each.lease, "the client hung up") for each in unsent])
        raise ClientGone
    finally:
        polling.cancel()
        gone.cancel()
        await asyncio.gather(polling, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
