"""The events of an execution: page by page, or as a stream."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.rest.call import Call, InvalidHeader, Route, answer
from workflow_engine.rest.documentation import describe
from workflow_engine.rest.parameters import AFTER, LIMIT, Unreadable, integer, query_of
from workflow_engine.rest.streams import EventStream
from workflow_engine.rest.wire import EventPageBody, event_page_body

STREAM: Final = "text/event-stream"
HEADERS: Final = {
    "Accept": f"`{STREAM}` asks for a stream instead of a page.",
    "Last-Event-ID": "The `seq` of the last event seen; wins over `after`.",
}

router = APIRouter(route_class=Route, tags=["executions"])


@router.get(
    "/executions/{execution_id}/events",
    **describe(
        "list_events",
        "What happened, in order",
        answers=EventPageBody,
        also={STREAM: str},
        path={"execution_id": "Id of the execution."},
        query=[AFTER, LIMIT],
        headers=HEADERS,
        refusals=(404, 422, 429),
    ),
)
async def list_events(call: Call) -> Response:
    """A page; or Server-Sent Events with `id: seq` and `event: kind`, which end after the terminal event."""
    with query_of(call) as query:
        after, limit = query(AFTER), query(LIMIT)
    execution_id = call.path_params["execution_id"]
    if not _wants_stream(call):
        return answer(event_page_body(await call.face.executions.events(call.caller, execution_id, after, limit)))
    after = _last_event_id(call, after)
    caller, keys = call.caller, call.face.keys
    await call.face.executions.get(caller, execution_id)  # an unknown id is a 404, not an empty stream
    events = call.face.executions.watch(caller, execution_id, after)
    return EventStream(events, call.backing.streams, call.backing.stopping, admitted=lambda: keys.admits(caller))


def _wants_stream(call: Call) -> bool:
    return STREAM in call.headers.get("accept", "") and not call.is_head


def _last_event_id(call: Call, after: int) -> int:
    given = call.headers.get("last-event-id", "")
    if not given:
        return after
    try:
        return integer(given, 0)
    except Unreadable:
        raise InvalidHeader("Last-Event-ID", "the `id` of an event") from None
