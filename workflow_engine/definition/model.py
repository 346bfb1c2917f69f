"""The workflow document as a type: it is the REST body and the stored JSON, in one frozen model.

A model knows what can be said of one field alone; what other fields, steps or step types decide is found by
`compiling`. Older spellings stay as they were written (`parameters`, `connections`), so that a client reads back what
it saved.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict
from pydantic_core import PydanticCustomError

from workflow_engine.definition.fields import Delay, MaxParallel, MaxRetries, StepId, StepTypeName, Tags, Timeout
from workflow_engine.steps.contract import Simulation

if TYPE_CHECKING:
    from workflow_engine.jsontext import Json, JsonObject
else:  # Pydantic follows annotations while the program runs, and would follow this recursive one without end.
    Json, JsonObject = object, dict


class ExecutionPattern(StrEnum):
    """How many steps may run at once. Nothing else differs between the patterns."""

    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    CONDITIONAL = "conditional"
    DEPENDENCY = "dependency"


class TriggerRule(StrEnum):
    """Decides over the declared dependencies of a step once all of them have ended. The names are Airflow's."""

    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ONE_SUCCESS = "one_success"
    NONE_FAILED = "none_failed"


class BackoffStrategy(StrEnum):
    """Delays by the number `n` of retries before, from 0: d, d(n+1), d*2^n; `none` means that nothing is retried."""

    NONE = "none"
    FIXED = "fixed_delay"
    LINEAR = "linear_backoff"
    EXPONENTIAL = "exponential_backoff"


class OnMissingWorker(StrEnum):
    """What happens when no worker serves the type of a step."""

    WAIT = "wait"
    REJECT = "reject"
    SIMULATE = "simulate"


_PATTERNS: Final = {
    **{pattern.value: pattern for pattern in ExecutionPattern},
    "dag": ExecutionPattern.DEPENDENCY,
    "dependency_based": ExecutionPattern.DEPENDENCY,
}


def _pattern(value: object) -> ExecutionPattern:
    if value == "graph":
        raise PydanticCustomError("unsupported-pattern", "The execution pattern 'graph' is not supported yet")
    pattern = _PATTERNS.get(value) if isinstance(value, str) else None
    if pattern is None:
        known = ", ".join(f"'{name.value}'" for name in ExecutionPattern)
        raise PydanticCustomError("unknown-value", "This must be one of {known}", {"known": known})
    return pattern


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CatchDefinition(Part):
    """The first route whose `errors` name the code of a failure (`*`: any) starts the step `then`."""

    errors: tuple[str, ...]
    then: str


class Connection(Part):
    """An edge drawn in an editor: a dependency of the target on the source. The rest is for the eyes."""

    source_step_id: str
    target_step_id: str
    connection_type: str | None = None
    source_handle: str | None = None
    target_handle: str | None = None
    label: str | None = None
    animated: bool | None = None
    id: str | None = None


class StepDefinition(Part):
    """One step, as written. `None` means that the document says nothing."""

    step_id: StepId
    step_name: str | None = None
    step_type: StepTypeName
    step_order: int = 0
    description: str | None = None
    dependencies: tuple[str, ...] = ()
    trigger_rule: TriggerRule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    conditions: Json = None
    input_mapping: JsonObject | None = None
    input_data: JsonObject | None = None
    config: JsonObject | None = None
    parameters: JsonObject | None = None
    timeout_seconds: Timeout | None = None
    max_retries: MaxRetries | None = None
    retry_strategy: BackoffStrategy = BackoffStrategy.EXPONENTIAL
    retry_delay_seconds: Delay = 1.0
    max_retry_delay_seconds: Delay = 60.0
    retry_on: tuple[str, ...] | None = None
    no_retry_on: tuple[str, ...] = ()
    critical: bool = True
    catch: tuple[CatchDefinition, ...] = ()
    compensate: str | None = None
    simulation: Simulation | None = None
    position: JsonObject | None = None
    metadata: JsonObject | None = None

    @property
    def name(self) -> str:
        return self.step_name or self.step_id

    @property
    def config_field(self) -> str:
        """Under which of its two names the document gives the configuration."""
        return "config" if self.config is not None or self.parameters is None else "parameters"

    @property
    def configuration(self) -> JsonObject:
        return (self.config if self.config_field == "config" else self.parameters) or {}


class WorkflowDefinition(Part):
    """A workflow, as written. Clients save what they read, so the fields the server adds to it are known here, too."""

    name: str = "workflow"
    version: str = "1.0.0"
    description: str | None = None
    workflow_id: str | None = None
    created_by: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    tags: Tags = ()
    metadata: JsonObject | None = None
    execution_pattern: Annotated[ExecutionPattern, BeforeValidator(_pattern)] = ExecutionPattern.SEQUENTIAL
    global_config: JsonObject | None = None
    input_schema: JsonObject | None = None
    output: Json = None
    timeout_seconds: Timeout | None = None
    max_parallel: MaxParallel = 16
    on_missing_worker: OnMissingWorker = OnMissingWorker.WAIT
    connections: tuple[Connection, ...] = ()
    steps: tuple[StepDefinition, ...]

    def document(self) -> JsonObject:
        """The document with the fields its author wrote: what is stored, shown and digested."""
        return self.model_dump(mode="json", exclude_unset=True)


class ExecutionOptions(Part):
    """What overrides the document for one run. It is stored with the run, so it can be made of plain strings again."""

    timeout_seconds: Timeout | None = None
    max_parallel: MaxParallel | None = None
    simulation: Annotated[Simulation, Strict(False)] | None = None
    priority: int = 0
    on_missing_worker: Annotated[OnMissingWorker, Strict(False)] | None = None
