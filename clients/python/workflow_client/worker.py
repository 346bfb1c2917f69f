"""A worker: step types written as functions, served from this process over one outgoing connection."""

import asyncio
import logging
import os
import random
import signal
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, TypeVar

from workflow_client.contracts import Declaration, declare, declare_known
from workflow_client.dialing import DEFAULT_TARGET, SDK, Tls, dialing
from workflow_client.errors import InvalidStep, InvalidWorker
from workflow_client.generated.worker_pb2 import Hello, Register
from workflow_client.protocol.backoff import Backoff
from workflow_client.protocol.conversation import CAPABILITIES, PROTOCOL, Conversation
from workflow_client.runner import Runner
from workflow_client.steps import Effect, ErrorCode, StepType
from workflow_client.stream import Stream

F = TypeVar("F", bound=Callable[..., Any])

LONGEST_WORKER_ID: Final = 128
log = logging.getLogger("workflow_client.worker")


class Worker:
    """Dials out to `target`, registers its step types, and does what it is assigned until it is drained.

    `slots` bounds the steps in hand at once. `worker_id` names this process; two processes must not share one. Without
    `api_key` the environment's WORKFLOW_ENGINE_API_KEY is used. `tls` is True, or `Tls` with files. `drain_seconds`
    bounds how long a drain waits for what is in hand; 0 waits for all of it.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        namespace: str = "",
        worker_id: str | None = None,
        build_id: str = "",
        slots: int = 100,
        api_key: str | None = None,
        tls: Tls | bool = False,
        labels: Mapping[str, str] | None = None,
        drain_seconds: float = 0.0,
    ) -> None:
        self.worker_id = worker_id or f"{socket.gethostname()[:80]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        if not (self.worker_id.isascii() and self.worker_id.isprintable() and " " not in self.worker_id):
            raise InvalidWorker(f"worker_id is {self.worker_id!r}; it takes visible ASCII characters only")
        if len(self.worker_id) > LONGEST_WORKER_ID:
            raise InvalidWorker(f"worker_id has {len(self.worker_id)} characters, {LONGEST_WORKER_ID} are allowed")
        self.slots = checked_slots(slots)
        self.drain_seconds = drain_seconds
        self._dialing = dialing(target, api_key, tls)
        self._hello = Hello(
            proto_min=PROTOCOL,
            proto_max=PROTOCOL,
            worker_id=self.worker_id,
            build_id=build_id,
            namespace=namespace,
            sdk=SDK,
            labels=dict(labels or {}),
            capabilities=CAPABILITIES,
        )
        self._steps: dict[str, StepType] = {}
        self._serving: _Serving | None = None
        self._task: asyncio.Task[None] | None = None

    # --- what it serves

    def step(
        self,
        name: str,
        *,
        version: str = "",
        effect: Effect = "idempotent",
        timeout: float | None = None,
        max_retries: int = 0,
        errors: Iterable[ErrorCode | str] = (),
        blocking: bool = True,
        slots: int | None = None,
        slot_cost: int = 1,
        streams: bool | None = None,
        title: str = "",
        description: str | None = None,
        documentation: str = "",
        tags: Iterable[str] = (),
        examples: Iterable[object] = (),
        estimated_cost_usd: float | None = None,
        required_permissions: Iterable[str] = (),
        requires_approval: bool = False,
        input_schema: Mapping[str, Any] | None = None,
        output_schema: Mapping[str, Any] | None = None,
    ) -> Callable[[F], F]:
        """Makes a function a step type; the function itself stays as it is.

        Without a version the server chooses: the one that has this contract, or the next. `timeout` is in seconds for
        each attempt; `max_retries` counts beyond the first. `blocking=False` runs a sync function on the event loop:
        for quick ones only, well under a millisecond. `slots` bounds this type, `slot_cost` is how many slots one step
        takes. A description is taken from the docstring; schemas given here win over the type hints.
        """
        declaration = Declaration(
            name,
            version=version,
            effect=effect,
            timeout=timeout,
            max_retries=max_retries,
            errors=tuple(errors),
            blocking=blocking,
            slots=slots,
            slot_cost=slot_cost,
            streams=streams,
            title=title,
            description=description,
            documentation=documentation,
            tags=tuple(tags),
            examples=tuple(examples),
            estimated_cost_usd=estimated_cost_usd,
            required_permissions=tuple(required_permissions),
            requires_approval=requires_approval,
            input_schema=input_schema,
            output_schema=output_schema,
        )

        def decorate(function: F) -> F:
            self.add(declare(declaration, function))
            return function

        return decorate

    def serve(
        self, reference: str, function: Callable[..., Any], *, blocking: bool = True, slots: int | None = None
    ) -> None:
        """Makes a function do a step type that the server knows already: `name` (its latest version), `name@version`.

        The contract stays the server's, so the function's type hints only say how its input is read. `blocking` and
        `slots` as in `step`.
        """
        name, _, version = reference.partition("@")
        self.add(declare_known(Declaration(name, version=version, blocking=blocking, slots=slots), function))

    def add(self, step: StepType) -> None:
        if self._serving is not None:
            raise InvalidStep(step.contract.name, "the worker runs already; declare steps before it does")
        if step.pin in self._steps:
            raise InvalidStep(step.pin, "it is declared twice; give the second another version")
        self._steps[step.pin] = step

    @property
    def steps(self) -> tuple[StepType, ...]:
        return tuple(self._steps.values())

    def adjust(self, *, target: str | None = None, slots: int | None = None, api_key: str | None = None) -> None:
        """Settings that a command line gives win over those in the program. Before it runs."""
        self._dialing = replace(
            self._dialing, target=target or self._dialing.target, api_key=api_key or self._dialing.api_key
        )
        self.slots = checked_slots(self.slots if slots is None else slots)

    # --- its life

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then drains; a second signal quits at once."""
        asyncio.run(self.run_async(handle_signals=True))

    async def run_async(self, *, handle_signals: bool = False) -> None:
        """Serves until drained. Cancelling it quits at once. Raises LeftByServer when the server will not have it."""
        serving = self._begin()
        signals = _Signals(self.drain, self.quit) if handle_signals else None
        try:
            if signals is not None:
                signals.install()
            await serving.stream.run(serving.runner)
        finally:
            if signals is not None:
                signals.remove()
            await serving.runner.close()
            self._serving = None
        if signals is not None:
            signals.finish()

    def drain(self) -> None:
        """Takes nothing new, finishes what is in hand, and leaves. From the loop's thread."""
        if self._serving is not None:
            log.info("Draining")
            self._serving.stream.drain(self.drain_seconds)

    def quit(self) -> None:
        """Leaves at once; what is in hand is done elsewhere, once its lease is over. From the loop's thread."""
        if self._serving is not None:
            self._serving.stream.quit()

    async def __aenter__(self) -> "Worker":
        """Serves in the background from here on; returns when steps may be assigned."""
        self._task = asyncio.create_task(self.run_async())
        await asyncio.sleep(0)
        if self._serving is not None:
            ready = asyncio.create_task(self._serving.stream.ready.wait())
            await asyncio.wait([ready, self._task], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drains; after an error in the block, quits."""
        if self._task is None:
            return
        task, self._task = self._task, None
        if kind is None:
            self.drain()
        else:
            self.quit()
        await task

    def _begin(self) -> "_Serving":
        if self._serving is not None:
            raise InvalidWorker("This worker runs already; make another one")
        if not self._steps:
            raise InvalidWorker("This worker has no steps; declare one with @worker.step(...) before it runs")
        register = Register(
            steps=[step.contract for step in self._steps.values() if not step.is_known],
            serves=[step.pin for step in self._steps.values() if step.is_known],
        )
        slots = {"": self.slots}
        slots.update({step.contract.name: step.slots for step in self._steps.values() if step.slots is not None})
        core = Conversation(self._hello, register, slots)
        stream = Stream(core, self._dialing, self.worker_id, Backoff(random.random))
        runner = Runner(core, self._steps, self.slots, stream.wake)
        self._serving = _Serving(stream, runner)
        return self._serving


def checked_slots(slots: int) -> int:
    if slots < 1:
        raise InvalidWorker(f"slots is {slots}; a worker needs at least 1")
    return slots


class _Serving:
    def __init__(self, stream: Stream, runner: Runner) -> None:
        self.stream = stream
        self.runner = runner


class _Signals:
    """The first signal drains, the second quits."""

    def __init__(self, drain: Callable[[], None], quit_now: Callable[[], None]) -> None:
        self._drain = drain
        self._quit = quit_now
        self._seen: list[int] = []
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        loop = asyncio.get_running_loop()

        def on_signal(number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(self._received, number)

        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._received, number)
            except NotImplementedError:  # Windows
                self._before[number] = signal.signal(number, on_signal)

    def remove(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            if number in self._before:
                signal.signal(number, self._before[number])
            else:
                loop.remove_signal_handler(number)

    def finish(self) -> None:
        """A worker that was made to quit says so by its exit code, as programs do."""
        if len(self._seen) > 1:
            raise SystemExit(128 + self._seen[-1])

    def _received(self, number: int) -> None:
        self._seen.append(number)
        if len(self._seen) == 1:
            self._drain()
        else:
            self._quit()
