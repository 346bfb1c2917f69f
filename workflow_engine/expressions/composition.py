"""Templates put together from others that were compiled each on its own: objects, lists, and conditions as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflow_engine.expressions.conditions import Condition
from workflow_engine.expressions.cost import Allowance
from workflow_engine.expressions.limits import ExpressionLimits
from workflow_engine.expressions.scope import Scope
from workflow_engine.expressions.templates import Computed, Fixed, ListOf, ObjectOf, Shape, Template
from workflow_engine.jsontext import Json


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a condition holds, computed once like any other value."""

    condition: Condition

    def evaluate(self, scope: Scope, allowance: Allowance) -> Json:
        return self.condition.predicate.holds(scope, allowance)


def fixed(value: Json, limits: ExpressionLimits) -> Template:
    """The value itself: nothing in it is special."""
    return Template((), (), True, Fixed(value), (), limits)


def truth_of(condition: Condition) -> Template:
    """A template whose value is the boolean of a condition."""
    strict = tuple(path for path in condition.paths if path not in condition.lenient_paths)
    return Template(condition.references, strict, False, Computed(0), (Truth(condition),), condition.limits)


def object_of(members: Mapping[str, Template], limits: ExpressionLimits) -> Template:
    """An object with a template for each member, in that order."""
    shapes = _side_by_side(list(members.values()))
    whole = ObjectOf(tuple(zip(members, shapes, strict=True)))
    if all(isinstance(shape, Fixed) for shape in shapes):
        return fixed({key: shape.value for key, shape in whole.members if isinstance(shape, Fixed)}, limits)
    return _made_of(list(members.values()), whole, limits)


def list_of(items: Sequence[Template], limits: ExpressionLimits) -> Template:
    """A list with a template for each item."""
    shapes = _side_by_side(items)
    if all(isinstance(shape, Fixed) for shape in shapes):
        return fixed([shape.value for shape in shapes if isinstance(shape, Fixed)], limits)
    return _made_of(items, ListOf(tuple(shapes)), limits)


def _made_of(parts: Sequence[Template], shape: Shape, limits: ExpressionLimits) -> Template:
    return Template(
        references=tuple(dict.fromkeys(step for part in parts for step in part.references)),
        paths=tuple(dict.fromkeys(path for part in parts for path in part.paths)),
        is_literal=False,
        shape=shape,
        computations=tuple(computation for part in parts for computation in part.computations),
        limits=limits,
    )


def _side_by_side(parts: Sequence[Template]) -> list[Shape]:
    """The shapes of the parts, each looking for what it computed behind that of the parts before it."""
    shapes: list[Shape] = []
    before = 0
    for part in parts:
        shapes.append(_moved(part.shape, before))
        before += len(part.computations)
    return shapes


def _moved(shape: Shape, by: int) -> Shape:
    if by == 0:
        return shape
    match shape:
        case Computed(place):
            return Computed(place + by)
        case ObjectOf(members):
            return ObjectOf(tuple((key, _moved(member, by)) for key, member in members))
        case ListOf(items):
            return ListOf(tuple(_moved(item, by) for item in items))
        case _:
            return shape
