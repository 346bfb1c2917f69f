"""Step types: register one at run time, list them, take one away."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from workflow_engine.clock import Clock
from workflow_engine.engine.caller import Caller
from workflow_engine.errors import InvalidDocument, NotFound, Problem
from workflow_engine.identifiers import new_id
from workflow_engine.journal.contract import Journal, StepTypeRow
from workflow_engine.jsontext import Json
from workflow_engine.steps.catalogue import Catalogue, CatalogueEntry
from workflow_engine.steps.contract import ExecutionType, StepType
from workflow_engine.steps.limits import RegistrationLimits
from workflow_engine.steps.register_body import CALLED, read_registration
from workflow_engine.steps.registration import BuiltinName, decide
from workflow_engine.steps.wire import contract_hash, read_contract, write_contract

Objection: TypeAlias = Callable[[str, str], Awaitable[str | None]]
"""(url, namespace) -> why the server could not call it, or None."""


class StepTypeNotFound(NotFound):
    code = "step-type-not-found"

    def __init__(self) -> None:
        super().__init__("Step type not found")


@dataclass(frozen=True, slots=True)
class Registered:
    """`changed` is False when this contract was registered before; `warnings` names what a new major version breaks."""

    step_id: str
    name: str
    version: str
    changed: bool
    warnings: tuple[str, ...]


class Steps:
    """The catalogue in memory and its rows in the journal, kept in step: the row first."""

    def __init__(
        self, journal: Journal, catalogue: Catalogue, clock: Clock, limits: RegistrationLimits, objection: Objection
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._clock = clock
        self._limits = limits
        self._objection = objection

    async def load(self) -> None:
        """Make every registered type of the journal known; once, at start."""
        for row in await self._journal.step_types():
            entry = CatalogueEntry(read_contract(row.contract), row.step_id, row.registered_at, removed=row.removed)
            self._catalogue.restore(row.namespace, entry)

    async def register(self, caller: Caller, body: Json) -> Registered:
        """Register a contract, or find that it is registered already.

        Raises `InvalidDocument`, `BuiltinName`, `ForeignStepType`, `FunctionNotOffered`, `VersionTaken`,
        `BreakingMinorVersion`.
        """
        request = read_registration(body, caller.principal, self._limits)
        existing = self._catalogue.ever(caller.namespace, request.type.name)
        decision = decide(
            request,
            existing,
            builtin=self._catalogue.is_builtin(request.type.name),
            offered=self._catalogue.offers(request.type.function_reference or ""),
        )
        await self._judge_url(caller.namespace, decision.step)
        entry = _entry_of(decision.step, existing) or CatalogueEntry(decision.step, new_id(), self._clock.now())
        if decision.changed:
            await self._journal.save_step_type(_row(caller.namespace, entry, self._clock.now()))
            self._catalogue.add(caller.namespace, entry)
        step = entry.type
        return Registered(entry.step_id, step.name, step.version, decision.changed, decision.warnings)

    async def _judge_url(self, namespace: str, step: StepType) -> None:
        """Judged now, so that the author hears of it, and again, resolved, at every call."""
        if step.execution_type not in CALLED or step.endpoint is None:
            return
        if await self._objection(str(step.endpoint["url"]), namespace) is not None:
            message = "The server may not call the host of this URL; an entry in the list of hosts would allow it"
            raise InvalidDocument([Problem("host-not-allowed", message, "/endpoint_config/url")])

    def list(self, caller: Caller) -> tuple[CatalogueEntry, ...]:
        """The latest version of every type: the built-in ones first, each group by name."""
        return self._catalogue.listing(caller.namespace)

    def get(self, caller: Caller, name: str) -> CatalogueEntry:
        entry = self._catalogue.entry(caller.namespace, name)
        if entry is None:
            raise StepTypeNotFound
        return entry

    def versions(self, caller: Caller, name: str) -> tuple[CatalogueEntry, ...]:
        """Newest first."""
        entries = self._catalogue.versions(caller.namespace, name)
        if not entries:
            raise StepTypeNotFound
        return entries

    async def delete(self, caller: Caller, name: str, version: str | None = None) -> None:
        """No new execution can use it; those that run keep it. Raises `StepTypeNotFound`, `BuiltinName`."""
        if self._catalogue.is_builtin(name):
            raise BuiltinName
        if not self._catalogue.versions(caller.namespace, name):
            raise StepTypeNotFound
        if await self._journal.remove_step_type(caller.namespace, name, version) == 0:
            raise StepTypeNotFound
        self._catalogue.remove(caller.namespace, name, version)

    def status(self, step: StepType) -> str:
        """`served`, or `unserved` when nothing that could do the work is here."""
        if step.execution_type in (ExecutionType.GRPC, ExecutionType.POLL):
            return "unserved"
        if step.execution_type is ExecutionType.LOCAL and self._catalogue.function(step) is None:
            return "unserved"
        return "served"


def _entry_of(step: StepType, existing: tuple[CatalogueEntry, ...]) -> CatalogueEntry | None:
    found = next((entry for entry in existing if entry.type.version == step.version), None)
    return None if found is None else replace(found, removed=False)


def _row(namespace: str, entry: CatalogueEntry, now: float) -> StepTypeRow:
    return StepTypeRow(
        namespace=namespace,
        name=entry.type.name,
        version=entry.type.version,
        contract=write_contract(entry.type),
        contract_hash=contract_hash(entry.type),
        owner=entry.type.owner,
        step_id=entry.step_id,
        registered_at=entry.registered_at,
        updated_at=now,
        removed=False,
    )
