"""How an execution comes back from the journal: its fixed facts, its pinned plan, and the fold of its events."""

from collections.abc import Mapping
from typing import Protocol

from workflow_engine.definition.plan import Plan
from workflow_engine.errors import Conflict, InvalidDocument, NotFound, WorkflowEngineError
from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import ExecutionStarted
from workflow_engine.journal.contract import Journal
from workflow_engine.jsontext import JsonObject
from workflow_engine.runtime.live import Live
from workflow_engine.steps.contract import Simulation


class ExecutionNotFound(NotFound):
    """Unknown, or of another namespace: the same answer, so that ids reveal nothing."""

    code = "execution-not-found"

    def __init__(self) -> None:
        super().__init__("Execution not found")


class BrokenHistory(WorkflowEngineError):
    """The journal holds an execution whose beginning is not there; somebody edited the database."""

    code = "broken-history"

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"the history of execution {execution_id} has no beginning")


class PinnedTypesMissing(Conflict):
    """The execution is kept, but cannot be read or go on here: a plugin it was started with is not installed."""

    code = "pinned-step-types-missing"

    def __init__(self, why: str) -> None:
        super().__init__(f"this execution is pinned to step types that are not installed here: {why}")


class PlanFor(Protocol):
    def __call__(self, namespace: str, written: JsonObject, pins: Mapping[str, str], options: JsonObject) -> Plan:
        """The plan of a definition with exactly these step types; from a cache where it was compiled before."""


class Loader:
    def __init__(self, journal: Journal, plan_for: PlanFor, simulation: Simulation) -> None:
        self._journal = journal
        self._plan_for = plan_for
        self._simulation = simulation

    async def load(self, namespace: str, execution_id: str) -> Live:
        """Raises `ExecutionNotFound`."""
        row = await self._journal.execution(namespace, execution_id)
        if row is None:
            raise ExecutionNotFound
        recorded = await self._journal.history(namespace, execution_id)
        started = recorded[0].event if recorded else None
        if not isinstance(started, ExecutionStarted):
            raise BrokenHistory(execution_id)
        document = await self._journal.definition(row.record.definition)
        if document is None:
            raise BrokenHistory(execution_id)
        try:
            plan = self._plan_for(namespace, document, started.pins, started.options)
        except InvalidDocument as invalid:
            raise PinnedTypesMissing(str(invalid)) from invalid
        execution = Execution.folded(execution_id, plan, (entry.event for entry in recorded))
        return Live(row.record, execution, simulation=self._simulation, written=row.summary)
