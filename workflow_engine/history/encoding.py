"""Events as bytes and back: what the journal stores is exactly what `encode_events` wrote, and old versions are upcast
when read.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import orjson

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.history.events import EVENT_TYPES, Event, StepError
from workflow_engine.jsontext import JsonObject

Upcast = Callable[[JsonObject], JsonObject]

UPCASTS: Final[Mapping[tuple[str, int], Upcast]] = {}
"""(kind, old version) -> a function to the next version; filled when an event's shape first changes."""


class UnreadableEvent(WorkflowEngineError):
    """The journal holds something this version does not understand; a newer server wrote it, or it is damaged."""

    code = "unreadable-event"

    def __init__(self, kind: object, version: object) -> None:
        super().__init__(
            f"cannot read an event of kind {kind!r} and version {version!r}; was it written by a newer server?"
        )


def encode_events(events: Sequence[Event]) -> bytes:
    """A JSON array with one object an event, in order."""
    return orjson.dumps(events)


def decode_events(body: bytes | str) -> list[Event]:
    """The events of one `encode_events`. Raises `UnreadableEvent`."""
    return [_decode(raw) for raw in orjson.loads(body)]


def _decode(raw: dict[str, Any]) -> Event:
    while upcast := UPCASTS.get((raw.get("kind", ""), raw.get("v", 0))):
        raw = cast(dict[str, Any], upcast(raw))
    event_type = EVENT_TYPES.get(raw.get("kind", ""))
    if event_type is None or raw.get("v") != 1:
        raise UnreadableEvent(raw.get("kind"), raw.get("v"))
    for name in ("error", "caught"):
        if raw.get(name) is not None:
            raw[name] = StepError(**raw[name])
    for name in ("computed", "route"):
        if raw.get(name) is not None:
            raw[name] = tuple(raw[name])
    return event_type(**raw)
