"""Whether what one schema describes can ever be what another one accepts: found before anything runs.

Only what is certain is told. `misfits` tells why no value at all is valid for both schemas; what it does not
understand may fit. Each keyword only narrows a schema, so a proof that needs a few of them holds, whatever the others
say; the two that speak of the rest (`additionalProperties`, `items`) are read together with what it is the rest of.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote

from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.steps.authoring import same_json

Path: TypeAlias = tuple[str | int, ...]

ALL_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
"""`integer` stands for whole numbers and `number` for all others here."""
NEWEST_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
MOST_WORK: Final = 5_000
"""Pairs of schemas that are compared before the rest is taken to fit."""
DEEPEST: Final = 24
MOST_ITEMS: Final = 64
LONGEST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Described:
    """A schema together with the document that its references point into."""

    schema: Json
    root: JsonObject

    @classmethod
    def of(cls, schema: JsonObject | None) -> "Described":
        """None describes anything. So does what is written in another draft, or names parts of itself by `$id`."""
        if schema is None or schema.get("$schema", NEWEST_DRAFT) != NEWEST_DRAFT or _has_inner_id(schema):
            return ANYTHING
        return cls(schema, schema)

    def inner(self, schema: Json) -> "Described":
        return Described(schema, self.root)


ANYTHING: Final = Described(True, {})
NULL: Final[JsonObject] = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why nothing fits: at `path` in the value the one side gives `given`, and the other takes `wanted`."""

    kind: str
    """`type`, `value`, `bound`, `missing`, `unknown`, `form` or `nothing`."""
    path: Path
    given: str
    wanted: str


def misfits(source: Described, target: Described) -> tuple[Misfit, ...]:
    """Every reason that was found why no value of `source` is a value of `target`; none when one may be."""
    return tuple(dict.fromkeys(_Prover().misfits(source, target, ())))


def described_by(value: Json) -> JsonObject:
    """The schema of exactly this value, as far as `misfits` looks into one."""
    if isinstance(value, dict):
        members: JsonObject = {name: described_by(member) for name, member in value.items()}
        return {"type": "object", "properties": members, "required": [*value], "additionalProperties": False}
    if isinstance(value, list):
        items: list[Json] = [described_by(item) for item in value]
        return {"type": "array", "prefixItems": items, "minItems": len(value), "maxItems": len(value)}
    return {"const": value}


def part_at(whole: Described, path: Path) -> Described:
    """What the schema says of the place `path` in its values; anything, where that is not plain to see."""
    for segment in path:
        found = [part for part in (_part(each, segment) for each in parts(whole)) if part is not None]
        if not found:
            return ANYTHING
        whole = whole.inner(_all_of(found))
    return whole


def lacks(whole: Described, path: Path) -> bool:
    """Whether no value of this schema has anything at `path`: an object is closed there, or it is no object at all."""
    for depth, segment in enumerate(path):
        here = part_at(whole, path[:depth])
        types = _types_of(parts(here))
        wanted = "object" if isinstance(segment, str) else "array"
        # A null may be what a skipped step leaves behind.
        if wanted not in types or any(_refuses(each, segment) for each in parts(here)):
            return True
    return False


def _refuses(schema: JsonObject, segment: str | int) -> bool:
    if isinstance(segment, int):
        most = schema.get("maxItems")
        return isinstance(most, int) and not isinstance(most, bool) and segment >= most
    return _part(schema, segment) is False


def parts(described: Described, _seen: frozenset[str] = frozenset()) -> list[JsonObject]:
    """The schemas that hold at once: this one, what it refers to, and its `allOf`."""
    schema = described.schema
    if not isinstance(schema, dict):
        return []
    found = [schema]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in _seen:
        found += parts(described.inner(_referred(described.root, reference)), _seen | {reference})
    for each in _list(schema.get("allOf")):
        found += parts(described.inner(each), _seen)
    return found


def told(described: Described) -> str:
    """What a value of this schema is, in a few words."""
    if described.schema is False:
        return "nothing"
    together = parts(described)
    for part in together:
        if (values := _values(part)) is not None:
            shown = ", ".join(write(value).decode() for value in values[:5])
            return f"{shown[:LONGEST_SHOWN]}..." if len(shown) > LONGEST_SHOWN or len(values) > 5 else shown
    types = _types_of(together)
    forms = next((forms for part in together for forms in _alternatives(part)), None)
    if forms is not None and types == ALL_TYPES:
        return " or ".join(dict.fromkeys(told(described.inner(form)) for form in forms))[:LONGEST_SHOWN]
    if types == ALL_TYPES:
        return "anything"
    plain = types - {"integer"} if "number" in types else types
    return " or ".join(sorted(plain)) or "nothing"


@dataclass(slots=True)
class _Prover:
    """Whoever gives up finds no misfit, which is never wrong."""

    left: int = MOST_WORK
    depth: int = 0

    def misfits(self, source: Described, target: Described, path: Path) -> list[Misfit]:
        self.left -= 1
        if self.left < 0 or self.depth == DEEPEST or source.schema is False:
            return []
        self.depth += 1
        found = self._compared(source, target, path)
        self.depth -= 1
        return found

    def _compared(self, source: Described, target: Described, path: Path) -> list[Misfit]:
        if target.schema is False:
            return [Misfit("nothing", path, told(source), "nothing")]
        mine, theirs = parts(source), parts(target)
        types = _types_of(mine) & _types_of(theirs)
        if not types:
            return [Misfit("type", path, told(source), told(target))]
        found = [] if _share_values(mine, theirs) else [Misfit("value", path, told(source), told(target))]
        found += self._of_types(types, mine, theirs, source, target, path)
        return found or self._in_every_form(source, mine, target, theirs, path)

    def _of_types(
        self,
        types: frozenset[str],
        mine: Sequence[JsonObject],
        theirs: Sequence[JsonObject],
        source: Described,
        target: Described,
        path: Path,
    ) -> list[Misfit]:
        if types <= {"integer", "number"}:
            apart = _apart(mine, theirs, _range)
        elif types == {"string"}:
            apart = _apart(mine, theirs, _length)
        elif types == {"array"}:
            apart = _apart(mine, theirs, _size)
            return [_bound(path, *apart)] if apart else list(self._items(mine, theirs, source, target, path))
        elif types == {"object"}:
            return list(self._members(mine, theirs, source, target, path))
        else:
            apart = None
        return [_bound(path, *apart)] if apart else []

    def _members(
        self,
        mine: Sequence[JsonObject],
        theirs: Sequence[JsonObject],
        source: Described,
        target: Described,
        path: Path,
    ) -> Iterator[Misfit]:
        there, wanted = _required(mine), _required(theirs)
        for name in dict.fromkeys([*there, *wanted]):
            given, taken = _named(mine, name), _named(theirs, name)
            if taken is False:
                yield Misfit("unknown", (*path, name), told(source.inner(given)), "no such field")
            elif given is False:
                yield Misfit("missing", (*path, name), "no such field", told(target.inner(taken)))
            elif given is not True and taken is not True:
                yield from self.misfits(source.inner(given), target.inner(taken), (*path, name))

    def _items(
        self,
        mine: Sequence[JsonObject],
        theirs: Sequence[JsonObject],
        source: Described,
        target: Described,
        path: Path,
    ) -> Iterator[Misfit]:
        """Only the items that are there for certain: an empty list fits every list."""
        least = max(_size(part)[0] for part in [*mine, *theirs])
        for index in range(int(min(least, MOST_ITEMS))):
            given, taken = _named(mine, index), _named(theirs, index)
            if taken is not True and given is not True:
                yield from self.misfits(source.inner(given), target.inner(taken), (*path, index))

    def _in_every_form(
        self,
        source: Described,
        mine: Sequence[JsonObject],
        target: Described,
        theirs: Sequence[JsonObject],
        path: Path,
    ) -> list[Misfit]:
        """Where there are several forms, none of them fits."""
        for forms in (forms for part in theirs for forms in _alternatives(part)):
            if all(self.misfits(source, target.inner(form), path) for form in forms):
                return [Misfit("form", path, told(source), " or ".join(told(target.inner(form)) for form in forms))]
        for forms in (forms for part in mine for forms in _alternatives(part)):
            wrong = [self.misfits(source.inner(form), target, path) for form in forms]
            if all(wrong):
                return wrong[0]
        return []


# --- single keywords


def _has_inner_id(schema: JsonObject) -> bool:
    waiting: list[Json] = list(schema.values())
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "$id" in node:
                return True
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return False


def _referred(root: JsonObject, reference: str) -> Json:
    """What a reference inside the document names; anything, when it is not a plain pointer."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return True
    node: Json = root
    for part in unquote(reference[2:]).split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            return True
    return node


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _alternatives(schema: JsonObject) -> Iterator[list[Json]]:
    return (forms for keyword in ("anyOf", "oneOf") if (forms := _list(schema.get(keyword))))


def _values(schema: JsonObject) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _share_values(mine: Sequence[JsonObject], theirs: Sequence[JsonObject]) -> bool:
    for given in filter(None, map(_values, mine)):
        for taken in filter(None, map(_values, theirs)):
            if not any(same_json(one, other) for one in given for other in taken):
                return False
    return True


def _types_of(together: Sequence[JsonObject]) -> frozenset[str]:
    types = ALL_TYPES
    for schema in together:
        types &= _types(schema)
    return types


def _types(schema: JsonObject) -> frozenset[str]:
    values = _values(schema)
    of_values = ALL_TYPES if values is None else frozenset(map(_type_of, values))
    named = schema.get("type")
    if named is None:
        return of_values
    names = frozenset(str(name) for name in (named if isinstance(named, list) else [named]))
    return of_values & (names | {"integer"} if "number" in names else names)


def _type_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "integer" if value == int(value) else "number"
        case list():
            return "array"
        case dict():
            return "object"


def _number(schema: JsonObject, keyword: str) -> float | None:
    value = schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_Bounds: TypeAlias = tuple[float, bool, float, bool]
"""Least and whether it is excluded, most and whether it is excluded."""
_BoundsOf: TypeAlias = Callable[[JsonObject], _Bounds]
_INFINITY: Final = float("inf")


def _range(schema: JsonObject) -> _Bounds:
    values = [value for value in _values(schema) or () if _type_of(value) in ("integer", "number")]
    numbers = [value for value in values if isinstance(value, int | float)]
    least: tuple[float, bool] = (min(numbers, default=-_INFINITY), False)
    most: tuple[float, bool] = (max(numbers, default=_INFINITY), False)
    for keyword, excluded in (("minimum", False), ("exclusiveMinimum", True)):
        if (limit := _number(schema, keyword)) is not None:
            least = max(least, (limit, excluded))
    for keyword, excluded in (("maximum", False), ("exclusiveMaximum", True)):
        if (limit := _number(schema, keyword)) is not None:
            most = min(most, (limit, excluded), key=lambda bound: (bound[0], not bound[1]))
    return (*least, *most)


def _length(schema: JsonObject) -> _Bounds:
    lengths = [len(value) for value in _values(schema) or () if isinstance(value, str)]
    return _counted(schema, "minLength", "maxLength", lengths)


def _size(schema: JsonObject) -> _Bounds:
    return _counted(schema, "minItems", "maxItems", [])


def _counted(schema: JsonObject, least: str, most: str, known: Sequence[int]) -> _Bounds:
    low, high = _number(schema, least), _number(schema, most)
    fewest = max(min(known, default=0), 0 if low is None else low)
    return fewest, False, min(max(known, default=_INFINITY), _INFINITY if high is None else high), False


def _apart(mine: Sequence[JsonObject], theirs: Sequence[JsonObject], bounds: _BoundsOf) -> tuple[str, str] | None:
    """The bounds of either side in words, when nothing lies within both."""
    for one in map(bounds, mine):
        for other in map(bounds, theirs):
            for low, high in ((one, other), (other, one)):
                if low[2] < high[0] or (low[2] == high[0] and (low[3] or high[1])):
                    return _told_bounds(one), _told_bounds(other)
    return None


def _told_bounds(bounds: _Bounds) -> str:
    least, over, most, under = bounds
    words = []
    if least > 0 or (least > -_INFINITY and most == _INFINITY):
        words.append(f"more than {least:g}" if over else f"at least {least:g}")
    if most < _INFINITY:
        words.append(f"less than {most:g}" if under else f"at most {most:g}")
    return " and ".join(words) or "anything"


def _bound(path: Path, given: str, wanted: str) -> Misfit:
    return Misfit("bound", path, given, wanted)


def _required(together: Sequence[JsonObject]) -> list[str]:
    return [name for schema in together for name in _list(schema.get("required")) if isinstance(name, str)]


def _named(together: Sequence[JsonObject], segment: str | int) -> Json:
    """What all of these say of one member or item: a schema, True for nothing, False when it cannot be there."""
    found = [part for part in (_part(each, segment) for each in together) if part is not None and part is not True]
    if False in [part for part in found if isinstance(part, bool)]:
        return False
    return _all_of(found) if found else True


def _all_of(schemas: Sequence[Json]) -> Json:
    return schemas[0] if len(schemas) == 1 else {"allOf": list(schemas)}


def _part(schema: JsonObject, segment: str | int) -> Json:
    """What one schema says of one member or item; None when it says nothing that is plain to see."""
    if isinstance(segment, int):
        first = _list(schema.get("prefixItems"))
        return first[segment] if segment < len(first) else schema.get("items")
    members = _object(schema.get("properties"))
    if segment in members:
        return members[segment]
    return None if "patternProperties" in schema else schema.get("additionalProperties")
