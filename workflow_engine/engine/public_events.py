"""The public projection of events: what watchers and event pages show. Never stored rows, never a token."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, cast

from workflow_engine.history.events import StepError
from workflow_engine.journal.contract import RecordedEvent
from workflow_engine.jsontext import Json, JsonObject

_NOT_DATA: Final = frozenset(
    {"kind", "v", "at", "path", "memo", "computed", "seed", "delivery", "checkpoint", "conversation"}
)


@dataclass(frozen=True, slots=True)
class PublicEvent:
    """`at` is epoch seconds; `data` holds the facts of this kind."""

    seq: int
    kind: str
    at: float
    path: str | None
    data: JsonObject

    @property
    def is_last(self) -> bool:
        return self.kind in _LAST_KINDS


_LAST_KINDS: Final = frozenset({"execution_completed", "execution_failed", "execution_cancelled"})


def public(recorded: RecordedEvent) -> PublicEvent:
    event = recorded.event
    data = {field.name: _plain(getattr(event, field.name)) for field in fields(event) if field.name not in _NOT_DATA}
    return PublicEvent(recorded.seq, event.kind, event.at, getattr(event, "path", None), data)


def public_page(recorded: Iterable[RecordedEvent]) -> list[PublicEvent]:
    return [public(entry) for entry in recorded]


def _plain(value: object) -> Json:
    if isinstance(value, StepError):
        return {"code": value.code, "message": value.message, "details": value.details}
    return cast(Json, list(value) if isinstance(value, tuple) else value)
