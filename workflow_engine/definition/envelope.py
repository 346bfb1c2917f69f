"""The bodies that start an execution: a document in an envelope, a document alone, or what a saved one is run with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from workflow_engine.definition.findings import Findings, moved
from workflow_engine.definition.json_values import first_problem
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions, Part, WorkflowDefinition
from workflow_engine.definition.reading import read_draft
from workflow_engine.definition.refusals import problems_of
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, write

if TYPE_CHECKING:
    from workflow_engine.jsontext import JsonObject
else:  # Pydantic follows annotations while the program runs, and would follow this recursive one without end.
    JsonObject = dict

DOCUMENT: Final = "workflow_config"


def _version(value: object) -> object:
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise PydanticCustomError("wrong-type", "This must be a version")
    return value


class Run(Part):
    """What one execution is started with, beside its document."""

    workflow_id: str | None = None
    input_data: JsonObject | None = None
    user_id: str | None = None
    session_id: str | None = None
    organization_id: str | None = None
    correlation_id: str | None = None
    execution_options: ExecutionOptions | None = None

    @property
    def options(self) -> ExecutionOptions:
        return self.execution_options or ExecutionOptions()


class Envelope(Run):
    """The body of `POST /workflows/execute`."""

    workflow_config: WorkflowDefinition


class SavedRun(Run):
    """The body of `POST /workflows/{id}/execute`."""

    version: Annotated[str | int | None, BeforeValidator(_version)] = None


@dataclass(frozen=True, slots=True)
class ExecuteRequest:
    """`document_pointer` is where the document stands in the body: what `compile_plan` finds is below it."""

    definition: WorkflowDefinition
    run: Run
    document_pointer: str


_RunType = TypeVar("_RunType", bound=Run)


def read_envelope(body: Json, limits: DefinitionLimits | None = None) -> ExecuteRequest:
    """A body with `workflow_config` is an envelope, any other is the document itself. Raises `InvalidDocument`."""
    limits = limits or DefinitionLimits()
    if not isinstance(body, dict) or DOCUMENT not in body:
        return _read_bare(body, limits)
    run, problems = _read_run({name: value for name, value in body.items() if name != DOCUMENT}, Run, Envelope, limits)
    findings = Findings(limits.problems)
    draft = read_draft(body[DOCUMENT], limits, findings)
    found = (*problems, *moved(findings.problems, DOCUMENT))
    if found or run is None or draft is None:
        raise InvalidDocument(found)
    return ExecuteRequest(draft.definition, run, f"/{DOCUMENT}")


def read_saved_run(body: Json, limits: DefinitionLimits | None = None) -> SavedRun:
    """The body that runs a saved workflow. Raises `InvalidDocument`."""
    run, problems = _read_run(body, SavedRun, SavedRun, limits or DefinitionLimits())
    if run is None:
        raise InvalidDocument(problems)
    return run


def _read_bare(body: Json, limits: DefinitionLimits) -> ExecuteRequest:
    findings = Findings(limits.problems)
    draft = read_draft(body, limits, findings)
    if findings.problems or draft is None:
        raise InvalidDocument([_pointed_to_envelope(problem) for problem in findings.problems])
    return ExecuteRequest(draft.definition, Run(workflow_id=draft.definition.workflow_id), "")


def _pointed_to_envelope(problem: Problem) -> Problem:
    name = problem.pointer.removeprefix("/")
    if problem.code != "unknown-field" or name not in Envelope.model_fields:
        return problem
    return replace(problem, message=f"'{name}' belongs beside '{DOCUMENT}', with the document inside that")


def _read_run(
    body: Json, model: type[_RunType], known: type[Run], limits: DefinitionLimits
) -> tuple[_RunType | None, Sequence[Problem]]:
    """`known` has the fields that are advised instead of an unknown one."""
    if not isinstance(body, dict):
        return None, (Problem("wrong-type", "The body must be an object"),)
    unstorable = first_problem(body)
    if unstorable is not None:
        return None, (unstorable,)
    try:
        return model.model_validate_json(write(body), context=limits), ()
    except ValidationError as error:
        return None, [problem for _, problem in problems_of(error, known, limits.problems)]
