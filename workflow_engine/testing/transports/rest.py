"""`/workers/sessions` and what stands below it: the unary calls as REST."""

import asyncio
from typing import TypeVar
from urllib.parse import quote

from google.protobuf.message import Message

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.transports.contract import Opening
from workflow_engine.testing.transports.http import Http
from workflow_engine.testing.transports.polling import PollingSession
from workflow_engine.testing.wire import from_json, to_json

M = TypeVar("M", bound=Message)


class RestTransport:
    name = "rest"
    is_stream = False

    def __init__(self, http: Http) -> None:
        self._http = http

    async def open(self, opening: Opening) -> PollingSession:
        session = PollingSession(opening, RestCalls(self._http, opening))
        try:
            await session.begin()
        except BaseException:
            await session.drop()
            raise
        return session

    async def close(self) -> None:
        self._http.close()


class RestCalls:
    def __init__(self, http: Http, opening: Opening) -> None:
        self._http = http
        self._opening = opening
        self._under_way: set[asyncio.Task[Json]] = set()

    async def open(self, request: pb.OpenSessionRequest) -> pb.OpenSessionResponse:
        body = to_json(request)
        body["hello"] = {"worker_id": "", **to_json(request.hello)}
        body["register"] = {
            "steps": [one.body() for one in self._opening.contracts],
            "serves": list(self._opening.serves),
        }
        return await self._ask(pb.OpenSessionResponse, "/workers/sessions", body)

    async def poll(self, request: pb.PollRequest) -> pb.PollResponse:
        query = f"?wait={request.wait_seconds:g}"
        if request.max_assignments:
            query += f"&max={request.max_assignments}"
        return await self._ask(pb.PollResponse, f"{_of(request.session_id)}/poll{query}", None)

    async def report(self, request: pb.ReportRequest) -> pb.ReportResponse:
        body = to_json(request)
        body.pop("session_id", None)
        return await self._ask(pb.ReportResponse, f"{_of(request.session_id)}/report", body)

    async def drain(self, request: pb.DrainSessionRequest) -> pb.DrainSessionResponse:
        body: JsonObject = {"deadline_seconds": request.deadline_seconds}
        return await self._ask(pb.DrainSessionResponse, f"{_of(request.session_id)}/drain", body)

    async def cut(self) -> None:
        for call in self._under_way:
            call.cancel()

    async def _ask(self, kind: type[M], path: str, body: JsonObject | None) -> M:
        call = asyncio.ensure_future(self._http.ask("POST", path, body))
        self._under_way.add(call)
        try:
            return from_json(kind, await call)
        finally:
            self._under_way.discard(call)
            call.cancel()


def _of(session_id: str) -> str:
    return f"/workers/{quote(session_id, safe='')}"
