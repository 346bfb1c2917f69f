"""Sessions without a stream: the same four calls, whatever carries them."""

import asyncio
from typing import Protocol

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.errors import Refused
from workflow_engine.testing.transports.contract import PATIENCE_SECONDS, Inbox, Opening, WorkerSession

LONGEST_POLL_SECONDS = 5.0
SHUTTING_DOWN = "shutting-down"


class Calls(Protocol):
    """The calls of one session, on connections that are its own. Each raises `Refused`."""

    async def open(self, request: pb.OpenSessionRequest) -> pb.OpenSessionResponse: ...
    async def poll(self, request: pb.PollRequest) -> pb.PollResponse: ...
    async def report(self, request: pb.ReportRequest) -> pb.ReportResponse: ...
    async def drain(self, request: pb.DrainSessionRequest) -> pb.DrainSessionResponse: ...
    async def cut(self) -> None:
        """Cut every connection at once, calls under way included."""


class PollingSession(WorkerSession):
    """Polls without a pause, as a worker does, and puts what it hears into the inbox."""

    def __init__(self, opening: Opening, calls: Calls) -> None:
        super().__init__(opening, Inbox())
        self.calls = calls
        self._polling: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        opened = await self.calls.open(self.opening.request())
        self.welcome, self.registered = opened.welcome, opened.registered
        self.verdicts = {one.lease.delivery: one for one in opened.verdicts.items}
        self._polling = asyncio.create_task(self._poll())

    async def say(self, said: pb.ReportRequest) -> pb.ReportResponse:
        said.session_id = self.welcome.session_id
        return await self.calls.report(said)

    async def poll_once(self, wait_seconds: float, most: int = 0) -> pb.PollResponse:
        """One poll by hand; only after `fall_silent`, else two polls take from one line."""
        request = pb.PollRequest(session_id=self.welcome.session_id, wait_seconds=wait_seconds, max_assignments=most)
        return await self.calls.poll(request)

    async def start_draining(self, deadline_seconds: float) -> None:
        request = pb.DrainSessionRequest(session_id=self.welcome.session_id, deadline_seconds=deadline_seconds)
        if (await self.calls.drain(request)).drained:
            self.inbox.drained.put(pb.Drained())

    async def fall_silent(self) -> None:
        """No poll is asked any more; the one that is open is given up, and the connection with it."""
        await self._stop_polling()

    async def drop(self) -> None:
        await self._stop_polling()
        await self.calls.cut()
        self.inbox.end(None)

    async def _stop_polling(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait([self._polling], timeout=PATIENCE_SECONDS)

    async def _poll(self) -> None:
        try:
            while not self.inbox.ended.done():
                self._heard(await self.poll_once(LONGEST_POLL_SECONDS))
        except Refused as refused:
            if refused.code == SHUTTING_DOWN:  # it came a moment too late to be answered with go_away
                self.inbox.go_away.put(pb.GoAway(reason=SHUTTING_DOWN))
            self.inbox.end(refused)

    def _heard(self, polled: pb.PollResponse) -> None:
        for assignment in polled.assignments:
            self.inbox.assignments.put(assignment)
        for cancel in polled.cancels:
            self.inbox.cancels.put(cancel)
        if polled.drained:
            self.inbox.drained.put(pb.Drained())
        if polled.HasField("go_away"):
            self.inbox.go_away.put(polled.go_away)
