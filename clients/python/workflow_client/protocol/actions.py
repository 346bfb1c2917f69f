"""What the core asks of those around it."""

from dataclasses import dataclass
from typing import TypeAlias

from workflow_client.errors import LeftByServer
from workflow_client.protocol.held import Held


@dataclass(frozen=True, slots=True)
class Start:
    """Do these steps."""

    steps: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop working on this step; say `ended` when its function has."""

    held: Held
    reason: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Give this stream up and come back in so many seconds; None means after the usual back-off."""

    after: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of this worker: drained, or with an error that no reconnecting mends."""

    error: LeftByServer | None = None


Action: TypeAlias = Start | Abort | Reconnect | Leave
