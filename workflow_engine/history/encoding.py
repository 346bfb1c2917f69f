"""Events as bytes and back: what the journal stores is exactly what `encode_events` wrote, and old versions are upcast
when read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias, cast

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.history.events import EVENT_TYPES, Event, StepError
from workflow_engine.jsontext import JsonObject, load, write

Upcast: TypeAlias = Callable[[JsonObject], JsonObject]
Upcasts: TypeAlias = Mapping[tuple[str, int], Upcast]
"""(kind, old version) -> a function to the next version."""

UPCASTS: Final[Upcasts] = {}
"""Filled when an event's shape first changes."""

_VERSIONS: Final = {
    kind: next(field.default for field in fields(event_type) if field.name == "v")
    for kind, event_type in EVENT_TYPES.items()
}


class UnreadableEvent(WorkflowEngineError):
    """The journal holds something this version does not understand; a newer server wrote it, or it is damaged."""

    code = "unreadable-event"

    def __init__(self, kind: object, version: object) -> None:
        super().__init__(
            f"cannot read an event of kind {kind!r} and version {version!r}; was it written by a newer server?"
        )


def encode_events(events: Sequence[Event]) -> bytes:
    """A JSON array with one object an event, in order."""
    return write(events)


def decode_events(body: bytes | str, upcasts: Upcasts = UPCASTS) -> list[Event]:
    """The events of one `encode_events`, also of an older version. Raises `UnreadableEvent`."""
    return [_decode(raw, upcasts) for raw in cast(list[dict[str, Any]], load(body))]


def _decode(raw: dict[str, Any], upcasts: Upcasts) -> Event:
    while upcast := upcasts.get((raw.get("kind", ""), raw.get("v", 0))):
        raw = cast(dict[str, Any], upcast(raw))
    kind, version = raw.get("kind", ""), raw.get("v")
    event_type = EVENT_TYPES.get(kind)
    if event_type is None or version != _VERSIONS[kind]:
        raise UnreadableEvent(kind, version)
    for name in ("error", "caught"):
        if raw.get(name) is not None:
            raw[name] = StepError(**raw[name])
    for name in ("computed", "route", "chunks", "tools", "calls"):
        if raw.get(name) is not None:
            raw[name] = tuple(raw[name])
    try:
        return event_type(**raw)
    except TypeError as damage:
        raise UnreadableEvent(kind, version) from damage
