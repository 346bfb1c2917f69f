"""Saved workflows: documents under a name, every version kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workflow_engine.clock import Clock
from workflow_engine.definition.report import ValidationReport
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.plans import Plans, beside
from workflow_engine.errors import Conflict, InvalidRequest, NotFound
from workflow_engine.journal.contract import Journal, KeyTaken, UnknownRow, WorkflowRow
from workflow_engine.jsontext import Json, JsonObject, fingerprint

IDS_AT_ONCE: Final = 500
WORKFLOW_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,254}")


class WorkflowNotFound(NotFound):
    code = "workflow-not-found"

    def __init__(self) -> None:
        super().__init__("Workflow not found")


class WorkflowExists(Conflict):
    code = "workflow-exists"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"workflow {workflow_id} exists already; PUT it to save a new version")


class InvalidWorkflowId(InvalidRequest):
    code = "invalid-workflow-id"

    def __init__(self) -> None:
        super().__init__("a workflow id has 1 to 255 letters, digits and _ . : - and begins with a letter, digit or _")


@dataclass(frozen=True, slots=True)
class WorkflowList:
    workflows: tuple[WorkflowRow, ...]
    total: int


class Workflows:
    def __init__(self, journal: Journal, plans: Plans, clock: Clock) -> None:
        self._journal = journal
        self._plans = plans
        self._clock = clock
        self._saved: set[tuple[str, str]] = set()

    async def load(self, namespace: str) -> None:
        """Learn the ids that are saved already; once, at start."""
        known, total = 0, 1
        while known < total:
            rows, total = await self._journal.workflows(namespace, IDS_AT_ONCE, known)
            self._saved.update((namespace, row.workflow_id) for row in rows)
            known += max(len(rows), 1)

    def is_saved(self, namespace: str, workflow_id: str) -> bool:
        return (namespace, workflow_id) in self._saved

    async def validate(self, caller: Caller, document: Json) -> ValidationReport:
        """Everything that is wrong with a document; never raises."""
        return await beside(document, lambda: self._plans.validate(caller.namespace, document))

    async def save(
        self, caller: Caller, document: JsonObject, workflow_id: str | None = None, *, create: bool | None = None
    ) -> WorkflowRow:
        """Save the next version; the same document again changes nothing.

        `create=True` refuses an id that exists (`WorkflowExists`), False one that does not (`WorkflowNotFound`).
        Raises `InvalidDocument`.
        """
        caller.require("execute")
        read = await beside(document, lambda: self._plans.checked(caller.namespace, document))
        name = workflow_id or read.definition.workflow_id or default_id(read.definition.name)
        if not WORKFLOW_ID.fullmatch(name):
            raise InvalidWorkflowId
        try:
            row = await self._journal.save_workflow(
                caller.namespace, name, read.digest, read.json, self._clock.now(), create=create
            )
        except KeyTaken as taken:
            raise WorkflowExists(name) from taken
        except UnknownRow as unknown:
            raise WorkflowNotFound from unknown
        self._saved.add((caller.namespace, name))
        return row

    async def get(self, caller: Caller, workflow_id: str, version: int | None = None) -> WorkflowRow:
        row = await self._journal.workflow(caller.namespace, workflow_id, version)
        if row is None:
            raise WorkflowNotFound
        return row

    async def versions(self, caller: Caller, workflow_id: str) -> Sequence[WorkflowRow]:
        """Newest first."""
        rows = await self._journal.workflow_versions(caller.namespace, workflow_id)
        if not rows:
            raise WorkflowNotFound
        return rows

    async def list(self, caller: Caller, limit: int = 50, offset: int = 0) -> WorkflowList:
        rows, total = await self._journal.workflows(caller.namespace, limit, offset)
        return WorkflowList(tuple(rows), total)

    async def delete(self, caller: Caller, workflow_id: str) -> None:
        """Running executions keep the definition they started with."""
        caller.require("execute")
        if not await self._journal.delete_workflow(caller.namespace, workflow_id):
            raise WorkflowNotFound
        self._saved.discard((caller.namespace, workflow_id))


def default_id(name: str) -> str:
    """`workflow-<name in lower case, spaces to ->`, with whatever an id may not hold left out."""
    return f"workflow-{slug(name)}"


def slug(name: str) -> str:
    """What of a name may stand in an id. Letters of other scripts leave eight characters of a digest, so that two names
    made of them are two ids.
    """
    wanted = name.lower().replace(" ", "-")
    plain = re.sub(r"[^a-z0-9_.:-]", "", wanted)[:240]
    if all(character.isascii() for character in wanted):
        return plain
    return f"{plain}-{fingerprint(name)[:8]}".lstrip("-")


def version_number(asked: str | int | None) -> int | None:
    """The number of a saved version, written as a number or its digits. Raises `WorkflowNotFound` for anything else."""
    if asked is None or isinstance(asked, int):
        return asked
    if not asked.isdecimal():
        raise WorkflowNotFound
    return int(asked)
