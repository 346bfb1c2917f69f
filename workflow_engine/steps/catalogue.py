"""Every step type this process knows: the built-in ones for everybody, the registered ones for their namespace.

In memory (the journal keeps the registered ones), and used on one loop only. A registered type that was removed is
neither listed nor resolved any more, but still found by its exact version: executions that started with it go on with
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from workflow_engine.steps.contract import ExecutionType, OfferedStep, StepFunction, StepType
from workflow_engine.steps.versions import InvalidRange, InvalidVersion, Version, VersionRange, latest

BUILTIN_OWNER: Final = "builtin"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One version of a step type and the facts of its registration. `registered_at` in UTC epoch seconds."""

    type: StepType
    step_id: str
    registered_at: float
    removed: bool = False


_Versions: TypeAlias = dict[Version, CatalogueEntry]


class Catalogue:
    """Built-in names win: a namespace can never hide them."""

    def __init__(
        self,
        builtins: Sequence[OfferedStep] = (),
        functions: Mapping[str, StepFunction] = MappingProxyType({}),
        since: float = 0.0,
        *,
        by_workers: Sequence[StepType] = (),
    ) -> None:
        """`since` stands as the time of registration of the built-in types. `by_workers`: built-in types without a
        function here, because a process of its own does their work; where both are offered, the function wins.
        """
        self._functions = dict(functions)
        self._builtin_functions = {offered.type.pin: offered.function for offered in builtins}
        self._builtins: dict[str, _Versions] = {}
        self._registered: dict[tuple[str, str], _Versions] = {}
        for step in [*by_workers, *(offered.type for offered in builtins)]:
            entry = CatalogueEntry(step, f"{BUILTIN_OWNER}-{step.name}", since)
            self._builtins.setdefault(step.name, {})[Version.parse(step.version)] = entry

    def copy(self) -> "Catalogue":
        """The same types in a catalogue of its own, to see what a change would do."""
        other = Catalogue()
        other._functions, other._builtin_functions = self._functions, self._builtin_functions
        other._builtins = self._builtins
        other._registered = {key: dict(versions) for key, versions in self._registered.items()}
        return other

    def resolve(self, namespace: str, reference: str) -> StepType | None:
        """The latest version that `name` or `name@range` means; None when there is none, or the range is unreadable."""
        name, at, written = reference.partition("@")
        try:
            within = VersionRange.parse(written) if at else None
        except InvalidRange:
            return None
        known = _present(self._versions(namespace, name))
        version = latest(known, within)
        return known[version].type if version is not None else None

    def exact(self, namespace: str, pin: str) -> StepType | None:
        """The type with exactly this `name@version`, even when it was removed."""
        name, _, written = pin.partition("@")
        try:
            version = Version.parse(written)
        except InvalidVersion:
            return None
        # A plugin may have taken the name since: what was registered under it is still what executions started with.
        for known in (self._builtins.get(name, {}), self._registered.get((namespace, name), {})):
            if version in known:
                return known[version].type
        return None

    def entry(self, namespace: str, name: str) -> CatalogueEntry | None:
        """The latest version of a type that was not removed."""
        known = _present(self._versions(namespace, name))
        version = latest(known)
        return known[version] if version is not None else None

    def versions(self, namespace: str, name: str) -> tuple[CatalogueEntry, ...]:
        """Every version of a type that was not removed, newest first."""
        known = _present(self._versions(namespace, name))
        return tuple(known[version] for version in sorted(known, reverse=True))

    def ever(self, namespace: str, name: str) -> tuple[CatalogueEntry, ...]:
        """Every version a type ever had, oldest first: a removed version number is not given to another contract."""
        known = self._versions(namespace, name)
        return tuple(known[version] for version in sorted(known))

    def listing(self, namespace: str) -> tuple[CatalogueEntry, ...]:
        """The latest version of every type: the built-in ones first, each group by name."""
        registered = sorted(name for space, name in self._registered if space == namespace)
        found = (self.entry(namespace, name) for name in [*sorted(self._builtins), *registered])
        return tuple(entry for entry in found if entry is not None)

    def names(self, namespace: str) -> tuple[str, ...]:
        return tuple(entry.type.name for entry in self.listing(namespace))

    def is_builtin(self, name: str) -> bool:
        return name in self._builtins

    def offers(self, function_reference: str) -> bool:
        """Whether a plugin offers a function of this name to `local` types."""
        return function_reference in self._functions

    def function(self, step: StepType) -> StepFunction | None:
        """What does the work of this type in this process; None for work done elsewhere, or when its plugin is gone."""
        if (builtin := self._builtin_functions.get(step.pin)) is not None and self.is_builtin(step.name):
            return builtin
        if step.execution_type is ExecutionType.LOCAL and step.function_reference is not None:
            return self._functions.get(step.function_reference)
        return None

    def add(self, namespace: str, entry: CatalogueEntry) -> None:
        """Make a registered version known, or known again."""
        self.restore(namespace, replace(entry, removed=False))

    def restore(self, namespace: str, entry: CatalogueEntry) -> None:
        """Make a version known as the journal holds it: a removed one stays removed."""
        versions = self._registered.setdefault((namespace, entry.type.name), {})
        versions[Version.parse(entry.type.version)] = entry

    def remove(self, namespace: str, name: str, version: str | None = None) -> int:
        """Take one version of a registered type out, or all of them; answers how many. Built-in types stay."""
        known = self._registered.get((namespace, name), {})
        gone = [each for each in _present(known) if version is None or each == Version.parse(version)]
        for each in gone:
            known[each] = replace(known[each], removed=True)
        return len(gone)

    def _versions(self, namespace: str, name: str) -> _Versions:
        return self._builtins.get(name) or self._registered.get((namespace, name), {})


def _present(versions: _Versions) -> _Versions:
    return {version: entry for version, entry in versions.items() if not entry.removed}
