"""Compiled plans that are kept, so that what a document means is worked out once and not at every start or step.

A plan depends on the document, on the versions of the step types it names, and on the options of the run that change
the plan; equal ones share a plan.
"""

from typing import NamedTuple

from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions, WorkflowDefinition
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.shelf import Shelf
from workflow_engine.definition.structure import Resolve


class _Key(NamedTuple):
    document: str
    pins: tuple[tuple[str, str | None], ...]
    options: str


class Plans:
    """Keeps the plans that were used last, as long as they have at most `max_steps` steps together. Thread-safe."""

    def __init__(self, limits: DefinitionLimits | None = None, max_steps: int = 20_000) -> None:
        self._limits = limits or DefinitionLimits()
        self._plans: Shelf[_Key, Plan] = Shelf(max_steps)

    def __len__(self) -> int:
        return len(self._plans)

    def plan(
        self, definition: WorkflowDefinition, document: str, resolve: Resolve, options: ExecutionOptions | None = None
    ) -> Plan:
        """The plan of `definition`, whose digest is `document`, for its step types as they resolve now.

        Raises `InvalidDocument`.
        """
        key = _key(definition, document, resolve, options or ExecutionOptions())
        kept = self._plans.get(key)
        if kept is not None:
            return kept
        plan = compile_plan(definition, resolve, limits=self._limits, options=options)
        return self._plans.put(key, plan, max(len(plan.steps), 1))


def _key(definition: WorkflowDefinition, document: str, resolve: Resolve, options: ExecutionOptions) -> _Key:
    types = {name: resolve(name) for name in dict.fromkeys(step.step_type for step in definition.steps)}
    pins = tuple((name, found.pin if found else None) for name, found in types.items())
    return _Key(document, pins, options.model_dump_json(exclude={"priority"}))
