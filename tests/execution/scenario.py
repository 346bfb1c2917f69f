"""One execution driven by hand: every input is a method, and answers what it caused in short sentences.

Whatever is decided is decided twice: by the execution in memory, and by one that was folded from the bytes of all
events so far, as after a crash. Both must decide the same, so every scenario is a test of recovery, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.model import ExecutionOptions
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.reading import read_definition
from workflow_engine.execution.commands import outstanding
from workflow_engine.execution.decide import decide
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import (
    Cancel,
    Failed,
    Input,
    Loss,
    Message,
    Pause,
    Recover,
    Resolve,
    Resume,
    Signal,
    Start,
    Succeeded,
    Tick,
)
from workflow_engine.history.encoding import decode_events, encode_events
from workflow_engine.history.events import Event, SignalReceived, StepError
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import (
    Completed,
    Conversing,
    Effect,
    ErrorCode,
    Routed,
    StepType,
    Suspended,
    Verdict,
)

NOW: Final = 1_700_000_000.0
SEED: Final = 7

_ROUTES: Final[JsonObject] = {
    "type": "object",
    "properties": {"to": {"type": "array", "items": {"type": "string", "format": "step-id"}}},
}

TYPES: Final[Mapping[str, StepType]] = {
    "work": StepType("work"),
    "pay": StepType("pay", effect=Effect.AT_MOST_ONCE),
    "route": StepType("route", config_schema=_ROUTES),
    "announce": StepType(
        "announce", error_codes=(ErrorCode("hopeless", retryable=False), ErrorCode("invalid-config", retryable=True))
    ),
    "hasty": StepType("hasty", default_timeout_seconds=5.0, default_max_retries=1),
}


def step(step_id: str, *dependencies: str, **fields: Json) -> JsonObject:
    """A step of a document; its type is `work` unless `step_type` says otherwise."""
    return {"step_id": step_id, "step_type": "work", "dependencies": list(dependencies), **fields}


def plan_of(document: JsonObject, options: ExecutionOptions | None = None) -> Plan:
    return compile_plan(read_definition(document), TYPES.get, options=options)


def document_of(*steps: JsonObject, **fields: Json) -> JsonObject:
    return {"name": "scenario", "steps": list(steps), **fields}


def picture(execution: Execution) -> JsonObject:
    """Everything an execution is, as JSON: equal pictures mean equal executions."""
    state = asdict(execution.state)
    state["open"] = list(execution.state.open)
    state["tally"] = {str(status): count for status, count in execution.state.tally.items()}
    state["signals"] = {name: list(payloads) for name, payloads in execution.state.signals.items()}
    return {
        "state": state,
        "status": execution.state.status,
        "next_due_at": execution.state.next_due_at,
        "outstanding": [[command.path, command.delivery] for command in outstanding(execution)],
        "places": [[body.open, body.remaining] for body in execution.frontiers.values()],
    }


def said(events: Sequence[Event]) -> list[str]:
    return [_said(event) for event in events]


def _said(event: Event) -> str:
    verb = event.kind.removeprefix("step_").removeprefix("execution_").replace("_", " ")
    if isinstance(event, SignalReceived):
        return f"signal {event.name}"
    path = getattr(event, "path", None)
    return f"execution {verb}" if path is None else f"{path} {verb}"


class Scenario:
    """Starts at once. `now` moves by `after(...)` alone; `told` holds all events so far, `turns` what caused which."""

    def __init__(self, *steps: JsonObject, given: JsonObject | None = None, **fields: Json) -> None:
        self.document = document_of(*steps, **fields)
        self.plan = plan_of(self.document)
        self.execution = Execution("e1", self.plan)
        self.told: list[Event] = []
        self.turns: list[tuple[Input, list[Event]]] = []
        self.now = NOW
        self.begun = self.enter(Start(NOW, given or {}, self.plan.digest, dict(self.plan.pins), SEED))

    # --- what may enter

    def enter(self, entering: Input) -> list[str]:
        twin = Execution.folded("e1", self.plan, decode_events(encode_events(self.told)))
        assert picture(twin) == picture(self.execution)
        events = decide(self.execution, entering)
        assert decide(twin, entering) == events
        assert picture(twin) == picture(self.execution)
        self.told += events
        self.turns.append((entering, events))
        return said(events)

    def done(self, path: str, output: Json = None, *, delivery: int | None = None) -> list[str]:
        return self.enter(self._answer(path, Completed(output), delivery))

    def made_up(self, path: str, output: Json = None) -> list[str]:
        """Its output is a simulation."""
        return self.enter(self._answer(path, Completed(output, simulated=True), None))

    def routed(self, path: str, *to: str) -> list[str]:
        return self.enter(self._answer(path, Routed(None, to), None))

    def suspended(
        self, path: str, seconds: float | None = None, signal: str | None = None, memo: Json = None
    ) -> list[str]:
        return self.enter(self._answer(path, Suspended(seconds, signal, memo), None))

    def failed(
        self,
        path: str,
        code: str = "boom",
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        delivery: int | None = None,
    ) -> list[str]:
        error = StepError(code, f"{path} went {code}", {"by": path})
        held = self.step(path).delivery if delivery is None else delivery
        return self.enter(Failed(self.now, path, held, error, 2.0, retryable, retry_after))

    def after(self, seconds: float) -> list[str]:
        """Time goes by, and the alarm rings."""
        self.now += seconds
        return self.enter(Tick(self.now))

    def conversed(self, path: str, conversation: JsonObject, memo: Json = None) -> list[str]:
        """A step turns out to be an agent."""
        return self.enter(self._answer(path, Conversing(conversation, memo), None))

    def messaged(self, path: str, content: str, **metadata: Json) -> list[str]:
        """A user says something to an agent."""
        message: JsonObject = {"role": "user", "content": content}
        return self.enter(Message(self.now, path, message | ({"metadata": metadata} if metadata else {})))

    def signalled(self, name: str, payload: Json = None) -> list[str]:
        return self.enter(Signal(self.now, name, payload))

    def cancelled(self, *, compensate: bool = False) -> list[str]:
        return self.enter(Cancel(self.now, "no longer wanted", compensate))

    def paused(self) -> list[str]:
        return self.enter(Pause(self.now, "a person wants it"))

    def resumed(self) -> list[str]:
        return self.enter(Resume(self.now))

    def died(self) -> list[str]:
        """The server died and is back: whatever ran in it is lost."""
        return self.enter(Recover(self.now, self.running, Loss.DIED))

    def stopped(self) -> list[str]:
        """The server stops in order."""
        return self.enter(Recover(self.now, self.running, Loss.STOPPED))

    def resolved(
        self, path: str, *, output: Json = None, completed: bool = False, error: StepError | None = None
    ) -> list[str]:
        return self.enter(Resolve(self.now, path, output, completed, error))

    def _answer(self, path: str, verdict: Verdict, delivery: int | None) -> Succeeded:
        held = self.step(path).delivery if delivery is None else delivery
        return Succeeded(self.now, path, held, verdict, 1.0)

    # --- what came of it

    def step(self, path: str) -> StepState:
        return self.execution.state.steps[path]

    @property
    def running(self) -> tuple[str, ...]:
        """The steps somebody outside must be busy with."""
        return tuple(command.path for command in outstanding(self.execution))

    @property
    def status(self) -> str:
        return self.execution.state.status

    @property
    def statuses(self) -> dict[str, str]:
        return {path: str(self.execution.state.status_of(path)) for path in self.execution.paths()}

    @property
    def error(self) -> StepError | None:
        return self.execution.state.error

    @property
    def due_in(self) -> float | None:
        due_at = self.execution.state.next_due_at
        return None if due_at is None else due_at - self.now
