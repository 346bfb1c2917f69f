"""Conditions in every accepted form: text (older or CEL), an object, a group, a list (all of it), or a plain boolean.

An operand of the object form is a path when it is spelled as one and its head is known: on the left also a bare step
id, on the right only with something behind the head (`a.data.max`, `steps.a.output.max`), so that a plain word stays a
word. Anything else is literal; text in quotes of its own (`"'a.b'"`) always is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from workflow_engine.expressions.cel import Program, compile_cel
from workflow_engine.expressions.cost import Allowance
from workflow_engine.expressions.errors import InvalidExpression
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.older_conditions import comparison, older_path, parse_older, unquoted
from workflow_engine.expressions.operators import ALL, UNARY
from workflow_engine.expressions.paths import StaticPath, known_path, split, unknown_head
from workflow_engine.expressions.predicates import AllOf, Always, AnyOf, Given, Not, Operand, Predicate, Yields
from workflow_engine.expressions.scope import STEPS, Names, Scope
from workflow_engine.jsontext import Json, JsonObject

COMPARISON_KEYS = frozenset({"left_operand", "operator", "right_operand"})
GROUP_KEYS = frozenset({"logical_operator", "conditions"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; `references` are step ids in order of appearance, `paths` the places it reads.

    In `paths` those of `lenient_paths` may be missing, which counts as null; the others must exist.
    """

    references: tuple[str, ...]
    paths: tuple[StaticPath, ...]
    lenient_paths: frozenset[StaticPath]
    predicate: Predicate
    limits: ExpressionLimits

    def holds(self, scope: Scope) -> bool:
        """Whether it holds. CEL that cannot be computed or is no boolean raises `EvaluationFailed`."""
        return self.predicate.holds(scope, Allowance(self.limits))


def compile_condition(source: Json, names: Names) -> Condition:
    """Raises `InvalidExpression` for anything that is no condition, `UnknownReference` for a name that is not known."""
    compiler = _Compiler(names)
    predicate = compiler.predicate(source, 0)
    return Condition(
        tuple(compiler.steps),
        tuple(compiler.paths),
        frozenset(compiler.lenient),
        predicate,
        names.limits,
    )


@dataclass(slots=True)
class _Compiler:
    """Collects what the parts of one condition refer to, and counts them."""

    names: Names
    paths: dict[StaticPath, None] = field(default_factory=dict)
    lenient: dict[StaticPath, None] = field(default_factory=dict)
    steps: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def predicate(self, source: Json, depth: int) -> Predicate:
        self._bound(depth)
        if isinstance(source, bool):
            return Always(source)
        if isinstance(source, str):
            return self._text(source)
        if isinstance(source, list):
            return AllOf(tuple(self.predicate(part, depth + 1) for part in source))
        if isinstance(source, dict):
            return self._group(source, depth) if "logical_operator" in source else self._comparison(source)
        raise InvalidExpression("", "A condition is text, true or false, an object, or a list of conditions")

    def _bound(self, depth: int) -> None:
        limits = self.names.limits
        self.count += 1
        if depth > limits.max_condition_depth:
            raise InvalidExpression("", f"A condition is nested at most {limits.max_condition_depth} levels deep")
        if self.count > limits.max_conditions:
            raise InvalidExpression("", f"A condition has at most {limits.max_conditions} parts")

    def _text(self, source: str) -> Predicate:
        if len(source.encode("utf-8", "surrogatepass")) > self.names.limits.max_source_bytes:
            raise InvalidExpression("", f"A condition has at most {self.names.limits.max_source_bytes} bytes")
        older = parse_older(source, self.names)
        if older is not None and older.unknown is None:
            self._mention(older.paths, lenient=True)
            return older.predicate
        try:
            return self._cel(source)
        except InvalidExpression:
            if older is None or older.unknown is None:
                raise
            raise unknown_head(older.unknown, source, self.names) from None

    def _cel(self, source: str) -> Predicate:
        compiled = compile_cel(source.strip(), self.names)
        if isinstance(compiled, StaticPath):
            self._mention((compiled,), lenient=False)
            return Yields(source, compiled)
        self._require_boolean(compiled)
        for place in compiled.places:
            self._mention_step(place.path)
        self.paths.update(dict.fromkeys(compiled.paths))
        return Yields(source, compiled)

    def _require_boolean(self, program: Program) -> None:
        kind = program.result_type()
        if kind not in ("BOOL", "DYN"):
            raise InvalidExpression(program.source, f"A condition is true or false, but this is {kind}; compare it")

    def _group(self, source: JsonObject, depth: int) -> Predicate:
        _only(source, GROUP_KEYS, "A group of conditions")
        operator, parts = source["logical_operator"], source.get("conditions")
        if not isinstance(parts, list) or not parts:
            raise InvalidExpression("", "A group has its conditions in a list that is not empty")
        if operator not in ("and", "or", "not"):
            raise InvalidExpression("", "The logical_operator of a group is and, or, not")
        inner = tuple(self.predicate(part, depth + 1) for part in parts)
        if operator == "and":
            return AllOf(inner)
        if operator == "or":
            return AnyOf(inner)
        if len(inner) != 1:
            raise InvalidExpression("", "`not` has exactly one condition; put an and- or or-group into it")
        return Not(inner[0])

    def _comparison(self, source: JsonObject) -> Predicate:
        _only(source, COMPARISON_KEYS, "A condition")
        operator = source.get("operator")
        if not isinstance(operator, str) or operator not in ALL:
            raise InvalidExpression("", f"The operator of a condition is one of {' '.join(ALL)}")
        if "left_operand" not in source:
            raise InvalidExpression("", "A condition needs a left_operand")
        if operator not in UNARY and "right_operand" not in source:
            raise InvalidExpression("", f"A condition with {operator} needs a right_operand")
        left = self._operand(source["left_operand"], bare=True)
        right = Given(None) if operator in UNARY else self._operand(source["right_operand"], bare=False)
        return comparison(_described(left, operator, right), left, operator, right, self.names)

    def _operand(self, value: Json, *, bare: bool) -> Operand:
        if not isinstance(value, str):
            return Given(value)
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            return Given(unquoted(value))
        if "${" in value:
            raise InvalidExpression(value, "An operand is a path or a literal, not a template: write the path alone")
        path = self._path(value, bare=bare)
        if path is None:
            return Given(value)
        self._mention((path,), lenient=True)
        return path

    def _path(self, text: str, *, bare: bool) -> StaticPath | None:
        parts = split(text)
        if parts is None or not (bare or parts[1]):
            return None
        if parts[0] == STEPS and parts[1]:
            return known_path(*parts, self.names)
        path = older_path(text, self.names)
        if path is None and bare and parts[1]:
            advice = "; text is literal when it stands in quotes of its own"
            raise unknown_head(parts[0], text, self.names, advice)
        return path

    def _mention(self, paths: Sequence[StaticPath], *, lenient: bool) -> None:
        for path in paths:
            self.paths[path] = None
            self._mention_step(path)
            if lenient:
                self.lenient[path] = None

    def _mention_step(self, path: StaticPath) -> None:
        if path.step_id is not None:
            self.steps[path.step_id] = None


def _only(source: JsonObject, known: frozenset[str], what: str) -> None:
    if not source.keys() <= known:
        raise InvalidExpression("", f"{what} has the keys {', '.join(sorted(known))} and no others")


def _described(left: Operand, operator: str, right: Operand) -> str:
    shown = [str(side) if isinstance(side, StaticPath) else "..." for side in (left, right)]
    return f"{shown[0]} {operator}" if operator in UNARY else f"{shown[0]} {operator} {shown[1]}"
