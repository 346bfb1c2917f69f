"""The stream a worker lives on: dials, reads, writes, keeps time, and dials again until the core says to leave."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import grpc
from grpc import aio

from workflow_client.dialing import Dialing
from workflow_client.errors import LeftByServer, ProtocolRefused, RegistrationRefused, Superseded, Unauthorized
from workflow_client.generated.worker_pb2 import SessionRequest, SessionResponse
from workflow_client.generated.worker_pb2_grpc import WorkerServiceStub
from workflow_client.protocol.actions import Abort, Action, Leave, Reconnect, Start
from workflow_client.protocol.backoff import Backoff
from workflow_client.protocol.conversation import Conversation, Stage
from workflow_client.runner import Runner

Call: TypeAlias = "aio.StreamStreamCall[SessionRequest, SessionResponse]"

FAREWELL: Final = 2.0
"""Seconds for the last frames and the end of the stream."""
CONNECT_WITHIN: Final = 20.0
"""Seconds for a connection and the answer to Hello."""

log = logging.getLogger("workflow_client.worker")


class Stream:
    """One at a time, for as long as the worker lives."""

    def __init__(self, core: Conversation, dialing: Dialing, worker_id: str, backoff: Backoff) -> None:
        self._core = core
        self._dialing = dialing
        self._worker_id = worker_id
        self._backoff = backoff
        self._loop = asyncio.get_running_loop()
        self._runner: Runner | None = None
        self._waiting = asyncio.Event()
        self._over = asyncio.Event()
        """This stream has served its time."""
        self._left = asyncio.Event()
        self._error: LeftByServer | None = None
        self._return_after: float | None = None
        self._orderly = False
        """It ends by agreement: there is somebody to say goodbye to."""
        self._timer: asyncio.TimerHandle | None = None
        self.ready = asyncio.Event()
        """Set while steps may be assigned."""

    async def run(self, runner: Runner) -> None:
        """Until the worker has left; raises why, when it did not leave by itself."""
        self._runner = runner
        try:
            while not self._left.is_set():
                await self._session()
                await self._pause()
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if self._error is not None:
            raise self._error

    def wake(self) -> None:
        """Something may wait for the writer."""
        if self._core.outbox:
            self._waiting.set()
        if self._timer is None or self._core.due < self._timer.when():
            self._arm()

    def drain(self, deadline: float) -> None:
        self._act(self._core.drain(time.monotonic(), deadline))
        self.wake()

    def quit(self) -> None:
        """At once; what is held goes back to the queue when its lease is over."""
        self._leave(None)

    # --- one stream

    async def _session(self) -> None:
        self._over.clear()
        self._waiting.clear()
        self._return_after = None
        self._orderly = False
        async with self._dialled() as call:
            self._core.connected(time.monotonic())
            self.wake()
            reader = asyncio.create_task(self._read(call))
            writer = asyncio.create_task(self._write(call))
            try:
                await self._over.wait()
                if self._orderly and not reader.done():
                    await self._say_goodbye(call, reader, writer)
            finally:
                await _cancel(reader, writer)
                self.ready.clear()
                self._core.disconnected(time.monotonic())

    @asynccontextmanager
    async def _dialled(self) -> AsyncIterator[Call]:
        channel = self._dialing.channel()
        try:
            call = WorkerServiceStub(channel).Session(metadata=self._dialing.metadata())
            yield call
            call.cancel()
        finally:
            await channel.close()

    async def _read(self, call: Call) -> None:
        received, act = self._core.received, self._act
        try:
            while (frame := await self._next(call)) is not None:
                act(received(frame, time.monotonic()))
                self._note_readiness()
                self.wake()
            if call.done():
                self._ended(await call.code(), await call.details() or "")
        except aio.AioRpcError as failure:
            self._ended(failure.code(), failure.details() or "")
        finally:
            self._over.set()

    async def _next(self, call: Call) -> SessionResponse | None:
        """None at the end. The first answer must come in time; after it the core watches over silence."""
        if self._core.stage is not Stage.GREETING:
            return _frame(await call.read())
        reading = asyncio.ensure_future(call.read())
        try:
            await asyncio.wait([reading], timeout=CONNECT_WITHIN)
            if reading.done():
                return _frame(reading.result())
        finally:
            reading.cancel()
        log.warning("No answer from %s within %g seconds", self._dialing.target, CONNECT_WITHIN)
        return None

    async def _write(self, call: Call) -> None:
        """Whatever came together while the last frame was being written goes out in one."""
        try:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                for frame in self._core.take():
                    await call.write(frame)
        except (aio.AioRpcError, asyncio.InvalidStateError):
            return  # the stream is over; the reader learns why

    async def _say_goodbye(self, call: Call, reader: "asyncio.Task[None]", writer: "asyncio.Task[None]") -> None:
        """What waits is still written, and the stream ended in order, if that is quick."""

        async def finish() -> None:
            await _cancel(writer)
            for frame in self._core.take():
                await call.write(frame)
            await call.done_writing()
            await asyncio.wait([reader])

        goodbye = asyncio.create_task(finish())
        await asyncio.wait([goodbye], timeout=FAREWELL)
        await _cancel(goodbye)

    def _note_readiness(self) -> None:
        if self._core.stage is Stage.READY and not self.ready.is_set():
            self.ready.set()
            self._backoff.reset()
            log.info("Serving as %s at %s", self._worker_id, self._dialing.target)

    def _ended(self, code: grpc.StatusCode, details: str) -> None:
        error = fatal(code, details, self._worker_id)
        if error is not None:
            self._leave(error)
        elif not self._left.is_set() and self._return_after is None:
            level = logging.DEBUG if self._backoff.tries else logging.WARNING  # once is enough for one outage
            log.log(level, "No stream to %s, trying on: %s %s", self._dialing.target, code.name, details)

    async def _pause(self) -> None:
        """Between two streams, or until the worker has left."""
        seconds = self._backoff.next() if self._return_after is None else self._return_after
        leaving = asyncio.ensure_future(self._left.wait())
        await asyncio.wait([leaving], timeout=seconds)
        await _cancel(leaving)

    # --- what the core asks

    def _act(self, actions: Sequence[Action]) -> None:
        runner = self._runner
        for action in actions:
            if isinstance(action, Start):
                if runner is not None:
                    runner.start(action.steps)
            elif isinstance(action, Abort):
                if runner is not None:
                    runner.abort(action.held)
            elif isinstance(action, Leave):
                self._orderly = True
                self._leave(action.error)
            else:
                self._reconnect(action)

    def _reconnect(self, action: Reconnect) -> None:
        log.info("Reconnecting: %s", action.why)
        self._return_after = action.after
        self._orderly = action.after is not None
        self._over.set()

    def _leave(self, error: LeftByServer | None) -> None:
        self._error = self._error or error
        self._left.set()
        self._over.set()

    # --- time

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._core.due
        if due < math.inf:
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._act(self._core.tick(time.monotonic()))
        self.wake()


def _frame(read: object) -> SessionResponse | None:
    """At its end a stream reads a marker instead of a frame."""
    return read if isinstance(read, SessionResponse) else None


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def fatal(code: grpc.StatusCode, details: str, worker_id: str) -> LeftByServer | None:
    """What no reconnecting mends. Everything else passes, sooner or later."""
    if code is grpc.StatusCode.ABORTED:
        return Superseded(worker_id)
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return Unauthorized(code.name.lower().replace("_", "-"), details)
    if code is grpc.StatusCode.INVALID_ARGUMENT or code is grpc.StatusCode.ALREADY_EXISTS:
        return RegistrationRefused(code.name.lower().replace("_", "-"), details)
    if code in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNIMPLEMENTED):
        return ProtocolRefused(code.name.lower().replace("_", "-"), details)
    return None
