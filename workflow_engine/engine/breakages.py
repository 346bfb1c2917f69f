"""What a contract that takes the place of another one breaks: saved workflows, and executions that are under way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from workflow_engine.definition.breakage import broken_by
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.errors import Problem
from workflow_engine.history.events import ExecutionStarted
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import ExecutionFilter, ExecutionRow, Journal, WorkflowRow
from workflow_engine.jsontext import JsonObject, pointer
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.summaries import step_statuses
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.compatibility import breaking_changes
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.limits import RegistrationLimits

PAGE: Final = 500
OPEN: Final = tuple(status for status in ExecutionStatus if not status.is_terminal)
MOST_CHANGES_TOLD: Final = 5
EXECUTION_BROKEN: Final = "pinned-contract-broken"

LiveOf: TypeAlias = Callable[[str, str], Live | None]


@dataclass(frozen=True, slots=True)
class Breakage:
    """Something that `step_type` (`name@version`) breaks: a saved workflow, or an open execution.

    The pointers of `problems` lead into its document.
    """

    step_type: str
    problems: tuple[Problem, ...]
    workflow_id: str | None = None
    execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """`truncated`: more workflows or executions are there than the limits let us look at or list."""

    breaks: tuple[Breakage, ...] = ()
    truncated: bool = False


@dataclass(slots=True)
class _Search:
    """One search, and what it found so far."""

    namespace: str
    new: Mapping[str, StepType]
    before: Catalogue
    after: Catalogue
    breaks: list[Breakage] = field(default_factory=list)
    truncated: bool = False


class Breakages:
    """Looks at saved workflows and open executions, a bounded number of each."""

    def __init__(
        self, journal: Journal, live: LiveOf, definition_limits: DefinitionLimits, limits: RegistrationLimits
    ) -> None:
        self._journal = journal
        self._live = live
        self._definition_limits = definition_limits
        self._limits = limits

    async def find(self, namespace: str, new: Sequence[StepType], before: Catalogue, after: Catalogue) -> Broken:
        """What the step types `new` break, which `after` knows and `before` does not.

        Both catalogues must be copies: they are read beside the loop. A name that had no version breaks nothing.
        """
        known = {step.name: step for step in new if before.ever(namespace, step.name)}
        if not known:
            return Broken()
        search = _Search(namespace, known, before, after)
        await self._look_at_workflows(search)
        await self._look_at_executions(search)
        most = self._limits.breakages
        return Broken(tuple(search.breaks[:most]), search.truncated or len(search.breaks) > most)

    # --- saved workflows

    async def _look_at_workflows(self, search: _Search) -> None:
        seen, total = 0, 1
        while seen < min(total, self._limits.examined):
            size = min(PAGE, self._limits.examined - seen)
            rows, total = await self._journal.workflows(search.namespace, size, seen)
            users = [row for row in rows if _uses(row.document, search.new)]
            if users:
                search.breaks += await asyncio.to_thread(self._broken_workflows, search, users)
            seen += max(len(rows), 1)
        search.truncated |= total > self._limits.examined

    def _broken_workflows(self, search: _Search, rows: Sequence[WorkflowRow]) -> list[Breakage]:
        return [breakage for row in rows for breakage in self._broken_workflow(search, row)]

    def _broken_workflow(self, search: _Search, row: WorkflowRow) -> list[Breakage]:
        """One breakage for each of the new types that is at fault."""
        found: list[Breakage] = []
        for step in search.new.values():
            problems = broken_by(
                row.document,
                step,
                lambda name: search.before.resolve(search.namespace, name),
                lambda name: search.after.resolve(search.namespace, name),
                self._definition_limits,
            )
            if problems:
                found.append(Breakage(step.pin, problems, workflow_id=row.workflow_id))
        return found

    # --- open executions

    async def _look_at_executions(self, search: _Search) -> None:
        """By their rows, a page at a time; only those whose document names the type are looked at closer."""
        documents: dict[str, JsonObject] = {}
        wanted, seen = ExecutionFilter(statuses=OPEN, limit=PAGE), 0
        while seen < self._limits.examined:
            page = await self._journal.executions(search.namespace, wanted)
            for row in page.rows[: self._limits.examined - seen]:
                await self._look_at_execution(search, row, documents)
            seen += len(page.rows)
            if page.next_cursor is None:
                search.truncated |= seen > self._limits.examined
                return
            wanted = ExecutionFilter(statuses=OPEN, limit=PAGE, cursor=page.next_cursor)
        search.truncated = True

    async def _look_at_execution(self, search: _Search, row: ExecutionRow, documents: dict[str, JsonObject]) -> None:
        digest = row.record.definition
        if digest not in documents:
            documents[digest] = await self._journal.definition(digest) or {}
        document = documents[digest]
        if not _uses(document, search.new):
            return
        pins, statuses = await self._state_of(search.namespace, row)
        for name, step in search.new.items():
            problems = tuple(_problems_of(document, name, step, pins, statuses, search))
            if problems:
                search.breaks.append(Breakage(step.pin, problems, execution_id=row.record.execution_id))

    async def _state_of(self, namespace: str, row: ExecutionRow) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Its pins, and the status of its steps: from memory where it lives there, else without folding it."""
        live = self._live(namespace, row.record.execution_id)
        if live is not None:
            return live.execution.plan.pins, step_statuses(live.execution)
        first = await self._journal.history(namespace, row.record.execution_id, limit=1)
        started = first[0].event if first else None
        pins = started.pins if isinstance(started, ExecutionStarted) else {}
        return pins, row.summary.step_statuses or {}


def _problems_of(
    document: JsonObject,
    name: str,
    step: StepType,
    pins: Mapping[str, str],
    statuses: Mapping[str, str],
    search: _Search,
) -> list[Problem]:
    found: list[Problem] = []
    for position, (step_id, written) in enumerate(_steps(document)):
        pin = pins.get(written)
        if pin is None or pin == step.pin or pin.partition("@")[0] != name or _has_ended(statuses.get(step_id)):
            continue
        pinned = search.before.exact(search.namespace, pin)
        if pinned is not None and (changes := breaking_changes(pinned, step)):
            told = "; ".join(changes[:MOST_CHANGES_TOLD])
            message = f"Step {step_id} is pinned to {pin}, and {step.pin} breaks what that promised: {told}"
            found.append(Problem(EXECUTION_BROKEN, message, pointer("steps", position, "step_type")))
    return found


def _has_ended(status: str | None) -> bool:
    return status is not None and StepStatus(status).is_terminal


def _uses(document: JsonObject, names: Mapping[str, StepType]) -> bool:
    return any(written.partition("@")[0] in names for _, written in _steps(document))


def _steps(document: JsonObject) -> list[tuple[str, str]]:
    """Id and type of each step, as they are written."""
    steps = document.get("steps")
    return [
        (str(step.get("step_id")), str(step.get("step_type")))
        for step in (steps if isinstance(steps, list) else [])
        if isinstance(step, dict)
    ]
