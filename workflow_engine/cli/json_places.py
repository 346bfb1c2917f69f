"""From a JSON pointer to the line and column where that value, or its key, stands in the text."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.jsontext import pointer

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """`line` and `column` count from 1, in characters."""

    line: int
    column: int


class Places:
    """Where everything in one valid JSON text stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: Mapping[str, int] = dict(_starts(text))

    def of(self, wanted: str) -> Place:
        """The place of a pointer; what is not in the text is reported at what should contain it."""
        while wanted not in self._starts and wanted:
            wanted = wanted.rpartition("/")[0]
        at = self._starts.get(wanted, 0)
        return Place(self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at))


@dataclass(slots=True)
class _Container:
    """An open object or list; `key` is that of the member being read, or its index."""

    is_object: bool
    key: str | int = 0
    awaits_key: bool = True

    def go_on(self) -> None:
        """Behind a comma."""
        self.awaits_key = True
        if isinstance(self.key, int):
            self.key += 1


def _starts(text: str) -> Iterator[tuple[str, int]]:
    """Every pointer with its offset: a member of an object begins at its key. The open containers are kept by hand."""
    open_ones: list[_Container] = []
    for token in _TOKEN.finditer(text):
        word, inner = token[0], open_ones[-1] if open_ones else None
        if word in ("}", "]"):
            open_ones.pop()
        elif word == ",":
            open_ones[-1].go_on()
        elif word == ":":
            pass
        elif inner is not None and inner.is_object and inner.awaits_key:
            inner.key, inner.awaits_key = json.loads(word), False
            yield _pointer(open_ones), token.start()
        else:
            if inner is None or not inner.is_object:
                yield _pointer(open_ones), token.start()
            if word in ("{", "["):
                open_ones.append(_Container(is_object=word == "{"))


def _pointer(open_ones: list[_Container]) -> str:
    return pointer(*(container.key for container in open_ones))
