"""What others said, made fit to be kept: without anything that opens a door; of errors also short and on one line."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from workflow_engine.jsontext import Json

LONGEST: Final = 500
_SHORTEST_SECRET: Final = 6
_SECRET_NAMES: Final = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SHAPES: Final = re.compile(
    r"\b(?:sk|pk|rk|wfe|key|ABSK)[-_][A-Za-z0-9_\-*.]{6,}"  # keys as OpenAI, Anthropic and we ourselves write them
    r"|\bA(?:KIA|SIA)[A-Z0-9]{12,}"  # AWS
    r"|\bAIza[A-Za-z0-9_\-]{10,}"  # Google
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]{6,}"
    r"|\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-.]+"  # JWT
    r"|(?<=://)[^/@\s]+:[^/@\s]+(?=@)"  # user and password of a URL
    r"|(?<=[?&]key=)[^&\s\"']+",
)
HIDDEN: Final = "***"


class Redaction:
    """Knows the secrets of an environment, to strike them out of texts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._secrets = sorted(_secrets(environment), key=len, reverse=True)

    def strike(self, value: Json) -> Json:
        """The same value, fit to be kept: a provider that was given a key may say it again in an answer."""
        if isinstance(value, str):
            return _storable(self._without_secrets(value))
        if isinstance(value, list):
            return [self.strike(each) for each in value]
        if isinstance(value, dict):
            return {self._without_secrets(key): self.strike(each) for key, each in value.items()}
        return value

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def __call__(self, text: str) -> str:
        """One line of at most 500 characters."""
        text = self._without_secrets(text)
        line = " ".join(_SHAPES.sub(HIDDEN, text[: 20 * LONGEST]).split())
        return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _storable(text: str) -> str:
    """JSON that is kept holds neither a NUL nor half a character, and a model may write both."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _secrets(environment: Mapping[str, str]) -> Iterable[str]:
    """A value of several parts (`id:secret`) is as secret in its parts."""
    for name, value in environment.items():
        if _SECRET_NAMES.search(name):
            yield from {part for part in (value, *value.split(":")) if len(part) >= _SHORTEST_SECRET}
