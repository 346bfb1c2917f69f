"""From foreign JSON to the document: everything that is wrong with it at once, each thing with its place.

What is sound of an unsound document is read all the same, so that the problems between its steps are found in one go,
too: a `Draft` is that rest, and knows where its parts stood.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from workflow_engine.definition.findings import Findings, shown
from workflow_engine.definition.json_values import first_problem
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import WorkflowDefinition
from workflow_engine.definition.refusals import Place, places_of, problems_of
from workflow_engine.errors import Problem
from workflow_engine.jsontext import Json, JsonObject, write

NO_STEPS: Final = "Workflow must have 'steps' field"
_LISTS: Final = ("steps", "connections")
_STAND_IN_TYPE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Draft:
    """The sound part of a document."""

    definition: WorkflowDefinition
    positions: tuple[int, ...]
    """Where each of its steps stands in the list of the document."""
    connection_positions: tuple[int, ...]
    untyped: frozenset[int] = frozenset()
    """Positions of steps whose type could not be read."""
    other_ids: frozenset[str] = frozenset()
    """Ids of steps that could not be read."""

    @classmethod
    def of(cls, definition: WorkflowDefinition) -> "Draft":
        return cls(definition, tuple(range(len(definition.steps))), tuple(range(len(definition.connections))))


def read_definition(document: Json, limits: DefinitionLimits | None = None) -> WorkflowDefinition:
    """Raises `InvalidDocument` with all that is wrong with single fields; `compile_plan` compares the steps."""
    limits = limits or DefinitionLimits()
    findings = Findings(limits.problems)
    draft = read_draft(document, limits, findings)
    findings.raise_problems()
    if draft is None:
        raise AssertionError("what was not read was refused")
    return draft.definition


def read_draft(document: Json, limits: DefinitionLimits, findings: Findings) -> Draft | None:
    """What can be read of the document; None when nothing of it could be examined any further."""
    obstacle = _obstacle(document, limits)
    if obstacle is not None:
        findings.add(obstacle)
    if obstacle is not None or not isinstance(document, dict):
        return None
    try:
        draft = Draft.of(_validated(document, limits))
    except ValidationError as error:
        for problem in _in_older_words(problems_of(error, WorkflowDefinition, limits.problems), document):
            findings.add(problem)
        draft = _rest_of(document, places_of(error), limits)
    _refuse_two_configurations(draft, findings)
    return draft


def _validated(document: JsonObject, limits: DefinitionLimits) -> WorkflowDefinition:
    return WorkflowDefinition.model_validate_json(write(document), context=limits)


def _obstacle(document: Json, limits: DefinitionLimits) -> Problem | None:
    """What makes it pointless to look any further."""
    if not isinstance(document, dict):
        return Problem("wrong-type", "A workflow must be an object")
    unstorable = first_problem(document)
    if unstorable is not None:
        return unstorable
    if "steps" not in document:
        return Problem("missing-field", NO_STEPS, "/steps")
    if isinstance(document["steps"], list) and len(document["steps"]) > limits.steps:
        return Problem("out-of-range", f"A workflow may have at most {limits.steps} steps", "/steps")
    if len(write(document)) > limits.document_bytes:
        return Problem("document-too-large", f"A workflow may have at most {limits.document_bytes} bytes")
    return None


def _in_older_words(found: Iterable[tuple[Place, Problem]], document: JsonObject) -> Iterator[Problem]:
    """Existing clients look for these very sentences; a step without an id is not asked for its type."""
    for place, problem in found:
        match place, problem.code:
            case ("steps", int(), "step_id"), "missing-field":
                yield replace(problem, message="Step missing 'step_id'")
            case ("steps", int(position), "step_type"), "missing-field":
                step_id = _id_at(document, position)
                if step_id:
                    yield replace(problem, message=f"Step {shown(step_id)} missing 'step_type'")
            case _:
                yield problem


def _id_at(document: JsonObject, position: int) -> str | None:
    steps = document["steps"]
    step = steps[position] if isinstance(steps, list) else None
    step_id = step.get("step_id") if isinstance(step, dict) else None
    return step_id if isinstance(step_id, str) else None


def _refuse_two_configurations(draft: Draft, findings: Findings) -> None:
    for position, step in zip(draft.positions, draft.definition.steps, strict=True):
        if step.config is not None and step.parameters is not None and step.config != step.parameters:
            message = "'parameters' is another name of 'config', and they differ here: keep only one of them"
            findings.refuse("conflicting-fields", message, "steps", position, "parameters")


# --- the sound rest of an unsound document ----------------------------------------------------------------------------


def _rest_of(document: JsonObject, places: Sequence[Place], limits: DefinitionLimits) -> Draft:
    bad_fields = {place[0] for place in places if place[0] not in _LISTS or len(place) == 1}
    rest: JsonObject = {key: value for key, value in document.items() if key not in bad_fields}
    bad_in_steps = _fields_at("steps", places)
    steps, untyped, other_ids = _sound_steps(rest.get("steps", []), bad_in_steps)
    bad_connections = _fields_at("connections", places)
    connections = {at: each for at, each in _numbered(rest.get("connections", [])) if at not in bad_connections}
    rest |= {"steps": list(steps.values()), "connections": list(connections.values())}
    return Draft(_validated(rest, limits), tuple(steps), tuple(connections), untyped, other_ids)


def _fields_at(name: str, places: Iterable[Place]) -> dict[int, set[str | int | None]]:
    """Which fields are bad in each item of a list; None stands for the item itself."""
    bad: dict[int, set[str | int | None]] = defaultdict(set)
    for place in places:
        if len(place) > 1 and place[0] == name and isinstance(place[1], int):
            bad[place[1]].add(place[2] if len(place) > 2 else None)
    return bad


def _sound_steps(
    steps: Json, bad: Mapping[int, set[str | int | None]]
) -> tuple[dict[int, Json], frozenset[int], frozenset[str]]:
    sound: dict[int, Json] = {}
    untyped: set[int] = set()
    other_ids: set[str] = set()
    for position, step in _numbered(steps):
        fields = bad.get(position, set())
        if not isinstance(step, dict):
            continue
        if "step_id" in fields:
            other_ids |= {step_id for step_id in (step.get("step_id"),) if isinstance(step_id, str)}
            continue
        rest: JsonObject = {key: value for key, value in step.items() if key not in fields}
        if "step_type" in fields:
            rest["step_type"] = _STAND_IN_TYPE
            untyped.add(position)
        sound[position] = rest
    return sound, frozenset(untyped), frozenset(other_ids)


def _numbered(items: Json) -> Iterator[tuple[int, Json]]:
    return enumerate(items) if isinstance(items, list) else iter(())
