"""What a caller can do: register, start, look, and everything that may be done to an execution."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.testing.contracts import Contract
from workflow_engine.testing.errors import NothingCame
from workflow_engine.testing.transports.contract import PATIENCE_SECONDS

ENDED: Final = frozenset({"completed", "failed", "cancelled"})
PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """What came out of one step so far; `error` is its code, `retries` how many attempts it took beyond the first."""

    status: str
    output: Json
    error: str | None
    retries: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class Results:
    status: str
    steps: dict[str, Step]
    error: str | None


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    kind: str
    path: str
    data: JsonObject


@dataclass(frozen=True, slots=True)
class Reason:
    path: str
    code: str
    details: JsonObject


@dataclass(frozen=True, slots=True)
class Registered:
    version: str
    changed: bool


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    worker_id: str
    status: str
    epoch: int
    in_flight: int
    ignored_cancels: int
    unknown_frames: int
    steps: tuple[str, ...] = field(default=())


class Client(ABC):
    """Every call raises `Refused` when the server refuses."""

    @abstractmethod
    async def register(self, contract: Contract, *, dry_run: bool = False) -> Registered: ...
    @abstractmethod
    async def deregister(self, name: str) -> None: ...
    @abstractmethod
    async def reset_step(self, name: str) -> None:
        """Close the circuit of a quarantined type."""

    @abstractmethod
    async def step_status(self, name: str) -> str:
        """`served`, `unserved` or `quarantined`."""

    @abstractmethod
    async def workers(self) -> list[WorkerSeen]: ...
    @abstractmethod
    async def start(self, document: JsonObject, data: JsonObject) -> str:
        """The id of the execution, once it is durable."""

    @abstractmethod
    async def results(self, execution_id: str, wait_seconds: float = 0.0) -> Results: ...
    @abstractmethod
    async def events(self, execution_id: str) -> list[Event]:
        """All there are."""

    @abstractmethod
    async def explain(self, execution_id: str) -> list[Reason]: ...
    @abstractmethod
    async def cancel(self, execution_id: str) -> None: ...
    @abstractmethod
    async def signal(self, execution_id: str, name: str, payload: Json) -> None: ...
    @abstractmethod
    async def resolve(self, execution_id: str, path: str, output: Json) -> None:
        """Say that a step whose outcome is unknown completed so."""

    @abstractmethod
    async def close(self) -> None: ...

    async def end_of(self, execution_id: str, within: float = PATIENCE_SECONDS) -> Results:
        """Its results at its end. Raises `NothingCame`."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            results = await self.results(execution_id, min(left, 5.0))
            if results.status in ENDED:
                return results
        raise NothingCame(f"end of execution {execution_id}", within)

    async def events_until(
        self, execution_id: str, enough: Callable[[Sequence[Event]], bool], what: str, within: float = PATIENCE_SECONDS
    ) -> list[Event]:
        """Its events, as soon as there are enough of them. Raises `NothingCame`."""
        deadline = time.monotonic() + within
        while not enough(events := await self.events(execution_id)):
            if time.monotonic() > deadline:
                raise NothingCame(what, within)
            await asyncio.sleep(PAUSE_SECONDS)
        return events

    async def reason(self, execution_id: str, code: str, within: float = PATIENCE_SECONDS) -> Reason:
        """The first reason of this code, as soon as there is one. Raises `NothingCame`."""
        deadline = time.monotonic() + within
        while True:
            reasons = await self.explain(execution_id)
            for reason in reasons:
                if reason.code == code:
                    return reason
            if time.monotonic() > deadline:
                seen = ", ".join(reason.code for reason in reasons) or "none"
                raise NothingCame(f"reason {code} (the reasons were: {seen})", within)
            await asyncio.sleep(PAUSE_SECONDS)
