"""Whether one contract may follow another as a minor version, and if not, why: one sentence for each difference.

What a step takes (config, input) may only grow wider: nothing newly required, nothing narrowed. What it answers
(output) may only grow narrower: nothing removed, nothing widened. A keyword this module does not understand must stay
as it is, so that the answer "compatible" can be trusted; annotations never matter.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from workflow_engine.jsontext import Json, JsonObject, pointer, write
from workflow_engine.steps.authoring import same_json
from workflow_engine.steps.contract import StepType
from workflow_engine.steps.fitting import Described

_Schema: TypeAlias = JsonObject | bool
_Path: TypeAlias = tuple[str | int, ...]


def breaking_changes(old: StepType, new: StepType) -> list[str]:
    """What a document written for `old` could stumble over with `new`.

    Empty when `new` may be its next minor version.
    """
    return [
        *(_TAKES["config"].told(found) for found in narrowings(old.config_schema, new.config_schema)),
        *(_TAKES["input"].told(found) for found in narrowings(old.input_schema, new.input_schema)),
        *_told_losses(old.output_schema, new.output_schema),
    ]


def output_losses(old: Described, new: Described) -> list[str]:
    """What somebody who reads `old`, an output or a part of one, could stumble over with `new`."""
    losses = _told_losses(_as_schema(old.schema), _as_schema(new.schema))
    if losses or not same_json(old.schema, new.schema) or b'"$ref"' not in write(old.schema):
        return losses
    # The same words, but what they refer to may be something else now.
    return [] if same_json(old.root, new.root) else ["what it refers to changed"]


def told_of_taken(part: str, difference: "Difference") -> str:
    """The sentence for something that `part` (`config` or `input`) accepted and does not accept any more."""
    return _TAKES[part].told(difference)


def _told_losses(old: _Schema | None, new: _Schema | None) -> list[str]:
    return [
        *(_GIVES.told(found) for found in _removed(old, new)),
        *(_GIVES.told(found) for found in narrowings(new, old)),
    ]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something `wide` accepts and `narrow` does not: what kind, where in the value, and the names it is about."""

    kind: str
    path: _Path
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Side:
    """How differences are told: for what a step takes, the new schema is the narrow one.

    For what it gives, the old one.
    """

    name: str
    sentences: dict[str, str]

    def told(self, difference: Difference) -> str:
        sentence = self.sentences[difference.kind].format(difference.detail)
        return f"{self.name} {pointer(*difference.path) or '/'}: {sentence}"


_TAKES_SENTENCES: Final = {
    "required": "'{}' is newly required",
    "removed": "'{}' is not accepted any more",
    "closed": "other fields are not accepted any more",
    "type": "{} is not accepted any more",
    "value": "some values of '{}' are not accepted any more",
    "bound": "'{}' is stricter than before",
    "changed": "'{}' changed in a way that cannot be shown to be compatible",
    "nothing": "nothing is accepted any more",
}
_GIVES_SENTENCES: Final = {
    "required": "'{}' is not always there any more",
    "removed": "'{}' was removed",
    "closed": "other fields may appear",
    "type": "it may be {} now",
    "value": "'{}' may have other values now",
    "bound": "'{}' is looser than before",
    "changed": "'{}' changed in a way that cannot be shown to be compatible",
    "nothing": "something is answered where nothing was",
}
_TAKES: Final = {name: _Side(name, _TAKES_SENTENCES) for name in ("config", "input")}
_GIVES: Final = _Side("output", _GIVES_SENTENCES)


def narrowings(wide: _Schema | None, narrow: _Schema | None, path: _Path = ()) -> Iterator[Difference]:
    """Where `narrow` refuses what `wide` accepts. None stands for a schema that accepts anything."""
    if narrow is None or narrow is True or wide is False:
        return
    if narrow is False:
        yield Difference("nothing", path)
        return
    before: JsonObject = wide if isinstance(wide, dict) else {}
    for keyword in narrow:
        unchanged = keyword in before and same_json(before[keyword], narrow[keyword])
        if keyword in _ANNOTATIONS or (unchanged and keyword not in _RELATIVE):
            continue
        rule = _RULES.get(keyword, _must_not_change)
        yield from rule(keyword, before, narrow, path)


def _removed(old: _Schema | None, new: _Schema | None, path: _Path = ()) -> Iterator[Difference]:
    """Fields that the old output named and the new one does not, at any depth: somebody may refer to them."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if isinstance(old, dict):
            yield from (Difference("removed", path, name) for name in _properties(old))
        return
    present = _properties(new)
    for name, schema in _properties(old).items():
        if name not in present:
            yield Difference("removed", path, name)
        else:
            yield from _removed(_as_schema(schema), _as_schema(present[name]), (*path, name))
    if "items" in old and "items" in new:
        yield from _removed(_as_schema(old["items"]), _as_schema(new["items"]), (*path, "items"))


def _as_schema(value: Json) -> _Schema:
    return value if isinstance(value, dict | bool) else True


def _properties(schema: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


# --- one rule a keyword: (keyword, wide, narrow, path) -> differences

_Rule: TypeAlias = Callable[[str, JsonObject, JsonObject, _Path], Iterator[Difference]]


def _types(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    allowed = _type_names(narrow["type"])
    if "number" in allowed:
        allowed = allowed | {"integer"}
    before = _type_names(wide["type"]) if "type" in wide else _types_of_values(wide)
    if lost := sorted(before - allowed):
        yield Difference("type", path, " or ".join(lost))


def _type_names(types: Json) -> frozenset[str]:
    return frozenset(str(name) for name in (types if isinstance(types, list) else [types]))


def _types_of_values(schema: JsonObject) -> frozenset[str]:
    values = _listed_values(schema)
    if values is None:
        return frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
    return frozenset(_type_of(value) for value in values)


def _type_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case list():
            return "array"
        case dict():
            return "object"


def _values(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    allowed = _listed_values({keyword: narrow[keyword]}) or []
    before = _listed_values(wide)
    if before is None or not all(any(same_json(value, other) for other in allowed) for value in before):
        yield Difference("value", path, keyword)


def _listed_values(schema: JsonObject) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _required(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    before = wide.get("required")
    known = before if isinstance(before, list) else []
    wanted = narrow["required"]
    yield from (Difference("required", path, str(name)) for name in _list(wanted) if name not in known)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _members(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    before = _properties(wide)
    for name, schema in _properties(narrow).items():
        if name in before:
            yield from narrowings(_as_schema(before[name]), _as_schema(schema), (*path, name))
        elif not _COMPOSING.isdisjoint(wide):
            yield Difference("changed", path, keyword)
        # Otherwise the name is new and optional; that anything might have stood there before promised nothing.


def _other_members(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    rest = _as_schema(narrow["additionalProperties"])
    known = _properties(narrow)
    for name, schema in _properties(wide).items():
        if name not in known and rest is False:
            yield Difference("removed", path, name)
        elif name not in known:
            yield from narrowings(_as_schema(schema), rest, (*path, name))
    before = _as_schema(wide.get("additionalProperties", True))
    if "patternProperties" in wide and "patternProperties" not in narrow:
        yield Difference("changed", path, "patternProperties")
    if rest is False and before is not False:
        yield Difference("closed", path)
    elif rest is not False:
        yield from narrowings(before, rest, (*path, "*"))


def _items(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    if "prefixItems" in wide and "prefixItems" not in narrow:
        yield Difference("changed", path, "prefixItems")
    yield from narrowings(_as_schema(wide.get("items", True)), _as_schema(narrow["items"]), (*path, "items"))


def _at_least(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    before, now = wide.get(keyword), narrow[keyword]
    implied = 0 if keyword.startswith("min") and keyword != "minimum" else None
    limit = before if isinstance(before, int | float) else implied
    if limit is None or not isinstance(now, int | float) or now > limit:
        yield Difference("bound", path, keyword)


def _at_most(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    before, now = wide.get(keyword), narrow[keyword]
    if not isinstance(before, int | float) or not isinstance(now, int | float) or now < before:
        yield Difference("bound", path, keyword)


def _alternatives(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    """More alternatives of an `anyOf` accept more; any other change of them is not looked into."""
    before, now = wide.get(keyword), _list(narrow[keyword])
    if not isinstance(before, list) or not all(any(same_json(form, other) for other in now) for form in before):
        yield Difference("changed", path, keyword)


def _must_not_change(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    yield Difference("changed", path, keyword)


def _all_or_nothing(keyword: str, wide: JsonObject, narrow: JsonObject, path: _Path) -> Iterator[Difference]:
    """What is left over by all other keywords is known to be the same only when they are."""
    if not same_json(_without_annotations(wide), _without_annotations(narrow)):
        yield Difference("changed", path, keyword)


def _without_annotations(schema: JsonObject) -> JsonObject:
    return {keyword: value for keyword, value in schema.items() if keyword not in _ANNOTATIONS}


_ANNOTATIONS: Final = frozenset(
    {"$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
_RELATIVE: Final = frozenset({"additionalProperties", "items", "unevaluatedItems", "unevaluatedProperties"})
"""What they mean depends on the keywords beside them, so they must be looked at even when they did not change."""
_COMPOSING: Final = frozenset(
    {"$dynamicRef", "$ref", "allOf", "anyOf", "dependentSchemas", "else", "oneOf", "patternProperties", "then"}
)
"""What may say more of an object's fields than its `properties` do."""
_RULES: Final[dict[str, _Rule]] = {
    "type": _types,
    "enum": _values,
    "const": _values,
    "required": _required,
    "properties": _members,
    "additionalProperties": _other_members,
    "items": _items,
    "anyOf": _alternatives,
    "unevaluatedItems": _all_or_nothing,
    "unevaluatedProperties": _all_or_nothing,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _at_least),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _at_most),
}
