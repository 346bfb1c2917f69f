"""JSON Schema as this house uses it: compiled once, bounded, offline, and with sentences that never repeat a value.

Schemas come from plugins, workers and clients, so none may fetch anything, hang in a pattern, or unfold without end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

import jsonschema_rs

from workflow_engine.errors import InvalidRequest, Problem
from workflow_engine.jsontext import Json, JsonObject, pointer, write
from workflow_engine.steps.schema_work import find_excess
from workflow_engine.steps.spelling import advice

UNKNOWN_VALUE: Final = "unknown-value"
"""The code of a value that is none of those a schema lists (`enum`, `const`)."""


@dataclass(frozen=True, slots=True)
class SchemaLimits:
    """`max_bytes` of compact JSON, `max_depth` containers inside one another; `max_work`: see `schema_work`."""

    max_bytes: int = 65_536
    max_depth: int = 32
    max_work: int = 10_000
    max_problems: int = 100


class InvalidSchema(InvalidRequest):
    """A JSON Schema that cannot be used."""

    code = "invalid-schema"

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)

    def problems(self) -> Sequence[Problem]:
        return (self.problem,)


class _Compiled(Protocol):
    def is_valid(self, instance: Json) -> bool: ...
    def iter_errors(self, instance: Json) -> Iterator[jsonschema_rs.ValidationError]: ...


class Validator:
    """A compiled schema. Safe to share between threads."""

    __slots__ = ("_compiled", "_max_problems", "_schema")

    def __init__(self, schema: JsonObject, compiled: _Compiled, max_problems: int) -> None:
        self._schema = schema
        self._compiled = compiled
        self._max_problems = max_problems

    def is_valid(self, value: Json) -> bool:
        return self._compiled.is_valid(value)

    def problems(self, value: Json) -> tuple[Problem, ...]:
        """What is wrong with `value`, each with its pointer into `value`; at most `max_problems` of them."""
        if self._compiled.is_valid(value):
            return ()
        found = (problem for error in self._compiled.iter_errors(value) for problem in self._told(error))
        return tuple(islice(found, self._max_problems))

    def _told(self, error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
        where = error.instance_path
        match error.kind:
            case jsonschema_rs.ValidationErrorKind.Required(name):
                yield Problem("missing-field", f"The field '{name}' is missing", pointer(*where, name))
            case jsonschema_rs.ValidationErrorKind.AdditionalProperties(
                names
            ) | jsonschema_rs.ValidationErrorKind.UnevaluatedProperties(names):
                known = self._names_beside(error)
                for name in names:
                    yield Problem("unknown-field", f"Unknown field{advice(name, known)}", pointer(*where, name))
            case kind:
                yield Problem(_code(error), _sentence(kind), pointer(*where))

    def _names_beside(self, error: jsonschema_rs.ValidationError) -> Sequence[str]:
        node: Json = self._schema
        for part in error.schema_path[:-1]:
            if isinstance(node, dict) and part in node:
                node = node[str(part)]
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                return ()
        properties = node.get("properties") if isinstance(node, dict) else None
        return tuple(properties) if isinstance(properties, dict) else ()


_DRAFTS: Final[Mapping[str, Callable[..., jsonschema_rs.Validator]]] = {
    "https://json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
}
_NEWEST_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def compile_schema(schema: Json, limits: SchemaLimits | None = None) -> Validator:
    """Compile a JSON Schema object: draft 2020-12, or 2019-09 or 7 when `$schema` says so. Raises `InvalidSchema`."""
    limits = limits or SchemaLimits()
    if not isinstance(schema, dict):
        raise InvalidSchema(Problem("wrong-type", "A schema must be an object"))
    _refuse_large(schema, limits)
    draft = schema.get("$schema", _NEWEST_DRAFT)
    if not isinstance(draft, str) or draft.rstrip("#") not in _DRAFTS:
        message = "The schema must follow JSON Schema 2020-12 (2019-09 and draft 7 are understood, too)"
        raise InvalidSchema(Problem("unsupported-draft", message, "/$schema"))
    excess = find_excess(schema, limits.max_work)
    if excess:
        raise InvalidSchema(excess)
    try:
        compiled = _DRAFTS[draft.rstrip("#")](schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except jsonschema_rs.ValidationError as error:
        raise InvalidSchema(_not_a_schema(error)) from None
    return Validator(schema, compiled, limits.max_problems)


def _refuse_large(schema: JsonObject, limits: SchemaLimits) -> None:
    level: list[Json] = [schema]
    for _ in range(limits.max_depth):
        level = [child for node in level for child in _containers_in(node)]
        if not level:
            break
    else:
        message = f"A schema may nest at most {limits.max_depth} objects and arrays inside one another"
        raise InvalidSchema(Problem("schema-too-deep", message))
    if len(write(schema)) > limits.max_bytes:
        raise InvalidSchema(Problem("schema-too-large", f"A schema may have at most {limits.max_bytes} bytes"))


def _containers_in(node: Json) -> list[Json]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in children if isinstance(child, dict | list)]


def _not_a_schema(error: jsonschema_rs.ValidationError) -> Problem:
    where = pointer(*error.instance_path)
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Format("regex"):
            message = "This pattern is too large or uses what cannot be matched in linear time, such as look-around"
            return Problem("invalid-pattern", message, where)
        case jsonschema_rs.ValidationErrorKind.Referencing():
            message = "A reference must name a definition inside the schema, as in '#/$defs/name'"
            return Problem("invalid-schema", message, where)
        case kind:
            return Problem("invalid-schema", f"This is no JSON Schema: {_sentence(kind)}", where)


_OUT_OF_RANGE: Final = {
    "minimum": "at least {limit}",
    "maximum": "at most {limit}",
    "exclusiveMinimum": "more than {limit}",
    "exclusiveMaximum": "less than {limit}",
    "minLength": "a string of at least {limit} characters",
    "maxLength": "a string of at most {limit} characters",
    "minItems": "a list of at least {limit} items",
    "maxItems": "a list of at most {limit} items",
    "minProperties": "an object of at least {limit} fields",
    "maxProperties": "an object of at most {limit} fields",
}
_OTHER: Final = {
    "pattern": "This must match the pattern {pattern}",
    "format": "This must have the format '{format}'",
    "multipleOf": "This must be a multiple of {multiple_of}",
    "uniqueItems": "The items of this list must differ from each other",
    "contains": "This list lacks an item that it must contain",
    "propertyNames": "A field of this object has a name that is not allowed",
    "anyOf": "This fits none of the forms that are allowed here",
    "oneOf": "This must fit exactly one of the forms that are allowed here",
    "not": "This has a form that is not allowed here",
    "falseSchema": "Nothing may stand here",
}


def _code(error: jsonschema_rs.ValidationError) -> str:
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Enum() | jsonschema_rs.ValidationErrorKind.Constant():
            return UNKNOWN_VALUE
        case jsonschema_rs.ValidationErrorKind.Type():
            return "wrong-type"
        case jsonschema_rs.ValidationErrorKind.AnyOf(forms) | jsonschema_rs.ValidationErrorKind.OneOfNotValid(forms):
            only_a_value = any(form and all(_code(e) == UNKNOWN_VALUE for e in form) for form in forms)
            return UNKNOWN_VALUE if only_a_value else "invalid-value"
        case kind:
            return "out-of-range" if kind.name in _OUT_OF_RANGE else "invalid-value"


def _sentence(kind: jsonschema_rs.ValidationErrorKind) -> str:
    facts = kind.as_dict()
    match kind:
        case jsonschema_rs.ValidationErrorKind.Type(types):
            return f"This must be of type {' or '.join(sorted(types))}"
        case jsonschema_rs.ValidationErrorKind.Enum(options):
            return f"This must be one of {_listed(options)}"
        case jsonschema_rs.ValidationErrorKind.Constant(expected):
            return f"This must be {_listed([expected])}"
    if kind.name in _OUT_OF_RANGE:
        return f"This must be {_OUT_OF_RANGE[kind.name].format(limit=facts['limit'])}"
    return _OTHER.get(kind.name, "This does not fit '{keyword}' of the schema").format(keyword=kind.name, **facts)


def _listed(options: Sequence[object]) -> str:
    shown = [write(option).decode()[:64] for option in options[:20]]
    return ", ".join(shown) + (", ..." if len(options) > len(shown) else "")
