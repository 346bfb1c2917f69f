"""Pydantic's errors as problems: a pointer, a stable code, a sentence that says what to change and echoes no value."""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workflow_engine.errors import Problem
from workflow_engine.jsontext import pointer
from workflow_engine.steps.spelling import advice

Place = tuple[str | int, ...]

_WRONG_TYPES: Final = {
    "string_type": "This must be a string",
    "int_type": "This must be an integer",
    "float_type": "This must be a number",
    "int_from_float": "This must be an integer",
    "bool_type": "This must be true or false",
    "dict_type": "This must be an object",
    "model_type": "This must be an object",
    "tuple_type": "This must be a list",
}


def places_of(error: ValidationError) -> list[Place]:
    return [entry["loc"] for entry in error.errors(include_url=False, include_input=False, include_context=False)]


def problems_of(error: ValidationError, model: type[BaseModel], most: int) -> list[tuple[Place, Problem]]:
    """The first problems with their places, one more than `most` when there are others.

    The rest is not even translated: looking for near names takes time.
    """
    found = error.errors(include_url=False, include_input=False)
    return [(entry["loc"], _problem(entry, model)) for entry in found[: most + 1]]


def _problem(entry: ErrorDetails, model: type[BaseModel]) -> Problem:
    kind, place = entry["type"], entry["loc"]
    where = pointer(*place)
    if kind == "missing":
        return Problem("missing-field", f"The field '{place[-1]}' is missing", where)
    if kind == "extra_forbidden":
        return Problem("unknown-field", f"Unknown field{advice(str(place[-1]), _names_at(place[:-1], model))}", where)
    if kind in _WRONG_TYPES:
        return Problem("wrong-type", _WRONG_TYPES[kind], where)
    if kind == "enum":
        return Problem("unknown-value", f"This must be {entry['ctx']['expected']}", where)
    return Problem(kind, entry["msg"], where)


def _names_at(place: Iterable[str | int], model: type[BaseModel]) -> tuple[str, ...]:
    """The fields of the model that stands at `place` below `model`."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return tuple(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = getattr(annotation, "__args__", ())
    return next((model for each in inner if (model := _model_in(each))), None)
