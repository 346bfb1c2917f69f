"""What every accepted spelling lowers to, and all the core ever knows: for each step what it waits for, its guard,
its join rule and where a failure goes; and one width."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflow_engine.definition.model import BackoffStrategy, TriggerRule
from workflow_engine.expressions import Condition, Template
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Simulation, StepType


class Role(StrEnum):
    """How a step comes to run."""

    FORWARD = "forward"
    CATCH_TARGET = "catch_target"
    """Runs only when a failure is routed to it."""
    COMPENSATION = "compensation"
    """Never runs on the forward way."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays in seconds. `retry_on=None` means the default rule of each error code."""

    max_retries: int = 0
    strategy: BackoffStrategy = BackoffStrategy.EXPONENTIAL
    delay: float = 1.0
    max_delay: float = 60.0
    retry_on: frozenset[str] | None = None
    no_retry_on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CatchRoute:
    """Error codes (`*` = any) and the step that takes such a failure."""

    errors: frozenset[str]
    then: str

    def takes(self, code: str) -> bool:
        return "*" in self.errors or code in self.errors


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step, ready to be decided upon. `rank` is its place in the order (`step_order`, list position)."""

    id: str
    rank: int
    type: StepType
    role: Role
    waits_for: tuple[str, ...]
    """Dependencies and references: all of them must have ended before the step is decided upon."""
    dependencies: tuple[str, ...]
    """What the trigger rule looks at (for a catch target without the steps that route to it)."""
    rule: TriggerRule
    guard: Condition | None
    input: Template
    """Builds the mapped input object (an object template); literal `input_data` is merged in already, last."""
    has_mapping: bool
    """False: the step type's `default_input` decides what lies beneath the literals."""
    config: Template
    retry: RetryPolicy
    timeout: float | None
    critical: bool
    catch: tuple[CatchRoute, ...]
    compensate: str | None
    routes_to: tuple[str, ...]
    """The dependants this step chooses among when it routes; empty: all of them."""
    simulation: Simulation | None = None

    def deadline(self, now: float) -> float | None:
        """When an attempt that begins at `now` is late. Workers are timed from the moment they have the step."""
        if self.timeout is None or self.type.execution_type.is_by_workers:
            return None
        return now + self.timeout


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled definition. Immutable and shared by all executions that run it with the same pinned step types."""

    digest: str
    """Of the definition document it was compiled from."""
    name: str
    version: str
    steps: Mapping[str, PlannedStep]
    """By id, in order of rank."""
    dependents: Mapping[str, tuple[str, ...]]
    """Who waits for a step: the inverse of `waits_for`."""
    routers: Mapping[str, tuple[str, ...]]
    """Catch target -> the steps whose failure may be routed to it."""
    width: int
    """How many steps may be open at once; 0 = no limit."""
    output: Template | None
    timeout: float | None
    global_config: JsonObject
    input_schema: JsonObject | None
    pins: Mapping[str, str]
    """Step type as written -> the exact `name@version` it was compiled against."""
    on_missing_worker: str = "wait"
    tags: tuple[str, ...] = ()
    has_inline_steps: bool = False
    """Whether any step may run inside a turn of the engine."""
