"""How often a schema may look at one place of a value, found before the schema is ever used.

References let a short schema unfold without end: twenty definitions that each name the next one twice are looked at a
million times. A validator cannot be interrupted, so a schema that unfolds too far is refused when it is registered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote

from workflow_engine.errors import Problem
from workflow_engine.jsontext import Json, JsonObject, pointer

Place: TypeAlias = tuple[str | int, ...]

REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
ANCHORS: Final = ("$anchor", "$dynamicAnchor")
SAME_PLACE: Final = ("not", "if", "then", "else")
SAME_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
SAME_PLACE_OBJECTS: Final = ("dependentSchemas", "dependencies")
OTHER_MEMBERS: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")
OTHER_ITEMS: Final = ("additionalItems", "unevaluatedItems", "contains")
DEEPEST_VALUE: Final = 64
LONGEST_WAY: Final = 128


class _Unsound(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass(frozen=True, slots=True, eq=False)
class Below:
    """A schema for members or items of a value: for the one called `only`, or for all but those in `but`."""

    target: Place
    only: str | int | None = None
    but: frozenset[str | int] = frozenset()
    of_items: bool = False


@dataclass(slots=True)
class _Parts:
    """Which schemas look at the parts of a value, and how often each. Many places share one."""

    below: Counter[Below]
    work: int = 0

    def learn(self, work: Mapping[Place, int]) -> None:
        """The work at that member or item which most of it falls on, given the work of each schema."""
        edges = [(edge, work[edge.target] * times) for edge, times in self.below.items()]
        self.work = max(_busiest(edges, of_items=False), _busiest(edges, of_items=True))


@dataclass(frozen=True, slots=True)
class _Looks:
    """What happens at one place of a value: how many schemas look at it, and which look at its parts."""

    count: int
    parts: _Parts


def _busiest(edges: Iterable[tuple[Below, int]], *, of_items: bool) -> int:
    on_all = 0
    on_one: dict[str | int, int] = defaultdict(int)
    for edge, work in edges:
        if edge.of_items != of_items:
            continue
        if edge.only is not None:
            on_one[edge.only] += work
            continue
        on_all += work
        for part in edge.but:
            on_one[part] -= work
    return on_all + max(0, max(on_one.values(), default=0))


def find_excess(schema: JsonObject, most: int) -> Problem | None:
    """A reference that leaves the schema or turns in a circle, or the fact that it unfolds more than `most` times."""
    try:
        work = _Unfolding(schema, most).work()
    except _Unsound as unsound:
        return unsound.problem
    return None if work <= most else _too_much("")


def _too_much(where: str) -> Problem:
    return Problem(
        "schema-too-complex",
        "The references of this schema unfold too often; let fewer branches of a union lead to the same definition",
        where,
    )


class _Unfolding:
    def __init__(self, schema: JsonObject, most: int) -> None:
        self._schema = schema
        self._most = most
        self._anchors: dict[str, Place] = {}
        self._has_references = False
        self._looks: dict[Place, _Looks] = {}
        self._parts: list[_Parts] = []
        self._edges = 0

    def work(self) -> int:
        """How many schemas look at the places on the way to one deepest part of a value, at most."""
        self._survey()
        if not self._has_references:
            return 0
        self._collect()
        work = {place: looks.count for place, looks in self._looks.items()}
        for _ in range(DEEPEST_VALUE):
            deeper = self._one_deeper(work)
            if deeper == work or deeper[()] > self._most:
                return deeper[()]
            work = deeper
        return work[()]

    def _one_deeper(self, work: Mapping[Place, int]) -> dict[Place, int]:
        for parts in self._parts:
            parts.learn(work)
        return {place: min(looks.count + looks.parts.work, self._most + 1) for place, looks in self._looks.items()}

    def _survey(self) -> None:
        """Learn the anchors, and refuse references that leave the schema, wherever they stand."""
        pending: list[Place] = [()]
        while pending:
            place = pending.pop()
            node = _at(self._schema, place)
            if not isinstance(node, dict):
                continue
            self._look_at_names(node, place)
            pending.extend(place + part for part in _subschemas(node))

    def _look_at_names(self, node: JsonObject, place: Place) -> None:
        if place and isinstance(node.get("$id"), str):
            raise _Unsound(Problem("invalid-schema", "Only the whole schema may have an '$id'", pointer(*place, "$id")))
        for keyword in ANCHORS:
            if isinstance(anchor := node.get(keyword), str):
                self._anchors[anchor] = place
        for keyword in REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str):
                self._has_references = True
                if not reference.startswith("#"):
                    raise _Unsound(_outside(pointer(*place, keyword)))

    def _collect(self) -> None:
        pending: list[Place] = [()]
        met: set[Place] = {()}
        while pending:
            below = self._looks_at(pending.pop(), ()).parts.below
            new = dict.fromkeys(edge.target for edge in below if edge.target not in met)
            met.update(new)
            pending.extend(new)

    def _looks_at(self, place: Place, way: tuple[Place, ...]) -> _Looks:
        """Everything that looks at the same place of a value as the schema at `place`, which was reached by `way`."""
        if place in self._looks:
            return self._looks[place]
        if place in way:
            raise _Unsound(Problem("invalid-schema", "This schema refers to itself in a circle", pointer(*place)))
        if len(way) > LONGEST_WAY:
            raise _Unsound(_too_much(pointer(*place)))
        node = _at(self._schema, place)
        own = list(_below(node, place)) if isinstance(node, dict) else []
        targets = self._at_same_place(node, place) if isinstance(node, dict) else ()
        inner = [self._looks_at(target, (*way, place)) for target in targets]
        count = 1 + sum(looks.count for looks in inner)
        parts = inner[0].parts if len(inner) == 1 and not own else self._merged(own, inner)
        if count > self._most or self._edges > self._most:
            raise _Unsound(_too_much(pointer(*place)))
        self._looks[place] = _Looks(count, parts)
        return self._looks[place]

    def _merged(self, own: Iterable[Below], inner: Iterable[_Looks]) -> _Parts:
        parts = _Parts(Counter(own))
        for looks in inner:
            parts.below.update(looks.parts.below)
        self._parts.append(parts)
        self._edges += len(parts.below)
        return parts

    def _at_same_place(self, node: JsonObject, place: Place) -> Iterator[Place]:
        for part in _same_place(node):
            yield place + part
        for keyword in REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str):
                yield self._target(reference, pointer(*place, keyword))

    def _target(self, reference: str, where: str) -> Place:
        fragment = unquote(reference[1:])
        if fragment in self._anchors:
            return self._anchors[fragment]
        place: list[str | int] = []
        node: Json = self._schema
        for token in fragment.split("/")[1:] if fragment.startswith("/") else [fragment] if fragment else []:
            part = _part(node, token.replace("~1", "/").replace("~0", "~"))
            if part is None:
                raise _Unsound(Problem("invalid-schema", "This reference names nothing in the schema", where))
            place.append(part)
            node = _at(node, (part,))
        return tuple(place)


def _outside(where: str) -> Problem:
    return Problem("invalid-schema", "A reference must stay inside the schema, so it begins with '#'", where)


def _part(node: Json, token: str) -> str | int | None:
    if isinstance(node, dict):
        return token if token in node else None
    if isinstance(node, list) and token.isdecimal() and int(token) < len(node):
        return int(token)
    return None


def _at(node: Json, place: Place) -> Json:
    for part in place:
        node = node[part]  # type: ignore[index]  # places were made by walking this very value
    return node


def _same_place(node: JsonObject) -> Iterator[Place]:
    yield from ((keyword,) for keyword in SAME_PLACE if keyword in node)
    for keyword in SAME_PLACE_LISTS:
        yield from _entries(node, keyword)
    for keyword in SAME_PLACE_OBJECTS:
        yield from _entries(node, keyword)


def _entries(node: JsonObject, keyword: str) -> Iterator[Place]:
    value = node.get(keyword)
    if isinstance(value, dict):
        yield from ((keyword, key) for key in value)
    elif isinstance(value, list):
        yield from ((keyword, index) for index in range(len(value)))


def _below(node: JsonObject, place: Place) -> Iterator[Below]:
    named = [key for _, key in _entries(node, "properties")]
    yield from (Below((*place, "properties", name), only=name) for name in named)
    yield from (Below(place + part) for part in _entries(node, "patternProperties"))
    for keyword in OTHER_MEMBERS:
        if keyword in node:
            rest = frozenset(named) if keyword != "propertyNames" else frozenset[str | int]()
            yield Below((*place, keyword), but=rest)
    yield from _items_below(node, place)


def _items_below(node: JsonObject, place: Place) -> Iterator[Below]:
    first = [*_entries(node, "prefixItems"), *(_entries(node, "items") if isinstance(node.get("items"), list) else ())]
    yield from (Below(place + part, only=part[1], of_items=True) for part in first)
    if isinstance(node.get("items"), dict | bool):
        yield Below((*place, "items"), but=frozenset(part[1] for part in first), of_items=True)
    yield from (Below((*place, keyword), of_items=True) for keyword in OTHER_ITEMS if keyword in node)


def _subschemas(node: JsonObject) -> Iterator[Place]:
    yield from _same_place(node)
    yield from (edge.target for edge in _below(node, ()))
    for keyword in ("$defs", "definitions"):
        yield from _entries(node, keyword)
