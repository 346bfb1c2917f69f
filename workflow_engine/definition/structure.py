"""How the steps of a document hang together, before any expression is looked at: ids, types, dependencies, routes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from workflow_engine.definition.annotations import Annotation, annotated_values
from workflow_engine.definition.findings import Findings, shown
from workflow_engine.definition.model import StepDefinition
from workflow_engine.definition.plan import Role
from workflow_engine.definition.reading import Draft
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepType

Resolve: TypeAlias = Callable[[str], StepType | None]
"""The step type that `name` or `name@range` means today, if there is one."""
Place: TypeAlias = tuple[str | int, ...]


@dataclass(slots=True)
class Sketch:
    """A step as far as it is understood."""

    written: StepDefinition
    position: int
    rank: int
    type: StepType | None
    mapping: JsonObject
    mapping_place: Place
    config: JsonObject
    role: Role = Role.FORWARD
    dependencies: dict[str, None] = field(default_factory=dict)
    """Declared, drawn as a connection, or made by a step that routes to this one; known ones only."""
    routers: dict[str, None] = field(default_factory=dict)
    """Steps whose failure may be routed to this one."""
    routes_to: dict[str, None] = field(default_factory=dict)
    compensates: str | None = None

    @property
    def id(self) -> str:
        return self.written.step_id

    @property
    def place(self) -> Place:
        return ("steps", self.position)

    @property
    def config_place(self) -> Place:
        return (*self.place, self.written.config_field)


@dataclass(slots=True)
class Structure:
    """All steps in the order of the list, and by id (of two with one id, the first)."""

    sketches: list[Sketch]
    by_id: dict[str, Sketch]
    other_ids: frozenset[str]
    ids: frozenset[str]
    """Every id that occurs, also that of a step that could not be read."""

    def ranked(self) -> list[Sketch]:
        return sorted(self.by_id.values(), key=lambda sketch: sketch.rank)


def understand(draft: Draft, resolve: Resolve, findings: Findings) -> Structure:
    """Every step with its type, role, dependencies and routes."""
    structure = _sketched(draft, resolve, findings)
    for sketch in structure.sketches:
        _depend_as_declared(sketch, structure, findings)
    _depend_as_drawn(draft, structure, findings)
    for find_routes in (_compensate, _catch, _route_by_config, _check_role):
        for sketch in structure.sketches:
            find_routes(sketch, structure, findings)
    return structure


def _sketched(draft: Draft, resolve: Resolve, findings: Findings) -> Structure:
    steps = draft.definition.steps
    order = sorted(range(len(steps)), key=lambda index: (steps[index].step_order, draft.positions[index]))
    ranks = {index: rank for rank, index in enumerate(order)}
    types = _types(draft, resolve, findings)
    sketches = [_sketch(step, draft.positions[index], ranks[index], types[index]) for index, step in enumerate(steps)]
    by_id: dict[str, Sketch] = {}
    for sketch in sketches:
        if by_id.setdefault(sketch.id, sketch) is not sketch:
            findings.refuse("duplicate-step-id", f"Duplicate step_id: {sketch.id}", *sketch.place, "step_id")
    return Structure(sketches, by_id, draft.other_ids, frozenset(by_id) | draft.other_ids)


def _types(draft: Draft, resolve: Resolve, findings: Findings) -> list[StepType | None]:
    resolve = cache(resolve)
    types: list[StepType | None] = []
    for position, step in zip(draft.positions, draft.definition.steps, strict=True):
        found = resolve(step.step_type) if position not in draft.untyped else None
        if found is None and position not in draft.untyped:
            message = f"Unknown step type: {shown(step.step_type)}"
            findings.refuse("unknown-step-type", message, "steps", position, "step_type")
        types.append(found)
    return types


def _sketch(step: StepDefinition, position: int, rank: int, step_type: StepType | None) -> Sketch:
    """Old documents keep the mapping inside the config; a type that has a setting of that name keeps it."""
    config = step.configuration
    mapping = step.input_mapping
    place: Place = ("steps", position, "input_mapping")
    inner = config.get("input_mapping")
    if mapping is None and isinstance(inner, dict) and not _has_setting(step_type, "input_mapping"):
        mapping, place = inner, ("steps", position, step.config_field, "input_mapping")
        config = {name: value for name, value in config.items() if name != "input_mapping"}
    return Sketch(step, position, rank, step_type, mapping or {}, place, config)


def _has_setting(step_type: StepType | None, name: str) -> bool:
    properties = (step_type.config_schema or {}).get("properties") if step_type else None
    return isinstance(properties, dict) and name in properties


def _depend_as_declared(sketch: Sketch, structure: Structure, findings: Findings) -> None:
    for index, name in enumerate(sketch.written.dependencies):
        _depend(sketch, name, (*sketch.place, "dependencies", index), structure, findings)


def _depend_as_drawn(draft: Draft, structure: Structure, findings: Findings) -> None:
    for position, connection in zip(draft.connection_positions, draft.definition.connections, strict=True):
        target = structure.by_id.get(connection.target_step_id)
        if target is not None:
            place = ("connections", position, "source_step_id")
            _depend(target, connection.source_step_id, place, structure, findings)
        elif connection.target_step_id not in structure.other_ids:
            message = f"A connection leads to an unknown step: {shown(connection.target_step_id)}"
            findings.refuse("unknown-step", message, "connections", position, "target_step_id")


def _depend(sketch: Sketch, name: str, place: Place, structure: Structure, findings: Findings) -> None:
    if name == sketch.id:
        findings.refuse("self-reference", f"Step {sketch.id} depends on itself", *place)
    elif name in structure.by_id:
        sketch.dependencies[name] = None
    elif name not in structure.other_ids:
        findings.refuse("unknown-dependency", f"Step {sketch.id} depends on unknown step: {shown(name)}", *place)


def _route_by_config(sketch: Sketch, structure: Structure, findings: Findings) -> None:
    for place, value in _step_ids_in_config(sketch):
        target = _target(value, sketch, (*sketch.config_place, *place), structure, findings)
        if target is None:
            continue
        if target.role is not Role.FORWARD:
            message = f"Step {target.id} runs only after a failure, so no step can choose it"
            findings.refuse("route-to-special-step", message, *sketch.config_place, *place)
            continue
        sketch.routes_to[target.id] = None
        target.dependencies[sketch.id] = None


def _step_ids_in_config(sketch: Sketch) -> Iterator[tuple[Place, Json]]:
    schema = sketch.type.config_schema if sketch.type else None
    for place, annotation, value in annotated_values(sketch.config, schema):
        if annotation is Annotation.STEP_ID:
            yield place, value


def _target(name: Json, sketch: Sketch, place: Place, structure: Structure, findings: Findings) -> Sketch | None:
    """The other step that is named at `place`."""
    if not isinstance(name, str):
        findings.refuse("wrong-type", "This must be the id of a step", *place)
    elif name == sketch.id:
        findings.refuse("self-reference", f"Step {sketch.id} leads to itself", *place)
    elif name not in structure.ids:
        findings.refuse("unknown-step", f"Step {sketch.id} leads to unknown step: {shown(name)}", *place)
    else:
        return structure.by_id.get(name)
    return None


def _compensate(sketch: Sketch, structure: Structure, findings: Findings) -> None:
    if sketch.written.compensate is None:
        return
    place = (*sketch.place, "compensate")
    target = _target(sketch.written.compensate, sketch, place, structure, findings)
    if target is None:
        return
    if target.role is Role.COMPENSATION:
        message = f"Step {target.id} compensates another step already; give each step a compensation of its own"
        findings.refuse("shared-compensation", message, *place)
        return
    target.role = Role.COMPENSATION
    target.compensates = sketch.id


def _catch(sketch: Sketch, structure: Structure, findings: Findings) -> None:
    takes_all = False
    for index, route in enumerate(sketch.written.catch):
        place = (*sketch.place, "catch", index)
        target = _target(route.then, sketch, (*place, "then"), structure, findings)
        if not route.errors:
            findings.refuse("out-of-range", "Name at least one error code, or '*' for any", *place, "errors")
        if takes_all:
            findings.warn(f"Catch route {index + 1} of step {sketch.id} is never used: one before it takes every error")
        takes_all = takes_all or "*" in route.errors
        if target is None:
            continue
        if target.role is Role.COMPENSATION:
            message = f"Step {target.id} is a compensation, so no failure can be routed to it"
            findings.refuse("compensation-on-forward-way", message, *place, "then")
            continue
        target.role = Role.CATCH_TARGET
        target.routers[sketch.id] = None


def _check_role(sketch: Sketch, structure: Structure, findings: Findings) -> None:
    if sketch.role is Role.COMPENSATION:
        _check_compensation(sketch, findings)
        return
    for name in sketch.dependencies:
        if structure.by_id[name].role is Role.COMPENSATION:
            message = f"Step {sketch.id} depends on {name}, which is a compensation and never runs on the forward way"
            findings.refuse("compensation-on-forward-way", message, *_place_of_dependency(sketch, name))


def _place_of_dependency(sketch: Sketch, name: str) -> Place:
    declared = sketch.written.dependencies
    return (*sketch.place, "dependencies", declared.index(name)) if name in declared else sketch.place


def _check_compensation(sketch: Sketch, findings: Findings) -> None:
    if sketch.written.compensate is not None:
        message = f"Step {sketch.id} is a compensation, so it cannot be compensated itself"
        findings.refuse("compensated-compensation", message, *sketch.place, "compensate")
    if sketch.written.catch:
        message = f"Step {sketch.id} is a compensation: when it fails that is recorded, and nothing catches it"
        findings.refuse("caught-compensation", message, *sketch.place, "catch")
    for name in sketch.dependencies:
        if name != sketch.compensates:
            message = f"Step {sketch.id} is a compensation: it runs after everything else and depends on nothing more"
            findings.refuse("compensation-dependency", message, *_place_of_dependency(sketch, name))
