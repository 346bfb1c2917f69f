"""From the document to the plan, or to everything that is wrong with it.

    understand the steps -> compile what each evaluates -> look for circles -> lower to a plan

Every stage goes on behind the problems of the one before, so that an author sees all of them at once.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflow_engine.definition.contents import (
    SCOPE_OF_EVERY_STEP,
    TOO_MANY_EXPRESSIONS,
    Contents,
    SourceBudget,
    compile_contents,
)
from workflow_engine.definition.contracts import StepContracts
from workflow_engine.definition.cycles import find_circles
from workflow_engine.definition.findings import Findings, moved
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions, ExecutionPattern, StepDefinition, WorkflowDefinition
from workflow_engine.definition.output_paths import warn_of_unknown_paths
from workflow_engine.definition.plan import CatchRoute, Plan, PlannedStep, RetryPolicy, Role
from workflow_engine.definition.reading import Draft
from workflow_engine.definition.structure import Resolve, Sketch, Structure, understand
from workflow_engine.definition.type_flow import check_flow, refuse_unknown_paths
from workflow_engine.definition.yields import Sources, known
from workflow_engine.expressions import InvalidExpression, Names, StaticPath, Template, compile_template
from workflow_engine.jsontext import Json, JsonObject, fingerprint
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.schemas import InvalidSchema, compile_schema


@dataclass(frozen=True, slots=True)
class Understanding:
    """A document as far as it makes sense."""

    structure: Structure
    contents: Mapping[str, Contents]
    output: Template | None


def compile_plan(
    definition: WorkflowDefinition,
    resolve: Resolve,
    *,
    limits: DefinitionLimits | None = None,
    options: ExecutionOptions | None = None,
) -> Plan:
    """Raises `InvalidDocument` with every problem there is between the steps, their types and their expressions."""
    limits = limits or DefinitionLimits()
    findings = Findings(limits.problems)
    understanding = examine(Draft.of(definition), resolve, limits, findings)
    findings.raise_problems()
    return _plan(definition, understanding, options or ExecutionOptions())


def examine(draft: Draft, resolve: Resolve, limits: DefinitionLimits, findings: Findings) -> Understanding:
    """Look at everything; what is wrong or doubtful is added to `findings`."""
    structure = understand(draft, resolve, findings)
    budget = SourceBudget(limits.expression_bytes)
    sources = Sources(structure.by_id, _usable_input_schema(draft.definition, limits, findings))
    contents = _compile_all(structure, sources, limits, budget, findings)
    output = _compile_output(draft.definition.output, structure, limits, budget, findings)
    if output is not None:
        refuse_unknown_paths(known(output), lambda place: ("output", *place), sources, findings)
    _refuse_circles(structure, contents, findings)
    if not structure.sketches and not findings.problems:
        findings.warn("The workflow has no steps")
    return Understanding(structure, contents, output)


def _compile_all(
    structure: Structure, sources: Sources, limits: DefinitionLimits, budget: SourceBudget, findings: Findings
) -> dict[str, Contents]:
    contracts = StepContracts(limits.schemas)
    contents: dict[str, Contents] = {}
    for sketch in structure.sketches:
        before = len(findings.problems)
        compiled = compile_contents(sketch, structure, limits.expressions, budget, findings)
        is_whole = len(findings.problems) == before
        contracts.check_config(sketch, compiled, findings)
        refused: frozenset[StaticPath] = frozenset()
        if is_whole:  # Else null stands where an expression could not be compiled.
            contracts.check_input(sketch, compiled, findings)
            refused = check_flow(sketch, compiled, sources, findings)
        readable = (path for path in compiled.paths if path not in refused)
        warn_of_unknown_paths(sketch, readable, structure.by_id, findings)
        contents.setdefault(sketch.id, compiled)
    return contents


def _compile_output(
    output: Json, structure: Structure, limits: DefinitionLimits, budget: SourceBudget, findings: Findings
) -> Template | None:
    if output is None:
        return None
    if not budget.admits(output):
        findings.refuse_once("too-many-expressions", TOO_MANY_EXPRESSIONS, "output")
        return None
    names = Names(structure.ids, SCOPE_OF_EVERY_STEP, None, limits.expressions)
    try:
        return compile_template(output, names)
    except InvalidExpression as error:
        findings.refuse_expression(error, "output")
        return None


def _usable_input_schema(
    definition: WorkflowDefinition, limits: DefinitionLimits, findings: Findings
) -> JsonObject | None:
    if definition.input_schema is None:
        return None
    try:
        compile_schema(definition.input_schema, limits.schemas)
    except InvalidSchema as error:
        for problem in moved(error.problems(), "input_schema"):
            findings.add(problem)
        return None
    return definition.input_schema


def _refuse_circles(structure: Structure, contents: Mapping[str, Contents], findings: Findings) -> None:
    for circle in find_circles({sketch.id: _before(sketch, contents) for sketch in structure.ranked()}):
        message = f"These steps wait for each other: {' -> '.join(circle)}"
        findings.refuse("cycle", message, *structure.by_id[circle[0]].place)


def _before(sketch: Sketch, contents: Mapping[str, Contents]) -> tuple[str, ...]:
    """The steps that end before this one begins: dependencies, references, and those that route a failure here."""
    if sketch.role is Role.COMPENSATION:
        return ()
    return _each_once((*sketch.dependencies, *contents[sketch.id].references, *sketch.routers), but=(sketch.id,))


def _each_once(names: Iterable[str], but: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name not in but)


# --- lowering ---------------------------------------------------------------------------------------------------------


def _plan(definition: WorkflowDefinition, understanding: Understanding, options: ExecutionOptions) -> Plan:
    ranked = understanding.structure.ranked()
    steps = {sketch.id: _planned(sketch, understanding.contents[sketch.id], options) for sketch in ranked}
    timeout = options.timeout_seconds if options.timeout_seconds is not None else definition.timeout_seconds
    return Plan(
        digest=fingerprint(definition.document()),
        name=definition.name,
        version=definition.version,
        steps=MappingProxyType(steps),
        dependents=MappingProxyType(_dependents(steps)),
        routers=MappingProxyType({sketch.id: tuple(sketch.routers) for sketch in ranked if sketch.routers}),
        width=_width(definition, options),
        output=understanding.output,
        timeout=timeout,
        global_config=definition.global_config or {},
        input_schema=definition.input_schema or None,
        pins=MappingProxyType({sketch.written.step_type: _type_of(sketch).pin for sketch in ranked}),
        on_missing_worker=(options.on_missing_worker or definition.on_missing_worker).value,
        tags=definition.tags,
        has_inline_steps=any(step.type.inline for step in steps.values()),
    )


def _width(definition: WorkflowDefinition, options: ExecutionOptions) -> int:
    if definition.execution_pattern is not ExecutionPattern.PARALLEL:
        return 1
    return options.max_parallel if options.max_parallel is not None else definition.max_parallel


def _type_of(sketch: Sketch) -> StepType:
    if sketch.type is None:
        raise AssertionError("an unknown type is a problem, and then there is no plan")
    return sketch.type


def _planned(sketch: Sketch, contents: Contents, options: ExecutionOptions) -> PlannedStep:
    written, step_type = sketch.written, _type_of(sketch)
    timeout = written.timeout_seconds if written.timeout_seconds is not None else step_type.default_timeout_seconds
    return PlannedStep(
        id=sketch.id,
        rank=sketch.rank,
        type=step_type,
        role=sketch.role,
        waits_for=_waits_for(sketch, contents),
        dependencies=_looks_at(sketch),
        rule=written.trigger_rule,
        guard=contents.guard,
        input=contents.input,
        has_mapping=bool(sketch.mapping),
        config=contents.config,
        retry=_retry_policy(written, step_type),
        timeout=timeout,
        critical=written.critical,
        catch=tuple(CatchRoute(frozenset(route.errors), route.then) for route in written.catch),
        compensate=written.compensate,
        routes_to=tuple(sketch.routes_to),
        simulation=options.simulation or written.simulation,
    )


def _waits_for(sketch: Sketch, contents: Contents) -> tuple[str, ...]:
    """A catch target is started by the end of a step that routes to it, a compensation when everything has ended."""
    if sketch.role is Role.COMPENSATION:
        return ()
    return _each_once((*sketch.dependencies, *contents.references), but=sketch.routers)


def _looks_at(sketch: Sketch) -> tuple[str, ...]:
    return () if sketch.role is Role.COMPENSATION else _each_once(sketch.dependencies, but=sketch.routers)


def _retry_policy(written: StepDefinition, step_type: StepType) -> RetryPolicy:
    return RetryPolicy(
        max_retries=written.max_retries if written.max_retries is not None else step_type.default_max_retries,
        strategy=written.retry_strategy,
        delay=written.retry_delay_seconds,
        max_delay=written.max_retry_delay_seconds,
        retry_on=frozenset(written.retry_on) if written.retry_on is not None else None,
        no_retry_on=frozenset(written.no_retry_on),
    )


def _dependents(steps: Mapping[str, PlannedStep]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {step_id: [] for step_id in steps}
    for step_id, before in _waits(steps):
        found[before].append(step_id)
    return {step_id: tuple(after) for step_id, after in found.items()}


def _waits(steps: Mapping[str, PlannedStep]) -> Iterator[tuple[str, str]]:
    return ((step.id, before) for step in steps.values() for before in step.waits_for)
