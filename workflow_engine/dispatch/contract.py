"""The door through which steps leave the engine and results come back.

A dispatcher takes a task after the hand-over is durable, runs it somewhere, and reports exactly one input for it,
later, on the loop. It never blocks and never raises: whatever goes wrong becomes a `Failed` report of that one task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from workflow_engine.execution.inputs import Failed, Succeeded
from workflow_engine.steps.contract import StepRequest, StepType


@dataclass(frozen=True, slots=True)
class Task:
    """One hand-over: what to run, and the fence (`request.delivery`) its report must carry."""

    type: StepType
    request: StepRequest
    priority: int = 0
    """Where many wait for a place, the higher goes first; equal ones in the order they came."""
    is_taken: bool = False
    """A worker is known to have taken this hand-over."""
    next_chunk: int = 0
    """How many chunks of this hand-over are recorded."""
    simulate_unserved: bool = False
    """Make an output up when no worker serves the type."""

    @property
    def key(self) -> tuple[str, str]:
        return self.request.execution_id, self.request.path


class ReportsLater(Exception):
    """Raised in place of an answer: the work was accepted where it was sent, and its result comes with the lease."""


Report: TypeAlias = Callable[[Task, Succeeded | Failed], None]
"""Takes a task and its report. A stale report is dropped by the core, so a dispatcher need not know what is stale."""


class Dispatcher(Protocol):
    def dispatch(self, task: Task) -> None:
        """Take a task. Called on the loop, after the commit that handed it over."""

    def restore(self, task: Task) -> None:
        """Take up a hand-over from before: its execution came back into memory, and it may be out there somewhere."""

    def abort(self, execution_id: str, path: str) -> None:
        """Call a task back: its attempt timed out or its execution ended. Unknown tasks are ignored."""

    async def stop(self, grace_seconds: float) -> None:
        """Let running tasks finish within the grace, then abandon them without a report."""
