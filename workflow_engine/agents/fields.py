"""What may stand in a single field of an agent: the types its model is written with.

A refusal is a `PydanticCustomError`: its type is already the code of the problem, its sentence echoes no value. Each
rule is told in the JSON Schema, too.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, LiteralString, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from workflow_engine.agents.providers import OUR_SUFFIX, OUR_TYPES
from workflow_engine.definition.fields import STEP_TYPE
from workflow_engine.steps.spelling import advice

LONGEST_NAME: Final = 200
LONGEST_MODEL: Final = 256
LONGEST_PROMPT: Final = 262_144
LONGEST_DESCRIPTION: Final = 16_384
LONGEST_URL: Final = 2_048
MOST_TOOLS: Final = 128
MOST_FALLBACKS: Final = 16
MOST_SCRIPTED_TURNS: Final = 1_000
MOST_TOKENS: Final = 10_000_000

V = TypeVar("V")
_Sized: TypeAlias = str | tuple[object, ...]


class _Rule(ABC, Generic[V]):
    """Holds for a value that has the right type already."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **self.told()}

    @abstractmethod
    def checked(self, value: V) -> V:
        """The value. Raises `PydanticCustomError`."""

    @abstractmethod
    def told(self) -> dict[str, Any]:
        """The rule as keywords of JSON Schema."""


@dataclass(frozen=True, slots=True)
class Within(_Rule[float]):
    """A number from `least` to `most`, both included."""

    least: float
    most: float

    def checked(self, value: float) -> float:
        if not self.least <= value <= self.most:
            facts = {"least": str(self.least), "most": str(self.most)}
            raise PydanticCustomError("out-of-range", "This must be a number from {least} to {most}", facts)
        return value

    def told(self) -> dict[str, Any]:
        return {"minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Form(_Rule[str]):
    """A text that matches all of `pattern`; `sentence` says so in words."""

    pattern: str
    sentence: LiteralString

    def checked(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise PydanticCustomError("invalid-value", self.sentence)
        return value

    def told(self) -> dict[str, Any]:
        return {"pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class AtMost(_Rule[_Sized]):
    """A text of at most so many characters, or a list of so many items."""

    most: int
    what: str = "characters"

    def checked(self, value: _Sized) -> _Sized:
        if len(value) > self.most:
            facts = {"most": self.most, "what": self.what}
            raise PydanticCustomError("out-of-range", "There may be at most {most} {what}", facts)
        return value

    def told(self) -> dict[str, Any]:
        return {"maxLength" if self.what == "characters" else "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class HttpUrl(_Rule[str]):
    """An address that is stored and shown, so that no user or password may stand in it."""

    def checked(self, value: str) -> str:
        refuse_address(value)
        return value

    def told(self) -> dict[str, Any]:
        return {"format": "uri", "pattern": "^https?://", "maxLength": LONGEST_URL}


def refuse_address(value: str) -> None:
    """Raises `PydanticCustomError` for what is no plain http or https URL."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or len(value) > LONGEST_URL:
        raise PydanticCustomError("invalid-value", "This must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        sentence = "A user or password must not stand in this URL; name a credential instead"
        raise PydanticCustomError("invalid-value", sentence)


Name = Annotated[str, Form(r"[\s\S]*\S[\s\S]*", "This must not be empty"), AtMost(LONGEST_NAME)]
Description = Annotated[str, AtMost(LONGEST_DESCRIPTION)]
Prompt = Annotated[str, AtMost(LONGEST_PROMPT)]
Model = Annotated[
    str, Form(r"[\x21-\x7e]+", "A model's name has visible ASCII characters and no space"), AtMost(LONGEST_MODEL)
]


@dataclass(frozen=True, slots=True)
class OfTheTable(_Rule[str]):
    """Names in `..._textgen` are ours alone: one that the table does not have is misspelt."""

    def checked(self, value: str) -> str:
        if value.endswith(OUR_SUFFIX) and value not in OUR_TYPES:
            facts = {"known": ", ".join(OUR_TYPES), "advice": advice(value, OUR_TYPES)}
            raise PydanticCustomError("unknown-value", "Unknown provider_type{advice}; known are {known}", facts)
        return value

    def told(self) -> dict[str, Any]:
        return {}


ProviderType = Annotated[
    str,
    Form(r"[A-Za-z][A-Za-z0-9_-]{0,63}", "A provider_type is e.g. openai_textgen or the name of a litellm provider"),
    OfTheTable(),
]
Credential = Annotated[
    str, Form(r"[A-Z0-9_]{1,64}", "A credential's name is made of upper-case letters, digits and '_', at most 64")
]
Address = Annotated[str, HttpUrl()]
StepTypeReference = Annotated[
    str, Form(STEP_TYPE.pattern, "This must be a step type, which may end with '@' and a range of versions")
]
Dollars = Annotated[float, Within(0, 1_000_000)]
