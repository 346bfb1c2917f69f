"""What the steps of one execution are doing: a fold over its events, beginning with the steps its document names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from workflow_engine.cli.events import Event
from workflow_engine.jsontext import Json, JsonObject

ENDED: Final = frozenset({"completed", "failed", "skipped", "cancelled"})
_MOST_SAID: Final = 200
_NOTHING_SAID: Final[Mapping[str, Any]] = {"worker": "", "fraction": None, "said": ""}


@dataclass(frozen=True, slots=True)
class StepProgress:
    """`began_at` and `ended_at` in epoch seconds by the server's clock; `due_at` is when a wait of it is over."""

    path: str
    step_type: str = ""
    waits_for: tuple[str, ...] = ()
    attempts_allowed: int = 1
    status: str = "pending"
    attempt: int = 0
    began_at: float | None = None
    ended_at: float | None = None
    due_at: float | None = None
    note: str = ""
    simulated: bool = False
    worker: str = ""
    fraction: float | None = None
    """How much of this attempt is done, from 0 to 1, where its worker says so."""
    said: str = ""
    """The last line of what this attempt said so far, with its line break when it has ended."""

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of an execution. `of` makes the first from its document, `after` the next from an event."""

    name: str
    execution_id: str = ""
    steps: Mapping[str, StepProgress] = field(default_factory=dict)
    status: str = "pending"
    began_at: float | None = None
    ended_at: float | None = None
    note: str = ""

    @classmethod
    def of(cls, document: JsonObject, execution_id: str = "") -> "Progress":
        steps = [_planned(step) for step in _objects(document.get("steps"))]
        return cls(_text(document.get("name")) or "workflow", execution_id, {step.path: step for step in steps})

    def after(self, event: Event) -> "Progress":
        if event.path is None:
            return self._execution_after(event)
        change = _CHANGES.get(event.kind)
        if change is None:
            return self  # kinds may be added; nobody needs to know them all
        before = self.steps.get(event.path) or StepProgress(event.path)
        return replace(self, steps={**self.steps, event.path: change(before, event)})

    def _execution_after(self, event: Event) -> "Progress":
        match event.kind:
            case "execution_started":
                return replace(self, status="running", began_at=event.at)
            case "execution_paused":
                return replace(self, status="paused", note=_text(event.data.get("reason")))
            case "execution_resumed":
                return replace(self, status="running", note="")
            case "execution_compensating":
                return replace(self, note=f"compensating: {_error(event)}")
            case "execution_completed" | "execution_failed" | "execution_cancelled":
                status = event.kind.removeprefix("execution_")
                note = _text(event.data.get("reason")) or _error(event)
                return replace(self, status=status, ended_at=event.at, note=note)
        return self

    def missing(self, step: StepProgress) -> tuple[str, ...]:
        """What a step that did not begin still waits for."""
        return tuple(name for name in step.waits_for if name in self.steps and not self.steps[name].has_ended)

    def count(self, status: str) -> int:
        return sum(step.status == status for step in self.steps.values())


def _planned(step: JsonObject) -> StepProgress:
    retries = step.get("max_retries")
    return StepProgress(
        path=_text(step.get("step_id")),
        step_type=_text(step.get("step_type")),
        waits_for=tuple(_text(each) for each in _list(step.get("dependencies"))),
        attempts_allowed=1 + (retries if isinstance(retries, int) else 0),
    )


# --- what an event does to its step -----------------------------------------------------------------------------------


def _scheduled(step: StepProgress, event: Event) -> StepProgress:
    attempt = event.data.get("attempt")
    return replace(
        step,
        status="running",
        attempt=attempt if isinstance(attempt, int) else step.attempt + 1,
        began_at=step.began_at or event.at,
        due_at=None,
        note=f"after {error}" if (error := _error_in(event.data.get("caught"))) else "",
        **_NOTHING_SAID,
    )


def _handed_over(step: StepProgress, event: Event) -> StepProgress:
    return replace(step, status="running", due_at=None, note=_text(event.data.get("reason")))


def _started(step: StepProgress, event: Event) -> StepProgress:
    return replace(step, worker=_text(event.data.get("worker")))


def _progressed(step: StepProgress, event: Event) -> StepProgress:
    fraction = event.data.get("fraction")
    known = float(fraction) if isinstance(fraction, (int, float)) else step.fraction
    return replace(step, fraction=known, note=_text(event.data.get("note")) or step.note)


def _spoke(step: StepProgress, event: Event) -> StepProgress:
    """Tokens make up lines; of these the last one is seen."""
    said = step.said + "".join(_text(each.get("data")) for each in _objects(event.data.get("chunks")))
    last = said.rstrip("\n").rpartition("\n")[2] + ("\n" if said.endswith("\n") else "")
    return replace(step, said=last[-_MOST_SAID:])


def _forgotten(step: StepProgress, event: Event) -> StepProgress:
    return replace(step, note=_text(event.data.get("reason")), **_NOTHING_SAID)


def _retrying(step: StepProgress, event: Event) -> StepProgress:
    return replace(step, status="retrying", due_at=_due(event), note=_error(event))


def _waiting(step: StepProgress, event: Event) -> StepProgress:
    signal, reason = _text(event.data.get("signal")), _text(event.data.get("reason"))
    note = f"for the signal {signal}" if signal else reason
    return replace(step, status="waiting", due_at=_due(event), began_at=step.began_at or event.at, note=note)


def _completed(step: StepProgress, event: Event) -> StepProgress:
    route = [_text(each) for each in _list(event.data.get("route"))]
    note = f"chose {', '.join(route)}" if route else ""
    simulated = event.data.get("simulated") is True
    return replace(step, status="completed", ended_at=event.at, due_at=None, note=note, simulated=simulated)


def _failed(step: StepProgress, event: Event) -> StepProgress:
    handled_by = _text(event.data.get("handled_by"))
    note = _error(event) + (f" (handled by {handled_by})" if handled_by else "")
    return replace(step, status="failed", ended_at=event.at, due_at=None, note=note)


def _skipped(step: StepProgress, event: Event) -> StepProgress:
    return replace(step, status="skipped", due_at=None, note=_text(event.data.get("reason")))


def _cancelled(step: StepProgress, event: Event) -> StepProgress:
    return replace(
        step,
        status="cancelled",
        ended_at=event.at if step.began_at else None,
        due_at=None,
        note=_text(event.data.get("reason")),
    )


_CHANGES: Final[Mapping[str, Callable[[StepProgress, Event], StepProgress]]] = {
    "step_scheduled": _scheduled,
    "step_rescheduled": _handed_over,
    "step_resumed": _handed_over,
    "timer_fired": _handed_over,
    "step_started": _started,
    "step_progress": _progressed,
    "step_chunk": _spoke,
    "attempt_reset": _forgotten,
    "step_retrying": _retrying,
    "step_waiting": _waiting,
    "step_completed": _completed,
    "step_failed": _failed,
    "step_skipped": _skipped,
    "step_cancelled": _cancelled,
}


def _due(event: Event) -> float | None:
    due = event.data.get("due_at")
    return float(due) if isinstance(due, (int, float)) else None


def _error(event: Event) -> str:
    return _error_in(event.data.get("error"))


def _error_in(error: Json) -> str:
    """Code and message, unless the message begins with what the code says anyway."""
    if not isinstance(error, dict):
        return ""
    code, message = _text(error.get("code")), _text(error.get("message"))
    return f"{code}: {message}" if code and message else code or message


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()


def _objects(value: Json) -> Iterator[JsonObject]:
    return (each for each in _list(value) if isinstance(each, dict))
