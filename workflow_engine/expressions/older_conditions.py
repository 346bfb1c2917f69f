"""The older text form of a condition: `a.output.score >= 7 and not b.status == 'failed'`.

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | "(" condition ")" | comparison
    comparison = operand operator operand | operand ("is_null" | "is_empty" | ...)
    operand    = path | number | 'text' | "text" | true | false | null | "[" operands "]"

It is evaluated by predicates of our own rather than by CEL made from it: here a missing operand is null and nothing
fails, which CEL could only say at length. In a text only the quote itself is escaped (`\\'`), patterns need the
rest.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from workflow_engine.expressions.cel import compile_pattern
from workflow_engine.expressions.errors import InvalidExpression
from workflow_engine.expressions.operators import BINARY, MATCH, UNARY, WALKING
from workflow_engine.expressions.paths import StaticPath, split
from workflow_engine.expressions.predicates import (
    AllOf,
    AnyOf,
    Comparison,
    Given,
    Matches,
    MatchesFound,
    Not,
    Operand,
    Predicate,
)
from workflow_engine.expressions.scope import RECORD_KEYS, STEPS, Names
from workflow_engine.jsontext import INT64_MAX, INT64_MIN, Json

TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?(?![\w.]))"""
    r"""|(?P<symbol>==|!=|>=|<=|>|<|[()\[\],])"""
    r"""|(?P<word>[A-Za-z_]\w*(?:-\w+)*(?:\.[A-Za-z_]\w*|\[[0-9]{1,9}\]|\["[^"\\\]]+"\]|\['[^'\\\]]+'\])*))""",
    re.A | re.S,
)
CONSTANTS: Final[dict[str, Json]] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip
NO_OPERANDS: Final = frozenset({"and", "or", "not", *BINARY, MATCH, *UNARY})
LEFT_TO_CEL: Final = frozenset({STEPS, "state"})


class Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Older:
    """A text that is an older condition as a whole; `unknown` is a head that is no step: CEL may know better."""

    predicate: Predicate
    paths: tuple[StaticPath, ...]
    unknown: str | None


class _NotOlder(Exception):
    """The text does not follow this grammar; never leaves this module."""


def parse_older(source: str, names: Names) -> Older | None:
    """None when the grammar does not match the whole text; `InvalidExpression` for bad patterns and deep nesting."""
    try:
        parser = _Parser(source, names, _tokens(source))
        predicate = parser.condition(0)
        parser.end()
    except _NotOlder:
        return None
    return Older(predicate, tuple(parser.paths), parser.unknown)


def older_path(text: str, names: Names) -> StaticPath | None:
    """A path of the older forms with a known head: `a.status` is the record's own, `a.x` a key of the output."""
    parts = split(text)
    if parts is None:
        return None
    head, segments = parts
    if head in names.roots:
        return StaticPath(None, head, segments)
    if head not in names.step_ids:
        return None
    own = bool(segments) and segments[0] in RECORD_KEYS
    return StaticPath(head, None, segments if own else ("output", *segments))


def comparison(source: str, left: Operand, operator: str, right: Operand, names: Names) -> Predicate:
    """One comparison; the operator is known to exist."""
    if operator != MATCH:
        test = BINARY.get(operator) or UNARY[operator]
        return Comparison(source, left, test, right, operator in WALKING)
    if isinstance(right, StaticPath):
        return MatchesFound(source, left, right, names.limits)
    if not isinstance(right.value, str):
        raise InvalidExpression(source, "The right side of regex_match is a pattern, written as text")
    return Matches(left, compile_pattern(right.value, names.limits))


def _tokens(source: str) -> list[Token]:
    tokens: list[Token] = []
    text = source.rstrip()
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise _NotOlder
        tokens.append(Token(found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


@dataclass(slots=True)
class _Parser:
    source: str
    names: Names
    tokens: list[Token]
    position: int = 0
    paths: list[StaticPath] = field(default_factory=list)
    unknown: str | None = None

    def condition(self, depth: int) -> Predicate:
        parts = [self._conjunction(depth)]
        while self._took("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def end(self) -> None:
        if self.position < len(self.tokens):
            raise _NotOlder

    def _conjunction(self, depth: int) -> Predicate:
        parts = [self._negation(depth)]
        while self._took("and"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negation(self, depth: int) -> Predicate:
        self._bound(depth)
        if self._took("not"):
            return Not(self._negation(depth + 1))
        if self._took("("):
            inner = self.condition(depth + 1)
            self._expect(")")
            return inner
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Predicate:
        left = self._operand(depth)
        operator = self._next().text
        if operator in UNARY:
            return comparison(self.source, left, operator, Given(None), self.names)
        if operator not in BINARY and operator != MATCH:
            raise _NotOlder
        return comparison(self.source, left, operator, self._operand(depth), self.names)

    def _operand(self, depth: int) -> Operand:
        token = self._next()
        if token.kind == "word" and token.text not in CONSTANTS:
            return self._path(token.text)
        return Given(self._constant(token, depth))

    def _constant(self, token: Token, depth: int) -> Json:
        self._bound(depth)
        if token.kind == "text":
            return unquoted(token.text)
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "word" and token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if token.text != "[":
            raise _NotOlder
        items: list[Json] = []
        while not self._took("]"):
            if items:
                self._expect(",")
            items.append(self._constant(self._next(), depth + 1))
        return items

    def _path(self, text: str) -> StaticPath:
        parts = split(text)
        if text in NO_OPERANDS or parts is None or parts[0] in LEFT_TO_CEL:
            raise _NotOlder
        path = older_path(text, self.names)
        if path is None:
            self.unknown = self.unknown or parts[0]
            return StaticPath(None, parts[0], parts[1])
        self.paths.append(path)
        return path

    def _next(self) -> Token:
        if self.position >= len(self.tokens):
            raise _NotOlder
        self.position += 1
        return self.tokens[self.position - 1]

    def _took(self, text: str) -> bool:
        if self.position < len(self.tokens) and self.tokens[self.position].text == text:
            self.position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._took(text):
            raise _NotOlder

    def _bound(self, depth: int) -> None:
        if depth > self.names.limits.max_condition_depth:
            most = self.names.limits.max_condition_depth
            raise InvalidExpression(self.source, f"A condition is nested at most {most} levels deep")


def unquoted(text: str) -> str:
    """The content of a quoted text; only its own quote is escaped."""
    return text[1:-1].replace(f"\\{text[0]}", text[0])


def _number(text: str) -> int | float:
    if text.lstrip("-").isdigit():
        whole = int(text)
        if not INT64_MIN <= whole <= INT64_MAX:
            raise _NotOlder
        return whole
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _NotOlder
    return value
