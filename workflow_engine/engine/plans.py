"""Documents and plans, kept: what a document means is worked out once, not at every start and every step."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from workflow_engine.definition.envelope import DOCUMENT, Run, SavedRun, read_envelope, read_saved_run
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.model import ExecutionOptions, WorkflowDefinition
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.plans import Plans as CompiledPlans
from workflow_engine.definition.reading import read_definition
from workflow_engine.definition.report import ValidationReport, validate_document
from workflow_engine.definition.shelf import Shelf
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject, fingerprint, write
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.schemas import Validator, compile_schema

T = TypeVar("T")

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of documents that are kept, as JSON; in memory they are some times larger."""
MOST_SCHEMAS: Final = 1_000
LARGE_BYTES: Final = 32 * 1024
"""Reading and compiling this much takes about 10 ms."""


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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, what it is run with, and the plan of both."""

    document: Document
    run: Run
    plan: Plan


class Plans:
    """Safe to be used from several threads: what is large is read and compiled beside the loop."""

    def __init__(self, catalogue: Catalogue, limits: DefinitionLimits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._compiled = CompiledPlans(limits)
        self._documents: Shelf[str, Document] = Shelf(MOST_BYTES)
        self._input_schemas: Shelf[str, Validator] = Shelf(MOST_SCHEMAS)

    def validate(self, namespace: str, document: Json) -> ValidationReport:
        """Everything that is wrong with a document; never raises."""
        return validate_document(document, lambda name: self._catalogue.resolve(namespace, name), self._limits)

    def read(self, body: Json) -> ToRun:
        """The body of a start: an envelope or the document alone. Raises `InvalidDocument`."""
        written = body.get(DOCUMENT, body) if isinstance(body, dict) else None
        known = self._documents.get(fingerprint(written)) if isinstance(written, dict) else None
        if known is None or not isinstance(body, dict) or "version" in body:
            request = read_envelope(body, self._limits)
            return ToRun(self._keep(fingerprint(written), request.definition), request.run, request.document_pointer)
        if written is body:
            return ToRun(known, Run(workflow_id=known.definition.workflow_id), "")
        around = {name: value for name, value in body.items() if name != DOCUMENT}
        return ToRun(known, read_saved_run(around, self._limits) if around else Run(), f"/{DOCUMENT}")

    def prepare(self, namespace: str, wanted: ToRun) -> Prepared:
        """Everything a start needs, checked at the start gate. Raises `InvalidDocument`."""
        plan = self.plan(namespace, wanted.document, wanted.run.options, wanted.pointer)
        self.check_input(plan, wanted.run.input_data or {})
        return Prepared(wanted.document, wanted.run, plan)

    def prepare_saved(self, namespace: str, written: JsonObject, run: Run) -> Prepared:
        """As `prepare`, for the document of a saved workflow."""
        return self.prepare(namespace, ToRun(self.document(written), run, ""))

    def checked(self, namespace: str, written: JsonObject) -> Document:
        """A document that could be run as things are. Raises `InvalidDocument`."""
        document = self.document(written)
        self.plan(namespace, document, ExecutionOptions())
        return document

    def read_saved(self, body: Json) -> SavedRun:
        """The body that runs a saved workflow. Raises `InvalidDocument`."""
        return read_saved_run(body, self._limits)

    def document(self, written: JsonObject) -> Document:
        """A document by itself. Raises `InvalidDocument`."""
        key = fingerprint(written)
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
            validator = compile_schema(plan.input_schema, self._limits.schemas)
            self._input_schemas.put(plan.digest, validator, 1)
        wrong = validator.problems(given)
        if wrong:
            raise InvalidDocument([Problem(each.code, each.message, "/input_data" + each.pointer) for each in wrong])

    def _keep(self, key: str, definition: WorkflowDefinition) -> Document:
        json = definition.document()
        return self._documents.put(key, Document(definition, json, fingerprint(json)), len(write(json)))


async def beside(what: Json, work: Callable[[], T]) -> T:
    """Do the work that `what` makes: here when that is quick, else in a thread, so that nobody else waits for it."""
    return await asyncio.to_thread(work) if len(write(what)) > LARGE_BYTES else work()
