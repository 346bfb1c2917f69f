"""What `POST /workflows/validate` answers: the sentences existing clients read, and the problems behind them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflow_engine.definition.compiling import examine
from workflow_engine.definition.findings import Findings
from workflow_engine.definition.limits import DefinitionLimits
from workflow_engine.definition.reading import read_draft
from workflow_engine.definition.structure import Resolve
from workflow_engine.errors import Problem
from workflow_engine.jsontext import Json, JsonObject


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """`step_validation`, by step id: `{"status": "valid", "step_type"}` or `{"error": sentences}`."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    step_validation: Mapping[str, JsonObject]
    problems: tuple[Problem, ...]

    @property
    def is_valid(self) -> bool:
        return not self.problems

    def to_json(self) -> JsonObject:
        return {
            "is_valid": self.is_valid,
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "step_validation": dict(self.step_validation),
            "problems": [
                {"code": each.code, "message": each.message, "pointer": each.pointer} for each in self.problems
            ],
        }


def validate_document(document: Json, resolve: Resolve, limits: DefinitionLimits | None = None) -> ValidationReport:
    """Everything that is wrong with a document, whatever it is. Raises nothing."""
    limits = limits or DefinitionLimits()
    findings = Findings(limits.problems)
    draft = read_draft(document, limits, findings)
    if draft is not None:
        examine(draft, resolve, limits, findings)
    return ValidationReport(
        errors=tuple(dict.fromkeys(problem.message for problem in findings.problems)),
        warnings=tuple(dict.fromkeys(findings.warnings)),
        step_validation=_by_step(document, findings.problems) if draft is not None else {},
        problems=tuple(findings.problems),
    )


def _by_step(document: Json, problems: Sequence[Problem]) -> dict[str, JsonObject]:
    sentences = _sentences_by_position(problems)
    found: dict[str, JsonObject] = {}
    for position, step in enumerate(_steps_of(document)):
        step_id = step.get("step_id") if isinstance(step, dict) else None
        if not isinstance(step, dict) or not isinstance(step_id, str) or not step_id:
            continue
        if position in sentences:
            found[step_id] = {"error": "; ".join(sentences[position])}
        else:
            found.setdefault(step_id, {"status": "valid", "step_type": step.get("step_type")})
    return found


def _steps_of(document: Json) -> Sequence[Json]:
    steps = document.get("steps") if isinstance(document, dict) else None
    return steps if isinstance(steps, list) else ()


def _sentences_by_position(problems: Sequence[Problem]) -> dict[int, dict[str, None]]:
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for problem in problems:
        match problem.pointer.split("/")[1:3]:
            case ["steps", position]:
                found[int(position)][problem.message] = None
    return found
