"""The body of `POST /steps/register`: read strictly, every problem with its pointer, no value ever repeated."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject, pointer, write
from workflow_engine.steps.contract import DefaultInput, Effect, ErrorCode, ExecutionType, StepType
from workflow_engine.steps.http_fields import METHODS, header_problem, url_problem
from workflow_engine.steps.limits import STEP_TYPE_NAME, RegistrationLimits
from workflow_engine.steps.schemas import InvalidSchema, SchemaLimits, compile_schema
from workflow_engine.steps.spelling import advice
from workflow_engine.steps.versions import InvalidVersion, Version

CALLED: Final = frozenset({ExecutionType.API, ExecutionType.RPC, ExecutionType.WEBHOOK})
"""The execution types where the server calls `endpoint_config.url`."""

_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Registration:
    """A request to register; without a version given, that of `type` means nothing."""

    type: StepType
    version_given: bool


def read_registration(
    body: Json, owner: str, limits: RegistrationLimits | None = None, execution_type: ExecutionType | None = None
) -> Registration:
    """Read a register body. Raises `InvalidDocument` with every problem. Absent and null mean the same.

    `execution_type` stands for a body that names none.
    """
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("wrong-type", "This must be an object")])
    reader = _Reader(body, limits or RegistrationLimits(), execution_type)
    step = reader.step_type(owner)
    if reader.found:
        raise InvalidDocument(reader.found)
    return Registration(step, body.get("version") is not None)


_FIELDS: Final = (
    *("step_type", "name", "execution_type", "function_reference", "description", "documentation", "version", "effect"),
    *("parameters_schema", "input_schema", "output_schema", "endpoint_config", "tags", "examples", "error_codes"),
    *("default_input", "default_timeout_seconds", "default_max_retries"),
    *("slot_cost", "streams", "estimated_cost_usd", "required_permissions", "requires_approval"),
)
_ENDPOINT_FIELDS: Final = {
    ExecutionType.API: ("url", "method", "headers", "timeout"),
    ExecutionType.WEBHOOK: ("url", "method", "headers", "timeout"),
    ExecutionType.RPC: ("url", "headers", "timeout"),
}


@dataclass(slots=True)
class _Reader:
    """Reads field by field and goes on behind a problem, so that all of them are found at once."""

    body: JsonObject
    limits: RegistrationLimits
    default: ExecutionType | None
    found: list[Problem] = field(default_factory=list)

    def step_type(self, owner: str) -> StepType:
        self._refuse_unknown(self.body, _FIELDS)
        execution_type = self._choice("execution_type", ExecutionType, self.default)
        return StepType(
            name=self._name(),
            version=self._version(),
            title=self._text("name", self.limits.name_length, required=True) or "",
            description=self._text("description", self.limits.text_length) or "",
            documentation=self._text("documentation", self.limits.text_length) or "",
            config_schema=self._schema("parameters_schema"),
            input_schema=self._schema("input_schema"),
            output_schema=self._schema("output_schema"),
            effect=self._choice("effect", Effect, Effect.IDEMPOTENT) or Effect.IDEMPOTENT,
            execution_type=execution_type or ExecutionType.API,
            function_reference=self._function(execution_type),
            endpoint=self._endpoint(execution_type),
            default_input=self._choice("default_input", DefaultInput, DefaultInput.NONE) or DefaultInput.NONE,
            error_codes=self._error_codes(),
            default_timeout_seconds=self._seconds(self.body, ("default_timeout_seconds",)),
            default_max_retries=self._count("default_max_retries", 0, self.limits.max_retries, 0),
            slot_cost=self._count("slot_cost", 1, self.limits.slot_cost, 1),
            streams=self._truth("streams"),
            estimated_cost_usd=self._cost(),
            required_permissions=self._names(
                "required_permissions", self.limits.permissions, self.limits.permission_length
            ),
            requires_approval=self._truth("requires_approval"),
            tags=self._names("tags", self.limits.tags, self.limits.tag_length),
            examples=tuple(self._items("examples", self.limits.examples)),
            owner=owner,
        )

    def _problem(self, code: str, message: str, *where: str | int) -> None:
        self.found.append(Problem(code, message, pointer(*where)))

    def _refuse_unknown(self, given: JsonObject, known: Iterable[str], *where: str) -> None:
        for name in given:
            if name not in known:
                self._problem("unknown-field", f"Unknown field{advice(name, known)}", *where, name)

    def _name(self) -> str:
        name = self._text("step_type", 128, required=True) or ""
        if name and not STEP_TYPE_NAME.fullmatch(name):
            message = "A step type begins with a letter and goes on with letters, digits, '_', '.' or '-'"
            self._problem("invalid-step-type", message, "step_type")
        return name

    def _version(self) -> str:
        version = self._text("version", 64)
        if version is None:
            return "1.0.0"
        try:
            return str(Version.parse(version))
        except InvalidVersion as invalid:
            self._problem(invalid.code, str(invalid), "version")
            return "1.0.0"

    def _text(self, name: str, most: int, *, required: bool = False) -> str | None:
        value = self.body.get(name)
        if value is None:
            if required:
                self._problem("missing-field", f"The field '{name}' is missing", name)
            return None
        if not isinstance(value, str):
            self._problem("wrong-type", "This must be a string", name)
            return None
        if len(value) > most or (required and not value):
            self._problem("out-of-range", f"This must be a string of 1 to {most} characters", name)
        return value

    def _choice(self, name: str, choices: type[_Choice], default: _Choice | None) -> _Choice | None:
        value = self.body.get(name)
        if value is None:
            if default is None:
                self._problem("missing-field", f"The field '{name}' is missing", name)
            return default
        if isinstance(value, str) and value in set(choices):
            return choices(value)
        self._problem("unknown-value", f"This must be one of {', '.join(choices)}", name)
        return None

    def _schema(self, name: str) -> JsonObject | None:
        value = self.body.get(name)
        if value is None:
            return None
        try:
            limits = SchemaLimits(max_bytes=self.limits.schema_bytes, max_depth=self.limits.schema_depth)
            compile_schema(value, limits)
        except InvalidSchema as invalid:
            found = (Problem(each.code, each.message, f"/{name}{each.pointer}") for each in invalid.problems())
            self.found.extend(found)
        return value if isinstance(value, dict) else None

    def _items(self, name: str, most: int) -> list[Json]:
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._problem("wrong-type", "This must be a list", name)
            return []
        if len(value) > most:
            self._problem("out-of-range", f"There may be at most {most} of these", name)
            return []
        return value

    def _names(self, field_name: str, most: int, length: int) -> tuple[str, ...]:
        names = self._items(field_name, most)
        for place, name in enumerate(names):
            if not isinstance(name, str) or not 0 < len(name) <= length:
                self._problem("wrong-type", f"This must be a string of 1 to {length} characters", field_name, place)
        return tuple(name for name in names if isinstance(name, str))

    def _count(self, name: str, least: int, most: int, default: int) -> int:
        value = self.body.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._problem("out-of-range", f"This must be an integer from {least} to {most}", name)
            return default
        return value

    def _truth(self, name: str) -> bool:
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            self._problem("wrong-type", "This must be true or false", name)
        return value is True

    def _cost(self) -> float | None:
        value, most = self.body.get("estimated_cost_usd"), self.limits.estimated_cost_usd
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            self._problem("out-of-range", f"This must be an amount in USD from 0 to {most:.0f}", "estimated_cost_usd")
            return None
        return _plain(value)

    def _seconds(self, given: JsonObject, where: tuple[str, ...]) -> float | None:
        value = given.get(where[-1])
        least, most = self.limits.least_timeout_seconds, self.limits.most_timeout_seconds
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self._problem("out-of-range", f"This must be a number of seconds from {least:g} to {most:.0f}", *where)
            return None
        return _plain(value)

    def _error_codes(self) -> tuple[ErrorCode, ...]:
        read: list[ErrorCode] = []
        for place, item in enumerate(self._items("error_codes", self.limits.error_codes)):
            if isinstance(item, str):
                item = {"code": item}
            if (code := self._error_code(item, place)) is not None:
                read.append(code)
        return tuple(read)

    def _error_code(self, item: Json, place: int) -> ErrorCode | None:
        given = item if isinstance(item, dict) else {}
        code, retryable = given.get("code"), given.get("retryable", True)
        description = given.get("description", "")
        if (
            isinstance(code, str)
            and isinstance(retryable, bool)
            and isinstance(description, str)
            and 0 < len(code) < 129
        ):
            return ErrorCode(code, retryable, description[: self.limits.text_length])
        message = "An error code is {code, retryable?, description?}, or the code alone"
        self._problem("wrong-type", message, "error_codes", place)
        return None

    def _function(self, execution_type: ExecutionType | None) -> str | None:
        local = execution_type is ExecutionType.LOCAL
        return self._text("function_reference", self.limits.name_length, required=local)

    def _endpoint(self, execution_type: ExecutionType | None) -> JsonObject | None:
        given = self.body.get("endpoint_config")
        if given is not None and not isinstance(given, dict):
            self._problem("wrong-type", "This must be an object", "endpoint_config")
            return None
        if execution_type in CALLED:
            return self._called_endpoint(given or {}, _ENDPOINT_FIELDS[execution_type])
        if given and execution_type is not None:
            message = f"An endpoint has no meaning for execution_type {execution_type}"
            self._problem("unknown-field", message, "endpoint_config")
        return None

    def _called_endpoint(self, given: JsonObject, known: Iterable[str]) -> JsonObject:
        self._refuse_unknown(given, known, "endpoint_config")
        if (wrong := url_problem(given.get("url"), self.limits.url_bytes)) is not None:
            code = "missing-field" if given.get("url") is None else "invalid-url"
            self._problem(code, wrong, "endpoint_config", "url")
        method = given.get("method")
        if method is not None and method not in METHODS:
            self._problem("unknown-value", f"This must be one of {', '.join(METHODS)}", "endpoint_config", "method")
        self._headers(given.get("headers"))
        self._seconds(given, ("endpoint_config", "timeout"))
        return {name: value for name, value in given.items() if value is not None}

    def _headers(self, headers: Json) -> None:
        if headers is None:
            return
        if not isinstance(headers, dict):
            self._problem("wrong-type", "This must be an object", "endpoint_config", "headers")
            return
        for name, value in headers.items():
            if (wrong := header_problem(name, value)) is not None:
                self._problem("invalid-header", wrong, "endpoint_config", "headers", name)
        if len(write(headers)) > self.limits.header_bytes:
            message = f"All headers together may have at most {self.limits.header_bytes} bytes"
            self._problem("out-of-range", message, "endpoint_config", "headers")


def _plain(value: float) -> float:
    """2.0 is written as 2: the same contract has one hash, whether JSON or a binary format carried its numbers."""
    return int(value) if value == int(value) else value
