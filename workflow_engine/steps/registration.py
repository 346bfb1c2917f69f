"""What a request to register a step type leads to: nothing, a next version, or a refusal. Pure: the caller keeps it.

Old clients register at every start and give no version: the same contract is then a no-op, a compatible one becomes
the next minor version, a breaking one the next major with a warning that names what it breaks. Who gives a version is
held to it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from workflow_engine.errors import Conflict, Forbidden, InvalidRequest, Problem
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.compatibility import breaking_changes
from workflow_engine.steps.contract import ExecutionType, StepType
from workflow_engine.steps.register_body import Registration
from workflow_engine.steps.versions import Version
from workflow_engine.steps.wire import contract_differences

FIRST_VERSION: Final = Version(1, 0, 0)


class BuiltinName(Forbidden):
    code = "builtin-step-type"

    def __init__(self) -> None:
        super().__init__("This name belongs to a built-in step type; choose another")


class BuiltinServedByUs(Forbidden):
    """A built-in type that a worker serves: who serves it is handed what everybody's steps send there."""

    code = "builtin-served-by-us"

    def __init__(self, pin: str) -> None:
        super().__init__(
            f"{pin} is a built-in step type, and its worker is handed what everybody's steps send there: only the "
            "server's own worker and keys with the scope admin may serve it"
        )


class ForeignStepType(Forbidden):
    code = "foreign-step-type"

    def __init__(self) -> None:
        super().__init__("This step type belongs to somebody else; choose another name")


class VersionTaken(Conflict):
    """The same version exists with another contract. `differences` names the parts that differ."""

    code = "step-version-exists"
    grpc_status = "ALREADY_EXISTS"

    def __init__(self, pin: str, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        super().__init__(f"{pin} exists with another contract; these parts differ: {', '.join(differences)}")


class BreakingMinorVersion(Conflict):
    """A version that breaks what its neighbour of the same major version promised. `changes` names each break."""

    code = "breaking-minor-version"
    grpc_status = "ALREADY_EXISTS"

    def __init__(self, pin: str, earlier: str, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(f"{pin} breaks what {earlier} promised, so it needs a new major version: {'; '.join(changes)}")


class FunctionNotOffered(InvalidRequest):
    """A `local` registration names a function that no installed plugin offers."""

    code = "function-not-offered"

    def __init__(self) -> None:
        super().__init__("No installed plugin offers this function")

    def problems(self) -> Sequence[Problem]:
        return (Problem(self.code, str(self), "/function_reference"),)


@dataclass(frozen=True, slots=True)
class Decision:
    """The version that stands for the request from now on. `changed`: it must be kept; `warnings`.

    Sentences for its author.
    """

    step: StepType
    changed: bool
    warnings: tuple[str, ...] = ()


def decide(
    request: Registration,
    existing: Sequence[CatalogueEntry],
    *,
    builtin: bool,
    offered: bool = False,
    trusted: bool = False,
) -> Decision:
    """What to do about `request`, given every version its name ever had in this namespace, oldest first.

    `builtin`: the name is a built-in one; `offered`: a plugin offers the function it names; `trusted`: whoever asks may
    serve the built-in types that workers serve. Raises `BuiltinName`, `BuiltinServedByUs`, `ForeignStepType`,
    `FunctionNotOffered`, `VersionTaken`, `BreakingMinorVersion`.
    """
    if builtin:
        return _built_in(request, existing, trusted)
    if any(entry.type.owner != request.type.owner for entry in existing if not entry.removed):
        raise ForeignStepType
    if request.type.execution_type is ExecutionType.LOCAL and not offered:
        raise FunctionNotOffered
    if request.version_given:
        return _under_its_version(request.type, existing)
    return _under_the_next_version(request.type, existing)


def may_serve(step: StepType, principal: str, scopes: Collection[str]) -> bool:
    """Whoever owns a type serves it. The principal `builtin`, which no key can have, is the server's own worker."""
    return principal == step.owner or "admin" in scopes


def _built_in(request: Registration, existing: Sequence[CatalogueEntry], trusted: bool) -> Decision:
    """A built-in type is never changed; one that workers serve may be named, so that it is served."""
    versions = [entry.type for entry in reversed(existing)]
    meant = [step for step in versions if not request.version_given or step.version == request.type.version]
    step = meant[0] if meant else None
    if step is None or not (step.execution_type.is_by_workers and request.type.execution_type.is_by_workers):
        raise BuiltinName
    if not trusted:
        raise BuiltinServedByUs(step.pin)
    if differences := contract_differences(step, request.type):
        raise VersionTaken(step.pin, differences)
    return Decision(step, changed=False)


def _under_its_version(step: StepType, existing: Sequence[CatalogueEntry]) -> Decision:
    for entry in existing:
        if entry.type.version == step.version:
            return _once_more(step, entry)
    _keep_promises(step, existing)
    return Decision(step, changed=True)


def _once_more(step: StepType, entry: CatalogueEntry) -> Decision:
    if differences := contract_differences(entry.type, step):
        raise VersionTaken(step.pin, differences)
    return Decision(entry.type, changed=entry.removed)


def _keep_promises(step: StepType, existing: Sequence[CatalogueEntry]) -> None:
    """A release must follow the one before it in its major version, and the one after it must follow this one."""
    version = Version.parse(step.version)
    if version.prerelease:
        return
    known = [(Version.parse(entry.type.version), entry.type) for entry in existing]
    family = [(each, kept) for each, kept in known if each.major == version.major and not each.prerelease]
    before = max((pair for pair in family if pair[0] < version), key=lambda pair: pair[0], default=None)
    after = min((pair for pair in family if pair[0] > version), key=lambda pair: pair[0], default=None)
    if before and (changes := breaking_changes(before[1], step)):
        raise BreakingMinorVersion(step.pin, before[1].pin, changes)
    if after and (changes := breaking_changes(step, after[1])):
        raise BreakingMinorVersion(after[1].pin, step.pin, changes)


def _under_the_next_version(step: StepType, existing: Sequence[CatalogueEntry]) -> Decision:
    if not existing:
        return Decision(replace(step, version=str(FIRST_VERSION)), changed=True)
    newest = existing[-1].type
    # Two clients that register different contracts in turn must not push the version up for ever.
    for entry in reversed(existing):
        if not contract_differences(entry.type, step):
            return Decision(entry.type, entry.removed, _overtaken(entry.type, newest))
    changes = breaking_changes(newest, step)
    version = Version.parse(newest.version)
    following = version.next_major() if changes else version.next_minor()
    return Decision(replace(step, version=str(following)), True, _broken(str(following), newest, changes))


def _overtaken(step: StepType, newest: StepType) -> tuple[str, ...]:
    if step.version == newest.version:
        return ()
    return (f"This contract is version {step.version}; {newest.version} is newer and is what workflows get by default",)


def _broken(version: str, newest: StepType, changes: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"Version {version} breaks what {newest.version} promised: {change}" for change in changes)
