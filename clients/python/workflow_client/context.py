"""What a step may know about itself, and what it may say while it runs."""

import logging
import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from workflow_client.generated.worker_pb2 import Assignment
from workflow_client.json_values import Json, read, write
from workflow_client.protocol.held import Held
from workflow_client.steps import Resumption, StepCancelled, StepError
from workflow_client.threads import Job

Progress = Callable[[Held, float | None, str, bytes | None], None]
Text = Callable[[Held, str, str], None]


class StepContext:
    """Ask for it by a parameter named `ctx`. Every method may be called from any thread, and none waits."""

    __slots__ = ("_cancelled", "_held", "_inbox", "_log", "_logger", "_most_checkpoint", "_progress", "_text")

    def __init__(
        self,
        held: Held,
        inbox: Callable[[Job], None],
        says: tuple[Progress, Text, Text],
        most_checkpoint: int,
    ) -> None:
        self._held = held
        self._inbox = inbox
        self._progress, self._text, self._log = says
        self._most_checkpoint = most_checkpoint
        self._cancelled = threading.Event()
        self._logger: StepLogger | None = None

    @property
    def _assignment(self) -> Assignment:
        return self._held.assignment

    # --- what it is

    @property
    def execution_id(self) -> str:
        return self._assignment.lease.execution_id

    @property
    def path(self) -> str:
        """The step within its execution, such as `resize` or `fan[3].resize`."""
        return self._assignment.lease.path

    @property
    def step_id(self) -> str:
        return self._assignment.step_id

    @property
    def step_type(self) -> str:
        """As `name@version`."""
        return self._assignment.step_type

    @property
    def attempt(self) -> int:
        """From 1; a lost worker costs none, so two hand-overs may have the same."""
        return self._assignment.attempt

    @property
    def idempotency_key(self) -> str:
        """The same on every attempt and every hand-over: give it to whatever this step calls."""
        return self._assignment.idempotency_key

    @property
    def timeout(self) -> float | None:
        """Seconds this attempt may take, from its hand-over; the server cancels it then. None: no limit."""
        return self._assignment.timeout_seconds or None

    @property
    def now(self) -> datetime:
        """The instant of this attempt, in UTC; the same when the hand-over is repeated."""
        return datetime.fromtimestamp(self._assignment.now, timezone.utc)

    @property
    def workflow_id(self) -> str | None:
        return self._assignment.workflow_id or None

    @property
    def workflow_name(self) -> str:
        return self._assignment.workflow_name

    @property
    def namespace(self) -> str:
        return self._assignment.namespace

    @property
    def user_id(self) -> str | None:
        return self._assignment.user_id or None

    @property
    def organization_id(self) -> str | None:
        return self._assignment.organization_id or None

    @property
    def correlation_id(self) -> str | None:
        return self._assignment.correlation_id or None

    @property
    def trace_id(self) -> str | None:
        """W3C trace id."""
        return self._assignment.trace_id or None

    # --- what came before

    @property
    def checkpoint(self) -> Json:
        """What an earlier attempt left by `progress(checkpoint=...)`; None when there is none."""
        return read(self._assignment.checkpoint)

    @property
    def resumption(self) -> Resumption | None:
        """Why a step that suspended itself goes on; None at its first run."""
        if not self._assignment.HasField("resumption"):
            return None
        found = self._assignment.resumption
        return Resumption(
            "signal" if found.by == "signal" else "timer", read(found.memo.data), read(found.payload.data)
        )

    # --- what it says

    def progress(self, fraction: float | None = None, *, note: str = "", checkpoint: Json = None) -> None:
        """How far it is (0 to 1), and what the next attempt should know. The latest call counts."""
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"fraction is {fraction}; it goes from 0 to 1")
        written = None if checkpoint is None else write(checkpoint)
        if written is not None and len(written) > self._most_checkpoint:
            limit = self._most_checkpoint
            raise StepError(
                "checkpoint-too-large",
                f"The checkpoint has {len(written)} bytes of JSON, {limit} are allowed; keep the data elsewhere",
                retryable=False,
            )
        held = self._held
        self._inbox(lambda: self._progress(held, fraction, note, written))

    def chunk(self, text: str, channel: str = "text") -> None:
        """A piece of what it makes, for those who watch: a token, a line."""
        held = self._held
        self._inbox(lambda: self._text(held, channel, text))

    @property
    def logger(self) -> "StepLogger":
        """Writes to this process's log (`workflow_client.steps`), and from INFO on to the server's, too."""
        if self._logger is None:
            names = {"execution_id": self.execution_id, "step": self.path, "attempt": self.attempt}
            self._logger = StepLogger(self._say_line, names)
        return self._logger

    def _say_line(self, level: str, message: str) -> None:
        held = self._held
        self._inbox(lambda: self._log(held, level, message))

    # --- being stopped

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop: cancelled, out of time, or somebody else's now. Async functions are cancelled, too."""
        return self._cancelled.is_set()

    def wait_cancelled(self, seconds: float) -> bool:
        """Sleeps, but not through a cancel: for sync functions, instead of time.sleep. True when it is to stop."""
        return self._cancelled.wait(seconds)

    def raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise StepCancelled(self._held.stop_reason)

    def cancel(self) -> None:
        """Called by the worker."""
        self._cancelled.set()


if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:  # generic since Python 3.11 only
    _Adapter = logging.LoggerAdapter

_LEVELS: Final = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"))


class StepLogger(_Adapter):
    """Lines begin with the step they come from."""

    def __init__(self, say: Callable[[str, str], None], names: Mapping[str, object]) -> None:
        super().__init__(logging.getLogger("workflow_client.steps"), names)
        self._say = say
        self._names = names

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        kwargs["extra"] = {**self._names, **(kwargs.get("extra") or {})}
        return f"[{self._names['step']}] {msg}", kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:  # noqa: ANN401  # as logging has it
        super().log(level, msg, *args, **kwargs)
        name = next((name for least, name in _LEVELS if level >= least), None)
        if name is not None:
            self._say(name, str(msg) % args if args else str(msg))
