"""What a step type is, and what its function may say: the values a step author works with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from workflow_client.generated.registry_pb2 import StepContract
from workflow_client.json_values import Json
from workflow_client.signatures import Signature

Effect: TypeAlias = Literal["pure", "idempotent", "at_most_once"]
"""What running a step again does to the world; decides what happens when its worker is lost.

`pure` reads nothing but its input; `idempotent` may be started again with the same idempotency key; `at_most_once` is
never started twice, so a lost worker stops the step as `outcome-unknown`.
"""


@dataclass(frozen=True)
class ErrorCode:
    """A failure that a step type announces. A workflow's own `retry_on` wins over `retryable`."""

    code: str
    retryable: bool = True
    description: str = ""


class StepError(Exception):
    """How a step says that it failed.

    `code` is a stable kebab-case name that workflows catch. `retryable` None leaves it to the step type and the
    workflow. `retry_after` is in seconds. `details` is any JSON, at most 64 KiB.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        details: Json = None,
    ) -> None:
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after
        self.details = details
        super().__init__(f"{code}: {message}")


class Suspend(Exception):
    """Lets a step wait without holding a slot: return it, or raise it.

    The function is called again when `seconds` have passed or the signal has come, with `ctx.resumption` telling which.
    `memo` is any JSON, handed back then.
    """

    def __init__(self, *, seconds: float | None = None, signal: str = "", memo: Json = None) -> None:
        if seconds is None and not signal:
            raise ValueError("Suspend needs `seconds`, a `signal`, or both; otherwise nothing would wake the step")
        self.seconds = seconds
        self.signal = signal
        self.memo = memo
        super().__init__("the step waits")


class StepCancelled(Exception):
    """The step is to stop. Let it pass: whatever a cancelled function returns is dropped."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The step is to stop: {reason}")


@dataclass(frozen=True)
class Resumption:
    """Why a step that was suspended goes on."""

    by: Literal["timer", "signal"]
    memo: Json = None
    payload: Json = None
    """What came with the signal."""


@dataclass(frozen=True)
class StepType:
    """A function with its contract. `place` is where it runs: on the event loop, in a thread, or in a task.

    `is_known`: the server has the contract already, and is only told that this worker serves it.
    """

    contract: StepContract
    function: Callable[..., Any]
    signature: Signature
    place: Literal["loop", "thread", "task"]
    slots: int | None = None
    is_known: bool = False

    @property
    def pin(self) -> str:
        """`name@version`; the name alone when the server chooses the version."""
        contract = self.contract
        return f"{contract.name}@{contract.version}" if contract.version else contract.name


CONTRACT_VIOLATION: Final = "contract-violation"
UNEXPECTED_ERROR: Final = "unexpected-error"
PAYLOAD_TOO_LARGE: Final = "payload-too-large"
