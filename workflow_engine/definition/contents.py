"""The expressions of one step, compiled: its guard, its input, its config, and which other steps they mention.

Each expression is compiled on its own, so that a problem points at the very value that causes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from workflow_engine.definition.annotations import Annotation, annotation_of, item_schema, member_schema
from workflow_engine.definition.findings import Findings
from workflow_engine.definition.plan import Role
from workflow_engine.definition.structure import Sketch, Structure
from workflow_engine.expressions import (
    Condition,
    ExpressionLimits,
    InvalidExpression,
    Names,
    StaticPath,
    Template,
    compile_condition,
    compile_expression,
    compile_mapping,
    compile_template,
)
from workflow_engine.expressions.composition import fixed, list_of, object_of, truth_of
from workflow_engine.jsontext import Json, write

Place: TypeAlias = tuple[str | int, ...]

SCOPE_OF_EVERY_STEP: Final = frozenset({"input", "global", "execution", "workflow"})
LEAST_COST: Final = 16
"""What compiling even the shortest expression costs, in bytes of a longer one."""
TOO_MANY_EXPRESSIONS: Final = "The expressions of this workflow are too long together; split it into several workflows"

_Compiled = TypeVar("_Compiled", Condition, Template)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a step evaluates. `references`: the ids it mentions, in order of appearance."""

    guard: Condition | None
    input: Template
    config: Template
    references: tuple[str, ...]
    built_places: frozenset[Place]
    """Places in the config whose value is known only when the step runs."""

    @property
    def paths(self) -> tuple[StaticPath, ...]:
        guarded = self.guard.paths if self.guard else ()
        return (*guarded, *self.input.paths, *self.config.paths)


@dataclass(slots=True)
class SourceBudget:
    """How many bytes of expressions one document may still have; plain paths are free."""

    left: int

    def admits(self, source: Json) -> bool:
        self.left -= LEAST_COST + (len(source) if isinstance(source, str) else len(write(source)))
        return self.left >= 0


def compile_contents(
    sketch: Sketch, structure: Structure, limits: ExpressionLimits, budget: SourceBudget, findings: Findings
) -> Contents:
    """Problems and mentions of forbidden steps are added to `findings`; what they concern is null in the result."""
    return _Compiler(sketch, structure, limits, budget, findings).contents()


@dataclass(slots=True)
class _Compiler:
    """Compiles the values of one step and looks at whom each of them mentions."""

    sketch: Sketch
    structure: Structure
    limits: ExpressionLimits
    budget: SourceBudget
    findings: Findings
    names: Names = field(init=False)
    built_places: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        is_target = self.sketch.role is Role.CATCH_TARGET
        single = next(iter(self.sketch.dependencies)) if len(self.sketch.dependencies) == 1 else None
        roots = SCOPE_OF_EVERY_STEP | {"error"} if is_target else SCOPE_OF_EVERY_STEP
        self.names = Names(self.structure.ids, roots, single, self.limits)

    def contents(self) -> Contents:
        guard = self._guard()
        mapped = self._input()
        config = self._value(self.sketch.config, self._config_schema(), ())
        mentioned = (*(guard.references if guard else ()), *mapped.references, *config.references)
        return Contents(guard, mapped, config, tuple(dict.fromkeys(mentioned)), frozenset(self.built_places))

    def _guard(self) -> Condition | None:
        source = self.sketch.written.conditions
        if source is None:
            return None
        return self._compiled(compile_condition, source, (*self.sketch.place, "conditions"))

    def _input(self) -> Template:
        """Literal `input_data` is merged over the mapped values."""
        members = {
            name: self._mapped(value, (*self.sketch.mapping_place, name)) for name, value in self.sketch.mapping.items()
        }
        literals = self.sketch.written.input_data or {}
        members |= {name: fixed(value, self.limits) for name, value in literals.items()}
        return object_of(members, self.limits)

    def _mapped(self, value: Json, place: Place) -> Template:
        if b"${" in write(value):
            return self._compiled(compile_mapping, value, place) or fixed(None, self.limits)
        if isinstance(value, str):
            return self._attempted(compile_mapping, value, place) or fixed(None, self.limits)
        return fixed(value, self.limits)

    def _config_schema(self) -> Json:
        return self.sketch.type.config_schema if self.sketch.type else None

    def _value(self, value: Json, schema: Json, place: Place) -> Template:
        """A value of the config; `place` is its place there."""
        annotation = annotation_of(schema)
        if value is None or annotation is Annotation.LITERAL or annotation is Annotation.STEP_ID:
            return fixed(value, self.limits)
        if annotation is Annotation.CONDITION:
            return self._built(_compile_truth, value, place)
        if annotation is Annotation.EXPRESSION and isinstance(value, str):
            return self._built(_compile_text, value, place)
        if isinstance(value, dict):
            members = {key: self._value(each, member_schema(schema, key), (*place, key)) for key, each in value.items()}
            return object_of(members, self.limits)
        if isinstance(value, list):
            items = [self._value(each, item_schema(schema), (*place, index)) for index, each in enumerate(value)]
            return list_of(items, self.limits)
        if isinstance(value, str) and "${" in value:
            return self._built(compile_template, value, place)
        return fixed(value, self.limits)

    def _built(self, compiler: Callable[[Json, Names], Template], value: Json, place: Place) -> Template:
        template = self._compiled(compiler, value, (*self.sketch.config_place, *place))
        if template is None or not template.is_literal:
            self.built_places.add(place)
        return template or fixed(None, self.limits)

    def _compiled(self, compiler: Callable[[Json, Names], _Compiled], source: Json, place: Place) -> _Compiled | None:
        if not self.budget.admits(source):
            self.findings.refuse_once("too-many-expressions", TOO_MANY_EXPRESSIONS, *place)
            return None
        return self._attempted(compiler, source, place)

    def _attempted(self, compiler: Callable[[Json, Names], _Compiled], source: Json, place: Place) -> _Compiled | None:
        try:
            compiled = compiler(source, self.names)
        except InvalidExpression as error:
            self.findings.refuse_expression(error, *place)
            return None
        self._check_mentioned(compiled.references, place)
        return compiled

    def _check_mentioned(self, references: tuple[str, ...], place: Place) -> None:
        for name in references:
            other = self.structure.by_id.get(name)
            if name == self.sketch.id:
                self.findings.refuse("self-reference", f"Step {name} mentions itself, but it has not ended yet", *place)
            elif other is not None and other.role is Role.COMPENSATION:
                message = f"Step {name} is a compensation and never runs on the forward way, so nothing can mention it"
                self.findings.refuse("compensation-on-forward-way", message, *place)


def _compile_truth(source: Json, names: Names) -> Template:
    return truth_of(compile_condition(source, names))


def _compile_text(source: Json, names: Names) -> Template:
    return compile_expression(source, names) if isinstance(source, str) else compile_template(source, names)
