"""Step types: register one at run time, list them, take one away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from workflow_engine.clock import Clock
from workflow_engine.definition.findings import moved
from workflow_engine.engine.breakages import Breakage, Breakages
from workflow_engine.engine.caller import Caller
from workflow_engine.errors import InvalidDocument, InvalidRequest, NotFound, Problem
from workflow_engine.identifiers import new_id
from workflow_engine.journal.contract import Journal, StepTypeRow
from workflow_engine.jsontext import Json
from workflow_engine.steps.catalogue import Catalogue, CatalogueEntry
from workflow_engine.steps.compatibility import breaking_changes
from workflow_engine.steps.contract import ExecutionType, StepType
from workflow_engine.steps.limits import RegistrationLimits
from workflow_engine.steps.register_body import CALLED, Registration, read_registration
from workflow_engine.steps.registration import BuiltinName, Decision, decide, may_serve
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


@dataclass(frozen=True, slots=True)
class RegisteredAll:
    """What came of each contract, in the order they were given, and what they break.

    `truncated`: there were more workflows or executions than are looked at or listed.
    """

    steps: tuple[Registered, ...]
    breaks: tuple[Breakage, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class _Decided:
    """One request that was decided. `breaks`: it breaks what the latest version before it promised."""

    entry: CatalogueEntry
    decision: Decision
    breaks: bool

    @property
    def changed(self) -> bool:
        return self.decision.changed

    def answer(self) -> Registered:
        step = self.entry.type
        return Registered(self.entry.step_id, step.name, step.version, self.changed, self.decision.warnings)


class Steps:
    """The catalogue in memory and its rows in the journal, kept in step: the row first."""

    def __init__(
        self,
        journal: Journal,
        catalogue: Catalogue,
        clock: Clock,
        limits: RegistrationLimits,
        objection: Objection,
        breakages: Breakages,
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._clock = clock
        self._limits = limits
        self._objection = objection
        self._breakages = breakages
        self._one_at_a_time = asyncio.Lock()

    async def load(self) -> None:
        """Make every registered type of the journal known; once, at start."""
        for row in await self._journal.step_types():
            entry = CatalogueEntry(read_contract(row.contract), row.step_id, row.registered_at, removed=row.removed)
            self._catalogue.restore(row.namespace, entry)

    async def register(self, caller: Caller, body: Json) -> Registered:
        """Register a contract, or find that it is registered already.

        Raises `InvalidDocument`, `BuiltinName`, `BuiltinServedByUs`, `ForeignStepType`, `FunctionNotOffered`,
        `VersionTaken`, `BreakingMinorVersion`.
        """
        return (await self.register_all(caller, [body])).steps[0]

    async def register_all(
        self,
        caller: Caller,
        bodies: Sequence[Json],
        *,
        dry_run: bool = False,
        execution_type: ExecutionType | None = None,
    ) -> RegisteredAll:
        """Register several contracts in one transaction: all, or none. The same ones again write nothing.

        `execution_type` stands for bodies that name none. With `dry_run` nothing is kept, and whatever the contracts
        would break is listed; without it, what a breaking version breaks is. Raises what `register` raises; a problem
        of one of several bodies points into `/steps/<n>`.
        """
        caller.require("register")
        requests = self._read(bodies, caller, execution_type)
        async with self._one_at_a_time:
            before, after = self._catalogue.copy(), self._catalogue.copy()
            decided = [
                await self._decide(request, caller, after, _place(n, bodies)) for n, request in enumerate(requests)
            ]
            changed = [each.entry for each in decided if each.changed]
            wanted = changed if dry_run else [each.entry for each in decided if each.breaks]
            broken = await self._breakages.find(caller.namespace, [each.type for each in wanted], before, after)
            if changed and not dry_run:
                await self._keep(caller.namespace, changed)
        return RegisteredAll(tuple(each.answer() for each in decided), broken.breaks, broken.truncated)

    def _read(self, bodies: Sequence[Json], caller: Caller, execution_type: ExecutionType | None) -> list[Registration]:
        """Every body. Raises `InvalidDocument` with the problems of all of them."""
        if len(bodies) > self._limits.contracts:
            message = f"At most {self._limits.contracts} step types are registered in one request"
            raise InvalidDocument([Problem("out-of-range", message, "/steps")])
        read: list[Registration] = []
        found: list[Problem] = []
        for n, body in enumerate(bodies):
            try:
                read.append(read_registration(body, caller.principal, self._limits, execution_type))
            except InvalidDocument as invalid:
                found.extend(moved(invalid.problems(), *_place(n, bodies)))
        if found:
            raise InvalidDocument(found)
        return read

    async def _decide(
        self, request: Registration, caller: Caller, catalogue: Catalogue, place: tuple[str | int, ...]
    ) -> _Decided:
        """What becomes of one request; `catalogue` knows it afterwards, so that those after it are judged by it."""
        namespace = caller.namespace
        existing = catalogue.ever(namespace, request.type.name)
        latest = catalogue.entry(namespace, request.type.name)
        try:
            decision = decide(
                request,
                existing,
                builtin=catalogue.is_builtin(request.type.name),
                offered=catalogue.offers(request.type.function_reference or ""),
                trusted=may_serve(existing[-1].type, caller.principal, caller.scopes) if existing else False,
            )
            await self._judge_url(namespace, decision.step)
        except InvalidRequest as invalid:
            if not place:
                raise
            raise InvalidDocument(moved(invalid.problems(), *place)) from invalid
        entry = _entry_of(decision.step, existing) or CatalogueEntry(decision.step, new_id(), self._clock.now())
        if decision.changed:
            catalogue.add(namespace, entry)
        breaks = decision.changed and latest is not None and bool(breaking_changes(latest.type, entry.type))
        return _Decided(entry, decision, breaks)

    async def _keep(self, namespace: str, changed: Sequence[CatalogueEntry]) -> None:
        """In one transaction; known to this process when it is durable."""
        now = self._clock.now()
        await self._journal.save_step_types([_row(namespace, entry, now) for entry in changed])
        for entry in changed:
            self._catalogue.add(namespace, entry)

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

    def get(self, caller: Caller, name: str, version: str | None = None) -> CatalogueEntry:
        """The latest version, or this one. Raises `StepTypeNotFound`."""
        if version is None:
            entry = self._catalogue.entry(caller.namespace, name)
        else:
            versions = self._catalogue.versions(caller.namespace, name)
            entry = next((each for each in versions if each.type.version == version), None)
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
        caller.require("register")
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


def _place(n: int, bodies: Sequence[Json]) -> tuple[str | int, ...]:
    return ("steps", n) if len(bodies) > 1 else ()


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
