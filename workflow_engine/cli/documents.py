"""Reading what is to be run: the document in a file or from stdin, and the input that goes with it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.errors import MalformedRequest
from workflow_engine.jsontext import Json, JsonLimits, JsonObject, MalformedJson, read_strict

_ENVELOPED: Final = "workflow_config"


class UnreadableSource(MalformedRequest):
    """A file that holds no JSON; the place is written as compilers write it."""

    code = MalformedJson.code

    def __init__(self, name: str, malformed: MalformedJson) -> None:
        super().__init__(f"{name}:{malformed.line}:{malformed.column}: malformed JSON: {malformed.reason}")


@dataclass(frozen=True, slots=True)
class Source:
    """A JSON text and where it came from; `name` as people write it."""

    name: str
    text: str
    value: Json

    @property
    def is_enveloped(self) -> bool:
        return isinstance(self.value, dict) and _ENVELOPED in self.value

    @property
    def document(self) -> Json:
        """The workflow document itself."""
        return self.value[_ENVELOPED] if isinstance(self.value, dict) and self.is_enveloped else self.value

    @property
    def prefix(self) -> str:
        """The pointer of the document inside the text."""
        return f"/{_ENVELOPED}" if self.is_enveloped else ""

    def pointer_in_text(self, pointer_in_body: str) -> str | None:
        """Where in the text that part of a `start_body` stands; None for what the command line added."""
        if self.is_enveloped:
            return pointer_in_body
        within = pointer_in_body.removeprefix(f"/{_ENVELOPED}")
        return None if within == pointer_in_body else within


def read_source(file: str) -> Source:
    """Read FILE, or stdin for `-`. Raises `InvalidArgument` for a file that cannot be read, `MalformedJson`."""
    name = "<stdin>" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"{file} cannot be read: {error.strerror or error}") from None
    try:
        return Source(name, data.decode(errors="replace"), read_strict(data, JsonLimits()))
    except MalformedJson as error:
        raise UnreadableSource(name, error) from None


def start_body(source: Source, given: JsonObject) -> JsonObject:
    """The body that starts an execution of this source with this input, over the input it brings along."""
    if not isinstance(source.value, dict):
        raise InvalidArgument(f"{source.name} holds no workflow: a workflow is a JSON object")
    envelope: JsonObject = dict(source.value) if source.is_enveloped else {_ENVELOPED: source.value}
    brought = envelope.get("input_data")
    if given:
        envelope["input_data"] = {**brought, **given} if isinstance(brought, dict) else given
    return envelope


def read_input(pairs: Sequence[str], file: str | None) -> JsonObject:
    """The input of `--input-file` with every `--input k=v` over it. Raises `InvalidArgument`, `MalformedJson`."""
    given = _input_of(file) if file is not None else {}
    return given | dict(_pair(each) for each in pairs)


def _input_of(file: str) -> JsonObject:
    value = read_source(file).value
    if not isinstance(value, dict):
        raise InvalidArgument(f"--input-file {file} must hold a JSON object")
    return value


def _pair(written: str) -> tuple[str, Json]:
    """`k=v`: the value as JSON if it is JSON, else as text; the key is taken as it stands."""
    key, equals, value = written.partition("=")
    if not equals or not key:
        raise InvalidArgument(f"--input {written} must be written KEY=VALUE")
    return key, json_or_text(value)


def json_or_text(written: str) -> Json:
    try:
        return read_strict(written.encode(), JsonLimits())
    except (MalformedRequest, UnicodeEncodeError):
        return written
