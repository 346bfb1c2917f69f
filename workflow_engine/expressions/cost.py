"""An upper bound of the work an expression will do on the data at hand, found from its tree before it runs.

The CEL library bounds iterations, but neither what one of them copies (strings and lists grow with every `+`) nor
the size of what is handed in. The bound is sound, not tight: sizes of operands are added up, and a loop over a range
costs at most n times its body on nothing plus once its body on the whole range (bodies cost no less on a whole than
on its parts together).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from workflow_engine.expressions.errors import EvaluationFailed
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.patterns import states
from workflow_engine.expressions.syntax_tree import (
    Call,
    Comprehension,
    Literal,
    MakeList,
    MakeMap,
    MakeMessage,
    Name,
    Node,
    Reading,
    Select,
)
from workflow_engine.jsontext import Json

CONVERT_NODE: Final = 40
CONVERT_BYTES: Final = 8
SMALL_TEXT: Final = 256
SMALL_STEP: Final = 200  # what the evaluation of the smallest expression costs

SCALAR_RESULT: Final = frozenset(
    {
        "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_&&_", "_||_", "@in",
        "size", "matches", "contains", "startsWith", "endsWith", "int", "uint", "double", "bool", "type",
        "hasValue", "@not_strictly_false", "__not_strictly_false__", "getDate", "getDayOfMonth", "getDayOfWeek",
        "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
    }
)  # fmt: skip
LOOKUPS: Final = frozenset({"_[_]", "_[?_]", "_?._", "hasValue", "value", "optional.of", "optional.none"})


class Size(NamedTuple):
    """An upper bound of a value: its longest list, what a loop over it may visit, its nodes, longest text, all text."""

    longest: int = 0
    spread: int = 0
    nodes: int = 0
    text: int = 0
    bytes: int = 0

    def touch(self) -> int:
        return self.nodes + self.bytes // 8


NOTHING: Final = Size()
SCALAR: Final = Size(nodes=1)


class Allowance:
    """The work that one evaluation, or all expressions of one template together, may still do."""

    __slots__ = ("left",)

    def __init__(self, limits: ExpressionLimits) -> None:
        self.left = limits.max_work

    def spend(self, units: int, source: str) -> None:
        self.left -= units
        if self.left < 0:
            raise EvaluationFailed(source, "it needs more work on this much data than an expression may do")


def is_small(value: Json) -> bool:
    """Whether a value is so small that nothing but a loop could make it expensive."""
    kind = type(value)
    if kind is str:
        return len(value) <= SMALL_TEXT and "\0" not in value  # type: ignore[arg-type, operator]  # text here
    return kind is int or kind is float or kind is bool or value is None


def measure(value: Json, source: str, most_nodes: int) -> Size:
    """The exact size of a value; gives up with `EvaluationFailed` above `most_nodes`."""
    pending: list[Json] = [value]
    longest = text = total = 0
    for current in pending:
        if isinstance(current, str):
            size = text_bytes(current, source)
            text, total = max(text, size), total + size
        elif isinstance(current, dict):
            longest, total = max(longest, len(current)), total + sum(map(len, current))
            pending.extend(current.values())
        elif isinstance(current, list):
            longest = max(longest, len(current))
            pending.extend(current)
        if len(pending) > most_nodes:
            raise EvaluationFailed(source, "it reads more data than an expression may; refer to a smaller part of it")
    return Size(longest, longest, len(pending), text, total)


def text_bytes(text: str, source: str) -> int:
    """The size of a text in UTF-8; `EvaluationFailed` for text that the CEL library cannot carry."""
    if "\0" in text:  # the CEL library would silently cut the text there
        raise EvaluationFailed(source, "it reads text with a NUL character, which CEL cannot carry")
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise EvaluationFailed(source, "it reads text that is not valid Unicode") from None


@dataclass(frozen=True, slots=True)
class CostModel:
    """Estimates one expression; `tree` has a `Reading` wherever data comes in."""

    source: str
    tree: Node
    limits: ExpressionLimits

    def work(self, sizes: Sequence[Size]) -> int:
        """Units of work on readings of these sizes; `EvaluationFailed` when a text or a list is over its own limit."""
        converting = sum(size.nodes * CONVERT_NODE + size.bytes // CONVERT_BYTES for size in sizes)
        result, work = self._visit(self.tree, sizes, {})
        return SMALL_STEP + converting + work + result.nodes * CONVERT_NODE + result.bytes // CONVERT_BYTES

    def _visit(self, node: Node, sizes: Sequence[Size], variables: Mapping[str, Size]) -> tuple[Size, int]:
        match node:
            case Reading(place):
                return sizes[place], 1
            case Name(name):
                return variables.get(name, SCALAR), 1
            case Literal(value):
                length = len(value) if isinstance(value, str | bytes) else 0
                return Size(nodes=1, text=length, bytes=length), 1
            case Select(operand, _, presence):
                size, work = self._visit(operand, sizes, variables)
                return (SCALAR if presence else size), work + 1
            case Call():
                return self._call(node, sizes, variables)
            case MakeList(items):
                return self._made(items, len(items), sizes, variables)
            case MakeMap(entries):
                return self._made([part for entry in entries for part in entry], len(entries), sizes, variables)
            case MakeMessage():
                return SCALAR, 1
            case Comprehension():
                return self._loop(node, sizes, variables)

    def _call(self, node: Call, sizes: Sequence[Size], variables: Mapping[str, Size]) -> tuple[Size, int]:
        together, work = self._all(node.operands, sizes, variables)
        work += 1 if node.function in LOOKUPS else together.touch() + 1
        if node.function == "_+_":
            self._check_text(together)
        if node.function == "matches":
            work += self._matching(node, sizes, variables)
        return (SCALAR if node.function in SCALAR_RESULT else together), work

    def _matching(self, node: Call, sizes: Sequence[Size], variables: Mapping[str, Size]) -> int:
        subject = self._visit(node.operands[0], sizes, variables)[0]
        self._check_text(subject)
        pattern = node.operands[1]
        size = states(pattern.value) if isinstance(pattern, Literal) and isinstance(pattern.value, str) else 1
        return subject.bytes * size

    def _made(
        self, parts: Sequence[Node], length: int, sizes: Sequence[Size], variables: Mapping[str, Size]
    ) -> tuple[Size, int]:
        inside, work = self._all(parts, sizes, variables)
        longest = max(length, inside.longest)
        return Size(longest, max(longest, inside.spread), inside.nodes + 1, inside.text, inside.bytes), work + 1

    def _all(self, nodes: Sequence[Node], sizes: Sequence[Size], variables: Mapping[str, Size]) -> tuple[Size, int]:
        visited = [self._visit(node, sizes, variables) for node in nodes]
        return _sum([size for size, _ in visited]), sum(work for _, work in visited)

    def _loop(self, node: Comprehension, sizes: Sequence[Size], variables: Mapping[str, Size]) -> tuple[Size, int]:
        ranged, work = self._visit(node.range, sizes, variables)
        start, _ = self._visit(node.start, sizes, variables)
        if ranged.longest > self.limits.max_list_items:
            advice = f"it loops over more than {self.limits.max_list_items} items"
            raise EvaluationFailed(self.source, advice)
        self._check_text(ranged)
        times = ranged.spread
        size_of_none, work_of_none = self._body(node, NOTHING, sizes, variables)
        size_of_all, work_of_all = self._body(node, ranged._replace(spread=ranged.nodes), sizes, variables)
        work += times * work_of_none + work_of_all
        if isinstance(node.start, MakeList):
            work += times * min(times, ranged.longest)  # every append copies the list made so far
        longest = max(min(times, ranged.longest), size_of_all.longest) + start.longest
        total = Size(
            longest,
            max(times, longest),
            start.nodes + times * size_of_none.nodes + size_of_all.nodes,
            start.text + size_of_all.text,
            start.bytes + times * size_of_none.bytes + size_of_all.bytes,
        )
        result, finish = self._visit(node.result, sizes, {**variables, node.accumulator: total})
        return result, work + finish

    def _body(
        self, node: Comprehension, item: Size, sizes: Sequence[Size], variables: Mapping[str, Size]
    ) -> tuple[Size, int]:
        inside = {**variables, **dict.fromkeys(node.variables, item), node.accumulator: NOTHING}
        _, testing = self._visit(node.condition, sizes, inside)
        size, work = self._visit(node.step, sizes, inside)
        return size, testing + work

    def _check_text(self, size: Size) -> None:
        if size.text > self.limits.max_string_bytes:
            limit = self.limits.max_string_bytes
            raise EvaluationFailed(self.source, f"it adds, matches or loops over text of more than {limit} bytes")


def _sum(sizes: Sequence[Size]) -> Size:
    return Size(*map(sum, zip(*sizes, strict=True))) if sizes else NOTHING
