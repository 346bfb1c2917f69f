"""What a scenario plays on: one server over one transport, with names nobody else uses."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.testing.clients.contract import Client
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.control import ServerControl
from workflow_engine.testing.errors import NotPlayed, Refused
from workflow_engine.testing.transports.contract import (
    PATIENCE_SECONDS,
    Opening,
    Transport,
    WorkerSession,
)
from workflow_engine.testing.transports.polling import PollingSession
from workflow_engine.testing.transports.stream import StreamSession, StreamTransport

AWAY: Final = frozenset({"UNAVAILABLE", "UNREACHABLE", "503"})
"""How it shows that no server is there, or not yet ready."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server said in Welcome, in seconds and bytes: every wait of a scenario is made from these."""

    ping_every: float
    dead_after: float
    lease: float
    ack_within: float
    max_inline_bytes: int

    @classmethod
    def of(cls, welcome: pb.Welcome) -> Self:
        return cls(
            ping_every=welcome.ping_every_seconds,
            dead_after=welcome.dead_after_seconds,
            lease=welcome.lease_seconds,
            ack_within=welcome.ack_within_seconds,
            max_inline_bytes=welcome.max_inline_bytes,
        )

    @property
    def lease_over(self) -> float:
        """By then a lease that nobody renews is over, and its step with somebody else."""
        return self.lease + PATIENCE_SECONDS

    @property
    def ack_over(self) -> float:
        return self.ack_within + PATIENCE_SECONDS

    @property
    def dead_over(self) -> float:
        return self.dead_after + self.ping_every + PATIENCE_SECONDS


@dataclass(slots=True)
class Stage:
    """`name` is its own on this server. Whatever was opened or started here is ended by `clear`."""

    name: str
    transport: Transport
    client: Client
    terms: Terms
    other_client: Client | None = None
    control: ServerControl | None = None
    _sessions: list[WorkerSession] = field(default_factory=list)
    _executions: list[str] = field(default_factory=list)
    _types: set[str] = field(default_factory=set)

    # --- workers

    def contract(self, stem: str = "step", **fields: Any) -> Contract:  # noqa: ANN401 - fields of a contract
        contract = Contract(f"{self.name}.{stem}", **fields)
        self._types.add(contract.name)
        return contract

    def opening(
        self,
        *contracts: Contract,
        worker: str = "w",
        slots: Mapping[str, int] | None = None,
        held: Sequence[pb.Assignment] | None = None,
        **more: Any,  # noqa: ANN401 - further fields of an opening
    ) -> Opening:
        leases = None if held is None else tuple(one.lease for one in held)
        return Opening(f"{self.name}.{worker}", contracts, slots=slots or {"": 1}, held=leases, **more)

    async def worker(self, *contracts: Contract, **opening: Any) -> WorkerSession:  # noqa: ANN401 - fields of `opening`
        """A worker that is ready for work; see `opening`. Raises `Refused`."""
        return await self.open(self.opening(*contracts, **opening))

    async def open(self, opening: Opening) -> WorkerSession:
        session = await self.transport.open(opening)
        self._sessions.append(session)
        return session

    async def reopened(self, opening: Opening, within: float = PATIENCE_SECONDS) -> WorkerSession:
        """As a worker that comes back: again and again, until somebody answers. Raises the last `Refused`."""
        deadline = time.monotonic() + within
        while True:
            try:
                return await self.open(opening)
            except Refused as refused:
                if refused.status not in AWAY or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    async def stream(self, **opening: Any) -> StreamSession:  # noqa: ANN401 - fields of `opening`
        """A worker on a stream, for scenarios that are about streams only."""
        session = await self.worker(**opening)
        if not isinstance(session, StreamSession):
            raise NotPlayed("it is about a stream")
        return session

    async def polling(self, *contracts: Contract, **opening: Any) -> PollingSession:  # noqa: ANN401 - as above
        session = await self.worker(*contracts, **opening)
        if not isinstance(session, PollingSession):
            raise NotPlayed("it is about calls without a stream")
        return session

    @property
    def streams(self) -> StreamTransport:
        if not isinstance(self.transport, StreamTransport):
            raise NotPlayed("it is about a stream")
        return self.transport

    # --- executions

    async def start(
        self,
        contract: Contract,
        data: Json = 0,
        *,
        pin: str | None = None,
        workflow: JsonObject | None = None,
        **step: Json,
    ) -> str:
        """Start a workflow of one step `work` of this type; its input is `{"value": data}`."""
        work: JsonObject = {
            "step_id": "work",
            "step_type": pin or contract.pin,
            "input_mapping": {"value": "${input.value}"},
            **step,
        }
        document: JsonObject = {"name": self.name, "steps": [work], **(workflow or {})}
        execution_id = await self.client.start(document, {"value": data})
        self._executions.append(execution_id)
        return execution_id

    async def start_many(self, contract: Contract, count: int) -> list[str]:
        """At once, with the values 0, 1, 2 ...: a worker that waits for them must not wait longer than its acks may."""
        return list(await asyncio.gather(*(self.start(contract, number) for number in range(count))))

    async def start_in_order(self, contract: Contract, count: int) -> list[str]:
        """One after the other, with the values 0, 1, 2 ..."""
        return [await self.start(contract, number) for number in range(count)]

    def power(self) -> ServerControl:
        """Raises `NotPlayed` when nobody gave power over the server."""
        if self.control is None:
            raise NotPlayed("it needs power over the server's process: give --crash-command and --restart-command")
        return self.control

    def stranger(self) -> Client:
        """A caller with another key. Raises `NotPlayed` when there is none."""
        if self.other_client is None:
            raise NotPlayed("it needs a second key with the scope `register`: give --other-api-key")
        return self.other_client

    # --- the end

    async def clear(self) -> None:
        """End what is left, as far as the server lets."""
        for session in self._sessions:
            await session.drop()
        for execution_id in self._executions:
            await _attempted(self.client.cancel(execution_id))
        for name in self._types:
            await _attempted(self.client.deregister(name))


async def _attempted(call: Any) -> None:  # noqa: ANN401 - a call whose answer does not matter
    try:
        await call
    except Refused:
        return  # it is over already, or was never there


def number_of(assignment: pb.Assignment) -> Json:
    """The value an execution of `Stage.start` was started with."""
    given: Json = json.loads(assignment.input.data)["value"]
    return given
