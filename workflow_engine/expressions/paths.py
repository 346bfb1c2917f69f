"""Static paths such as `fetch.items[0].name`: how they are written in a mapping, and how they are read from a scope."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from workflow_engine.expressions.errors import InvalidExpression, MappingError, UnknownReference, keys_that_exist
from workflow_engine.expressions.scope import PLACES_OF_ROOTS, RECORD_KEYS, STEPS, Names, Scope
from workflow_engine.jsontext import Json

HEAD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
SEGMENT: Final = re.compile(
    r"""\.(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]{1,9})\]|\["(?P<double>[^"\\\]]+)"\]|\['(?P<single>[^'\\\]]+)'\]"""
)
IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PREVIOUS: Final = "$prev"
LITERALS_BELONG: Final = "literal text belongs into `input_data` or `config`"


@dataclass(frozen=True, slots=True)
class StaticPath:
    """A place below a root, or below a step's record (there the first segment is `status`, `output` or `error`)."""

    step_id: str | None
    root: str | None
    segments: tuple[str | int, ...]

    def __str__(self) -> str:
        return self._upto(len(self.segments))

    def read(self, scope: Scope) -> Json:
        """The value itself, not a copy. Null when the step was skipped; `MappingError` when it is not there."""
        found, value = self._follow(scope)
        return value if found else self._absent(scope)

    def find(self, scope: Scope) -> Json:
        """The value itself, or null when it is not there for whatever reason."""
        return self._follow(scope)[1]

    def _follow(self, scope: Scope) -> tuple[bool, Json]:
        value = self._origin(scope)
        try:
            for segment in self.segments:
                if type(value) is str:
                    return False, None
                value = value[segment]  # type: ignore[index]  # a failure is caught
        except (KeyError, IndexError, TypeError):
            return False, None
        return True, value

    def _origin(self, scope: Scope) -> Json:
        if self.step_id is not None:
            return cast("Json", scope.step(self.step_id))
        return scope.root(cast("str", self.root))

    def _absent(self, scope: Scope) -> Json:
        origin = self._origin(scope)
        if self.step_id is not None and isinstance(origin, Mapping):
            status = origin.get("status")
            if status == "skipped":
                return None
            if self.segments[0] not in origin:
                raise MappingError(str(self), _not_in_record(self.step_id, self.segments[0], status))
        raise MappingError(str(self), self._first_gap(origin))

    def _first_gap(self, value: Json) -> str:
        for depth, segment in enumerate(self.segments):
            place = self._upto(depth)
            if isinstance(value, Mapping):
                if segment not in value:
                    return f"there is no `{segment}`; {keys_that_exist(place, value)}"
            elif not isinstance(value, list):
                return f"`{place}` is {kind_of(value)} and has no keys"
            elif not isinstance(segment, int):
                return f"`{place}` is a list of {len(value)}: an item is written `[0]`"
            elif segment >= len(value):
                return f"`{place}` is a list of {len(value)}: there is no `[{segment}]`"
            value = value[segment]  # type: ignore[index]  # told apart above
        return "it changed while it was read"

    def _upto(self, depth: int) -> str:
        head = self.root if self.step_id is None else f"{STEPS}{written(self.step_id)}"
        return f"{head}{''.join(written(segment) for segment in self.segments[:depth])}"


def written(segment: str | int) -> str:
    """One segment as CEL writes it: `.name`, `["fetch-data"]` or `[0]`."""
    if isinstance(segment, str) and IDENTIFIER.fullmatch(segment):
        return f".{segment}"
    return f'["{segment}"]' if isinstance(segment, str) else f"[{segment}]"


def mapping_path(text: str, names: Names) -> StaticPath:
    """Read the path of an input mapping; a bare step id means the step's output.

    Raises `UnknownReference` for a head that is no step, `InvalidExpression` for text that is no path at all.
    """
    parts = _split_previous(text, names) if text.startswith(PREVIOUS) else split(text)
    if parts is None:
        raise InvalidExpression(text, f"A mapping is a path or a template; {LITERALS_BELONG}")
    path = known_path(*parts, names)
    if path is None:
        raise unknown_head(parts[0], text, names, f"; {LITERALS_BELONG}")
    return path


def _split_previous(text: str, names: Names) -> tuple[str, tuple[str | int, ...]]:
    if names.previous is None:
        raise InvalidExpression(text, "`$prev` needs a step with exactly one dependency; name the step instead")
    segments = split_segments(text[len(PREVIOUS) :])
    if segments is None:
        raise InvalidExpression(text, "After `$prev` a path goes on with `.key` or `[0]`")
    return names.previous, segments


def split(text: str) -> tuple[str, tuple[str | int, ...]] | None:
    """Head and segments of something spelled like a path, or None."""
    head = HEAD.match(text)
    if head is None:
        return None
    segments = split_segments(text[head.end() :])
    return None if segments is None else (head.group(), segments)


def split_segments(text: str) -> tuple[str | int, ...] | None:
    segments: list[str | int] = []
    position = 0
    while position < len(text):
        found = SEGMENT.match(text, position)
        if found is None:
            return None
        position = found.end()
        index = found["index"]
        segments.append(found["key"] or found["double"] or found["single"] if index is None else int(index))
    return tuple(segments)


def known_path(head: str, segments: tuple[str | int, ...], names: Names) -> StaticPath | None:
    """The path below a known head: `steps.<id>` (its record), a step id (its output) or a root; None for any other."""
    if head == STEPS:
        return _record_path(segments, names)
    if head in names.roots:
        return StaticPath(None, head, segments)
    if head in names.step_ids:
        return StaticPath(head, None, ("output", *segments))
    return None


def _record_path(segments: tuple[str | int, ...], names: Names) -> StaticPath:
    text = STEPS + "".join(written(segment) for segment in segments)
    if not segments or not isinstance(segments[0], str):
        raise InvalidExpression(text, 'After `steps` comes the id of a step, as in `steps.a.output` or `steps["a-b"]`')
    step_id = segments[0]
    if step_id not in names.step_ids:
        raise UnknownReference(text, f"There is no step `{step_id}`")
    return StaticPath(step_id, None, record_segments(text, step_id, segments[1:]))


def record_segments(source: str, step_id: str, segments: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The segments below a step's record, refused unless they begin with one of its own keys."""
    if segments and segments[0] not in RECORD_KEYS:
        record = f"{STEPS}{written(step_id)}"
        advice = f"A step's record has only status, output and error: write `{record}.output{written(segments[0])}`"
        raise InvalidExpression(source, advice)
    return segments


def unknown_head(head: str, source: str, names: Names, advice: str = "") -> InvalidExpression:
    """The refusal of a name that is not in scope here."""
    if head in PLACES_OF_ROOTS:
        return InvalidExpression(source, f"`{head}` exists only in {PLACES_OF_ROOTS[head]}")
    longer = next((known for known in sorted(names.step_ids) if known.startswith(f"{head}-")), None)
    dashed = f'; write `steps["{longer}"]`' if longer else ""
    return UnknownReference(source, f"`{head}` is no step and no other name known here{dashed}{advice}")


def _not_in_record(step_id: str, part: str | int, status: Json) -> str:
    record = f"{STEPS}{written(step_id)}"
    if part == "output":
        return f"step `{step_id}` is {status} and has no output; read `{record}.status` or `{record}.error` instead"
    return f"step `{step_id}` is {status} and has no {part}; read `{record}.status` first"


def kind_of(value: Json) -> str:
    """What a value is, for messages that must not show it."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return kinds.get(type(value), "an object")
