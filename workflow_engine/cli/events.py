"""Events of an execution as the command line follows them, whether they come from a server or from an engine inside."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from workflow_engine.jsontext import Json, JsonObject

_LAST: Final = frozenset({"execution_completed", "execution_failed", "execution_cancelled"})


@dataclass(frozen=True, slots=True)
class Event:
    """`at` in UTC epoch seconds; `path` names the step it is about; `data` holds the facts of its kind."""

    seq: int
    kind: str
    at: float
    path: str | None
    data: JsonObject

    @property
    def is_last(self) -> bool:
        return self.kind in _LAST


def event_of(body: JsonObject) -> Event:
    """An event as REST shows it. Raises `KeyError`, `ValueError` for anything else."""
    path, data = body.get("path"), body.get("data")
    return Event(
        seq=int(cast(int, body["seq"])),
        kind=str(body["kind"]),
        at=instant(body["at"]),
        path=path if isinstance(path, str) else None,
        data=data if isinstance(data, dict) else {},
    )


def instant(written: Json) -> float:
    """Epoch seconds of an ISO 8601 time, or of the number itself."""
    return datetime.fromisoformat(written).timestamp() if isinstance(written, str) else float(cast(float, written))


def read_stream(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of a server-sent stream, read as the HTML standard tells; comments only keep the line open."""
    data: list[str] = []
    for line in lines:
        text = line.decode().rstrip("\r\n")
        name, _, value = text.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not text and data:
            yield event_of(json.loads("\n".join(data)))
            data = []
