"""Gate 1: what one step hands to the next must be able to fit, as far as the schemas of both know it before anything
runs.

Only what could never run is refused. What is not known (an open schema, a computed value, a keyword nobody can decide
upon) is left to the gates before dispatch and on result.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from workflow_engine.definition.contents import Contents
from workflow_engine.definition.findings import Findings, shown
from workflow_engine.definition.structure import Sketch
from workflow_engine.definition.yields import Known, Origin, Place, Sources, fits_as_null, input_place, known, reads_of
from workflow_engine.expressions import StaticPath
from workflow_engine.expressions.composition import Truth
from workflow_engine.expressions.templates import Text
from workflow_engine.jsontext import pointer
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.fitting import Described, Misfit, described_by, misfits, part_at, parts
from workflow_engine.steps.schemas import UNKNOWN_VALUE

MISMATCH: Final = "type-mismatch"
UNKNOWN_OUTPUT: Final = "unknown-output"
UNKNOWN_INPUT: Final = "unknown-input"

PlaceOf: TypeAlias = Callable[[Place], Place]
"""From a place in a value to the place in the document where it is written."""


def check_flow(sketch: Sketch, contents: Contents, sources: Sources, findings: Findings) -> frozenset[StaticPath]:
    """Refuse paths that lead nowhere, and values that can never be what the step type takes where they stand.

    Answers the paths that were refused.
    """
    given, config = known(contents.input), known(contents.config)
    refused = [
        *refuse_unknown_paths(given, lambda place: input_place(sketch, place), sources, findings),
        *refuse_unknown_paths(config, lambda place: (*sketch.config_place, *place), sources, findings),
    ]
    if sketch.type is not None:
        _check_input(sketch, sketch.type, given, sources, findings)
        _check_config(sketch, sketch.type, config, sources, findings)
    return frozenset(refused)


def _check_input(sketch: Sketch, step_type: StepType, given: Known, sources: Sources, findings: Findings) -> None:
    if step_type.input_schema is None or not given.built:
        return
    target = sources.taken_as_input(step_type)
    for place, wrong in _mismatches(given, target, sources):
        where = input_place(sketch, place)
        _refuse(findings, wrong, given.built[place], where, f"the input of {step_type.name}")
    for place, misfit in _unlisted(given, target):
        findings.refuse(UNKNOWN_VALUE, f"This must be one of {misfit.wanted}", *input_place(sketch, place))


def _check_config(sketch: Sketch, step_type: StepType, config: Known, sources: Sources, findings: Findings) -> None:
    if step_type.config_schema is None or not config.built:
        return
    for place, wrong in _mismatches(config, sources.taken_as_config(step_type), sources):
        where = (*sketch.config_place, *place)
        _refuse(findings, wrong, config.built[place], where, f"the config of {step_type.name}")


def refuse_unknown_paths(value: Known, place_of: PlaceOf, sources: Sources, findings: Findings) -> list[StaticPath]:
    """A path that is read for certain, into a schema that is closed there; answers those that were refused."""
    refused: list[StaticPath] = []
    for place, read in reads_of(value):
        if not read.certain or not sources.lack(read.path):
            continue
        refused.append(read.path)
        if read.path.step_id is None:
            findings.refuse(UNKNOWN_INPUT, f"The input_schema of this workflow has no {read.path}", *place_of(place))
            continue
        producer = sources.steps[read.path.step_id].type
        name = producer.name if producer is not None else ""
        message = f"The output of {name} has no {shown(str(read.path))}: its schema lists what there is"
        findings.refuse(UNKNOWN_OUTPUT, message, *place_of(place))
    return refused


def _mismatches(value: Known, target: Described, sources: Sources) -> Iterator[tuple[Place, Misfit]]:
    for place, origin in value.built.items():
        taken = part_at(target, place)
        wrong = misfits(sources.described(origin), taken)
        # A skipped step leaves null behind: then the step runs where null is taken.
        if wrong and not (sources.may_be_null(origin) and fits_as_null(taken)):
            yield place, wrong[0]


def _unlisted(value: Known, target: Described) -> Iterator[tuple[Place, Misfit]]:
    """Literals that are none of the values the schema lists, beside others that are not known yet.

    (Where all is known the schema judges the value as a whole.)
    """
    for place, literal in value.fixed.items():
        for misfit in misfits(Described(described_by(literal), {}), part_at(target, place)):
            if misfit.kind == "value" or "enum" in _keywords(target, (*place, *misfit.path)):
                yield (*place, *misfit.path), misfit


def _keywords(target: Described, place: Place) -> set[str]:
    return {keyword for part in parts(part_at(target, place)) for keyword in part}


def _refuse(findings: Findings, wrong: Misfit, origin: Origin, place: Place, taker: str) -> None:
    inside = f" at {pointer(*wrong.path)}" if wrong.path else ""
    if wrong.kind == "nothing" and not wrong.path:
        findings.refuse("unknown-field", f"Unknown field: {taker} has no such field", *place)
    else:
        message = f"{_named(origin)} is {wrong.given}{inside}, but {taker} takes {wrong.wanted} there"
        findings.refuse(MISMATCH, message, *place)


def _named(origin: Origin) -> str:
    match origin:
        case StaticPath():
            return shown(str(origin))
        case Text():
            return "This text"
        case Truth():
            return "This condition"
        case _:
            return "This expression"
