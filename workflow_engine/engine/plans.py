"""Documents and plans, kept: what a document means is worked out once, not at every start and every step."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from workflow_engine.definition.envelope import DOCUMENT, Run, SavedRun, read_envelope, read_saved_run
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions, WorkflowDefinition
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.plans import Plans as CompiledPlans
from workflow_engine.definition.reading import read_definition
from workflow_engine.definition.report import ValidationReport, validate_document
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject, digest
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.schemas import Validator, compile_schema

V = TypeVar("V")

MOST_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read: as a value, as the JSON that is stored, and the digest it is stored under."""

    definition: WorkflowDefinition
    json: JsonObject
    digest: str


@dataclass(frozen=True, slots=True)
class ToRun:
    """A document and what it is to be run with. `pointer` tells where in the body the document stood."""

    document: Document
    run: Run
    pointer: str


class Plans:
    def __init__(self, catalogue: Catalogue, limits: DefinitionLimits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._compiled = CompiledPlans(limits)
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._input_schemas: OrderedDict[str, Validator] = OrderedDict()

    def validate(self, namespace: str, document: Json) -> ValidationReport:
        """Everything that is wrong with a document; never raises."""
        return validate_document(document, lambda name: self._catalogue.resolve(namespace, name), self._limits)

    def read(self, body: Json) -> ToRun:
        """The body of a start: an envelope or the document alone. Raises `InvalidDocument`."""
        written = body.get(DOCUMENT, body) if isinstance(body, dict) else None
        known = self._documents.get(digest(written)) if isinstance(written, dict) else None
        if known is None or not isinstance(body, dict):
            request = read_envelope(body, self._limits)
            return ToRun(self._keep(digest(written), request.definition), request.run, request.document_pointer)
        if written is body:
            return ToRun(known, Run(workflow_id=known.definition.workflow_id), "")
        around = {name: value for name, value in body.items() if name != DOCUMENT}
        return ToRun(known, read_saved_run(around, self._limits) if around else Run(), f"/{DOCUMENT}")

    def read_saved(self, body: Json) -> SavedRun:
        """The body that runs a saved workflow. Raises `InvalidDocument`."""
        return read_saved_run(body, self._limits)

    def document(self, written: JsonObject) -> Document:
        """A document by itself. Raises `InvalidDocument`."""
        key = digest(written)
        known = self._documents.get(key)
        return known if known is not None else self._keep(key, read_definition(written, self._limits))

    def plan(self, namespace: str, document: Document, options: ExecutionOptions, pointer: str = "") -> Plan:
        """Compiled against the step types as they are now. Raises `InvalidDocument`, pointing into the whole body."""
        try:
            return self._compiled.plan(
                document.definition, document.digest, lambda name: self._catalogue.resolve(namespace, name), options
            )
        except InvalidDocument as invalid:
            found = [Problem(each.code, each.message, pointer + each.pointer) for each in invalid.problems()]
            raise InvalidDocument(found) from invalid

    def pinned(self, namespace: str, written: JsonObject, pins: Mapping[str, str], options: JsonObject) -> Plan:
        """Compiled against exactly the versions an execution started with."""
        document = self.document(written)
        return self._compiled.plan(
            document.definition,
            document.digest,
            lambda name: self._catalogue.exact(namespace, pins.get(name, name)),
            ExecutionOptions.model_validate(options),
        )

    def check_input(self, plan: Plan, given: JsonObject) -> None:
        """The start gate: the input against the workflow's `input_schema`. Raises `InvalidDocument` with pointers."""
        if plan.input_schema is None:
            return
        validator = self._input_schemas.get(plan.digest)
        if validator is None:
            validator = _kept(self._input_schemas, plan.digest, compile_schema(plan.input_schema, self._limits.schemas))
        wrong = validator.problems(given)
        if wrong:
            raise InvalidDocument([Problem(each.code, each.message, "/input_data" + each.pointer) for each in wrong])

    def _keep(self, key: str, definition: WorkflowDefinition) -> Document:
        json = definition.document()
        return _kept(self._documents, key, Document(definition, json, digest(json)))


def _kept(cache: OrderedDict[str, V], key: str, value: V) -> V:
    cache[key] = value
    if len(cache) > MOST_KEPT:
        cache.popitem(last=False)
    return value
