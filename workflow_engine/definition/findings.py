"""What is wrong with a document, and what is only doubtful, collected while it is examined."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.expressions import InvalidExpression
from workflow_engine.jsontext import pointer

LONGEST_NAME_SHOWN = 64


@dataclass(slots=True)
class Findings:
    """`problems` forbid the document, `warnings` do not. Only the first `most` of either are kept."""

    most: int
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, code: str, message: str, *place: str | int) -> None:
        self.add(Problem(code, message, pointer(*place)))

    def add(self, problem: Problem) -> None:
        if len(self.problems) < self.most:
            self.problems.append(problem)
        elif len(self.problems) == self.most:
            self.problems.append(Problem("more-problems", f"Only the first {self.most} problems are listed"))

    def refuse_once(self, code: str, message: str, *place: str | int) -> None:
        if not any(problem.code == code for problem in self.problems):
            self.refuse(code, message, *place)

    def refuse_expression(self, error: InvalidExpression, *place: str | int) -> None:
        self.refuse(error.code, str(error), *place)

    def warn(self, message: str) -> None:
        if len(self.warnings) < self.most:
            self.warnings.append(message)

    def raise_problems(self) -> None:
        if self.problems:
            raise InvalidDocument(self.problems)


def shown(name: str) -> str:
    """A name out of the document, cut to a length that fits into a sentence."""
    return name if len(name) <= LONGEST_NAME_SHOWN else f"{name[:LONGEST_NAME_SHOWN]}..."


def moved(problems: Iterable[Problem], *place: str | int) -> tuple[Problem, ...]:
    """The same problems of a document that stands at `place` inside another one."""
    prefix = pointer(*place)
    return tuple(Problem(problem.code, problem.message, prefix + problem.pointer) for problem in problems)
