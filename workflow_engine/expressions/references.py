"""What a CEL expression refers to: checks every name of its tree and finds the static paths it reads.

The tree comes back with a `Reading` in place of each path, so that later stages need not know names any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypeVar

from workflow_engine.expressions.errors import InvalidExpression, UnknownReference
from workflow_engine.expressions.paths import StaticPath, record_segments, unknown_head
from workflow_engine.expressions.scope import STEPS, Names
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

Bound: TypeAlias = frozenset[str]
Found = TypeVar("Found")

TYPE_NAMES: Final = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
LOOKUPS: Final = frozenset({"_[_]", "_[?_]", "_?._"})
OPTIONAL: Final = Name("optional")
NAME_THE_STEP: Final = 'A step is named by a literal id, as in `steps.a` or `steps["fetch-data"]`'
NAME_THE_KEY: Final = "A step's record has only status, output and error: write one of them, as in `steps.a.output`"
LITERAL_PATTERN: Final = "The pattern of `matches` must be literal text, so that its size is known"


@dataclass(frozen=True, slots=True)
class Place:
    """A path the expression reads. `bare` when the step's id stood without `steps.`; `presence` inside `has(...)`."""

    path: StaticPath
    bare: bool
    presence: bool


class Link(NamedTuple):
    """One `.key`, `[...]` or `.?key` of a chain; `segment` is None when it is computed."""

    node: Select | Call
    segment: str | int | None
    may_miss: bool


@dataclass(slots=True)
class References:
    """What was found in one expression; `paths` end before what may be missing (`.?x`, `has(...)`)."""

    tree: Node
    places: list[Place] = field(default_factory=list)
    paths: list[StaticPath] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    comprehensions: int = 0
    additions: int = 0

    def whole(self) -> StaticPath | None:
        """The path, when the expression is nothing else."""
        if isinstance(self.tree, Reading) and self.paths == [self.places[0].path]:
            return self.paths[0]
        return None


def find_references(source: str, tree: Node, names: Names) -> References:
    """Raises `InvalidExpression` for a name, record key or construct that is not allowed here."""
    found = References(tree)
    found.tree = _Finder(source, names, found).rewrite(tree, frozenset())
    return found


class _Finder:
    """One walk over one tree; the variables of a comprehension hide steps and roots of the same name."""

    def __init__(self, source: str, names: Names, found: References) -> None:
        self._source = source
        self._names = names
        self._found = found

    def rewrite(self, node: Node, bound: Bound) -> Node:
        match node:
            case Select() | Name():
                return self._chain(node, bound)
            case Call():
                return self._chain(node, bound) if node.function in LOOKUPS else self._call(node, bound)
            case MakeList(items):
                return MakeList(self._each(items, bound))
            case MakeMap(entries):
                return MakeMap(tuple((self.rewrite(key, bound), self.rewrite(value, bound)) for key, value in entries))
            case MakeMessage(type_name):
                raise InvalidExpression(self._source, f"An expression makes JSON, not messages of type `{type_name}`")
            case Comprehension():
                return self._comprehension(node, bound)
            case _:
                return node

    def _each(self, nodes: Sequence[Node], bound: Bound) -> tuple[Node, ...]:
        return tuple(self.rewrite(node, bound) for node in nodes)

    def _call(self, node: Call, bound: Bound) -> Node:
        if node.function == "_+_":
            self._found.additions += 1
        if node.function == "matches" and len(node.operands) == 2:
            self._found.patterns.append(self._pattern(node.operands[1]))
        if node.method and node.operands[0] == OPTIONAL:
            return Call(f"optional.{node.function}", self._each(node.operands[1:], bound), method=False)
        return Call(node.function, self._each(node.operands, bound), node.method)

    def _pattern(self, node: Node) -> str:
        if isinstance(node, Literal) and isinstance(node.value, str):
            return node.value
        raise InvalidExpression(self._source, LITERAL_PATTERN)

    def _comprehension(self, node: Comprehension, bound: Bound) -> Node:
        self._found.comprehensions += 1
        inside = bound | {*node.variables, node.accumulator}
        return Comprehension(
            node.variables,
            self.rewrite(node.range, bound),
            node.accumulator,
            self.rewrite(node.start, bound),
            self.rewrite(node.condition, inside),
            self.rewrite(node.step, inside),
            self.rewrite(node.result, bound | {node.accumulator}),
        )

    def _chain(self, node: Node, bound: Bound) -> Node:
        head, links = _peel(node)
        if not isinstance(head, Name):
            return self._onto(self.rewrite(head, bound), links, bound)
        if head.name in bound:
            return self._onto(head, links, bound)
        if head.name == STEPS:
            return self._step(self._named_step(links), links[1:], bare=False, bound=bound)
        if head.name in self._names.roots:
            return self._read(None, head.name, links, bare=False, bound=bound)
        if head.name in TYPE_NAMES:
            return self._onto(head, links, bound)
        if head.name in self._names.step_ids:
            return self._step(head.name, links, bare=True, bound=bound)
        raise unknown_head(head.name, self._source, self._names)

    def _named_step(self, links: Sequence[Link]) -> str:
        step_id = links[0].segment if links else None
        if not isinstance(step_id, str):
            raise InvalidExpression(self._source, NAME_THE_STEP)
        if step_id not in self._names.step_ids:
            raise UnknownReference(self._source, f"There is no step `{step_id}`")
        return step_id

    def _step(self, step_id: str, links: Sequence[Link], *, bare: bool, bound: Bound) -> Node:
        if links:
            if links[0].segment is None:
                raise InvalidExpression(self._source, NAME_THE_KEY)
            record_segments(self._source, step_id, (links[0].segment,))
        return self._read(step_id, None, links, bare=bare, bound=bound)

    def _read(self, step_id: str | None, root: str | None, links: Sequence[Link], *, bare: bool, bound: Bound) -> Node:
        known = [link.segment for link in links if link.segment is not None]
        static = next((at for at, link in enumerate(links) if link.segment is None), len(links))
        certain = next((at for at, link in enumerate(links[:static]) if link.may_miss), static)
        _add(self._found.paths, StaticPath(step_id, root, tuple(known[:certain])))
        presence = static > 0 and isinstance(links[static - 1].node, Select) and links[static - 1].may_miss
        place = Place(StaticPath(step_id, root, tuple(known[:static])), bare, presence)
        return self._onto(Reading(_add(self._found.places, place)), links[static:], bound)

    def _onto(self, base: Node, links: Sequence[Link], bound: Bound) -> Node:
        for link in links:
            if isinstance(link.node, Select):
                base = Select(base, link.node.key, link.node.presence)
            else:
                base = Call(link.node.function, (base, self.rewrite(link.node.operands[1], bound)), method=False)
        return base


def _peel(node: Node) -> tuple[Node, list[Link]]:
    """Take a chain apart: what it begins with, and its links from left to right."""
    links: list[Link] = []
    while True:
        if isinstance(node, Select):
            links.append(Link(node, node.key, node.presence))
            node = node.operand
        elif isinstance(node, Call) and node.function in LOOKUPS:
            links.append(Link(node, _segment(node.operands[1]), node.function != "_[_]"))
            node = node.operands[0]
        else:
            return node, links[::-1]


def _segment(node: Node) -> str | int | None:
    if not isinstance(node, Literal) or node.unsigned:
        return None
    if isinstance(node.value, str):
        return node.value
    return node.value if type(node.value) is int and node.value >= 0 else None


def _add(found: list[Found], new: Found) -> int:
    if new not in found:
        found.append(new)
    return found.index(new)
