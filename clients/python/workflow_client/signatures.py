"""A function's type hints, as the schemas of a step type and as the two borders its values cross."""

import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema

from workflow_client.json_values import checked, write

CONTEXT: Final = "ctx"
CONFIG: Final = "config"
WHOLE_INPUT: Final = "input"
ARGUMENTS: Final = "_arguments"
_EMPTY: Final = inspect.Parameter.empty

ReadArguments = Callable[[bytes, bytes], dict[str, Any]]
"""Makes the arguments of a call from input and config, both JSON text; raises pydantic.ValidationError."""


@dataclass(frozen=True)
class Signature:
    """Schemas are JSON texts, empty for those that accept anything."""

    input_schema: str
    config_schema: str
    output_schema: str
    wants_context: bool
    read: ReadArguments
    write: Callable[[Any], bytes]


class Unreadable(Exception):
    """A function whose type hints do not make a contract; the message says what to change."""


def read_signature(function: Callable[..., Any], suspensions: type) -> Signature:
    """`suspensions` may stand in a return annotation beside the output (`dict | Suspend`)."""
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise Unreadable("a generator has no single output; return it, and stream text by ctx.chunk()")
    try:
        signature = inspect.signature(function, eval_str=True)
    except NameError as failure:
        raise Unreadable(f"its type hints cannot be read: {failure}; define the types at the top of a module") from None
    parameters = dict(signature.parameters)
    wants_context = parameters.pop(CONTEXT, None) is not None
    config = parameters.pop(CONFIG, None)
    try:
        config_schema, read_config = _config(config)
        input_schema, read_input = _input(function.__name__, parameters)
        output_schema, write_output = _output(signature.return_annotation, suspensions)
    except PydanticUserError as failure:
        raise Unreadable(f"its type hints do not make a JSON Schema: {failure.message}") from None
    return Signature(
        input_schema, config_schema, output_schema, wants_context, _reading(read_input, read_config), write_output
    )


def _reading(
    read_input: Callable[[bytes], dict[str, Any]], read_config: Callable[[bytes], Any] | None
) -> ReadArguments:
    if read_config is None:
        return lambda given, _config: read_input(given)

    def read(given: bytes, config: bytes) -> dict[str, Any]:
        return {**read_input(given), CONFIG: read_config(config)}

    return read


def _config(parameter: inspect.Parameter | None) -> tuple[str, Callable[[bytes], Any] | None]:
    if parameter is None:
        return "", None
    adapter = _adapter(_annotation(parameter))
    return _schema(adapter, "validation"), lambda given: adapter.validate_json(given or b"{}")


def _input(name: str, parameters: Mapping[str, inspect.Parameter]) -> tuple[str, Callable[[bytes], dict[str, Any]]]:
    if list(parameters) == [WHOLE_INPUT]:
        adapter = _adapter(_annotation(parameters[WHOLE_INPUT]))
        return _schema(adapter, "validation"), lambda given: {WHOLE_INPUT: adapter.validate_json(given or b"{}")}
    named = {key: parameter for key, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD}
    _refuse_nameless(named.values())
    model = _model_of(name, named, takes_more=len(named) < len(parameters))
    return _schema(TypeAdapter(model), "validation"), _reader(model, tuple(named))


def _reader(model: type[BaseModel], names: tuple[str, ...]) -> Callable[[bytes], dict[str, Any]]:
    validate = model.__pydantic_validator__.validate_json

    def read(given: bytes) -> dict[str, Any]:
        found = validate(given or b"{}")
        arguments = dict(zip(names, found.__dict__.values(), strict=True))
        if found.__pydantic_extra__:
            arguments.update(found.__pydantic_extra__)
        return arguments

    return read


def _refuse_nameless(parameters: typing.Iterable[inspect.Parameter]) -> None:
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise Unreadable(f"parameter {parameter.name!r} has no name that an input could give; make it a keyword")


def _model_of(name: str, parameters: Mapping[str, inspect.Parameter], *, takes_more: bool) -> type[BaseModel]:
    """Fields have names of our own, with the parameters' as aliases, so that none clashes with Pydantic's."""
    fields: dict[str, Any] = {}
    for number, (key, parameter) in enumerate(parameters.items()):
        default = ... if parameter.default is _EMPTY else parameter.default
        fields[f"p{number}"] = (_annotation(parameter), Field(default, alias=key))
    config = ConfigDict(extra="allow" if takes_more else "forbid")
    return create_model(name + ARGUMENTS, __config__=config, **fields)


def _annotation(parameter: inspect.Parameter) -> Any:  # noqa: ANN401  # a type, or what stands for one
    return Any if parameter.annotation is _EMPTY else parameter.annotation


def _output(annotation: Any, suspensions: type) -> tuple[str, Callable[[Any], bytes]]:  # noqa: ANN401  # as above
    annotation = _without(annotation, suspensions)
    if annotation in (_EMPTY, Any, suspensions):
        return "", write
    adapter = _adapter(annotation)
    schema = _schema(adapter, "serialization")
    dump = adapter.dump_json
    return schema, lambda value: checked(dump(value, by_alias=True, warnings="error"))


def _without(annotation: Any, suspensions: type) -> Any:  # noqa: ANN401  # as above
    """`dict | Suspend` as `dict`."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    left = tuple(part for part in typing.get_args(annotation) if part is not suspensions)
    return typing.Union[left] if left else _EMPTY  # noqa: UP007  # a union of as many as there are


def _adapter(annotation: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # as above
    return TypeAdapter(annotation)


class _Plain(GenerateJsonSchema):
    """Without the titles that only repeat the names."""

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:
        return False


def _schema(adapter: TypeAdapter[Any], mode: JsonSchemaMode) -> str:
    schema = adapter.json_schema(by_alias=True, mode=mode, schema_generator=_Plain)
    if schema.get("title", "").endswith(ARGUMENTS):
        del schema["title"]  # a name of ours, which would only look like a promise
    return json.dumps(schema, ensure_ascii=False) if schema else ""
