"""The fold: what each event does to a state, and every move that is impossible."""

from collections.abc import Callable, Mapping

import pytest

from workflow_engine.history.events import (
    EVENT_TYPES,
    AgentEnded,
    AgentMessageReceived,
    AgentSimulated,
    AgentStarted,
    AgentToolsCalled,
    AgentTurnStarted,
    AttemptReset,
    Event,
    ExecutionCancelled,
    ExecutionCompensating,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    SignalReceived,
    StepCancelled,
    StepChunked,
    StepCompleted,
    StepError,
    StepFailed,
    StepProgressed,
    StepRescheduled,
    StepResumed,
    StepRetrying,
    StepScheduled,
    StepSkipped,
    StepStarted,
    StepWaiting,
    TimerFired,
)
from workflow_engine.history.fold import fold
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import (
    EXECUTION_MOVES,
    STEP_MOVES,
    ExecutionStatus,
    IllegalMove,
    StepStatus,
)
from workflow_engine.jsontext import JsonObject

T = 100.0
BOOM = StepError("boom", "it went boom")
STARTED = ExecutionStarted(T, {"x": 1}, "digest", {"work": "work@1.0.0"}, 7, {}, deadline=T + 60)
SCHEDULED = StepScheduled(T, "a", 1, 1)
DONE = StepCompleted(T, "a", 1, {"n": 1}, 2.5)

TALK: JsonObject = {"messages": [{"role": "user", "content": "hello"}], "limits": {"max_tool_result_bytes": 100}}
BEGUN = AgentStarted(T, "a", "Ann", "gpt", (), TALK)
TURN = AgentTurnStarted(T, "a", 1)
CONVERSING = (STARTED, SCHEDULED, BEGUN, TURN)

# Ways to bring step `a`, or the execution, into each situation.
SITUATIONS: Mapping[str, tuple[Event, ...]] = {
    "nothing": (),
    "pending": (STARTED,),
    "running": (STARTED, SCHEDULED),
    "running with a signal": (STARTED, SCHEDULED, SignalReceived(T, "go", 1)),
    "waiting for a timer": (STARTED, SCHEDULED, StepWaiting(T, "a", T + 5)),
    "waiting for a signal": (STARTED, SCHEDULED, SignalReceived(T, "go", 1), StepWaiting(T, "a", None, "go")),
    "waiting for another signal": (STARTED, SCHEDULED, SignalReceived(T, "go", 1), StepWaiting(T, "a", None, "no")),
    "outcome unknown": (STARTED, SCHEDULED, StepWaiting(T, "a", reason="outcome-unknown")),
    "backing off": (STARTED, SCHEDULED, StepRetrying(T, "a", 1, BOOM, T + 5)),
    "conversing": CONVERSING,
    "waiting for its user": (*CONVERSING, StepWaiting(T, "a", reason="user_input")),
    "handed what it talked about": (*CONVERSING, AgentEnded(T, "a", 1 + 1, {"response": "bye"})),
    "completed": (STARTED, SCHEDULED, DONE),
    "failed": (STARTED, SCHEDULED, StepFailed(T, "a", 1, BOOM, 1.0)),
    "skipped": (STARTED, StepSkipped(T, "a", "why")),
    "cancelled": (STARTED, StepCancelled(T, "a", "why")),
    "paused": (STARTED, ExecutionPaused(T, "why")),
    "paused while running": (STARTED, SCHEDULED, ExecutionPaused(T, "why")),
    "compensating": (STARTED, ExecutionCompensating(T, "failed", BOOM)),
    "ended completed": (STARTED, ExecutionCompleted(T)),
    "ended failed": (STARTED, ExecutionFailed(T, BOOM)),
    "ended cancelled": (STARTED, ExecutionCancelled(T, "why")),
}

# One event of every kind, with what it needs of a situation; `2` is a fence larger than any before.
NEXT: Mapping[str, Event] = {
    "execution_started": STARTED,
    "execution_paused": ExecutionPaused(T, "why"),
    "execution_resumed": ExecutionResumed(T),
    "execution_compensating": ExecutionCompensating(T, "failed", BOOM),
    "execution_completed": ExecutionCompleted(T),
    "execution_failed": ExecutionFailed(T, BOOM),
    "execution_cancelled": ExecutionCancelled(T, "why"),
    "step_scheduled": StepScheduled(T, "a", 1, 2),
    "step_started": StepStarted(T, "a", 1, "worker-1", T),
    "step_progress": StepProgressed(T, "a", 0.5, "half", "Y2hlY2s="),
    "step_chunk": StepChunked(T, "a", 0, ({"channel": "text", "data": "hello"},)),
    "attempt_reset": AttemptReset(T, "a"),
    "step_rescheduled": StepRescheduled(T, "a", 2, "server-died"),
    "step_retrying": StepRetrying(T, "a", 1, BOOM, T + 5),
    "step_waiting": StepWaiting(T, "a", T + 5),
    "timer_fired": TimerFired(T, "a", 2),
    "signal_received": SignalReceived(T, "go", 2),
    "step_resumed": StepResumed(T, "a", 2, "go"),
    "step_completed": StepCompleted(T, "a", 1, None, 0.0),
    "step_failed": StepFailed(T, "a", 1, BOOM, 0.0),
    "step_skipped": StepSkipped(T, "a", "why"),
    "step_cancelled": StepCancelled(T, "a", "why"),
    "agent_started": BEGUN,
    "agent_turn_started": AgentTurnStarted(T, "a", 2),
    "agent_tools_called": AgentToolsCalled(T, "a", 1, ({"id": "1", "name": "x", "error": "there is no tool 'x'"},)),
    "agent_message_received": AgentMessageReceived(T, "a", {"role": "user", "content": "and?"}),
    "agent_simulated": AgentSimulated(T, "a", "no-provider"),
    "agent_ended": AgentEnded(T, "a", 2, {"response": "bye"}),
}

_ALWAYS = {"signal_received"}
_UNPAUSED = {"execution_paused"}
_NO_STEP_OPEN = {"execution_completed", "execution_failed", "execution_cancelled"}
_PENDING = {"step_scheduled", "step_retrying", "step_failed", "step_skipped", "step_cancelled"}
_OPEN = {"step_rescheduled", "step_retrying", "step_failed", "step_cancelled", "attempt_reset"}
_WAITING = _OPEN
_RUNNING = _OPEN | {"step_waiting", "step_completed", "step_started", "step_progress", "step_chunk"}
_AT_WORK = _RUNNING | {"agent_started"}
_OF_AGENTS = {
    "agent_turn_started",
    "agent_tools_called",
    "agent_message_received",
    "agent_simulated",
    "agent_ended",
    "step_failed",
    "step_cancelled",
}
_FORWARD = _ALWAYS | _UNPAUSED | {"execution_compensating"}

# Which kinds may follow in which situation. Whatever is not named here is refused.
LEGAL: Mapping[str, set[str]] = {
    "nothing": {"execution_started"},
    "pending": _FORWARD | _NO_STEP_OPEN | _PENDING,
    "running": _FORWARD | _AT_WORK,
    "running with a signal": _FORWARD | _AT_WORK,
    "waiting for a timer": _FORWARD | _WAITING | {"timer_fired"},
    "waiting for a signal": _FORWARD | _WAITING | {"step_resumed"},
    "waiting for another signal": _FORWARD | _WAITING,
    "outcome unknown": _FORWARD | _WAITING,
    "conversing": _FORWARD | _OF_AGENTS,
    "waiting for its user": _FORWARD | _OF_AGENTS,
    "handed what it talked about": _FORWARD | _RUNNING - {"step_started", "step_rescheduled"},
    "backing off": _FORWARD | _WAITING | {"step_scheduled"},
    "completed": _FORWARD | _NO_STEP_OPEN,
    "failed": _FORWARD | _NO_STEP_OPEN,
    "skipped": _FORWARD | _NO_STEP_OPEN,
    "cancelled": _FORWARD | _NO_STEP_OPEN,
    "paused": {"execution_resumed", "execution_compensating", "execution_failed", "execution_cancelled"}
    | _ALWAYS
    | _PENDING,
    "paused while running": {"execution_resumed", "execution_compensating"} | _ALWAYS | _AT_WORK,
    "compensating": (_FORWARD | _NO_STEP_OPEN | _PENDING) - {"execution_compensating"},
    "ended completed": set(),
    "ended failed": set(),
    "ended cancelled": set(),
}


@pytest.mark.parametrize("kind", EVENT_TYPES)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_only_the_legal_moves_are_accepted(situation: str, kind: str) -> None:
    state = fold(SITUATIONS[situation])
    if kind in LEGAL[situation]:
        fold([NEXT[kind]], state)
        assert state.version == len(SITUATIONS[situation]) + 1
    else:
        with pytest.raises(IllegalMove):
            fold([NEXT[kind]], state)


def test_every_kind_of_event_is_in_the_table() -> None:
    assert set(NEXT) == set(EVENT_TYPES)
    assert {event.kind for event in NEXT.values()} == set(EVENT_TYPES)


@pytest.mark.parametrize("delivery", [0, 1])
@pytest.mark.parametrize(
    ("situation", "make"),
    [
        ("running", lambda fence: StepRescheduled(T, "a", fence, "server-died")),
        ("backing off", lambda fence: StepScheduled(T, "a", 2, fence)),
        ("waiting for a timer", lambda fence: TimerFired(T, "a", fence)),
        ("waiting for a signal", lambda fence: StepResumed(T, "a", fence, "go")),
    ],
)
def test_every_hand_over_has_a_larger_fence(situation: str, make: Callable[[int], Event], delivery: int) -> None:
    with pytest.raises(IllegalMove):
        fold([make(delivery)], fold(SITUATIONS[situation]))


def test_a_terminal_status_has_no_way_out() -> None:
    assert {status for status in ExecutionStatus if status.is_terminal} == {"completed", "failed", "cancelled"}
    assert {status for status in StepStatus if status.is_terminal} == {"completed", "failed", "skipped", "cancelled"}
    assert set(EXECUTION_MOVES) == set(ExecutionStatus)
    assert set(STEP_MOVES) == set(StepStatus)


# --- what each event leaves behind


def test_a_state_counts_its_events_and_knows_when_it_changed() -> None:
    state = fold([STARTED, StepScheduled(T + 3, "a", 1, 1)])

    assert (state.version, state.updated_at) == (2, T + 3)


def test_an_attempt_is_scheduled() -> None:
    caught = StepError("late", "too late")
    state = fold([STARTED, StepScheduled(T, "a", 1, 1, (1, "x"), T + 9, caught, "b")])

    step = state.steps["a"]
    assert (step.status, step.attempt, step.delivery) == ("running", 1, 1)
    assert (step.scheduled_at, step.attempt_at, step.deadline) == (T, T, T + 9)
    assert (step.computed, step.caught, step.caught_from) == ((1, "x"), caught, "b")
    assert list(state.open) == ["a"]
    assert state.running == 1


def test_the_next_attempt_keeps_what_the_first_one_computed() -> None:
    retried = (StepRetrying(T + 1, "a", 1, BOOM, T + 5), StepScheduled(T + 5, "a", 2, 2, deadline=T + 6))
    state = fold([STARTED, StepScheduled(T, "a", 1, 1, (1,)), *retried])

    step = state.steps["a"]
    assert (step.attempt, step.delivery, step.computed) == (2, 2, (1,))
    assert (step.scheduled_at, step.attempt_at, step.deadline) == (T, T + 5, T + 6)
    assert step.wait is None


def test_a_failure_that_is_retried_is_remembered_until_the_step_completes() -> None:
    state = fold(SITUATIONS["backing off"])
    assert state.steps["a"].error == BOOM
    assert state.status == "waiting"

    fold([StepScheduled(T, "a", 2, 2), StepCompleted(T, "a", 2, None, 1.0)], state)
    assert state.steps["a"].error is None


def test_a_completed_step_is_closed_and_counted() -> None:
    state = fold([STARTED, SCHEDULED, StepCompleted(T + 2, "a", 1, {"n": 1}, 2.5, ("b",), simulated=True)])

    step = state.steps["a"]
    assert (step.output, step.route, step.simulated, step.duration_ms) == ({"n": 1}, ("b",), True, 2.5)
    assert step.ended_at == T + 2
    assert not state.open
    assert state.running == 0
    assert state.completion_order == ["a"]
    assert state.tally == {"completed": 1}


def test_a_skip_behind_a_failure_says_so() -> None:
    state = fold([STARTED, StepSkipped(T, "a", "upstream_failed", upstream_failed=True)])

    assert state.steps["a"].upstream_failed
    assert state.steps["a"].reason == "upstream_failed"


def test_a_handled_failure_names_who_handles_it() -> None:
    state = fold([STARTED, SCHEDULED, StepFailed(T, "a", 1, BOOM, 1.0, handled_by="rescue")])

    assert state.steps["a"].handled_by == "rescue"


def test_signals_are_taken_in_the_order_they_came() -> None:
    state = fold([STARTED, SCHEDULED, SignalReceived(T, "go", 1), SignalReceived(T, "go", 2)])
    fold([StepWaiting(T, "a", None, "go", "memo"), StepResumed(T + 1, "a", 2, "go")], state)

    resumed = state.steps["a"].resumed
    assert resumed is not None
    assert (resumed.by, resumed.at, resumed.memo, resumed.payload) == ("signal", T + 1, "memo", 1)
    assert list(state.signals["go"]) == [2]


def test_what_is_paused_says_why_and_what_is_resumed_forgets_it() -> None:
    state = fold(SITUATIONS["paused"])
    assert (state.status, state.paused) == ("paused", "why")

    fold([ExecutionResumed(T)], state)
    assert (state.status, state.paused) == ("running", None)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (ExecutionCompleted(T + 9, {"out": 1}), "completed"),
        (ExecutionFailed(T + 9, BOOM), "failed"),
        (ExecutionCancelled(T + 9, "enough"), "cancelled"),
    ],
)
def test_the_last_event_says_how_it_ended(event: Event, status: str) -> None:
    state = fold([STARTED, event])

    assert (state.status, state.completed_at, state.next_due_at) == (status, T + 9, None)
    assert state.output == ({"out": 1} if status == "completed" else None)
    assert state.error == (BOOM if status == "failed" else None)
    assert state.reason == ("enough" if status == "cancelled" else None)


@pytest.mark.parametrize(
    ("events", "due"),
    [
        ((STARTED,), T + 60),
        ((STARTED, StepScheduled(T, "a", 1, 1, deadline=T + 5)), T + 5),
        ((STARTED, StepScheduled(T, "a", 1, 1, deadline=T + 99)), T + 60),
        (SITUATIONS["waiting for a timer"], T + 5),
        (SITUATIONS["waiting for a signal"], T + 60),
        ((*SITUATIONS["waiting for a timer"], ExecutionPaused(T, "why")), T + 60),
        ((STARTED, StepScheduled(T, "a", 1, 1, deadline=T + 3), StepRetrying(T, "a", 1, BOOM, T + 5)), T + 5),
        ((STARTED, StepScheduled(T, "a", 1, 1, deadline=T + 3), StepWaiting(T, "a", T + 5)), T + 3),
        (SITUATIONS["compensating"], None),
        (SITUATIONS["ended failed"], None),
    ],
)
def test_what_is_due_next_follows_from_the_state(events: tuple[Event, ...], due: float | None) -> None:
    assert fold(events).next_due_at == due


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "pending"),
        ((STARTED,), "running"),
        (SITUATIONS["running"], "running"),
        (SITUATIONS["waiting for a timer"], "waiting"),
        (SITUATIONS["outcome unknown"], "waiting"),
        ((*SITUATIONS["backing off"], StepScheduled(T, "b", 1, 1)), "running"),
        (SITUATIONS["paused while running"], "paused"),
        (SITUATIONS["compensating"], "running"),
    ],
)
def test_the_status_is_derived(events: tuple[Event, ...], status: str) -> None:
    assert fold(events).status == status


def test_folding_in_pieces_is_folding() -> None:
    events = SITUATIONS["waiting for a signal"]
    state = ExecutionState()
    for event in events:
        fold([event], state)

    assert state == fold(events)
