"""Values of a document with `${...}` in them, compiled once: what is literal, what is taken over, what is computed.

Two phases, because a value that is only taken over need not be stored again: `compute` yields what an event records,
`build` puts it together with values that are read, by reference, from the committed outputs.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, Protocol, TypeAlias

from workflow_engine.expressions.cel import Program, compile_cel
from workflow_engine.expressions.cost import Allowance
from workflow_engine.expressions.errors import EvaluationFailed, InvalidExpression
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.paths import StaticPath, mapping_path
from workflow_engine.expressions.scope import Names, Scope
from workflow_engine.jsontext import Json, write

Part: TypeAlias = "str | StaticPath | Program"

OPEN: Final = "${"
ESCAPED: Final = "$${"
OPENING: Final = re.compile(r"\$\$\{|\$\{")
CEL_TOKEN: Final = re.compile(
    r'[bB]?[rR][bB]?(?:"""[\s\S]*?"""|' + r"'''[\s\S]*?'''" + r'|"[^"\n]*"|' + r"'[^'\n]*')"
    r'|"""(?:\\[\s\S]|[^\\])*?"""|' + r"'''(?:\\[\s\S]|[^\\])*?'''"
    r'|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'" + r"|`[^`\n]*`|//[^\n]*|[\s\S]"
)


class Computation(Protocol):
    """Something that is computed once and whose result is recorded."""

    def evaluate(self, scope: Scope, allowance: Allowance) -> Json: ...


class Shape(Protocol):
    """A value of which some parts come from elsewhere."""

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    value: Json

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        return self.value


@dataclass(frozen=True, slots=True)
class TakenOver:
    path: StaticPath

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        return self.path.read(scope)


@dataclass(frozen=True, slots=True)
class Computed:
    place: int

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        return computed[self.place]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    members: tuple[tuple[str, Shape], ...]

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        return {key: shape.build(scope, computed) for key, shape in self.members}


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Shape, ...]

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        return [shape.build(scope, computed) for shape in self.items]


@dataclass(frozen=True, slots=True)
class Text:
    """Text with values rendered into it: strings as they are, anything else as compact JSON."""

    source: str
    parts: tuple[Part, ...]
    limits: ExpressionLimits

    def evaluate(self, scope: Scope, allowance: Allowance) -> Json:
        rendered: list[str] = []
        size = 0
        for part in self.parts:
            text = part if isinstance(part, str) else _rendered(_value(part, scope, allowance))
            size += len(text)
            if size > self.limits.max_text_bytes:
                self._too_long()
            rendered.append(text)
        allowance.spend(size // 8, self.source)
        return "".join(rendered)

    def _too_long(self) -> NoReturn:
        raise EvaluationFailed(self.source, f"the text would be longer than {self.limits.max_text_bytes} characters")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled value.

    `references`: the step ids it mentions, in order of appearance. `paths`: each place it reads that is known and
    must exist, for checks against schemas. `is_literal`: nothing to evaluate, `build` returns the value itself.
    """

    references: tuple[str, ...]
    paths: tuple[StaticPath, ...]
    is_literal: bool
    shape: Shape
    computations: tuple[Computation, ...]
    limits: ExpressionLimits

    def compute(self, scope: Scope) -> tuple[Json, ...]:
        """What has to be recorded, in a fixed order; empty for literals and plain references.

        Raises `EvaluationFailed`, or `MappingError` for a plain reference inside text.
        """
        if not self.computations:
            return ()
        allowance = Allowance(self.limits)
        return tuple(computation.evaluate(scope, allowance) for computation in self.computations)

    def build(self, scope: Scope, computed: Sequence[Json]) -> Json:
        """The finished value, given what `compute` yielded. May raise `MappingError`; treat the value as read-only."""
        return self.shape.build(scope, computed)

    @property
    def filled_fields(self) -> frozenset[str]:
        """Of an object: the fields that are not as they were written, because a template put a value there."""
        if not isinstance(self.shape, ObjectOf):
            return frozenset()
        return frozenset(key for key, shape in self.shape.members if not isinstance(shape, Fixed))


def fixed(value: Json) -> Template:
    """A value that holds no templates, whatever it looks like."""
    return Template((), (), True, Fixed(value), (), ExpressionLimits())


def compile_mapping(value: Json, names: Names) -> Template:
    """One value of an `input_mapping`: a path, a template, or other JSON with templates at any depth."""
    if isinstance(value, str) and OPEN not in value:
        path = mapping_path(value, names)
        return _Compiler(names).finish(TakenOver(path), path)
    return compile_template(value, names)


def compile_template(value: Json, names: Names) -> Template:
    """JSON in which only `${...}` (and `$${` for a literal `${`) is special, in values at any depth, never in keys."""
    compiler = _Compiler(names)
    return compiler.finish(compiler.shape(value, 0))


def compile_expression(source: str, names: Names) -> Template:
    """Text that is one CEL expression as a whole, or a template when it has a `${` that is not escaped."""
    if OPEN in source.replace(ESCAPED, ""):
        return compile_template(source, names)
    compiler = _Compiler(names)
    return compiler.finish(compiler.expression(source))


@dataclass(slots=True)
class _Compiler:
    """Collects what the parts of one template refer to and compute."""

    names: Names
    computations: list[Computation] = field(default_factory=list)
    paths: dict[StaticPath, None] = field(default_factory=dict)
    steps: dict[str, None] = field(default_factory=dict)
    programs: int = 0

    def finish(self, shape: Shape, *paths: StaticPath) -> Template:
        for path in paths:
            self._mention(path, path.step_id)
        return Template(
            tuple(self.steps),
            tuple(self.paths),
            isinstance(shape, Fixed),
            shape,
            tuple(self.computations),
            self.names.limits,
        )

    def shape(self, value: Json, depth: int) -> Shape:
        if depth > self.names.limits.max_template_depth:
            most = self.names.limits.max_template_depth
            raise InvalidExpression("", f"A value is nested at most {most} levels deep")
        if isinstance(value, str):
            return self._text(value) if OPEN in value else Fixed(value)
        if isinstance(value, dict):
            members = tuple((key, self.shape(member, depth + 1)) for key, member in value.items())
            return _kept(value, value.values(), [shape for _, shape in members], lambda: ObjectOf(members))
        if isinstance(value, list):
            items = tuple(self.shape(item, depth + 1) for item in value)
            return _kept(value, value, items, lambda: ListOf(items))
        return Fixed(value)

    def expression(self, source: str) -> Shape:
        compiled = self._compiled(source.strip())
        return TakenOver(compiled) if isinstance(compiled, StaticPath) else self._computed(compiled)

    def _text(self, text: str) -> Shape:
        holes = split_template(text, self.names.limits)
        if len(holes) == 1 and isinstance(holes[0], Hole):
            return self.expression(holes[0].source)
        parts = tuple(self._compiled(part.source) if isinstance(part, Hole) else part for part in holes)
        if all(isinstance(part, str) for part in parts):
            return Fixed("".join(part for part in parts if isinstance(part, str)))
        return self._computed(Text(_shortened(text), parts, self.names.limits))

    def _compiled(self, source: str) -> StaticPath | Program:
        self.programs += 1
        if self.programs > self.names.limits.max_expressions:
            most = self.names.limits.max_expressions
            raise InvalidExpression("", f"One value has at most {most} expressions")
        compiled = compile_cel(source, self.names)
        if isinstance(compiled, StaticPath):
            self._mention(compiled, compiled.step_id)
            return compiled
        for place in compiled.places:
            self._mention(None, place.path.step_id)
        self.paths.update(dict.fromkeys(compiled.paths))
        return compiled

    def _computed(self, computation: Computation) -> Shape:
        self.computations.append(computation)
        return Computed(len(self.computations) - 1)

    def _mention(self, path: StaticPath | None, step_id: str | None) -> None:
        if path is not None:
            self.paths[path] = None
        if step_id is not None:
            self.steps[step_id] = None


@dataclass(frozen=True, slots=True)
class Hole:
    """What stands between `${` and `}`."""

    source: str


def split_template(text: str, limits: ExpressionLimits) -> tuple[str | Hole, ...]:
    """Cut a template into its text and its holes, in one pass from left to right."""
    parts: list[str | Hole] = []
    position = holes = 0
    while (opening := OPENING.search(text, position)) is not None:
        if opening.start() > position:
            parts.append(text[position : opening.start()])
        if opening.group() == ESCAPED:
            parts.append(OPEN)
            position = opening.end()
            continue
        position = _closing(text, opening.end(), limits)
        parts.append(Hole(text[opening.end() : position - 1].strip()))
        holes += 1
        if holes > limits.max_text_parts:
            raise InvalidExpression(_shortened(text), f"One text has at most {limits.max_text_parts} expressions")
    return (*parts, text[position:]) if position < len(text) or not parts else tuple(parts)


def _closing(text: str, start: int, limits: ExpressionLimits) -> int:
    """The position behind the `}` that closes a hole; braces inside quotes and nested ones do not."""
    depth = 1
    window = text[start : start + limits.max_source_bytes + 1]
    for token in CEL_TOKEN.finditer(window):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return start + token.end()
    if start + len(window) < len(text):
        most = limits.max_source_bytes
        raise InvalidExpression("", f"An expression is closed by `}}` within {most} bytes; a literal `${{` is `$${{`")
    raise InvalidExpression(_shortened(text), "An expression is not closed by `}`; a literal `${` is written `$${`")


def _kept(value: Json, children: Iterable[Json], shapes: Sequence[Shape], otherwise: Callable[[], Shape]) -> Shape:
    """The value itself where nothing in it has to be built; an unescaped text is another value than its source."""
    same = all(isinstance(shape, Fixed) and shape.value is child for shape, child in zip(shapes, children, strict=True))
    return Fixed(value) if same else otherwise()


def _value(part: StaticPath | Program, scope: Scope, allowance: Allowance) -> Json:
    return part.read(scope) if isinstance(part, StaticPath) else part.evaluate(scope, allowance)


def _rendered(value: Json) -> str:
    return value if isinstance(value, str) else write(value).decode()


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
