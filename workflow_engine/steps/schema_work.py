"""How often a schema may look at one place of a value, found before the schema is ever used.

References let a short schema unfold without end: twenty definitions that each name the next one twice are looked at a
million times. A validator cannot be interrupted, so a schema that unfolds too far is refused when it is registered.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Below:
    """A schema for members or items of a value: those in `only`, or all but those in `but`."""

    target: Place
    only: str | int | None = None
    but: frozenset[str | int] = frozenset()
    of_items: bool = False

    def takes(self, part: str | int | None) -> bool:
        """`None` stands for a member or item that no schema names."""
        return part == self.only if self.only is not None else part not in self.but


@dataclass(slots=True)
class _Looks:
    """What happens at one place of a value: how many schemas look at it, and which look below."""

    count: int
    below: Counter[Below] = field(default_factory=Counter)

    def at_each_part(self) -> Iterator[list[tuple[Place, int]]]:
        for of_items in (False, True):
            edges = [(edge, times) for edge, times in self.below.items() if edge.of_items == of_items]
            parts = {edge.only for edge, _ in edges} | {None}
            for part in parts:
                yield [(edge.target, times) for edge, times in edges if edge.takes(part)]


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
        self._same_place: dict[Place, _Looks] = {}

    def work(self) -> int:
        """How many schemas look at the places on the way to one deepest part of a value, at most."""
        self._survey()
        if not self._has_references:
            return 0
        self._collect(())
        work = {place: looks.count for place, looks in self._looks.items()}
        for _ in range(DEEPEST_VALUE):
            deeper = {place: self._one_deeper(looks, work) for place, looks in self._looks.items()}
            if deeper == work or deeper[()] > self._most:
                return deeper[()]
            work = deeper
        return work[()]

    def _one_deeper(self, looks: _Looks, work: dict[Place, int]) -> int:
        below = max((sum(work[target] * times for target, times in part) for part in looks.at_each_part()), default=0)
        return min(looks.count + below, self._most + 1)

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

    def _collect(self, start: Place) -> None:
        pending = [start]
        while pending:
            place = pending.pop()
            if place not in self._looks:
                looks = self._looks[place] = self._looks_at(place, ())
                pending.extend(edge.target for edge in looks.below)

    def _looks_at(self, place: Place, way: tuple[Place, ...]) -> _Looks:
        """Everything that looks at the same place of a value as the schema at `place`, which was reached by `way`."""
        if place in self._same_place:
            return self._same_place[place]
        if place in way:
            raise _Unsound(Problem("invalid-schema", "This schema refers to itself in a circle", pointer(*place)))
        if len(way) > LONGEST_WAY:
            raise _Unsound(_too_much(pointer(*place)))
        node = _at(self._schema, place)
        looks = _Looks(1)
        if isinstance(node, dict):
            looks.below.update(_below(node, place))
            for target in self._at_same_place(node, place):
                inner = self._looks_at(target, (*way, place))
                looks.count += inner.count
                looks.below.update(inner.below)
        if looks.count > self._most:
            raise _Unsound(_too_much(pointer(*place)))
        self._same_place[place] = looks
        return looks

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
