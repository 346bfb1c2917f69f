"""`OpenSession`, `Poll`, `Report` and `DrainSession`: unary gRPC calls."""

from collections.abc import Awaitable
from typing import TypeVar

from grpc import aio

from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.rpc.generated.worker_pb2_grpc import WorkerServiceStub
from workflow_engine.testing.transports.contract import Opening
from workflow_engine.testing.transports.dialing import Dialing
from workflow_engine.testing.transports.polling import PollingSession
from workflow_engine.testing.transports.refusals import refusal_of

T = TypeVar("T")


class UnaryTransport:
    name = "unary"
    is_stream = False

    def __init__(self, dialing: Dialing) -> None:
        self._dialing = dialing

    async def open(self, opening: Opening) -> PollingSession:
        session = PollingSession(opening, UnaryCalls(self._dialing))
        try:
            await session.begin()
        except BaseException:
            await session.drop()
            raise
        return session

    async def close(self) -> None:
        """Each session has its own connection, and closes it."""


class UnaryCalls:
    def __init__(self, dialing: Dialing) -> None:
        self._channel = dialing.channel()
        self._metadata = dialing.metadata
        self._stub = WorkerServiceStub(self._channel)

    async def open(self, request: pb.OpenSessionRequest) -> pb.OpenSessionResponse:
        return await _answered(self._stub.OpenSession(request, metadata=self._metadata))

    async def poll(self, request: pb.PollRequest) -> pb.PollResponse:
        return await _answered(self._stub.Poll(request, metadata=self._metadata))

    async def report(self, request: pb.ReportRequest) -> pb.ReportResponse:
        return await _answered(self._stub.Report(request, metadata=self._metadata))

    async def drain(self, request: pb.DrainSessionRequest) -> pb.DrainSessionResponse:
        return await _answered(self._stub.DrainSession(request, metadata=self._metadata))

    async def cut(self) -> None:
        await self._channel.close(None)


async def _answered(call: Awaitable[T]) -> T:
    try:
        return await call
    except aio.AioRpcError as error:
        raise refusal_of(error) from None
