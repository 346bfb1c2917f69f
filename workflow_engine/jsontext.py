"""JSON as this house speaks it: what we wrote ourselves is read fast, what others wrote is read strictly.

`read_strict` is the only door for foreign JSON. It accepts RFC 8259 in UTF-8 and nothing else, gives every
refusal a place, and needs time linear in the size of the text whatever the text is.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias, cast

import orjson

from workflow_engine.errors import InvalidRequest, MalformedRequest, Problem

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
JsonObject: TypeAlias = dict[str, "Json"]

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


def write(value: object) -> bytes:
    """Compact UTF-8 JSON of values that passed the edge; key order is kept."""
    return orjson.dumps(value)


def load(data: bytes | str) -> Json:
    """Read JSON that we wrote ourselves. Foreign text goes through `read_strict`."""
    value: Json = orjson.loads(data)
    return value


def fingerprint(value: object) -> str:
    """SHA-256 (hex) of the value as it is written. Key order counts: a document's mappings are taken in their order."""
    return hashlib.sha256(orjson.dumps(value)).hexdigest()


def digest(value: object) -> str:
    """SHA-256 (hex) of the value with sorted keys: equal documents have equal digests."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def pointer(*parts: str | int) -> str:
    """The RFC 6901 pointer of a path of keys and indexes; no part at all is the whole document."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """How large a foreign document may be inside.

    `max_nesting` counts the containers that are open at once, the outermost one included: `[[1]]` nests 2 deep.
    `max_keys` counts the keys of all objects together.
    """

    max_nesting: int = 64
    max_keys: int = 100_000


class MalformedJson(MalformedRequest):
    """The bytes are no JSON. `line` and `column` count characters from 1, `offset` counts bytes from 0."""

    code = "malformed-json"

    def __init__(self, reason: str, line: int, column: int, offset: int) -> None:
        self.reason, self.line, self.column, self.offset = reason, line, column, offset
        super().__init__(f"Malformed JSON at line {line}, column {column} (byte {offset}): {reason}")


class NumberOutOfRange(InvalidRequest):
    """A number that 64 bits cannot hold: refused, because rounding it silently would change the data."""

    code = "number-out-of-range"

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(
            f"The number at {where or 'the root'} is outside the range of 64-bit integers and finite doubles"
        )

    def problems(self) -> tuple[Problem, ...]:
        return (Problem(self.code, str(self), self.where),)


class NestingTooDeep(InvalidRequest):
    code = "nesting-too-deep"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The document nests more than {limit} objects and arrays inside one another")


class TooManyKeys(InvalidRequest):
    code = "too-many-keys"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The document has more than {limit} keys")


def read_strict(data: bytes, limits: JsonLimits) -> Json:
    """Read JSON that somebody else wrote.

    Integers fit 64 bits, floats are finite, strings hold neither NUL nor lone surrogates, no object has a key twice.
    A document that cannot be read is `MalformedJson`, whatever else is wrong with it; only bounds that must hold while
    reading, `NestingTooDeep` and `TooManyKeys`, may come first. `NumberOutOfRange` names the number by its pointer.
    """
    if (plain := _plain(data, limits)) is not _NOT_PLAIN:
        return cast(Json, plain)
    text = _decoded(data)
    _refuse_deep_nesting(data, limits.max_nesting)
    try:
        value = _parsed(text, data, limits)
    except json.JSONDecodeError as error:
        raise _malformed(error.msg.removesuffix(" at").rstrip(": "), text, error.pos) from None
    except _RepeatedKey:
        raise _malformed("This key stands twice in one object", text, _place_of_repeated_key(text)) from None
    except _NoNumber:
        raise _malformed("NaN and Infinity are no JSON", text, _place_of_constant(text)) from None
    _refuse_unstorable_text(text)
    return value


_NOT_PLAIN: Final = object()


def _plain(data: bytes, limits: JsonLimits) -> object:
    """The value of JSON that is written as we would write it, which proves it harmless five times as quickly.

    Our reader makes a float of a number that is too large, and keeps the last of two equal keys: then its value is
    written otherwise than it was read. What this cannot tell is left to the careful reader.
    """
    if data.count(b"[") + data.count(b"{") > limits.max_nesting or data.count(b":") > limits.max_keys:
        return _NOT_PLAIN
    if b"\\u0000" in data or _LARGE_NUMBER.search(data):
        return _NOT_PLAIN
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _NOT_PLAIN
    return value if orjson.dumps(value) == data.replace(b'": ', b'":').replace(b", ", b",") else _NOT_PLAIN


def _decoded(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("A byte order mark does not belong into JSON", 1, 1, 0)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise _malformed("These bytes are no UTF-8", before, len(before)) from None


def _malformed(reason: str, text: str, at: int) -> MalformedJson:
    line_start = text.rfind("\n", 0, at) + 1
    return MalformedJson(reason, text.count("\n", 0, at) + 1, at - line_start + 1, len(text[:at].encode()))


# --- nesting ----------------------------------------------------------------------------------------------------------

# Possessive, so that nothing is tried twice; a string that never ends swallows the rest.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEP_OF_BRACKET: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))


def _refuse_deep_nesting(data: bytes, limit: int) -> None:
    """Look at the brackets alone (+1 opens, -1 closes) before anything recurses over them."""
    if data.count(b"[") + data.count(b"{") <= limit:
        return
    brackets = _STRING.sub(b"", data).translate(_STEP_OF_BRACKET, _NO_BRACKETS)
    steps = memoryview(brackets).cast("b")
    if max(accumulate(steps), default=0) > limit:
        raise NestingTooDeep(limit)


# --- parsing ----------------------------------------------------------------------------------------------------------


class _RepeatedKey(ValueError):
    pass


class _NoNumber(ValueError):
    pass


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKey
    return found


def _constant(_: str) -> Json:
    raise _NoNumber


# Whatever leaves 64 bits has 19 digits in a row or an exponent of two digits. A hit proves nothing (it may stand in a
# string), it only chooses the reader that looks at every number.
_LARGE_NUMBER: Final = re.compile(rb"[0-9](?:[0-9]{18}|[eE]\+?[0-9]{2})")
_TRUSTING: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _parsed(text: str, data: bytes, limits: JsonLimits) -> Json:
    if not _LARGE_NUMBER.search(data) and data.count(b":") <= limits.max_keys:
        value: Json = _TRUSTING.decode(text)
        return value
    return _Careful(limits).read(text)


class _Careful:
    """One reading of one document with large numbers or many keys: it looks at each of them."""

    def __init__(self, limits: JsonLimits) -> None:
        self._limits = limits
        self._keys = 0
        self._number_refused = False

    def read(self, text: str) -> Json:
        decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._double,
            parse_constant=_constant,
        )
        value: Json = decoder.decode(text)
        if self._number_refused:
            raise NumberOutOfRange(_pointer_to_refused(value))
        return value

    def _object(self, pairs: list[tuple[str, Json]]) -> JsonObject:
        self._keys += len(pairs)
        if self._keys > self._limits.max_keys:
            raise TooManyKeys(self._limits.max_keys)
        return _object(pairs)

    def _integer(self, digits: str) -> object:
        # int() of a long text is quadratic: 20 characters hold every 64-bit integer and its sign.
        if len(digits) > 20:
            return self._refused()
        number = int(digits)
        return number if INT64_MIN <= number <= INT64_MAX else self._refused()

    def _double(self, digits: str) -> object:
        number = float(digits)
        return number if abs(number) != float("inf") else self._refused()

    def _refused(self) -> object:
        self._number_refused = True
        return _REFUSED


_REFUSED: Final = object()


def _pointer_to_refused(document: object) -> str:
    """Where the first refused number stands; the open containers are kept by hand because recursion has a bottom."""
    if document is _REFUSED:
        return pointer()
    path: list[str | int] = []
    open_containers = [_children(document)]
    while open_containers:
        for part, child in open_containers[-1]:
            if child is _REFUSED:
                return pointer(*path, part)
            if isinstance(child, (dict, list)):
                path.append(part)
                open_containers.append(_children(child))
                break
        else:
            open_containers.pop()
            del path[-1:]
    raise AssertionError("a refused number must stand in the document it was read from")


def _children(container: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(container, dict):
        return iter(container.items())
    return enumerate(container) if isinstance(container, list) else iter(())


# --- text that no database keeps --------------------------------------------------------------------------------------

_STORABLE: Final = re.compile(
    r"""(?: [^\\]++
          | \\[^u]
          | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
          | \\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}
        )*+""",
    re.VERBOSE,
)


def _refuse_unstorable_text(text: str) -> None:
    """Escapes are the only way left for a NUL or half a surrogate pair: raw ones were refused while reading."""
    if "\\u" not in text:
        return
    readable = _STORABLE.match(text)
    if readable is not None and readable.end() < len(text):
        raise _malformed("A NUL or a lone surrogate cannot be stored", text, readable.end())


# --- places the parser did not tell -----------------------------------------------------------------------------------

_KEY_OR_BRACE: Final = re.compile(r'(?P<string>"(?:[^"\\]++|\\.)*+")(?P<colon>[ \t\n\r]*+:)?|[{}]', re.DOTALL)
_STRING_OR_CONSTANT: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|(?P<constant>-?Infinity|NaN)', re.DOTALL)


def _place_of_repeated_key(text: str) -> int:
    keys_of_open_objects: list[set[str]] = []
    for token in _KEY_OR_BRACE.finditer(text):
        if token[0] == "{":
            keys_of_open_objects.append(set())
        elif token[0] == "}":
            keys_of_open_objects.pop()
        elif token["colon"]:
            key = json.loads(token["string"])
            if key in keys_of_open_objects[-1]:
                return token.start()
            keys_of_open_objects[-1].add(key)
    raise AssertionError("a repeated key must stand in the text it was read from")


def _place_of_constant(text: str) -> int:
    return next(token.start() for token in _STRING_OR_CONSTANT.finditer(text) if token["constant"])
