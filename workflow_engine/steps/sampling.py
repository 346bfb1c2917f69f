"""A value that fits a JSON Schema, the same for the same seed: what a simulated step answers.

What the author wrote down comes first (`const`, `enum`, `default`, `examples`), then something plain that the keywords
allow. The finished value is checked by the compiled schema, and what is not valid is never answered.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.errors import InvalidRequest
from workflow_engine.jsontext import Json, JsonObject, digest
from workflow_engine.steps.fitting import Described, parts
from workflow_engine.steps.schemas import compile_schema

DEEPEST: Final = 12
"""Below this, only what is required is made."""
MOST_VALUES: Final = 2_000
"""Values inside one another: a schema that refers to itself could ask for more without end."""
TRIES: Final = 12
MOST_ITEMS: Final = 1_000
FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "idn-email": "someone@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/example",
    "iri": "https://example.com/",
    "iri-reference": "/example",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": ".*",
    "uri-template": "/{example}",
}
_WORDS: Final = ("simulated", "example", "sample", "value", "text")
_CLASSES: Final[Mapping[str, str]] = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_ATOM: Final = re.compile(
    r"\\(?P<escape>.)|\[(?P<negated>\^?)(?P<set>(?:\\.|[^\]\\])+)\]|(?P<any>\.)|(?P<plain>[^\\\[\]().*+?{}|^$])"
)
_REPEAT: Final = re.compile(r"\{(?P<least>\d{1,3})(?:,\d*)?\}|(?P<sign>[*+?])")


class NoSample(InvalidRequest):
    """No value that fits the schema was found; an `example` or a `default` in it would be taken."""

    code = "no-sample"

    def __init__(self) -> None:
        super().__init__("No value that fits this schema was found; give it an example or a default")


def sample(schema: JsonObject | None, seed: str) -> Json:
    """A value that is valid for `schema` (None: anything); equal schemas and seeds give equal values.

    Raises `NoSample`, or `InvalidSchema` when it is no schema.
    """
    if schema is None:
        return {}
    validator = compile_schema(schema)
    for attempt in range(TRIES):
        value = _Sampler(schema, f"{seed}:{digest(schema)}:{attempt}", attempt).value(schema, "", 0)
        if validator.is_valid(value):
            return value
    raise NoSample


@dataclass(slots=True)
class _Sampler:
    """One try. The first makes every field that is named; every second one only those that are required."""

    root: JsonObject
    seed: str
    attempt: int
    left: int = MOST_VALUES

    def value(self, schema: Json, place: str, depth: int) -> Json:
        self.left -= 1
        if self.left < 0 or depth > 4 * DEEPEST:
            return None
        merged = _merged(Described(schema, self.root), self._choose(place), depth)
        written = list(_written(merged))
        if written and self.attempt < TRIES - 2:
            return written[self._number(place, len(written)) if self.attempt else 0]
        return _MAKERS[self._type(merged, place)](self, merged, place, depth)

    def _number(self, place: str, below: int) -> int:
        """From 0 up to `below`, exclusive; the same at one place of one try."""
        drawn = hashlib.sha256(f"{self.seed}:{place}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") % below

    def _choose(self, place: str) -> Callable[[list[Json]], Json]:
        def choose(forms: list[Json]) -> Json:
            return forms[(self._number(f"{place}|", len(forms)) + self.attempt) % len(forms)]

        return choose

    def _type(self, schema: JsonObject, place: str) -> str:
        named = schema.get("type")
        if isinstance(named, list) and named:
            plain = [str(name) for name in named if name != "null"] or ["null"]
            return plain[(self._number(place, len(plain)) + self.attempt) % len(plain)]
        if isinstance(named, str):
            return named
        return next((kind for kind, keywords in _HINTS.items() if not keywords.isdisjoint(schema)), "object")

    # --- one for each type

    def null(self, schema: JsonObject, place: str, depth: int) -> Json:
        return None

    def boolean(self, schema: JsonObject, place: str, depth: int) -> Json:
        return self._number(place, 2) == 1

    def integer(self, schema: JsonObject, place: str, depth: int) -> Json:
        return self._stepped(schema, place, 1)

    def number(self, schema: JsonObject, place: str, depth: int) -> Json:
        low, high = _limits(schema)
        if low is not None and high is not None and "multipleOf" not in schema and high - low < 2:
            return (low + high) / 2
        return self._stepped(schema, place, 0)

    def _stepped(self, schema: JsonObject, place: str, least_step: int) -> Json:
        """A multiple of what it must be a multiple of, just inside the bounds."""
        step = _numeric(schema, "multipleOf") or 1
        if least_step and step != int(step):
            step = step * 10 if (step * 10) == int(step * 10) else 1
        low, high = _limits(schema)
        if low is None and high is None:
            return self._number(place, 100) * step
        if low is None and high is not None:
            times = high // step
            return (times - 1 if times * step == high and "exclusiveMaximum" in schema else times) * step
        low = low or 0
        times = -(-low // step)
        if times * step == low and _numeric(schema, "exclusiveMinimum") == low:
            times += 1
        return _whole(times * step)

    def string(self, schema: JsonObject, place: str, depth: int) -> Json:
        pattern, form = schema.get("pattern"), schema.get("format")
        if isinstance(pattern, str):
            return _matching(pattern, _count(schema, "minLength", 0))
        if isinstance(form, str) and form in FORMATS:
            return FORMATS[form]
        word = _WORDS[self._number(place, len(_WORDS))]
        least = _count(schema, "minLength", 0)
        text = word * (min(least, 1_000_000) // len(word) + 1) if least > len(word) else word
        return text[: max(least, len(word))][: _count(schema, "maxLength", len(text))]

    def array(self, schema: JsonObject, place: str, depth: int) -> Json:
        first = schema.get("prefixItems")
        heads = first if isinstance(first, list) else []
        least, rest = _count(schema, "minItems", 0), schema.get("items", True)
        some = 0 if rest is False or rest is True or depth >= DEEPEST or self.attempt % 2 else 1
        least = max(least, _count(schema, "minContains", 1) if "contains" in schema else 0)
        size = min(max(least, len(heads) if least else 0, some), _count(schema, "maxItems", MOST_ITEMS), MOST_ITEMS)
        inner = schema.get("contains", rest) if rest is True else rest
        schemas = [heads[n] if n < len(heads) else inner for n in range(size)]
        unique = schema.get("uniqueItems") is True
        return [
            self._other(each, f"{place}/{n}", n, depth) if unique else self.value(each, f"{place}/{n}", depth + 1)
            for n, each in enumerate(schemas)
        ]

    def _other(self, schema: Json, place: str, n: int, depth: int) -> Json:
        """An item that differs from those before it, where the schema leaves room for that."""
        merged = _merged(Described(schema, self.root), self._choose(place), depth)
        written = list(_written(merged))
        if written:
            return written[n % len(written)]
        made = self.value(schema, place, depth + 1)
        if isinstance(made, str):
            return f"{made}{n}" if n else made
        return made + n if isinstance(made, int) and not isinstance(made, bool) else made

    def object(self, schema: JsonObject, place: str, depth: int) -> Json:
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        needed = [name for name in _list(schema.get("required")) if isinstance(name, str)]
        optional = list(known) if depth < DEEPEST and self.attempt % 2 == 0 and self.left > MOST_VALUES // 2 else []
        most = _count(schema, "maxProperties", MOST_ITEMS)
        names = list(dict.fromkeys([*needed, *optional]))[: max(most, len(needed))]
        rest = schema.get("additionalProperties", True)
        made: JsonObject = {
            name: self.value(known.get(name, rest), f"{place}/{name}", depth + 1)
            for name in names
            if known.get(name, rest) is not False
        }
        while len(made) < min(_count(schema, "minProperties", 0), MOST_ITEMS) and rest is not False:
            name = next((each for each in known if each not in made), f"field{len(made)}")
            made[name] = self.value(known.get(name, rest), f"{place}/{name}", depth + 1)
        return made


_MAKERS: Final[Mapping[str, Callable[[_Sampler, JsonObject, str, int], Json]]] = {
    "null": _Sampler.null,
    "boolean": _Sampler.boolean,
    "integer": _Sampler.integer,
    "number": _Sampler.number,
    "string": _Sampler.string,
    "array": _Sampler.array,
    "object": _Sampler.object,
}
_HINTS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "patternProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}


def _written(schema: JsonObject) -> Iterator[Json]:
    """Values the author gave."""
    if "const" in schema:
        yield schema["const"]
        return
    if enum := _list(schema.get("enum")):
        yield from enum
        return
    if "default" in schema:
        yield schema["default"]
    yield from _list(schema.get("examples"))


def _merged(described: Described, choose: Callable[[list[Json]], Json], depth: int) -> JsonObject:
    """One schema for all that holds at once: what is referred to, every `allOf`, one form where there are several."""
    merged: JsonObject = {}
    for part in parts(described):
        _merge(merged, part)
        for keyword in ("anyOf", "oneOf"):
            forms = [form for form in _list(part.get(keyword)) if form is not False]
            if forms and depth <= 2 * DEEPEST:
                _merge(merged, _merged(described.inner(choose(forms)), choose, depth + 1))
    return merged


def _merge(merged: JsonObject, part: JsonObject) -> None:
    """Take another schema in, so that what fits the result fits both, in the plain cases."""
    for keyword, value in part.items():
        known = merged.get(keyword)
        if known is None:
            merged[keyword] = value
        elif keyword == "properties" and isinstance(known, dict) and isinstance(value, dict):
            both: JsonObject = {
                name: {"allOf": [known[name], each]} if name in known else each for name, each in value.items()
            }
            merged[keyword] = {**known, **both}
        elif keyword in ("required", "examples") and isinstance(known, list) and isinstance(value, list):
            merged[keyword] = [*known, *(each for each in value if each not in known)]
        elif keyword in ("type", "enum"):
            merged[keyword] = _shared(known, value)
        elif keyword in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
            merged[keyword] = max(known, value)  # type: ignore[type-var]  # a schema that was compiled has numbers here
        elif keyword in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
            merged[keyword] = min(known, value)  # type: ignore[type-var]  # likewise
        elif keyword in ("items", "additionalProperties"):
            merged[keyword] = {"allOf": [known, value]} if known is not False and value is not False else False


def _shared(known: Json, value: Json) -> Json:
    mine, theirs = (each if isinstance(each, list) else [each] for each in (known, value))
    shared = [each for each in mine if each in theirs]
    if "number" in theirs and "integer" in mine and "integer" not in shared:
        shared.append("integer")
    if "number" in mine and "integer" in theirs and "integer" not in shared:
        shared.append("integer")
    return shared or known


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _numeric(schema: JsonObject, keyword: str) -> float | None:
    value = schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(schema: JsonObject, keyword: str, otherwise: int) -> int:
    value = _numeric(schema, keyword)
    return otherwise if value is None else int(value)


def _limits(schema: JsonObject) -> tuple[float | None, float | None]:
    lows = [limit for name in ("minimum", "exclusiveMinimum") if (limit := _numeric(schema, name)) is not None]
    highs = [limit for name in ("maximum", "exclusiveMaximum") if (limit := _numeric(schema, name)) is not None]
    return max(lows, default=None), min(highs, default=None)


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _matching(pattern: str, least: int) -> str:
    """A text for a plain pattern: characters, sets and repetitions in a row. Anything else is left to luck."""
    text, position = "", 0
    body = pattern.removeprefix("^")
    body = body[:-1] if body.endswith("$") and not body.endswith("\\$") else body
    while (atom := _ATOM.match(body, position)) is not None:
        position = atom.end()
        repeat = _REPEAT.match(body, position)
        times = 1
        if repeat is not None:
            position = repeat.end()
            times = int(repeat["least"]) if repeat["least"] else 0 if repeat["sign"] in "*?" else 1
            if repeat["sign"] in ("*", "+") or (repeat["least"] and "," in repeat.group()):
                times = max(times, least - len(text))
        text += _character(atom) * times
    return text


def _character(atom: re.Match[str]) -> str:
    if atom["escape"]:
        return _CLASSES.get(atom["escape"], atom["escape"])
    if atom["set"]:
        wanted = re.compile(f"[{atom['negated']}{atom['set']}]")
        return next((each for each in map(chr, range(33, 127)) if wanted.match(each)), "a")
    return atom["plain"] or "a"
