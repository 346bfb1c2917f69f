"""CEL: the only place that knows the library. Compiles one expression, and computes it from a scope within its bounds.

Only what the expression reads is handed to the library, which converts everything it is given; what comes back is
plain JSON or an `EvaluationFailed`.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import dumps
from typing import Any, Final, TypeAlias, cast

from cel_expr_python import cel  # type: ignore[import-untyped]  # the library has no types
from cel_expr_python.ext import ext_optional  # type: ignore[import-untyped]  # the library has no types

from workflow_engine.expressions.cost import (
    CONVERT_NODE,
    SCALAR,
    SMALL_STEP,
    Allowance,
    CostModel,
    Size,
    is_small,
    measure,
    text_bytes,
)
from workflow_engine.expressions.errors import EvaluationFailed, InvalidExpression
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.paths import IDENTIFIER, StaticPath
from workflow_engine.expressions.patterns import states
from workflow_engine.expressions.references import TYPE_NAMES, Place, References, find_references
from workflow_engine.expressions.scope import PLACES_OF_ROOTS, STEPS, Names, Scope
from workflow_engine.expressions.syntax_tree import read_parsed
from workflow_engine.jsontext import INT64_MAX, INT64_MIN, Json

Activation: TypeAlias = dict[str | int, Any]

ENVIRONMENTS_KEPT: Final = 32  # one with 1,000 names takes about 1 MB
COMPLAINT: Final = re.compile(r"ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<text>[^\n]*)")
MISSING_KEY: Final = re.compile(r"Key not found in map : (?P<key>.*)", re.S)
NO_OVERLOAD: Final = re.compile(r"No matching overloads found : (?P<call>[\w.@?!<>=+*/%&|\[\]()-]+\([\w, <>.]*\))")
NO_JSON: Final = "Unable to convert function return value"
NO_JSON_INSIDE: Final = "returned a result with an exception set"
SAID_AS_IS: Final = (
    "divide by zero",
    "modulus by zero",
    "integer overflow",
    "Iteration budget exceeded",
    "cannot convert string to int",
    "cannot convert string to double",
    "String to Timestamp conversion failed",
    "String to Duration conversion failed",
    "malformed UTF-8 bytes",
    "duplicate key in map",
    "optional.none() dereference",
    "Index error",
)


@dataclass(frozen=True, slots=True)
class Program:
    """One compiled expression. `planted` are the places whose values it needs, `places` all it mentions."""

    source: str
    expression: cel.Expression
    places: tuple[Place, ...]
    planted: tuple[bool, ...]
    cost: CostModel
    can_grow: bool
    paths: tuple[StaticPath, ...]

    def evaluate(self, scope: Scope, allowance: Allowance) -> Json:
        """The result as plain JSON; `EvaluationFailed` when there is none. Objects have their keys sorted."""
        activation: Activation = {}
        values = [
            _plant(activation, place, scope) if planted else place.path.find(scope)
            for place, planted in zip(self.places, self.planted, strict=True)
        ]
        self._pay(values, allowance)
        return self._result(activation)

    def result_type(self) -> str:
        """The type that is known before any data: `BOOL`, `INT`, ..., or `DYN`."""
        return cast("str", self.expression.return_type().name())

    def _pay(self, values: Sequence[Json], allowance: Allowance) -> None:
        if not self.can_grow and all(map(is_small, values)):
            allowance.spend(SMALL_STEP, self.source)
            return
        most_nodes = allowance.left // CONVERT_NODE
        sizes = [self._size(place, value, most_nodes) for place, value in zip(self.places, values, strict=True)]
        allowance.spend(self.cost.work(sizes), self.source)

    def _size(self, place: Place, value: Json, most_nodes: int) -> Size:
        return SCALAR if place.presence else measure(value, self.source, most_nodes)

    def _result(self, activation: Activation) -> Json:
        try:
            result = self.expression.eval(data=activation)
            value = result.plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError, SystemError) as failure:
            raise EvaluationFailed(self.source, _reason(str(failure), self.source)) from None  # its text may hold data
        if value is True or value is False:
            return value
        if result.type() == cel.Type.ERROR:
            raise EvaluationFailed(self.source, _reason(str(value), self.source))
        if result.type() == cel.Type.UINT:
            raise EvaluationFailed(self.source, "the result is an unsigned integer, which JSON has not; use int(...)")
        return _json(value, self.source)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression (RE2 syntax) that is looked for anywhere in a text, in time linear in the text."""

    source: str
    expression: cel.Expression
    states: int
    limits: ExpressionLimits

    def found_in(self, text: str, allowance: Allowance) -> bool:
        size = text_bytes(text, self.source)
        if size > self.limits.max_string_bytes:
            limit = self.limits.max_string_bytes
            raise EvaluationFailed(self.source, f"it matches text of more than {limit} bytes")
        allowance.spend(SMALL_STEP + size * self.states, self.source)
        return self.expression.eval(data={"input": text}).plain_value() is True


def compile_cel(source: str, names: Names) -> StaticPath | Program:
    """A path when the expression is nothing but a reference, a program otherwise.

    Raises `InvalidExpression` (syntax, types, names, bounds) or `UnknownReference`.
    """
    if not source.strip():
        raise InvalidExpression(source, "The expression is empty")
    _check_source(source, names.limits)
    found = find_references(source, read_parsed(_compiled(source, frozenset(), checked=False).serialize()), names)
    _check_bounds(source, found, names.limits)
    whole = found.whole()
    return _program(source, found, names) if whole is None else whole


def compile_pattern(pattern: str, limits: ExpressionLimits) -> Pattern:
    """Raises `InvalidExpression` for a pattern that RE2 does not know or that is too big."""
    _check_source(pattern, limits)
    size = states(pattern)
    if size > limits.max_pattern_states:
        raise InvalidExpression("", "The pattern is too big; repeat less")
    expression = _compiled(f"input.matches({dumps(pattern, ensure_ascii=False)})", frozenset(), checked=True)
    if type(expression.eval(data={"input": ""}).plain_value()) is not bool:
        raise InvalidExpression(pattern, "The pattern is no regular expression in RE2 syntax")
    return Pattern(pattern, expression, size, limits)


def _check_source(source: str, limits: ExpressionLimits) -> None:
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > limits.max_source_bytes:
        raise InvalidExpression("", f"An expression has at most {limits.max_source_bytes} bytes, this one has {size}")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in source):
        raise InvalidExpression("", "An expression is Unicode text without NUL")


def _check_bounds(source: str, found: References, limits: ExpressionLimits) -> None:
    if found.comprehensions > limits.max_comprehensions:
        most = limits.max_comprehensions
        raise InvalidExpression(source, f"An expression has at most {most} of map, filter, all, exists")
    if found.additions > limits.max_additions:
        raise InvalidExpression(source, f"An expression has at most {limits.max_additions} `+`")
    for pattern in found.patterns:
        compile_pattern(pattern, limits)


def _program(source: str, found: References, names: Names) -> Program:
    bare = names.step_ids if any(place.bare for place in found.places) else frozenset()
    places = tuple(found.places)
    return Program(
        source,
        _compiled(source, bare, checked=True),
        places,
        tuple(not any(_covers(other, place) for other in places) for place in places),
        CostModel(source, found.tree, names.limits),
        bool(found.comprehensions or found.patterns),
        tuple(found.paths),
    )


def _covers(whole: Place, part: Place) -> bool:
    """Whether the value at `whole` brings the value at `part` along."""
    above, below = whole.path, part.path
    if whole.presence or whole.bare != part.bare or (above.step_id, above.root) != (below.step_id, below.root):
        return False
    depth = len(above.segments)
    return depth < len(below.segments) and below.segments[:depth] == above.segments


def _compiled(source: str, bare: frozenset[str], *, checked: bool) -> cel.Expression:
    try:
        return _environment(bare).compile(source, disable_check=not checked)
    except RuntimeError as refusal:
        raise InvalidExpression(source, _complaint(str(refusal))) from None


@lru_cache(maxsize=ENVIRONMENTS_KEPT)
def _environment(bare: frozenset[str]) -> cel.Env:
    """Building one and compiling the first time in it takes about 1 ms (3 ms with 1,000 names), the next 0.04 ms.

    That is why all steps of a document are declared at once in `bare`: the ids that may stand without `steps.`.
    """
    ids = sorted(name for name in bare if IDENTIFIER.fullmatch(name) and name not in TYPE_NAMES)
    variables = dict.fromkeys((STEPS, *PLACES_OF_ROOTS, *ids), cel.Type.DYN)
    return cel.NewEnv(variables=variables, extensions=[ext_optional.ExtOptional()])


def _plant(activation: Activation, place: Place, scope: Scope) -> Json:
    """Put the value at a place into the activation, along with nothing but the keys on the way; returns the value.

    Lists on the way become maps from the one index that is asked for, so that the rest of them stays out.
    """
    path = place.path
    holder, key, value = activation, cast("str | int", path.root), cast("Json", None)
    if path.step_id is None:
        value = scope.root(cast("str", path.root))
    else:
        holder = activation if place.bare else activation.setdefault(STEPS, {})
        key, value = path.step_id, _record(scope, path.step_id)
    for segment in path.segments:
        if type(value) is not dict and type(value) is not list:
            break
        holder, key = holder.setdefault(key, {}), segment
        if not _has(value, segment):
            return None
        value = value[segment]  # type: ignore[index]  # a list or an object, and it has the segment
    if place.presence and (type(value) is dict or type(value) is list):
        holder.setdefault(key, {})
    else:
        holder[key] = value
    return value


def _record(scope: Scope, step_id: str) -> Json:
    record = scope.step(step_id)
    return record if type(record) is dict else dict(record)


def _has(container: dict[str, Json] | list[Json], segment: str | int) -> bool:
    if isinstance(container, dict):
        return segment in container
    return isinstance(segment, int) and segment < len(container)


def _json(value: object, source: str) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            if INT64_MIN <= value <= INT64_MAX:
                return value
            raise EvaluationFailed(source, "the result has an integer outside 64 bit")
        case float():
            if math.isfinite(value):
                return value
            raise EvaluationFailed(source, "the result has a number that is infinite or none at all")
        case list():
            return [_json(item, source) for item in value]
        case dict():
            # The library forgets the order of keys and gives another one in every process.
            return {_key(key, source): _json(value[key], source) for key in sorted(value, key=str)}
        case _:
            raise EvaluationFailed(source, f"the result has a {type(value).__name__}, which is not JSON; convert it")


def _key(key: object, source: str) -> str:
    if isinstance(key, str):
        return key
    raise EvaluationFailed(source, "the result has an object with a key that is not text; use string(...)")


def _complaint(text: str) -> str:
    found = COMPLAINT.search(text)
    if "recursion" in text:
        return "The expression is nested too deeply (at most 32 levels)"
    if found is None:
        return "The expression is not valid CEL"
    detail = found["text"].removesuffix(" [INVALID_ARGUMENT]").replace(" (in container '')", "")
    return f"The expression is not valid CEL (column {found['column']}: {detail[:200]})"


def _reason(text: str, source: str) -> str:
    """The library's reason without any data: only keys that the expression itself spells out are repeated."""
    missing = MISSING_KEY.search(text)
    if missing is not None:
        key = missing["key"].strip('"')
        named = f" `{key}`" if key and key in source else ""
        return f"there is no key{named}; write `.?` where a key may be missing"
    call = NO_OVERLOAD.search(text)
    if call is not None:
        return f"no operation for these types: {call['call']}"
    if NO_JSON in text or NO_JSON_INSIDE in text:
        return "the result is or holds an optional, which is not JSON; end it with `.orValue(...)`"
    known = next((sentence for sentence in SAID_AS_IS if sentence in text), None)
    return known or "it cannot be computed from this data"
