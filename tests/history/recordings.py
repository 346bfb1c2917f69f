"""Executions that were recorded once, turn by turn, and must replay for ever. Run as a program it records new ones.

A recording is a JSON file: the document, the step types it was compiled against, and for each turn what entered and
which events were stored. A file that exists is never written again: it stands for what users have in their databases.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, cast

from tests.execution.scenario import TYPES, Scenario, step
from workflow_engine.definition.compiling import compile_plan
from workflow_engine.definition.plan import Plan
from workflow_engine.definition.reading import read_definition
from workflow_engine.execution import inputs
from workflow_engine.execution.commands import outstanding
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Input
from workflow_engine.history.encoding import encode_events
from workflow_engine.history.events import StepError
from workflow_engine.jsontext import Json, JsonObject, load, write
from workflow_engine.steps.contract import Completed, Routed, StepType, Suspended
from workflow_engine.steps.wire import read_contract, write_contract

FOLDER: Final = Path(__file__).parents[1] / "histories"
_VALUES: Final[Mapping[str, type[Any]]] = {
    **{name: getattr(inputs, name) for name in (
        "Start", "Succeeded", "Failed", "Tick", "Signal", "Cancel", "Pause", "Resume", "Recover", "Resolve",
    )},
    **{value.__name__: value for value in (StepError, Completed, Routed, Suspended)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    plan: Plan
    turns: tuple[tuple[Input, bytes], ...]
    """What entered, and the stored text of the events it led to."""
    ends_as: JsonObject

    @classmethod
    def read(cls, path: Path) -> "Recording":
        kept = json.loads(path.read_text())
        types = {contract["name"]: read_contract(contract) for contract in kept["step_types"]}
        plan = compile_plan(read_definition(kept["document"]), types.get)
        turns = tuple((cast(Input, _value(turn["input"])), write(turn["events"])) for turn in kept["turns"])
        return cls(path.stem, plan, turns, kept["ends_as"])


def recordings() -> Iterator[Recording]:
    for path in sorted(FOLDER.glob("*.json")):
        yield Recording.read(path)


def facts(execution: Execution) -> JsonObject:
    """What anybody can see of an execution, in plain JSON."""
    state = execution.state
    facts = {
        "status": state.status,
        "version": state.version,
        "error": state.error,
        "output": state.output,
        "next_due_at": state.next_due_at,
        "outstanding": [[command.path, command.delivery] for command in outstanding(execution)],
        "signals": {name: list(payloads) for name, payloads in state.signals.items()},
        "steps": {
            path: {
                "status": known.status,
                "attempt": known.attempt,
                "delivery": known.delivery,
                "output": known.output,
                "error": known.error,
                "reason": known.reason,
                "handled_by": known.handled_by,
            }
            for path in execution.paths()
            if (known := state.steps.get(path)) is not None
        },
    }
    return cast(JsonObject, load(write(facts)))


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {"is": type(value).__name__, **{one.name: _plain(getattr(value, one.name)) for one in fields(value)}}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(plain: object) -> object:
    if isinstance(plain, dict) and "is" in plain:
        value = {name: _value(one) for name, one in plain.items() if name != "is"}
        if "loss" in value:
            value["loss"] = inputs.Loss(str(value["loss"]))
        return _VALUES[plain["is"]](**value)
    return tuple(plain) if isinstance(plain, list) and all(isinstance(item, str) for item in plain) else plain


# --- recording


def record(name: str, about: str, flow: Scenario) -> None:
    path = FOLDER / f"{name}.json"
    used: list[StepType] = [TYPES[reference] for reference in flow.plan.pins]
    kept = {
        "about": about,
        "document": flow.document,
        "step_types": [write_contract(step_type) for step_type in used],
        "turns": [
            {"input": _plain(entering), "events": load(encode_events(events))} for entering, events in flow.turns
        ],
        "ends_as": facts(flow.execution),
    }
    path.write_text(json.dumps(kept, indent=1) + "\n")


def diamond() -> Scenario:
    flow = Scenario(
        step("ask"),
        step("yes", "ask", conditions="ask.output.ok", input_mapping={"n": "${steps.ask.output.n * 2}"}),
        step("no", "ask", conditions="!ask.output.ok"),
        step("join", "yes", "no", input_mapping={"yes": "yes.text", "no": "no.text"}),
        execution_pattern="parallel",
        output={"text": "${steps.join.output.text}"},
    )
    flow.done("ask", {"ok": True, "n": 21})
    flow.done("yes", {"text": "y"})
    flow.done("join", {"text": "joined"})
    return flow


def retries() -> Scenario:
    flow = Scenario(step("a", max_retries=3, timeout_seconds=30), step("b", "a"), timeout_seconds=3600)
    flow.failed("a", "transport-error")
    flow.after(1.2)
    flow.after(30)
    flow.after(2.5)
    flow.failed("a", retry_after=7)
    flow.after(7)
    flow.done("a", {"at": "last"})
    flow.failed("b", "invalid-config")
    return flow


def catch() -> Scenario:
    routes: Json = [{"errors": ["late"], "then": "wait"}, {"errors": ["*"], "then": "rescue"}]
    flow = Scenario(
        step("a", catch=routes),
        step("wait"),
        step("rescue", input_mapping={"why": "${error.code}: ${error.message}"}),
        step("after", "a", "rescue"),
        step("side", critical=False),
        step("behind_side", "side"),
    )
    flow.failed("a")
    flow.done("rescue")
    flow.done("after")
    flow.failed("side")
    return flow


def compensation() -> Scenario:
    flow = Scenario(
        step("hotel", compensate="cancel_hotel"),
        step("flight", compensate="cancel_flight"),
        step("cancel_hotel", input_mapping={"ref": "hotel.ref"}),
        step("cancel_flight", max_retries=1),
        step("pay", "hotel", "flight"),
        execution_pattern="parallel",
    )
    flow.done("flight", {"ref": "f"})
    flow.done("hotel", {"ref": "h"})
    flow.failed("pay", "declined")
    flow.failed("cancel_hotel")
    flow.failed("cancel_flight")
    flow.after(2)
    flow.died()
    flow.done("cancel_flight")
    return flow


def signals() -> Scenario:
    flow = Scenario(step("a"), step("b"), step("c", "b"), execution_pattern="parallel")
    flow.signalled("go", {"n": 1})
    flow.suspended("a", seconds=60, signal="go", memo={"page": 1})
    flow.suspended("a", seconds=60, signal="go", memo={"page": 2})
    flow.suspended("b", signal="approve")
    flow.after(60)
    flow.paused()
    flow.done("a", [1, 2])
    flow.signalled("approve", True)
    flow.resumed()
    flow.done("b")
    flow.cancelled()
    return flow


def quarantine() -> Scenario:
    flow = Scenario(step("a", timeout_seconds=10), step("b", "a"))
    flow.stopped()
    flow.died()
    for _ in range(3):
        flow.died()
    flow.resumed()
    flow.done("a")
    return flow


def unknown_outcome() -> Scenario:
    flow = Scenario(step("pay", step_type="pay"), step("again", "pay", step_type="pay"))
    flow.died()
    flow.resolved("pay", completed=True, output={"ref": 7})
    flow.died()
    flow.resolved("again")
    return flow


def route() -> Scenario:
    flow = Scenario(
        step("switch", step_type="route", config={"to": ["left", "right"]}),
        step("left"),
        step("right"),
        step("join", "left", "right"),
        step("log", "switch", trigger_rule="all_done"),
        execution_pattern="parallel",
        max_parallel=2,
    )
    flow.routed("switch", "right")
    flow.done("log")
    flow.done("right", {"n": 1})
    flow.done("join")
    return flow


RECORDED: Final[Mapping[str, tuple[str, Callable[[], Scenario]]]] = {
    "diamond": ("an if/else diamond that joins behind the branch that ran", diamond),
    "retries": ("retries with jitter, a timeout, the worker's own delay, and a final failure", retries),
    "catch": ("a caught failure, and one that is not critical", catch),
    "compensation": ("a roll-back with a failing compensation and a crash in the middle", compensation),
    "signals": ("a signal before its wait, a timer, pause and resume, and a cancel at the end", signals),
    "quarantine": ("an orderly stop, four deaths, quarantine, and going on", quarantine),
    "unknown_outcome": ("steps that must not start twice, and what people said about them", unknown_outcome),
    "route": ("a switch that chooses one of two branches, two places wide", route),
}


if __name__ == "__main__":
    for name, (about, play) in RECORDED.items():
        if not (FOLDER / f"{name}.json").exists():
            record(name, about, play())
