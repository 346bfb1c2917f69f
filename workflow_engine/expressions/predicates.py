"""The tree of a compiled condition: comparisons and CEL expressions, joined by and, or, not."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from workflow_engine.expressions.cel import Pattern, Program, compile_pattern
from workflow_engine.expressions.cost import Allowance
from workflow_engine.expressions.errors import EvaluationFailed, InvalidExpression
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.operators import Test
from workflow_engine.expressions.paths import StaticPath, kind_of
from workflow_engine.expressions.scope import Scope
from workflow_engine.jsontext import Json


class Predicate(Protocol):
    """Something that holds or does not; the work it does is taken from the allowance."""

    def holds(self, scope: Scope, allowance: Allowance) -> bool: ...


@dataclass(frozen=True, slots=True)
class Given:
    """An operand that stands in the document itself."""

    value: Json

    def find(self, scope: Scope) -> Json:
        return self.value


Operand: TypeAlias = StaticPath | Given


@dataclass(frozen=True, slots=True)
class Always:
    value: bool

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        return self.value


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Predicate, ...]

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        return all(part.holds(scope, allowance) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Predicate, ...]

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        return any(part.holds(scope, allowance) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        return not self.part.holds(scope, allowance)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An older `left operator right`; `walking` when the operator goes through whole containers."""

    source: str
    left: Operand
    test: Test
    right: Operand
    walking: bool

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        left, right = self.left.find(scope), self.right.find(scope)
        if self.walking:
            for value in (left, right):
                if isinstance(value, list | dict):
                    allowance.spend(_nodes(value, allowance.left), self.source)
        return self.test(left, right)


@dataclass(frozen=True, slots=True)
class Matches:
    """`left regex_match right` with the pattern known when the document is saved."""

    left: Operand
    pattern: Pattern

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        text = self.left.find(scope)
        return isinstance(text, str) and self.pattern.found_in(text, allowance)


@dataclass(frozen=True, slots=True)
class MatchesFound:
    """`left regex_match right` with a pattern from the data; a wrong pattern is an `EvaluationFailed`."""

    source: str
    left: Operand
    right: StaticPath
    limits: ExpressionLimits

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        text, pattern = self.left.find(scope), self.right.find(scope)
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        try:
            compiled = compile_pattern(pattern, self.limits)
        except InvalidExpression as refusal:
            raise EvaluationFailed(self.source, refusal.advice) from None  # the pattern is data: never shown
        allowance.spend(40_000, self.source)  # compiling takes up to a millisecond
        return compiled.found_in(text, allowance)


@dataclass(frozen=True, slots=True)
class Yields:
    """A CEL expression, or a bare path, whose result decides."""

    source: str
    expression: StaticPath | Program

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        value = (
            self.expression.read(scope)
            if isinstance(self.expression, StaticPath)
            else self.expression.evaluate(scope, allowance)
        )
        if isinstance(value, bool):
            return value
        raise EvaluationFailed(self.source, f"a condition is true or false, but this is {kind_of(value)}; compare it")


def _nodes(value: Json, most: int) -> int:
    """How many values there are in a value, itself included; stops counting above `most`."""
    pending: list[Json] = [value]
    for current in pending:
        if isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
        if len(pending) > most:
            break
    return len(pending)
