"""The lifecycle charts: the edges are those of the status tables, their labels the events that make them.

Which event makes which move is said here, and a test holds it against the fold: every move of the tables has an event,
every event that is named really makes the move, and nothing else is drawn.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from docs.tables.markdown import code, table
from workflow_engine.history.events import EVENT_TYPES
from workflow_engine.history.statuses import EXECUTION_MOVES, STEP_MOVES, ExecutionStatus, StepStatus

S = TypeVar("S", bound=StrEnum)

_E, _S = ExecutionStatus, StepStatus
_UNENDED: Final = (_S.PENDING, _S.RUNNING, _S.WAITING)

STEP_EVENTS: Final[Mapping[str, tuple[tuple[StepStatus, ...], StepStatus]]] = {
    "step_scheduled": ((_S.PENDING, _S.WAITING), _S.RUNNING),
    "step_rescheduled": ((_S.RUNNING, _S.WAITING), _S.RUNNING),
    "step_retrying": (_UNENDED, _S.WAITING),
    "step_waiting": ((_S.RUNNING,), _S.WAITING),
    "timer_fired": ((_S.WAITING,), _S.RUNNING),
    "step_resumed": ((_S.WAITING,), _S.RUNNING),
    "step_completed": ((_S.RUNNING,), _S.COMPLETED),
    "step_failed": (_UNENDED, _S.FAILED),
    "step_skipped": ((_S.PENDING,), _S.SKIPPED),
    "step_cancelled": (_UNENDED, _S.CANCELLED),
}
"""From which statuses of its step an event leads to which."""

_OPEN: Final = (_E.RUNNING, _E.WAITING, _E.PAUSED)

EXECUTION_EVENTS: Final[Mapping[str, tuple[tuple[ExecutionStatus, ...], ExecutionStatus]]] = {
    "execution_started": ((_E.PENDING,), _E.RUNNING),
    "execution_paused": ((_E.RUNNING, _E.WAITING), _E.PAUSED),
    "execution_resumed": ((_E.PAUSED,), _E.RUNNING),
    "execution_completed": ((_E.RUNNING,), _E.COMPLETED),
    "execution_failed": (_OPEN, _E.FAILED),
    "execution_cancelled": (_OPEN, _E.CANCELLED),
}

DERIVED: Final[Mapping[tuple[ExecutionStatus, ExecutionStatus], str]] = {
    (_E.RUNNING, _E.WAITING): "every open step waits",
    (_E.WAITING, _E.RUNNING): "a step goes on",
}
"""Moves that follow from what the steps do. `waiting` is never stored as an event of its own."""

MEANINGS: Final[Mapping[str, str]] = {
    "execution_started": "Accepted. Holds the input, the digest of the document, the exact version of every step type, "
    "the seed of all random draws, and the deadline.",
    "execution_paused": "Nothing new begins; running steps finish. `reason` says who paused it, or `quarantined`.",
    "execution_resumed": "What fell due during the pause goes on now.",
    "execution_compensating": "The forward way is over and compensations run; `outcome` says how it will end. The "
    "status stays `running`.",
    "execution_completed": "Every step has ended and nothing failed the run. Holds the `output` of the document.",
    "execution_failed": "A critical step failed, the time was over, or the output could not be built.",
    "execution_cancelled": "Somebody cancelled it.",
    "step_scheduled": "An attempt begins. Committed before anybody is handed the step; holds what its expressions "
    "yielded.",
    "step_started": "A worker has the step, since `since`. Written when it takes long, else together with the result.",
    "step_progress": "What a worker says of a step while it runs: `fraction` from 0 to 1, a `note`.",
    "step_chunk": "Pieces of what a step says while it runs, from number `first` on.",
    "attempt_reset": "The chunks so far belong to a hand-over that came to nothing; the next is numbered from 0 again.",
    "step_rescheduled": "The same attempt is handed over again, because whoever held it is gone, or somebody resolved "
    "or resumed it.",
    "step_retrying": "An attempt failed and another follows at `due_at`; the jitter in it is drawn already.",
    "step_waiting": "The step gave up its slot until a timer or a signal; with `reason: outcome-unknown`, until a "
    "person says what became of it; with `user_input`, until the user of an agent says something.",
    "timer_fired": "The timer of a waiting step is over, and the step goes on.",
    "signal_received": "A signal is here. It is kept until a step waits for it.",
    "step_resumed": "A waiting step takes the oldest signal of its name and goes on.",
    "step_completed": "The one result of the step. `route` names the dependants that a routing step chose.",
    "step_failed": "The last attempt failed. `handled_by` names the `catch` target it was routed to.",
    "step_skipped": "It does not run; `upstream_failed` when that is because of a failure before it.",
    "step_cancelled": "It had not ended when the execution did, or when the agent did that owns it.",
    "agent_started": "The step is an agent, and begins to converse: `name`, `model`, and the names of its `tools`.",
    "agent_turn_started": "A model is asked. `say` is what the engine adds, about an answer that does not fit its "
    "schema; turn 0 asks MCP servers for their tools.",
    "agent_tools_called": "What became of the tool calls a model asked for: each is a step of this turn, or an error "
    "the model is told.",
    "agent_message_received": "A user said something to an agent. It is in its next turn.",
    "agent_simulated": "No provider is configured for the agent's models: from here on its turns are simulated.",
    "agent_ended": "The conversation is over, and the step is given its outcome, from which it makes its output.",
}


def execution_chart() -> str:
    return _chart(EXECUTION_MOVES, {**_labels(EXECUTION_EVENTS), **DERIVED})


def step_chart() -> str:
    return _chart(STEP_MOVES, _labels(STEP_EVENTS))


def events() -> str:
    return table(
        ["event", "makes", "what it says"], [(code(kind), _makes(kind), MEANINGS[kind]) for kind in EVENT_TYPES]
    )


def _makes(kind: str) -> str:
    if kind in STEP_EVENTS:
        return f"step {code(STEP_EVENTS[kind][1])}"
    if kind in EXECUTION_EVENTS:
        return f"execution {code(EXECUTION_EVENTS[kind][1])}"
    return ""


def _labels(made_by: Mapping[str, tuple[tuple[S, ...], S]]) -> dict[tuple[S, S], str]:
    moves: dict[tuple[S, S], list[str]] = {}
    for kind, (sources, target) in made_by.items():
        for source in sources:
            moves.setdefault((source, target), []).append(kind)
    return {move: ", ".join(kinds) for move, kinds in moves.items()}


def _chart(moves: Mapping[S, frozenset[S]], labels: Mapping[tuple[S, S], str]) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(moves))}"]
    for source, targets in moves.items():
        ordered = [status for status in moves if status in targets]
        lines += [f"    {source} --> {target}: {labels[source, target]}" for target in ordered]
    return "\n".join([*lines, *_ends(moves), "```"])


def _ends(moves: Mapping[S, frozenset[S]]) -> Iterable[str]:
    return (f"    {status} --> [*]" for status, targets in moves.items() if not targets)
